//! `logs`: what is known of one operation beside its outcome, and the lines that programs wrote about it.
//! Must not know how an operation is carried out; it reads documents and the log of a step.

mod about;
mod commands;
mod function;
mod output;
mod step;
mod text;
mod unordered;

use std::sync::Arc;

use aws::{FunctionLog, S3Files, SsmCommands};
use clap::Args;
use control::clock_and_ids::SystemWorld;
use control::documents::fetch;
use control::ports::{Files, OutsideError, Store, World};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::Document;
use lifecycle::documents::batch::Receipt;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::{Entry, Record, failed_savepoint};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{BatchId, JobId, OperationId};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::{in_words, restored};
use serde::Serialize;

use self::about::About;
use self::commands::{Command, SentAs};
use self::function::FunctionLines;
use self::output::OutputLines;
use self::step::StepLines;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;

/// `logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The job.
    pub(crate) name: JobName,
    /// The operation: its id, or the digits of it that `history` shows [default: the newest].
    pub(crate) operation: Option<String>,
}

/// What is known of an operation, and where more is.
#[derive(Debug, Serialize)]
struct LogsAnswer {
    format: &'static str,
    version: u32,
    job: JobName,
    /// Nothing where none was ordered.
    operation: Option<OperationId>,
    /// How it ended, as it is remembered; nothing while it is under way.
    entry: Option<Entry>,
    /// What came of it in full, Flink's own words included.
    told: Option<String>,
    /// The phases of its runner with their milliseconds.
    phases: Vec<(String, u64)>,
    /// The step or command that carried it.
    dispatched_as: Option<String>,
    /// Why the documents do not tell that.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_known: Option<&'static str>,
    /// Why the run that is deployed now fails, by the last look.
    failure: Option<RunFailure>,
    /// Where Flink shows the exceptions of the job's run, by the last look.
    exceptions: Option<String>,
    /// What the step logged about it.
    step: Option<StepLines>,
    /// Why that was not fetched, where it is known where it lies.
    step_not_fetched: Option<String>,
    /// What the SSM command printed about it.
    command_output: Option<OutputLines>,
    /// Why that was not fetched, where a command carried it.
    command_output_not_fetched: Option<String>,
    /// What the function logged about it.
    function_lines: Option<FunctionLines>,
    /// Why that was not fetched.
    function_lines_not_fetched: Option<String>,
    /// Commands that fetch what was not fetched here, each with what it shows.
    commands: Vec<Command>,
}

/// Flink's newest failure of a run.
#[derive(Debug, Serialize)]
struct RunFailure {
    run: JobId,
    /// When the cluster was looked at.
    at: Timestamp,
    /// What happened, and its root cause in a second line.
    told: String,
}

/// An operation of a record.
struct Found {
    operation: OperationId,
    batch: Option<BatchId>,
    entry: Option<Entry>,
}

/// Shows what is known, and where more is.
pub(crate) async fn run(arguments: &Logs, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let record: Option<Record> = document(&store, &keys.record(&arguments.name)).await?;
    let found = match &record {
        Some(record) => find(record, arguments.operation.as_deref())?,
        None if arguments.operation.is_some() => return Err(unknown(&arguments.name)),
        None => None,
    };
    let cluster = invocation.get("CLUSTER").filter(|cluster| cluster.starts_with("j-"));
    let sdk = aws::load_config().await;
    let (files, log, ssm) = (S3Files::new(&sdk), FunctionLog::new(&sdk), SsmCommands::new(&sdk));
    let log_group = function::log_group(&invocation.function());
    let places = Places { store: &store, keys: &keys, files: &files, ssm: &ssm, log: &log, log_group };
    let answer = match (&record, found) {
        (Some(record), Some(found)) => gather(&places, record, found, cluster.as_deref()).await?,
        (record, None) => unordered::gather(&places, &arguments.name, record.is_some()).await?,
        (None, Some(_)) => return Err(unknown(&arguments.name)),
    };
    out.result(&answer, || text::of(&answer));
    Ok(Exit::Done)
}

