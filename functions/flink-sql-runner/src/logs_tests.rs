//! What `logs` finds of a record, and how it is shown.
//! Must not know where anything is fetched.

use super::*;
use crate::test_kit::{at, manifest, running};

#[test]
fn the_newest_operation_unless_one_is_named() {
    let record = running(&manifest("orders", "SELECT 1", 1), "orders");
    let operation = record.history[0].operation;
    for wanted in [None, Some(operation.to_string()), Some(operation.short())] {
        let found = find(&record, wanted.as_deref()).unwrap();
        assert_eq!(found.map(|found| found.operation), Some(operation));
    }
    let batch = find(&record, None).unwrap().and_then(|found| found.batch);
    assert!(batch.is_some(), "a settled operation remembers its batch");
    assert!(matches!(find(&record, Some("00000000")), Err(CliError::Usage { .. })));
    let fresh = Record { history: Vec::new(), ..record };
    assert!(find(&fresh, None).unwrap().is_none() && find(&fresh, Some("00000000")).is_err());
}

#[test]
fn what_is_known_is_shown_with_where_more_is() {
    let operation = OperationId::derived(&["o"]);
    let answer = LogsAnswer {
        format: "",
        version: 1,
        job: crate::test_kit::name("orders"),
        operation: Some(operation),
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
        command_output: None,
        command_output_not_fetched: None,
        function_lines: Some(FunctionLines {
            log_group: "/aws/lambda/jobs".to_owned(),
            lines: vec![r#"{"timestamp":"2026-11-23T12:00:00Z","level":"INFO","message":"reconciled\u001b","reason":"ordered","operation":"0"}"#.to_owned()],
            more: true,
            unfinished: Some("it took\u{7} too long".to_owned()),
        }),
        function_lines_not_fetched: None,
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
    the function's lines, the newest first, from /aws/lambda/jobs:
      2026-11-23 12:00:00Z INFO  reconciled� reason=ordered
      (older lines are not shown)
      (the search ended early: it took� too long)
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
        command_output: Some(OutputLines {
            command: "c-1".to_owned(),
            instance: "i-1".to_owned(),
            status: "Failed".to_owned(),
            name_it: false,
            lines: vec!["error: no\u{1b}thing".to_owned()],
            older: 1,
            cut: true,
        }),
        function_lines: None,
        function_lines_not_fetched: Some("you may not\u{7}".to_owned()),
        ..answer
    };
    insta::assert_snapshot!(text::of(&open), @r"
    operation b079f06eb52e06df1d3819d5c1383397 of orders: under way
      which step or command carried it is not known: the receipt is not there
    the step's lines were not fetched: it is not there yet
    the command printed no line that names it; the end of what it printed, the newest first, by SSM of c-1 on i-1 (Failed):
      (SSM keeps the first 24000 characters of stdout, and 8000 of stderr: the end is missing)
      error: no�thing
      (1 older line not shown)
    the function's lines were not fetched: you may not�
    the function's lines:
      aws logs …
    ");
    let unordered = LogsAnswer { operation: None, function_lines_not_fetched: None, commands: Vec::new(), ..open };
    let unordered = LogsAnswer { step_not_fetched: None, command_output: None, not_known: None, ..unordered };
    assert_eq!(text::of(&unordered), "no operation of orders was ordered yet\n");
}
