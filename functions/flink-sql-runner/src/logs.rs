//! `logs`: what is known of one operation beside its outcome, and the lines that programs wrote about it.
//! Must not know how an operation is carried out; it reads documents and the log of a step.

mod commands;
mod step;
mod text;

use std::sync::Arc;

use aws::S3Files;
use clap::Args;
use control::documents::fetch;
use control::ports::{Files, OutsideError, Store};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::Document;
use lifecycle::documents::batch::Receipt;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::{Entry, Record};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{BatchId, JobId, OperationId};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::in_words;
use serde::Serialize;

use self::commands::Command;
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
    operation: OperationId,
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
    /// Commands that fetch other lines, each with what it shows.
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
    let record: Record = document(&store, &keys.record(&arguments.name))
        .await?
        .ok_or_else(|| CliError::unknown_jobs(std::slice::from_ref(&arguments.name)))?;
    let found = find(&record, arguments.operation.as_deref())?;
    let cluster = invocation.get("CLUSTER").filter(|cluster| cluster.starts_with("j-"));
    let function = invocation.get("DEPLOYMENT_NAME").unwrap_or_else(|| "flink-sql-runner".to_owned());
    let files = S3Files::new(&aws::load_config().await);
    let places = Places { store: &store, keys: &keys, files: &files };
    let answer = gather(&places, &record, found, cluster.as_deref(), &function).await?;
    out.result(&answer, || text::of(&answer));
    Ok(Exit::Done)
}

async fn document<T: Document>(store: &Arc<dyn Store>, key: &str) -> Result<Option<T>, CliError> {
    Ok(fetch(store.as_ref(), key).await?.map(|(document, _)| document))
}

/// The operation with this id or these last digits, else the newest.
fn find(record: &Record, wanted: Option<&str>) -> Result<Found, CliError> {
    let open =
        record.open.iter().map(|open| Found { operation: open.plan.operation, batch: Some(open.batch), entry: None });
    let settled = record.history.iter().rev().map(|entry| Found {
        operation: entry.operation,
        batch: entry.batch,
        entry: Some(entry.clone()),
    });
    let is_wanted = |found: &Found| {
        wanted.is_none_or(|wanted| found.operation.to_string() == wanted || found.operation.short() == wanted)
    };
    open.chain(settled).find(is_wanted).ok_or_else(|| {
        let message = match wanted {
            None => format!("no operation of {} was ordered yet", record.name),
            Some(wanted) => format!("no remembered operation of {} is `{}`", record.name, wanted.escape_debug()),
        };
        CliError::usage(message, format!("`history {}` lists its operations", record.name))
    })
}

/// Where everything is read.
struct Places<'a> {
    store: &'a Arc<dyn Store>,
    keys: &'a Keys,
    /// The logs of steps.
    files: &'a dyn Files,
}

