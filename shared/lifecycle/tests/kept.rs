//! How much is kept of a trouble, however long it lasts: the newest, and no more than anybody reads.
//! Must not know the shells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::alert_conditions::AlertCondition;
use lifecycle::documents::claim::{Claim, StopNote};
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::record::{OpenOperation, Record, Source};
use lifecycle::ids::{JobId, OperationId, run_id};
use lifecycle::orchestrate::settle_abandoned;
use lifecycle::owed::Cause;
use node::{deployed, first, id, order, patience, reconfigured, settle, unsettle, wanted};

fn failed(reason: &str, runs: Vec<RunStarted>) -> Outcome {
    Outcome::Failed { reason: reason.to_owned(), cause: Cause::DoesNotRun, savepoint: None, runs }
}

/// The run that an operation started.
fn started(open: &OpenOperation) -> RunStarted {
    let job_id = run_id(open.plan.operation);
    RunStarted { job_id, restored_from: None, epoch: None, compiled: Compiled::default() }
}

/// Each was restored from the newest state of those before it, and may live: none is forgotten too early.
#[test]
fn the_thirty_two_newest_runs_that_operations_left_are_remembered() {
    let mut record = Record::fresh(node::name(), id(0), Source::Queries);
    for n in 1..=40 {
        let open = order(&mut record, &wanted(&first()), n);
        record = settle(record, &open, &failed("it restarts", vec![started(&open)]));
        record.owed.retry(Timestamp::UNIX_EPOCH);
        let oldest = u8::max(n, 32) - 31;
        let remembered: Vec<JobId> = record.orphans.iter().map(|run| run.job_id).collect();
        assert_eq!(remembered, (oldest..=n).map(node::run).collect::<Vec<_>>(), "after {n} operations");
    }
}

#[test]
fn the_thirty_two_newest_stops_that_operations_left_are_remembered() {
    let (mut record, _) = deployed(&first());
    for n in 2..=42 {
        let open = order(&mut record, &wanted(&reconfigured()), n);
        let mut claim = Claim::fresh(id(n), id(9), 1_000);
        claim.notes.stop = Some(StopNote { run: node::run(1), n: 0, savepoint: None, left: None });
        record = settle_abandoned(record, &open, Some(&claim), Timestamp::UNIX_EPOCH, patience());
        record.owed.retry(Timestamp::UNIX_EPOCH);
        let oldest = u8::max(n, 33) - 31;
        let remembered: Vec<OperationId> = record.stops.iter().map(|stop| stop.operation).collect();
        assert_eq!(remembered, (oldest..=n).map(id).collect::<Vec<OperationId>>(), "after {n} operations");
    }
}

#[test]
fn fifty_operations_are_remembered_in_few_words() {
    let (mut record, _) = deployed(&first());
    let long = "x".repeat(10_000);
    for n in 2..=80 {
        unsettle(&mut record);
        let open = order(&mut record, &wanted(&first()), n);
        record = settle(record, &open, &failed(&long, Vec::new()));
    }
    let remembered: Vec<OperationId> = record.history.iter().map(|entry| entry.operation).collect();
    let newest = (32..=80).map(id::<OperationId>);
    assert_eq!(remembered, std::iter::once(id(1)).chain(newest).collect::<Vec<_>>(), "and the one that deployed it");
    assert!(
        record.history.iter().skip(1).all(|entry| entry.detail.chars().count() == 501),
        "the result has it in full"
    );
    let owed: Vec<usize> = record.owed.debts().map(|(_, debt)| debt.error.chars().count()).collect();
    assert_eq!(owed, [2_001], "with a sign that it is cut");
}

/// The results have them all.
#[test]
fn options_that_are_not_what_was_asked_for_are_remembered_of_the_last_ten_operations() {
    let (mut record, _) = deployed(&first());
    let long = "x".repeat(1_000);
    let difference = OptionDifference { option: long.clone(), asked: long.clone(), effective: long };
    for n in 2..=20 {
        unsettle(&mut record);
        let open = order(&mut record, &wanted(&first()), n);
        record = settle(record, &open, &failed("it restarts", Vec::new()));
        record.remember_differences(&vec![difference.clone(); 30]);
    }
    let kept: Vec<usize> = record.history.iter().map(|entry| entry.differences.len()).collect();
    let (old, new) = kept.split_at(kept.len() - 10);
    assert_eq!((old.iter().sum::<usize>(), new), (0, &[8; 10][..]));
    let texts = record.history.iter().flat_map(|entry| &entry.differences);
    assert!(texts.flat_map(|d| [&d.option, &d.asked, &d.effective]).all(|text| text.chars().count() == 61));
}

#[test]
fn a_condition_names_fifty_jobs_counts_them_all_and_is_told_in_one_short_line() {
    let jobs: Vec<JobName> = (100..400).map(|n| format!("job-{n}").as_str().try_into().unwrap()).collect();
    for (condition, after) in [
        (AlertCondition::removals_held(&jobs), " without a file"),
        (AlertCondition::clean_starts_held(&jobs), " would start clean"),
        (AlertCondition::lost_cluster(&node::epoch(), &jobs), " lost their JobManager and are restarted on this one"),
    ] {
        let detail = condition.detail;
        assert!(detail.starts_with("300 jobs (job-100, ") && detail.ends_with(after), "{detail}");
        assert!(detail.contains(&format!("job-149 and 250 more){after}")), "{detail}");
    }
    let words = format!("{}\nand more", "ä".repeat(5_000));
    assert_eq!(AlertCondition::unreadable(&jobs[0], &words).detail, format!("{}…", "ä".repeat(300)));
}
