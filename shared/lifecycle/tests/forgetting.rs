//! A name that is forgotten: only when nothing of it is left, and as if it had never been once a file of it is there.
//! Must not know the shells: the machine and a node in memory.

#![expect(clippy::panic, reason = "a failed check ends the test")]

mod node;

use desired::inputs::Desired;
use jiff::{SignedDuration, Timestamp};
use lifecycle::change::ChangeKind;
use lifecycle::decision::{Observed, PlannedAction, StartFrom};
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::Adopt;
use lifecycle::documents::record::{Aim, Ended, Record, Source};
use lifecycle::documents::{Invariants, read, write};
use lifecycle::flink::{JobSeen, JobState, Look, Tasks};
use lifecycle::forgetting::Kept;
use lifecycle::ids::{BatchId, JobId};
use lifecycle::noted::{Noting, Order};
use lifecycle::orchestrate::{Effect, Finding, Input, State, step};
use lifecycle::owed::{Cause, Debt};
use lifecycle::reason::Reason;
use node::{deployed, epoch, first, id, name, order, run, settle, situation, wanted};

/// The job ran as operation 1 and was removed by operation 2.
fn removed() -> Record {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &Desired::Absent, 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert_eq!(record.history.last().map(|entry| entry.outcome), Some(Ended::Removed));
    record
}

fn forgotten() -> Record {
    removed().forget(&"anna".into(), later()).revised(id(9))
}

fn later() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(5)
}

fn seen(id: JobId, name: &str, state: JobState) -> JobSeen {
    let tasks = Tasks::default();
    let name = name.to_owned();
    JobSeen { id, name, state, tasks, started_ms: 0, modified_ms: 0, checkpoints: None, restarts: None }
}

fn looked(at: Timestamp, jobs: Vec<JobSeen>) -> ObservedDocument {
    ObservedDocument {
        format: 1,
        batch: BatchId::derived(&["look"]),
        look: Look { epoch: epoch(), at, jobs, slots: None },
        expected: Vec::new(),
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    }
}

fn kept(record: &Record) -> Option<Kept> {
    record.why_kept(&Desired::Absent, Source::Queries, Some(&looked(later(), Vec::new())))
}

#[test]
fn a_removed_job_may_be_forgotten_and_nothing_else() {
    let record = removed();
    assert_eq!(kept(&record), None);
    let look = looked(later(), Vec::new());
    for desired in [Desired::Refused, wanted(&first())] {
        assert_eq!(record.why_kept(&desired, Source::Queries, Some(&look)), Some(Kept::Uploaded));
    }
    assert_eq!(record.why_kept(&Desired::Absent, Source::Process, Some(&look)), Some(Kept::OtherSource));
    assert_eq!(kept(&forgotten()), Some(Kept::Forgotten));

    let (running, _) = deployed(&first());
    assert_eq!(kept(&running), Some(Kept::NotRemoved));
    let mut complete = running.clone();
    complete.deployed.as_mut().unwrap().aim = Aim::Complete;
    assert_eq!(kept(&complete), Some(Kept::NotRemoved));
    let mut open = running;
    order(&mut open, &Desired::Absent, 2);
    assert_eq!(kept(&open), Some(Kept::Open(id(2))));

    let mut owing = removed();
    owing.owed.remove = Some(Debt::after(None, Cause::NoResult, "no result", id(3), Timestamp::UNIX_EPOCH));
    assert_eq!(kept(&owing), Some(Kept::Owed("not removed: no result".to_owned())));
}

#[test]
fn no_run_of_it_lives_by_a_look_after_its_last_operation() {
    let record = removed();
    let by = |look: Option<ObservedDocument>| record.why_kept(&Desired::Absent, Source::Queries, look.as_ref());
    assert_eq!(by(None), Some(Kept::NotLookedAt));
    assert_eq!(by(Some(looked(Timestamp::UNIX_EPOCH, Vec::new()))), Some(Kept::NotLookedAt), "not after it");
    let stranger = JobId::derived(&["x"]);
    for (job, expected) in [
        (seen(run(1), "another name", JobState::Running), Some(Kept::Runs(run(1)))),
        (seen(stranger, "orders", JobState::Restarting), Some(Kept::Runs(stranger))),
        (seen(run(1), "orders", JobState::Finished), None),
        (seen(stranger, "orders-eu", JobState::Running), None),
    ] {
        assert_eq!(by(Some(looked(later(), vec![job.clone()]))), expected, "{job:?}");
    }
}

