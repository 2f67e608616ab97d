//! `logs`: what is known of one operation beside its outcome, and where the lines lie that programs wrote about it.
//! Must not know how an operation is carried out; it reads documents, and fetches no log.

mod text;

use std::sync::Arc;

use clap::Args;
use control::documents::fetch;
use control::ports::Store;
use desired::manifest::JobName;
use lifecycle::documents::Document;
use lifecycle::documents::batch::Receipt;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::{Entry, Record};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{BatchId, JobId, OperationId};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::in_words;
use serde::Serialize;

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
    #[arg(long, value_name = "ID")]
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
    /// Where Flink shows the exceptions of the job's run, by the last look.
    exceptions: Option<String>,
    /// Commands that fetch the lines, each with what it shows.
    commands: Vec<(&'static str, String)>,
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
    let answer = gather(&store, &keys, &record, found, cluster.as_deref(), &function).await?;
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

async fn gather(
    store: &Arc<dyn Store>,
    keys: &Keys,
    record: &Record,
    found: Found,
    cluster: Option<&str>,
    function: &str,
) -> Result<LogsAnswer, CliError> {
    let Found { operation, batch, entry } = found;
    let result: Option<OperationResult> = document(store, &keys.result(&record.name, operation)).await?;
    let receipt: Option<Receipt> = match batch {
        Some(batch) => document(store, &keys.receipt(batch)).await?,
        None => None,
    };
    let observed: Option<ObservedDocument> = document(store, &keys.observed()).await?;
    let run = record.expected_run();
    let dispatched_as = receipt.map(|receipt| receipt.dispatched_as);
    let not_known = match (&dispatched_as, batch) {
        (Some(_), _) => None,
        (None, Some(_)) => Some("the receipt of its batch is not there: it was not sent yet, or the receipt expired"),
        (None, None) => Some("an older version of the function settled it, and did not remember its batch"),
    };
    Ok(LogsAnswer {
        format: "flink-sql-runner/logs",
        version: 1,
        job: record.name.clone(),
        operation,
        told: result.as_ref().map(|result| in_words(&result.outcome)),
        phases: result.iter().flat_map(|it| &it.phases).map(|phase| (phase.phase.clone(), phase.ms)).collect(),
        commands: commands(operation, dispatched_as.as_deref(), cluster, function),
        exceptions: observed.as_ref().zip(run).and_then(|(observed, run)| exceptions(observed, run)),
        entry,
        dispatched_as,
        not_known,
    })
}

/// Where Flink shows the exceptions of a run that the last look showed.
fn exceptions(observed: &ObservedDocument, run: JobId) -> Option<String> {
    let (web, seen) = (observed.web.as_deref()?, observed.look.job(run)?);
    let list = if seen.state.is_terminal() { "completed" } else { "running" };
    Some(format!("{web}/#/job/{list}/{run}/exceptions"))
}

/// The commands that fetch what was logged. A step is named by EMR (`s-…`); any other name is a command of SSM.
fn commands(
    operation: OperationId,
    dispatched_as: Option<&str>,
    cluster: Option<&str>,
    function: &str,
) -> Vec<(&'static str, String)> {
    let mut commands = Vec::new();
    // Both are used in a line that people paste into a shell.
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let cluster = cluster.filter(|id| is_plain(id)).unwrap_or("CLUSTER-ID");
    match dispatched_as.filter(|id| is_plain(id)) {
        Some(step) if step.starts_with("s-") => {
            let uri = format!("aws emr describe-cluster --cluster-id {cluster} --query Cluster.LogUri --output text");
            commands
                .push(("where the cluster keeps its logs: LOG-URI, as s3://… and without the slash at its end", uri));
            let stderr = format!("aws s3 cp LOG-URI/{cluster}/steps/{step}/stderr.gz - | gunzip | grep {operation}");
            commands.push(("the runner's lines, some minutes after the step", stderr));
        }
        Some(command) => {
            let output = format!("aws ssm list-command-invocations --command-id {command} --details");
            commands.push(("the end of the runner's lines", output));
        }
        None => {}
    }
    let name = if is_plain(function) { function } else { "FUNCTION" };
    let lines =
        format!("aws logs filter-log-events --log-group-name /aws/lambda/{name} --filter-pattern '\"{operation}\"'");
    commands.push(("the function's lines", lines));
    commands
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
    fn what_is_pasted_into_a_shell_holds_nothing_but_plain_names() {
        let operation = OperationId::derived(&["o"]);
        let step = commands(operation, Some("s-1ABC"), Some("j-2XYZ"), "orders-prod");
        insta::assert_snapshot!(step.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n"), @r#"
        aws emr describe-cluster --cluster-id j-2XYZ --query Cluster.LogUri --output text
        aws s3 cp LOG-URI/j-2XYZ/steps/s-1ABC/stderr.gz - | gunzip | grep b079f06eb52e06df1d3819d5c1383397
        aws logs filter-log-events --log-group-name /aws/lambda/orders-prod --filter-pattern '"b079f06eb52e06df1d3819d5c1383397"'
        "#);
        let ssm = commands(operation, Some("11111111-2222-3333-4444-555555555555"), None, "f");
        assert!(ssm[0].1.ends_with("--command-id 11111111-2222-3333-4444-555555555555 --details"), "{ssm:?}");
        let hostile = commands(operation, Some("s-1; rm -rf /"), Some("j-$(id)"), "f'x");
        assert_eq!(hostile.len(), 1, "{hostile:?}");
        assert!(hostile[0].1.contains("/aws/lambda/FUNCTION "), "{hostile:?}");
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
            exceptions: Some("http://10.0.0.7:8081/#/job/running/1/exceptions".to_owned()),
            commands: vec![("the function's lines", "aws logs …".to_owned())],
        };
        insta::assert_snapshot!(text::of(&answer), @r"
        operation b079f06eb52e06df1d3819d5c1383397 of orders: deployed at 2026-11-23 12:05:24Z, ordered by anna
          it did not start: java.io.IOException�: No space left
          at line two
          took: compile 4.2 s, stop 1 min 1 s
          sent as s-1ABC
        Flink's exceptions of the run that is deployed now:
          http://10.0.0.7:8081/#/job/running/1/exceptions
        the function's lines:
          aws logs …
        ");
        let open = LogsAnswer {
            entry: None,
            told: None,
            phases: Vec::new(),
            dispatched_as: None,
            not_known: Some("the receipt is not there"),
            exceptions: None,
            ..answer
        };
        insta::assert_snapshot!(text::of(&open), @r"
        operation b079f06eb52e06df1d3819d5c1383397 of orders: under way
          which step or command carried it is not known: the receipt is not there
        the function's lines:
          aws logs …
        ");
    }
}