fn unknown(name: &JobName) -> CliError {
    CliError::unknown_jobs(std::slice::from_ref(name))
}

async fn document<T: Document>(store: &Arc<dyn Store>, key: &str) -> Result<Option<T>, CliError> {
    Ok(fetch(store.as_ref(), key).await?.map(|(document, _)| document))
}

/// The operation with this id or these last digits, or the newest of the tries that it was the first of; else the
/// newest of all. Nothing if none was ordered yet.
fn find(record: &Record, wanted: Option<&str>) -> Result<Option<Found>, CliError> {
    let open =
        record.open.iter().map(|open| Found { operation: open.plan.operation, batch: Some(open.batch), entry: None });
    let settled = record.history.iter().rev().map(|entry| Found {
        operation: entry.operation,
        batch: entry.batch,
        entry: Some(entry.clone()),
    });
    let is_wanted = |found: &Found| {
        let first = found.entry.as_ref().and_then(|entry| entry.tries).map(|tries| tries.first);
        let mut ids = std::iter::once(found.operation).chain(first);
        wanted.is_none_or(|wanted| ids.any(|id| id.to_string() == wanted || id.short() == wanted))
    };
    let found = open.chain(settled).find(is_wanted);
    if let (None, Some(wanted)) = (&found, wanted) {
        let message = format!("no remembered operation of {} is `{}`", record.name, wanted.escape_debug());
        return Err(CliError::usage(message, format!("`history {}` lists its operations", record.name)));
    }
    Ok(found)
}

/// Where everything is read.
struct Places<'a> {
    store: &'a Arc<dyn Store>,
    keys: &'a Keys,
    /// The logs of steps.
    files: &'a dyn Files,
    /// What commands printed.
    ssm: &'a SsmCommands,
    /// The function's log.
    log: &'a FunctionLog,
    log_group: String,
}

async fn gather(
    places: &Places<'_>,
    record: &Record,
    found: Found,
    cluster: Option<&str>,
) -> Result<LogsAnswer, CliError> {
    let Places { store, keys, log, log_group, .. } = places;
    let Found { operation, batch, entry } = found;
    let result: Option<OperationResult> = document(store, &keys.result(&record.name, operation)).await?;
    let (receipt, not_known) = receipt(places, batch).await?;
    let observed: Option<ObservedDocument> = if_allowed(document(store, &keys.observed()).await)?;
    let shown = observed.as_ref().zip(record.expected_run());
    let ended = entry.as_ref().map(|entry| entry.at);
    let about = About { job: &record.name, operation: Some(operation) };
    let by_function = function::fetch(log, log_group, &about, ended, SystemWorld.now());
    let (node, by_function) = tokio::join!(of_the_node(places, receipt.as_ref(), operation), by_function);
    let NodeLog { step: (step, step_not_fetched), output: (command_output, command_output_not_fetched) } = node;
    let (function_lines, function_lines_not_fetched) = told(Some(by_function));
    let mut commands = Vec::new();
    if step.is_none() && command_output.is_none() {
        let sent_as = receipt.as_ref().and_then(|receipt| SentAs::read(&receipt.dispatched_as));
        let folder = receipt.as_ref().and_then(|receipt| receipt.log.as_deref());
        let instance = receipt.as_ref().and_then(|receipt| receipt.instance.as_deref());
        commands.extend(commands::of_the_node(operation, sent_as, folder, instance, cluster));
    }
    if !function_lines.as_ref().is_some_and(FunctionLines::whole) {
        commands.push(commands::of_the_function(&about.texts(), log_group));
    }
    let dispatched_as = receipt.map(|receipt| receipt.dispatched_as);
    Ok(LogsAnswer {
        format: "flink-sql-runner/logs",
        version: 1,
        job: record.name.clone(),
        operation: Some(operation),
        told: result.as_ref().map(full_outcome),
        phases: result.iter().flat_map(|it| &it.phases).map(|phase| (phase.phase.clone(), phase.ms)).collect(),
        failure: shown.and_then(|(observed, run)| failure(observed, run)),
        exceptions: shown.and_then(|(observed, run)| exceptions(observed, run)),
        step,
        step_not_fetched,
        command_output,
        command_output_not_fetched,
        function_lines,
        function_lines_not_fetched,
        commands,
        entry,
        dispatched_as,
        not_known,
    })
}