#[test]
fn what_stays_is_the_history_and_the_highest_version() {
    let (before, after) = (removed(), forgotten());
    assert_eq!(after.broken(Some(&before)), None);
    assert_eq!((after.highest_version, &after.history), (before.highest_version, &before.history));
    assert_eq!((after.deployed.is_none(), after.decision.is_none(), after.orphans.len()), (true, true, 0));
    let noted = after.noted.last().unwrap();
    assert_eq!((noted.order, noted.by.as_str(), noted.at), (Order::Forget, "anna", later()));
    assert_eq!(after.forgotten.as_ref().unwrap().at, later());
    // It is no order that a note alone carries out.
    assert_eq!(removed().note(&Order::Forget, &"anna".into(), later()), Noting::NothingWaits);
}

/// One pass of the orchestrator: the records that it wrote, and what it found.
fn pass(record: &Record, desired: &Desired) -> (Vec<Record>, Finding) {
    let (mut left, mut written) = (record.clone(), Vec::new());
    let (mut state, mut effect) = step(&name(), &situation(5), State::new(), Input::Begin);
    loop {
        let input = match effect {
            Effect::ReadRecord => Input::Record(Some(Box::new(left.clone()))),
            Effect::ReadDeployed => Input::Deployed(None),
            Effect::ReadDesired => Input::Desired(desired.clone()),
            Effect::WriteRecord(next) => {
                assert_eq!(next.broken(Some(&left)), None);
                left = *next;
                written.push(left.clone());
                Input::Written
            }
            Effect::Project(_) | Effect::WritePlan(_) | Effect::Dispatch(_) => Input::Written,
            Effect::Done(finding) => return (written, *finding),
            other => panic!("{other:?}"),
        };
        (state, effect) = step(&name(), &situation(5), state, input);
    }
}

#[test]
fn without_a_file_nothing_is_decided_about_it() {
    let (written, finding) = pass(&forgotten(), &Desired::Absent);
    assert_eq!((written.len(), finding.reason, finding.conditions.len()), (0, Reason::Absent, 0));
}

/// Guarantee 2: no state of before is looked for, and none is missed.
#[test]
fn a_file_of_the_name_is_a_new_job_at_the_next_version() {
    let (written, finding) = pass(&forgotten(), &wanted(&first()));
    let plan = finding.plan.unwrap();
    assert_eq!((plan.change.kind, plan.next.as_ref().unwrap().version), (ChangeKind::New, 2));
    assert_eq!(
        (plan.action(Observed::Gone), &plan.previous, plan.adopt),
        (PlannedAction::Start(StartFrom::Clean), &None, Adopt::No)
    );
    let record = written.last().unwrap();
    assert_eq!((record.forgotten.is_none(), record.highest_version), (true, 2));
    // Before it was forgotten it would have gone on from what it had.
    assert_eq!(pass(&removed(), &wanted(&first())).1.plan.unwrap().change.kind, ChangeKind::Unchanged);
}

#[test]
fn a_refused_file_of_the_name_counts_as_well() {
    let (written, finding) = pass(&forgotten(), &Desired::Refused);
    assert_eq!((finding.reason, finding.plan), (Reason::UploadRefused, None));
    assert!(written.last().unwrap().forgotten.is_none());
}

/// A program that knows nothing of forgotten names keeps the field and deploys the name again.
#[test]
fn what_an_older_program_deployed_meanwhile_is_not_forgotten() {
    let mut record = forgotten();
    let open = order(&mut record, &wanted(&first()), 6);
    let older: Record = read(&write(&record)).unwrap();
    assert_eq!(older.forgotten, None);
    assert_eq!(older.open.as_ref().map(|open| open.plan.operation), Some(open.plan.operation));
    let same: Record = read(&write(&forgotten())).unwrap();
    assert_eq!(same, forgotten());
    let outcome = Outcome::Removed { savepoint: None };
    assert_eq!(settle(older.clone(), &open, &outcome).revised(id(8)).broken(Some(&older)), None);
}
