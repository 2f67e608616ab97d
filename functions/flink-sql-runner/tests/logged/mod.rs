//! What `logs` fetches: the lines of the step, of the SSM command and of the function that really ran on this machine.
//! Must not know how any of it is fetched.

use std::time::{Duration, Instant};

use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::write;
use lifecycle::ids::run_id;
use local::Fault;
use serde_json::json;

use crate::function::script;
use crate::{Bench, bucket};

pub(crate) const JOB: &str = "filter-expensive-items";
const GROUP: &str = "/aws/lambda/jobs-of-the-team";

/// A runner that prints the file `lines` of the node's folder once it is there.
fn prints_lines(bench: &Bench) {
    let lines = bench.node.path().join("lines");
    let waits = format!("sh -c 'until [ -e {0} ]; do sleep 0.1; done; cat {0} >&2'", lines.display());
    script(bench.node.path(), "flink-sql-runner-step", &waits);
}

/// Orders a deployment of the job; its operation.
pub(crate) async fn ordered(bench: &Bench) -> String {
    bench.text(&["status", "--function", "jobs-of-the-team"], 0).await;
    bench.json(&["deploy", "."], 0).await;
    let ordered = bench.json(&["deploy", JOB], 0).await;
    ordered["plan"]["jobs"][0]["reason"]["operation"].as_str().unwrap().to_owned()
}

/// The node reports before what it runs ends: else the operation would be sent again.
async fn reported(bench: &Bench, operation: &str) {
    let (operation_id, compiled) = (operation.parse().unwrap(), Compiled::default());
    let run = RunStarted { job_id: run_id(operation_id), restored_from: None, epoch: None, compiled };
    let outcome = Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true };
    settled_by(bench, operation, outcome).await;
}

/// The node's result.
pub(crate) async fn settled_by(bench: &Bench, operation: &str, outcome: Outcome) {
    let result = OperationResult {
        format: 1,
        operation: operation.parse().unwrap(),
        job: JOB.try_into().unwrap(),
        outcome,
        at: "2026-11-23T12:05:24Z".parse().unwrap(),
        phases: Vec::new(),
        downtime_ms: None,
        differences: Vec::new(),
        no_savepoint: None,
    };
    let key = format!("flink-sql-runner/results/{JOB}/{operation}.json");
    let put = bucket::client(&bench.stack).put_object().bucket("local").key(key).body(write(&result).into());
    put.send().await.unwrap();
}

/// Has the runner print these lines, and end.
fn printed(bench: &Bench, lines: &str) {
    let draft = bench.node.path().join("draft");
    std::fs::write(&draft, lines).unwrap();
    std::fs::rename(&draft, bench.node.path().join("lines")).unwrap();
}

