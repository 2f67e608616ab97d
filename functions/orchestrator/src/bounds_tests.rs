//! What is left of an answer that is too large: the newest, the errors, and how many are missing.
//! Must not know what an answer is asked for.

use desired::diagnostics::Severity;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::change::ChangeKind;
use lifecycle::documents::record::Ended;
use lifecycle::ids::OperationId;

use super::*;

fn operation(n: usize) -> OperationId {
    OperationId::derived(&["operation", &n.to_string()])
}

/// The history of a job after so many operations, of each of which so many characters are said.
fn history(operations: usize, said: usize) -> HistoryAnswer {
    let entry = |n| Entry {
        operation: operation(n),
        at: Timestamp::UNIX_EPOCH,
        version: 1,
        change: ChangeKind::Query,
        from: None,
        outcome: Ended::Failed,
        detail: "d".repeat(said),
        refusal: None,
        by: "b".repeat(said),
        why: "w".repeat(said),
        batch: None,
        act: None,
        acted: None,
        savepoint: None,
        differences: Vec::new(),
        without_savepoint: false,
        untaken: None,
        tries: None,
        turned: None,
    };
    HistoryAnswer {
        format: "flink-sql-runner/history".to_owned(),
        version: 1,
        name: JobName::try_from("orders").unwrap(),
        owner: None,
        unknown: false,
        entries: (0..operations).map(entry).collect(),
        noted: Vec::new(),
        superseded: Vec::new(),
        unsettled: Vec::new(),
        refused: Vec::new(),
        left_out: Vec::new(),
    }
}

fn refused(file: &str, errors: usize) -> FileAnswer {
    let error = |n: usize| Diagnostic::new(Severity::Error, "bad", file, format!("error {n}: {}", "e".repeat(5_000)));
    FileAnswer { file: file.to_owned(), jobs: Vec::new(), is_config: false, errors: (0..errors).map(error).collect() }
}

fn value(answer: &HistoryAnswer) -> serde_json::Value {
    serde_json::to_value(answer).unwrap()
}

fn size(answer: &HistoryAnswer) -> usize {
    serde_json::to_vec(answer).unwrap().len()
}

#[test]
fn an_answer_that_fits_is_whole() {
    let answer = history(50, 500);
    assert_eq!(value(&bounded(answer.clone(), size(&answer))), value(&answer));
    let cut = bounded(answer.clone(), size(&answer) - 1);
    assert_eq!(cut.entries.len(), 50, "texts are cut first");
    assert!(cut.entries.iter().all(|entry| entry.detail == format!("{}...", "d".repeat(300))));
    assert_eq!(cut.left_out, ["texts are cut after 300 characters, the lists of one job or file after 10 entries"]);
}

#[test]
fn of_a_history_that_is_too_long_the_newest_operations_stay_and_the_others_are_counted() {
    for limit in [3_000, 10_000, 40_000] {
        let answer = bounded(history(1_000, 500), limit);
        assert!(size(&answer) <= limit, "{} of {limit}", size(&answer));
        let left = answer.entries.len();
        let newest: Vec<OperationId> = (1_000 - left..1_000).map(operation).collect();
        assert!(left > 0 && answer.entries.iter().map(|entry| entry.operation).eq(newest), "{left} within {limit}");
        let note = format!("{} operations are left out: ask for them by name", 1_000 - left);
        assert_eq!(answer.left_out[1..], [note]);
    }
}

/// Refused without a word would be no answer.
#[test]
fn a_refused_file_that_is_named_says_why_however_little_room_there_is() {
    for limit in [2_000, 5_000, 20_000, 100_000] {
        let files = (0..30).map(|n| refused(&format!("queries/job-{n}.yaml"), 40)).collect();
        let answer = bounded(HistoryAnswer { refused: files, ..history(1, 10) }, limit);
        assert!(size(&answer) <= limit, "{} of {limit}", size(&answer));
        assert!(!answer.refused.is_empty(), "within {limit}");
        let said = |file: &FileAnswer| file.errors.first().is_some_and(|error| error.message.starts_with("error 0: "));
        assert!(answer.refused.iter().all(said), "within {limit}");
    }
}