/// What was fetched, or else why it was not; neither where there is nothing to fetch.
type Fetched<T> = (Option<T>, Option<String>);

fn told<T>(fetched: Option<Result<T, String>>) -> Fetched<T> {
    match fetched {
        Some(Ok(lines)) => (Some(lines), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    }
}

/// What the node wrote about an operation.
struct NodeLog {
    step: Fetched<StepLines>,
    output: Fetched<OutputLines>,
}

async fn of_the_node(places: &Places<'_>, receipt: Option<&Receipt>, operation: OperationId) -> NodeLog {
    let Some(receipt) = receipt else { return NodeLog { step: told(None), output: told(None) } };
    if let Some(folder) = &receipt.log {
        let fetched = step::fetch(places.files, folder, operation).await;
        return NodeLog { step: told(Some(fetched)), output: told(None) };
    }
    let fetched = match SentAs::read(&receipt.dispatched_as) {
        Some(SentAs::Command(command)) => {
            Some(output::fetch(places.ssm, command, receipt.instance.as_deref(), operation).await)
        }
        Some(SentAs::Step(_)) | None => None,
    };
    NodeLog { step: told(None), output: told(fetched) }
}

/// What came of it in full; Flink's words about a savepoint that failed as well.
fn full_outcome(result: &OperationResult) -> String {
    let outcome = in_words(&result.outcome);
    let failed =
        result.no_savepoint.as_ref().map(|words| failed_savepoint(restored(&result.outcome).as_deref(), words));
    failed.map_or_else(|| outcome.clone(), |failed| format!("{outcome}\n{failed}"))
}

/// The receipt of a batch; in words why there is none.
async fn receipt(
    places: &Places<'_>,
    batch: Option<BatchId>,
) -> Result<(Option<Receipt>, Option<&'static str>), CliError> {
    let Some(batch) = batch else {
        return Ok((
            None,
            Some(
                "no batch of it is remembered: nothing was sent for it, or an older version of the function settled it",
            ),
        ));
    };
    Ok(match document(places.store, &places.keys.receipt(batch)).await {
        Ok(Some(receipt)) => (Some(receipt), None),
        Ok(None) => (None, Some("the receipt of its batch is not there: it was not sent yet, or the receipt expired")),
        Err(CliError::Outside(OutsideError::Refused { .. })) => {
            (None, Some("the receipt of its batch cannot be read: it takes an operator's policy"))
        }
        Err(error) => return Err(error),
    })
}

/// Nothing where it may not be read: not everybody who asks may read everything.
fn if_allowed<T>(read: Result<Option<T>, CliError>) -> Result<Option<T>, CliError> {
    match read {
        Err(CliError::Outside(OutsideError::Refused { .. })) => Ok(None),
        read => read,
    }
}

/// The newest failure of a run, as far as the last look was told.
fn failure(observed: &ObservedDocument, run: JobId) -> Option<RunFailure> {
    let since = observed.since.iter().find(|since| since.job_id == run)?;
    Some(RunFailure { run, at: observed.look.at, told: since.failure.clone()? })
}

/// Where Flink shows the exceptions of a run that the last look showed.
fn exceptions(observed: &ObservedDocument, run: JobId) -> Option<String> {
    let (web, seen) = (observed.web.as_deref()?, observed.look.job(run)?);
    let list = if seen.state.is_terminal() { "completed" } else { "running" };
    Some(format!("{web}/#/job/{list}/{run}/exceptions"))
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