/// What `logs` says once it is so.
async fn until(bench: &Bench, operation: &str, is_so: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let (said, _) = bench.text(&["logs", JOB, operation], 0).await;
        if is_so(&said) {
            return said;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn line(operation: &str) -> String {
    let fields = json!({
        "timestamp": "2026-11-23T12:05:24Z",
        "level": "WARN",
        "message": "it went \u{1b}[31mwrong",
        "operation": operation,
    });
    format!("{fields}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_step_printed_about_the_operation_is_fetched() {
    let bench = Bench::start().await;
    prints_lines(&bench);
    let operation = ordered(&bench).await;

    let (said, _) = bench.text(&["logs", JOB], 0).await;
    let step = "s3://emr-logs/elasticmapreduce/j-LOCAL00000000/steps/s-";
    assert!(said.contains(&format!("the step's lines were not fetched: {step}")), "{said}");
    assert!(said.contains("is not there yet") && said.contains(&format!("aws s3 cp {step}")), "{said}");

    reported(&bench, &operation).await;
    printed(&bench, &format!("{}of another operation\n", line(&operation)));
    let said = until(&bench, &operation, |said| !said.contains("is not there yet")).await;
    assert!(said.contains(&format!("the step's lines, the newest first, from {step}")), "{said}");
    assert!(said.contains("\n  2026-11-23 12:05:24Z WARN  it went \u{fffd}[31mwrong\n"), "{said}");
    assert!(!said.contains("of another") && !said.contains("aws s3 cp"), "{said}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_lines_are_fetched_however_the_function_is_named() {
    let bench = Bench::start().await;
    let operation = ordered(&bench).await;
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:jobs-of-the-team";
    for named in [None, Some("jobs-of-the-team"), Some("jobs-of-the-team:live"), Some(arn)] {
        let mut arguments = vec!["logs", JOB];
        arguments.extend(named.into_iter().flat_map(|name| ["--function", name]));
        let (said, _) = bench.text(&arguments, 0).await;
        let (_, lines) = said.split_once(&format!("the function's lines, the newest first, from {GROUP}:\n")).unwrap();
        // The line that the function really wrote when it ordered the operation.
        assert!(lines.contains("INFO  reconciled by=") && lines.contains(" reason="), "{said}");
        assert!(!said.contains("aws logs"), "nothing is left to paste: {said}");
    }
    let answer = bench.json(&["logs", JOB], 0).await;
    let lines = answer["function_lines"]["lines"].as_array().unwrap();
    let of_it = |line: &str| line.contains(&operation) || line.contains(&format!(r#""job":"{JOB}""#));
    assert!(!lines.is_empty() && lines.iter().all(|line| of_it(line.as_str().unwrap())), "{answer:#}");
    let mut once = lines.clone();
    once.dedup();
    assert_eq!(&once, lines, "each is told once");

    let (said, _) = bench.text(&["logs", JOB, "--function", "other:live"], 0).await;
    assert!(said.contains("there is no log group /aws/lambda/other in this account"), "{said}");
    assert!(said.contains("aws logs filter-log-events --log-group-name /aws/lambda/other --filter"), "{said}");

    // Throttled, lost and cut: it is asked again.
    let error = |kind: &str, message: &str| Fault::Error { status: 400, kind: kind.into(), message: message.into() };
    for fault in [error("ThrottlingException", "Rate exceeded"), Fault::DropBefore, Fault::TruncateAfter] {
        bench.stack.order_fault("FilterLogEvents", fault);
    }
    let (said, _) = bench.text(&["logs", JOB], 0).await;
    assert!(said.contains("the function's lines, the newest first"), "{said}");
    // Whoever may not read them is told what he lacks, and has the command for somebody who may.
    let message = "User: x is not authorized to perform: logs:FilterLogEvents";
    bench.stack.order_fault("FilterLogEvents", error("AccessDeniedException", message));
    let (said, _) = bench.text(&["logs", JOB], 0).await;
    assert!(said.contains("your policy lacks logs:FilterLogEvents on the log group /aws/lambda/jobs-of"), "{said}");
    assert!(said.contains("the template's OperatorPolicy has it") && said.contains("aws logs filter"), "{said}");
    bench.stack.shutdown().await;
}

/// What was decided, refused or went wrong before there is any operation names the job alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_functions_lines_about_a_job_without_an_operation_are_fetched() {
    let bench = Bench::start().await;
    bench.text(&["status", "--function", "jobs-of-the-team"], 0).await;
    let damaged = |key: &str, text: &str| {
        let client = bucket::client(&bench.stack);
        client.put_object().bucket("local").key(key).body(text.as_bytes().to_vec().into()).send()
    };
    damaged("flink-sql-runner/queries/refused-one.yaml", "name: refused-one\nsql: 7\n").await.unwrap();
    bench.text(&["redeploy"], 3).await;
    let (said, _) = bench.text(&["logs", "refused-one"], 0).await;
    assert!(said.starts_with("no operation of refused-one was ordered yet\nthe function's lines, "), "{said}");
    assert!(said.contains("reason=the upload was refused"), "{said}");
    let (_, aside) = bench.text(&["logs", "refused"], 2).await;
    assert!(aside.contains("nothing is recorded or uploaded for a job named `refused`"), "another's: {aside}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_not_found_yet_are_no_error() {
    let bench = Bench::with(|config, _| config.lambda.log_delay = Duration::from_hours(1)).await;
    ordered(&bench).await;
    let (said, _) = bench.text(&["logs", JOB], 0).await;
    assert!(said.contains(&format!("no line of the function in {GROUP} names it (yet")), "{said}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ssm_command_printed_about_the_operation_is_fetched() {
    let bench = Bench::with(|config, folder| {
        config.lambda.env.insert("DISPATCH".into(), "ssm".into());
        let document = folder.join("flink-sql-runner-run.json");
        std::fs::write(&document, document_of_the_runner().to_string()).unwrap();
        config.node.documents.push(document);
    })
    .await;
    prints_lines(&bench);
    let operation = ordered(&bench).await;

    let said = until(&bench, &operation, |said| said.contains("the command is InProgress")).await;
    assert!(said.contains("SSM shows what it printed once it is over"), "{said}");
    let to_paste = "aws ssm get-command-invocation --command-id ";
    assert!(said.contains(to_paste) && said.contains(" --instance-id i-0123456789abcdef0\n"), "{said}");

    reported(&bench, &operation).await;
    let more_than_is_kept = "of another operation\n".repeat(500);
    printed(&bench, &format!("{}{more_than_is_kept}{}", line(&operation), line(&operation)));
    let said = until(&bench, &operation, |said| !said.contains("the command is InProgress")).await;
    assert!(said.contains("what the command printed about it, the newest first, by SSM of "), "{said}");
    assert!(said.contains(" on i-0123456789abcdef0 (Success):\n  (SSM keeps the first 24000 char"), "{said}");
    assert_eq!(said.matches("\n  2026-11-23 12:05:24Z WARN  it went \u{fffd}[31mwrong\n").count(), 1, "{said}");
    assert!(!said.contains("of another") && !said.contains(to_paste), "{said}");

    let message = "User: x is not authorized to perform: ssm:GetCommandInvocation";
    let fault = Fault::Error { status: 400, kind: "AccessDeniedException".into(), message: message.into() };
    bench.stack.order_fault("GetCommandInvocation", fault);
    let (said, _) = bench.text(&["logs", JOB], 0).await;
    assert!(said.contains("your policy lacks ssm:GetCommandInvocation") && said.contains(to_paste), "{said}");
    bench.stack.shutdown().await;
}

/// A document with the parameters of the product's own, that runs the runner of the node's path.
fn document_of_the_runner() -> serde_json::Value {
    let text = |name: &str| (name.to_owned(), json!({ "type": "String" }));
    let parameters: serde_json::Map<String, serde_json::Value> =
        ["Batch", "Sha256", "BatchId"].map(text).into_iter().collect();
    json!({
        "schemaVersion": "2.2",
        "parameters": parameters,
        "mainSteps": [{
            "action": "aws:runShellScript",
            "name": "run",
            "inputs": { "runCommand": ["exec flink-sql-runner-step '{{ Batch }}' '{{ Sha256 }}' '{{ BatchId }}'"] },
        }],
    })
}
