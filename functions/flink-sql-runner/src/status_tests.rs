//! What people read of `status` and `history`.
//! Records are made by the product's own settling.

use desired::diagnostics::{Diagnostic, Severity, Span};
use desired::launch::Rejection;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::Record;
use lifecycle::flink::{Epoch, JobSeen, JobState, Look, Slots, Tasks};
use lifecycle::ids::Hex32;

use super::*;
use crate::test_kit::{at, deployed, manifest, name, running, settled};

fn rejected() -> Outcome {
    let rejection = Rejection {
        kind: "query".to_owned(),
        origin: None,
        message: "Column 'prize' not found\x07".to_owned(),
        line: Some(1),
        column: Some(8),
    };
    Outcome::refused(Refusal::DoesNotCompile { rejection, told: None })
}

fn orders() -> Record {
    let (one, two) = (manifest("orders", "SELECT 1", 2), manifest("orders", "SELECT 1", 4));
    let record = settled(
        running(&one, "orders"),
        &two,
        "orders 2",
        &deployed("orders 2", Some("s3://b/s/orders/1/op/savepoint-9f1c-ab")),
    );
    settled(record, &manifest("orders", "SELECT prize", 4), "orders 3", &rejected())
}

fn job(record: Record) -> JobStatus {
    JobStatus {
        name: record.name.clone(),
        version: record.deployed.as_ref().map(|d| d.meta.query_version),
        status: record.status(),
        run: record.deployed.as_ref().and_then(lifecycle::documents::record::Deployed::run),
        since: record.deployed.as_ref().map(|d| d.since),
        operation: None,
        owed: OwedAnswer::all(&record),
        decision: record.decision,
        last: None,
        trouble: None,
    }
}

fn answer(jobs: Vec<JobStatus>, observed: Option<ObservedDocument>) -> StatusAnswer {
    let (format, left_out) = (String::new(), Vec::new());
    StatusAnswer { format, version: 2, jobs, observed, observed_trouble: None, left_out }
}

#[test]
fn a_job_whose_record_cannot_be_read_says_so() {
    let mut unreadable = job(running(&manifest("orders", "SELECT 1", 1), "orders"));
    unreadable.trouble = Some("reading p/records/orders.json: the document is damaged (put it back)".to_owned());
    (unreadable.version, unreadable.status, unreadable.since) = (None, None, None);
    let text = status_text(&answer(vec![unreadable], None), at("2026-11-23T12:09:24Z"));
    insta::assert_snapshot!(text, @r"
    NAME    VERSION  STATE         SINCE  OPERATION
    orders  -        not readable  -      -
      orders: reading p/records/orders.json: the document is damaged (put it back)
    1 not readable. The cluster was not looked at yet.
    ");
}

#[test]
fn jobs_in_columns_and_what_went_wrong_below() {
    let clicks = JobStatus {
        operation: Some(Hex32::derived(&["clicks 2"]).into()),
        ..job(running(&manifest("clicks", "SELECT 1", 1), "clicks"))
    };
    let seen = |operation: &str, state| JobSeen {
        id: Hex32::derived(&[operation]).into(),
        name: "x".to_owned(),
        state,
        tasks: Tasks::default(),
        started_ms: 0,
        modified_ms: 0,
    };
    let look = Look {
        epoch: Epoch::Yarn { application: "application_1_2".to_owned(), attempt: 1 },
        at: at("2026-11-23T12:09:12Z"),
        jobs: vec![seen("orders 2", JobState::Restarting)],
        slots: Some(Slots { total: 40, free: 2 }),
    };
    let observed = ObservedDocument {
        format: 1,
        batch: Hex32::derived(&["b"]).into(),
        look,
        expected: Vec::new(),
        replaced: None,
        checkpoints: Vec::new(),
    };
    let two = answer(vec![clicks, job(orders())], Some(observed));
    insta::assert_snapshot!(status_text(&two, at("2026-11-23T12:09:24Z")), @r"
    NAME    VERSION  STATE       SINCE  OPERATION
    clicks  v1       running     4 min  fc07145f
    orders  v1       RESTARTING  4 min  -
      orders: not applied after 1 attempt, tried again once it changes, or by `retry orders`: it does not compile: query line 1, column 8: Column 'prize' not found�
    1 restarting, 1 running. 38 of 40 slots in use, seen 12 s ago.
    ");
    let nothing = answer(Vec::new(), None);
    insta::assert_snapshot!(status_text(&nothing, at("2026-11-23T12:09:24Z")), @r"
    no jobs. The cluster was not looked at yet.
    ");
}

#[test]
fn history_says_who_why_and_from_where() {
    let mut record = orders();
    let (option, asked) = ("execution.checkpointing.interval".to_owned(), "60s".to_owned());
    record.remember_differences(&[OptionDifference { option, asked, effective: "2 s".to_owned() }]);
    let answer = HistoryAnswer {
        format: String::new(),
        version: 1,
        name: name("orders"),
        entries: record.history,
        left_out: Vec::new(),
    };
    insta::assert_snapshot!(history_text(&answer), @r"
    WHEN                  OPERATION  VERSION  CHANGE         FROM               OUTCOME   BY    WHY
    2026-11-23 12:05:24Z  8402c0f5   v1       new            -                  deployed  anna  first deployment
    2026-11-23 12:05:24Z  371be0a9   v1       configuration  savepoint-9f1c-ab  deployed  anna  flinkProperties.parallelism.default
    2026-11-23 12:05:24Z  0bef3680   v2       query          -                  refused   anna  sql: it does not compile: query line 1, column 8: Column 'prize' not found�
      0bef3680: execution.checkpointing.interval is 2 s, 60s was asked for
    ");
}

#[test]
fn what_flink_refused_keeps_its_lines() {
    let told = Diagnostic::new(Severity::Error, "unknown-column", "queries/orders.yaml", "no column is called `pirce`")
        .with_span(Span { line: 7, column: 5, length: 5 }, Some("    pirce FROM orders".to_owned()))
        .with_help("write price");
    let outcome = match rejected() {
        Outcome::Refused { refusal: Refusal::DoesNotCompile { rejection, .. }, .. } => {
            Outcome::refused(Refusal::DoesNotCompile { rejection, told: Some(Box::new(told)) })
        }
        other => other,
    };
    let (one, two) = (manifest("orders", "SELECT 1", 1), manifest("orders", "SELECT pirce", 1));
    let record = settled(running(&one, "orders"), &two, "orders 2", &outcome);
    let (name, entries) = (record.name.clone(), record.history.clone());
    let history = HistoryAnswer { format: String::new(), version: 1, name, entries, left_out: Vec::new() };
    let status = status_text(&answer(vec![job(record)], None), at("2026-11-23T12:09:24Z"));
    for text in [status, history_text(&history)] {
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.ends_with("--> queries/orders.yaml:7:5")).unwrap();
        assert!(lines[at + 1].trim_start() == "7 |     pirce FROM orders", "{text}");
        assert_eq!(lines[at + 2].find('^'), lines[at + 1].find("pirce"), "{text}");
        assert_eq!(lines[at + 3].trim_start(), "help: write price", "{text}");
        assert!(!text.contains('\u{fffd}'), "{text}");
    }
}
