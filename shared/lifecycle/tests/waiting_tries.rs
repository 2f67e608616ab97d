//! What tries that wait for the environment leave in the history: one entry, and no version that is used up.
//! Must not know the shells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::target::Target;
use jiff::Timestamp;
use lifecycle::change::ChangeKind;
use lifecycle::documents::outcome::{Compiled, Outcome, Refusal, RunStarted};
use lifecycle::documents::record::{Ended, Entry, Record, SameTries, Source};
use lifecycle::ids::{Hex32, OperationId};
use lifecycle::orchestrate::settle_result;
use lifecycle::owed::Cause;
use node::{deployed, first, id, make_due, name, order, patience, requeried, settle, target, wanted};

fn short_of(needed: u32) -> Outcome {
    Outcome::refused(Refusal::NoCapacity { needed, free: 0 })
}

fn no_session() -> Outcome {
    Outcome::refused(Refusal::NoCluster { message: "none".to_owned() })
}

/// The record after operation `n` was tried with this outcome, settled at second `n`.
fn tried(mut record: Record, target: &Target, n: u8, outcome: &Outcome) -> Record {
    make_due(&mut record);
    let open = order(&mut record, &wanted(target), n);
    settle_result(record, &open, outcome, Timestamp::from_second(i64::from(n)).unwrap(), patience())
}

fn operations(record: &Record) -> Vec<OperationId> {
    record.history.iter().map(|entry| entry.operation).collect()
}

#[test]
fn tries_that_wait_for_slots_are_one_entry_and_use_up_no_version() {
    let (mut record, _) = deployed(&first());
    for n in 2..=200 {
        record = tried(record, &requeried(), n, &short_of(4));
        assert_eq!((record.history.len(), record.highest_version), (2, 1), "after {n} operations");
    }
    let entry = record.history.last().unwrap();
    let since = Timestamp::from_second(2).unwrap();
    assert_eq!(entry.tries, Some(SameTries { count: 199, first: id(2), since }));
    assert_eq!((entry.operation, entry.at, entry.version), (id(200), Timestamp::from_second(200).unwrap(), 2));
    assert!(entry.is_of(id(2)) && entry.is_of(id(200)) && !entry.is_of(id(100)));
    make_due(&mut record);
    let open = order(&mut record, &wanted(&requeried()), 201);
    assert_eq!(open.meta.unwrap().query_version, 2, "the version that comes to run is the next one");
}

#[test]
fn another_target_cause_or_person_is_another_entry() {
    let (record, _) = deployed(&first());
    let record = tried(record, &requeried(), 2, &short_of(4));
    let record = tried(record, &requeried(), 3, &no_session());
    let record = tried(record, &target("SELECT c FROM t", 1, "one"), 4, &no_session());
    assert_eq!(operations(&record), [1, 2, 3, 4].map(id::<OperationId>));
    let mut asked = record;
    asked.asked_by.as_mut().unwrap().by = "anna".to_owned();
    asked.history.last_mut().unwrap().by = "bob".to_owned();
    let asked = tried(asked, &target("SELECT c FROM t", 1, "one"), 5, &no_session());
    assert_eq!(asked.history.len(), 5, "what a person asked for is not told as another's");
}

/// What is wrong with the target itself is not tried again by itself: each such try was somebody's.
#[test]
fn tries_of_a_target_that_is_itself_the_cause_stay_apart() {
    let (record, _) = deployed(&first());
    let refused = Outcome::refused(Refusal::StateNotThere { path: "s3://b/x".to_owned() });
    let record = tried(record, &requeried(), 2, &refused);
    let mut retried = record;
    retried.owed.retry(Timestamp::UNIX_EPOCH);
    let record = tried(retried, &requeried(), 3, &refused);
    assert_eq!((record.history.len(), record.highest_version), (3, 1), "nothing was started, so no version is used up");
}

#[test]
fn a_version_that_something_was_started_under_is_never_given_back() {
    let (mut record, _) = deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let run = RunStarted { job_id: node::run(2), restored_from: None, epoch: None, compiled: Compiled::default() };
    let cause = Cause::NoCapacity { needed: 4, free: 4 };
    let failed = Outcome::Failed { reason: "no slots".to_owned(), cause, savepoint: None, runs: vec![run] };
    let record = settle(record, &open, &failed);
    assert_eq!((record.highest_version, record.history.len()), (2, 2));
    let record = tried(record, &requeried(), 3, &short_of(4));
    assert_eq!((record.highest_version, record.history.len()), (2, 3), "a try that started something stays");
}

/// While a target waits for slots, what is deployed may wait for them as well: both are tried in turn.
#[test]
fn tries_of_two_debts_that_take_turns_are_two_entries() {
    let mut record = Record::fresh(name(), id(0), Source::Queries);
    record = tried(record, &first(), 1, &short_of(4));
    let other = Entry { operation: id(250), change: ChangeKind::Removed, ..record.history[0].clone() };
    record.history.push(other.clone());
    let record = tried(record, &first(), 2, &short_of(4));
    assert_eq!(operations(&record), [id(250), id(2)]);
    let mut between = record.clone();
    between.history.push(Entry { outcome: Ended::Failed, refusal: None, ..other });
    let between = tried(between, &first(), 3, &short_of(4));
    assert_eq!(between.history.len(), 4, "nothing is moved over what changed the cluster");
}

#[test]
fn what_deployed_something_outlives_a_flood_of_what_did_not() {
    let (mut record, _) = deployed(&first());
    let entry = |n: u32, outcome| {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let operation = Hex32::from_bytes(bytes).into();
        Entry { operation, version: n, outcome, ..record.history[0].clone() }
    };
    let deployments: Vec<Entry> = (1..=60).map(|n| entry(n, Ended::Deployed)).collect();
    let refusals: Vec<Entry> = (100..400).map(|n| entry(n, Ended::Refused)).collect();
    record.history.clear();
    for entry in deployments {
        record.remember(entry);
    }
    assert_eq!((record.history.len(), record.history[0].version), (50, 11), "alone they have the whole list");
    for entry in refusals {
        record.remember(entry);
    }
    let versions = |deployed| {
        let of = record.history.iter().filter(move |entry| entry.deployed() == deployed);
        of.map(|entry| entry.version).collect::<Vec<u32>>()
    };
    assert_eq!(versions(true), (36..=60).collect::<Vec<u32>>());
    assert_eq!(versions(false), (375..400).collect::<Vec<u32>>());
}