async fn gather(
    places: &Places<'_>,
    record: &Record,
    found: Found,
    cluster: Option<&str>,
    function: &str,
) -> Result<LogsAnswer, CliError> {
    let Places { store, keys, files } = places;
    let Found { operation, batch, entry } = found;
    let result: Option<OperationResult> = document(store, &keys.result(&record.name, operation)).await?;
    let (receipt, not_known) = receipt(places, batch).await?;
    let observed: Option<ObservedDocument> = if_allowed(document(store, &keys.observed()).await)?;
    let shown = observed.as_ref().zip(record.expected_run());
    let folder = receipt.as_ref().and_then(|receipt| receipt.log.clone());
    let fetched = match &folder {
        Some(folder) => Some(step::fetch(*files, folder, operation).await),
        None => None,
    };
    let (step, step_not_fetched) = match fetched {
        Some(Ok(lines)) => (Some(lines), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    let dispatched_as = receipt.map(|receipt| receipt.dispatched_as);
    let mut commands = if step.is_some() {
        Vec::new()
    } else {
        commands::of_the_node(operation, dispatched_as.as_deref(), folder.as_deref(), cluster)
    };
    commands.push(commands::of_the_function(operation, function));
    Ok(LogsAnswer {
        format: "flink-sql-runner/logs",
        version: 1,
        job: record.name.clone(),
        operation,
        told: result.as_ref().map(|result| in_words(&result.outcome)),
        phases: result.iter().flat_map(|it| &it.phases).map(|phase| (phase.phase.clone(), phase.ms)).collect(),
        failure: shown.and_then(|(observed, run)| failure(observed, run)),
        exceptions: shown.and_then(|(observed, run)| exceptions(observed, run)),
        step,
        step_not_fetched,
        commands,
        entry,
        dispatched_as,
        not_known,
    })
}

/// The receipt of a batch; in words why there is none.
async fn receipt(
    places: &Places<'_>,
    batch: Option<BatchId>,
) -> Result<(Option<Receipt>, Option<&'static str>), CliError> {
    let Some(batch) = batch else {
        return Ok((None, Some("an older version of the function settled it, and did not remember its batch")));
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
mod tests {
    use super::*;
    use crate::test_kit::{at, manifest, running};

    #[test]
    fn the_newest_operation_unless_one_is_named() {
        let record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let operation = record.history[0].operation;
        for wanted in [None, Some(operation.to_string()), Some(operation.short())] {
            assert_eq!(find(&record, wanted.as_deref()).map(|found| found.operation).ok(), Some(operation));
        }
        let batch = find(&record, None).ok().and_then(|found| found.batch);
        assert!(batch.is_some(), "a settled operation remembers its batch");
        assert!(matches!(find(&record, Some("00000000")), Err(CliError::Usage { .. })));
    }

    #[test]
    fn what_is_known_is_shown_with_where_more_is() {
        let operation = OperationId::derived(&["o"]);
        let answer = LogsAnswer {
            format: "",
            version: 1,
            job: crate::test_kit::name("orders"),
            operation,
            entry: running(&manifest("orders", "SELECT 1", 1), "orders").history.pop().map(|mut entry| {
                entry.at = at("2026-11-23T12:05:24Z");
                entry
            }),
            told: Some("it did not start: java.io.IOException\u{7}: No space left\nat line two".to_owned()),
            phases: vec![("compile".to_owned(), 4_210), ("stop".to_owned(), 61_000)],
            dispatched_as: Some("s-1ABC".to_owned()),
            not_known: None,
            failure: Some(RunFailure {
                run: JobId::derived(&["r"]),
                at: at("2026-11-23T12:10:00Z"),
                told: "FlinkException: lost\ncaused by IOException: disk\u{1b}full".to_owned(),
            }),
            exceptions: Some("http://10.0.0.7:8081/#/job/running/1/exceptions".to_owned()),
            step: Some(StepLines {
                file: "s3://logs/j-1/steps/s-1ABC/stderr.gz".to_owned(),
                name_it: true,
                lines: vec![
                    r#"{"timestamp":"2026-11-23T12:05:24.1Z","level":"WARN","target":"t","message":"it failed","job":"orders","operation":"0","error":"disk full","n":3}"#.to_owned(),
                    "plain\u{1b}[31m text".to_owned(),
                ],
                older: 7,
                cut: true,
            }),
            step_not_fetched: None,
            commands: vec![("the function's lines", "aws logs …".to_owned())],
        };
        let run = JobId::derived(&["r"]).to_string();
        insta::assert_snapshot!(text::of(&answer).replace(&run, "RUN"), @r"
        operation b079f06eb52e06df1d3819d5c1383397 of orders: deployed at 2026-11-23 12:05:24Z, ordered by anna
          it did not start: java.io.IOException�: No space left
          at line two
          took: compile 4.2 s, stop 1 min 1 s
          sent as s-1ABC
        Flink's newest failure of the run RUN, in the look of 2026-11-23 12:10:00Z:
          FlinkException: lost
          caused by IOException: disk�full
        Flink's exceptions of the run that is deployed now:
          http://10.0.0.7:8081/#/job/running/1/exceptions
        the step's lines, the newest first, from s3://logs/j-1/steps/s-1ABC/stderr.gz:
          (the log is longer than what is read of it, or damaged: its end is missing)
          2026-11-23 12:05:24Z WARN  it failed error=disk full n=3
          plain�[31m text
          (7 older lines not shown)
        the function's lines:
          aws logs …
        ");
        let open = LogsAnswer {
            entry: None,
            told: None,
            phases: Vec::new(),
            dispatched_as: None,
            not_known: Some("the receipt is not there"),
            failure: None,
            exceptions: None,
            step: None,
            step_not_fetched: Some("it is not there yet".to_owned()),
            ..answer
        };
        insta::assert_snapshot!(text::of(&open), @r"
        operation b079f06eb52e06df1d3819d5c1383397 of orders: under way
          which step or command carried it is not known: the receipt is not there
        the step's lines were not fetched: it is not there yet
        the function's lines:
          aws logs …
        ");
    }
}
