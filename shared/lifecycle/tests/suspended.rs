//! Jobs whose file says `state: suspended`: checked, ended with their state, and resumed from it.
//! Must not know the shells: the machines and a node in memory.

#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::inputs::{Desired, UploadNote};
use desired::manifest::WantedState;
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::act::{Act, NotNow};
use lifecycle::alert_conditions::of_record;
use lifecycle::change::ChangeKind;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Aim, Ended, Record, Source, Status, Turned};
use lifecycle::execute::End;
use lifecycle::flink::JobState;
use lifecycle::ids::run_id;
use lifecycle::orchestrate::{Effect, Input, Lost, Ruling, Situation, State, decide, settle_abandoned, step};
use lifecycle::owed::Cause;
use lifecycle::reason::Reason;
use node::{Node, deployed, first, id, name, order, patience, reconfigured, requeried, run, settle, situation, wanted};

fn suspended(target: Target) -> Target {
    let mut target = target;
    target.manifest.operating.state = WantedState::Suspended;
    target
}

/// What operation `n` for this target comes to.
fn carried_out(record: Record, node: &mut Node, target: &Target, n: u8) -> (Record, Outcome) {
    let mut record = record;
    let open = order(&mut record, &wanted(target), n);
    let outcome = node.run(&open.plan);
    (settle(record, &open, &outcome), outcome)
}

/// The first job, suspended by operation 2.
fn stopped(target: &Target) -> (Record, Node) {
    let (record, mut node) = deployed(&first());
    let (record, outcome) = carried_out(record, &mut node, target, 2);
    assert!(matches!(outcome, Outcome::Suspended { .. }), "{outcome:?}");
    (record, node)
}

fn nothing(record: &Record, target: &Target) -> Reason {
    match decide(record, &wanted(target), &situation(9)) {
        Ruling::Nothing { reason, .. } => reason,
        Ruling::Operate(open) => panic!("{:?} was ordered", open.plan.change),
    }
}

/// Every effect of one pass of the orchestrator until it is over, and the record that it leaves.
fn pass(record: &Record, desired: &Desired, situation: &Situation) -> (Vec<Effect>, Record) {
    let mut left = record.clone();
    let mut effects = Vec::new();
    let (mut state, mut effect) = step(&record.name, situation, State::new(), Input::Begin);
    loop {
        let input = match &effect {
            Effect::ReadRecord => Input::Record(Some(Box::new(left.clone()))),
            Effect::ReadDesired => Input::Desired(desired.clone()),
            Effect::WriteRecord(written) => {
                left = (**written).clone();
                Input::Written
            }
            Effect::Project(_) | Effect::WritePlan(_) | Effect::Dispatch(_) => Input::Written,
            Effect::Done(_) => return (effects, left),
            other => panic!("{other:?}"),
        };
        effects.push(effect);
        (state, effect) = step(&record.name, situation, state, input);
    }
}

#[test]
fn a_running_job_is_stopped_with_a_savepoint_and_owes_nothing() {
    let (record, node) = stopped(&suspended(first()));
    assert_eq!((record.status(), node.live()), (Some(Status::Suspended), vec![]));
    assert_eq!((record.owed.debts().count(), of_record(&record), record.expected_run()), (0, vec![], None));
    let savepoint = record.deployed.as_ref().unwrap().restore_point.clone().unwrap();
    assert!(savepoint.contains("/savepoints/1/"), "{savepoint}");
    let entry = record.history.last().unwrap();
    assert_eq!((entry.outcome, entry.why.as_str()), (Ended::Suspended, "suspended"));
    assert_eq!(entry.turned, Some(Turned::Suspend));
    assert_eq!(nothing(&record, &suspended(first())), Reason::Suspended);
    // Nor is it brought back as lost.
    let lost = Some(Lost { job_id: run(1), revision: record.revision });
    let ruling = decide(&record, &wanted(&suspended(first())), &Situation { lost, urgent: true, ..situation(9) });
    assert!(matches!(ruling, Ruling::Nothing { .. }), "{ruling:?}");
}

#[test]
fn resumed_it_goes_on_from_its_savepoint() {
    let (record, mut node) = stopped(&suspended(first()));
    let savepoint = record.deployed.as_ref().unwrap().restore_point.clone();
    let (record, outcome) = carried_out(record, &mut node, &first(), 3);
    assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    assert_eq!(node.submitted.last(), Some(&(run(3), savepoint)));
    assert_eq!((record.status(), record.suspended.is_none()), (Some(Status::Running), true));
    let entry = record.history.last().unwrap();
    assert_eq!((entry.version, entry.why.as_str(), entry.turned), (1, "resumed", Some(Turned::Resume)));
}

#[test]
fn an_unhealthy_job_is_cancelled_and_its_newest_checkpoint_kept() {
    let (record, mut node) = deployed(&first());
    node.end(run(1), JobState::Restarting);
    let (record, outcome) = carried_out(record, &mut node, &suspended(first()), 2);
    assert!(matches!(outcome, Outcome::Suspended { savepoint: None, .. }), "{outcome:?}");
    let newest = node.disk.last().unwrap().path.clone();
    carried_out(record, &mut node, &first(), 3);
    assert_eq!(node.submitted.last(), Some(&(run(3), Some(newest))));
}

/// What runs goes on where the upload that suspends it is a bad one.
#[test]
fn a_query_that_does_not_compile_stops_nothing() {
    let (record, mut node) = deployed(&first());
    node.uncompilable = Some(suspended(requeried()).digest());
    let (record, outcome) = carried_out(record, &mut node, &suspended(requeried()), 2);
    assert!(matches!(outcome.refusal(), Some(Refusal::DoesNotCompile { .. })), "{outcome:?}");
    assert_eq!((node.live(), record.status()), (vec![run(1)], Some(Status::Running)));
    assert_eq!(of_record(&record).len(), 1, "people are told");
    // Without the bad query it is suspended after all.
    let (record, _) = carried_out(record, &mut node, &suspended(first()), 3);
    assert_eq!((record.status(), record.owed.debts().count()), (Some(Status::Suspended), 0));
}

/// A change is checked and started only when the job is resumed; what ran last is what its state belongs to.
#[test]
fn a_change_waits_until_the_job_is_resumed() {
    for (change, clean) in [(requeried(), true), (reconfigured(), false)] {
        let (record, mut node) = stopped(&suspended(change.clone()));
        let was = record.deployed.as_ref().unwrap();
        assert_eq!((was.target == first(), was.aim, record.highest_version), (true, Aim::Stopped, 1));
        assert_eq!(nothing(&record, &suspended(change.clone())), Reason::Suspended);
        assert_eq!(nothing(&record, &suspended(first())), Reason::Suspended, "what ran needs no check");
        let savepoint = was.restore_point.clone();
        let mut back = node.clone();
        carried_out(record.clone(), &mut back, &first(), 3);
        assert_eq!(back.submitted.last(), Some(&(run(3), savepoint.clone())), "taken back, it goes on");
        let (record, outcome) = carried_out(record, &mut node, &change, 3);
        assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
        assert_eq!(node.submitted.last(), Some(&(run(3), savepoint.filter(|_| !clean))));
        assert_eq!(record.deployed.unwrap().meta.query_version, if clean { 2 } else { 1 });
    }
}

#[test]
fn a_first_upload_is_checked_and_not_started() {
    let fresh = Record::fresh(name(), id(0), Source::Queries);
    let mut node = Node { uncompilable: Some(suspended(first()).digest()), ..Node::default() };
    let (record, outcome) = carried_out(fresh, &mut node, &suspended(first()), 1);
    assert!(matches!(outcome.refusal(), Some(Refusal::DoesNotCompile { .. })), "{outcome:?}");
    assert_eq!((record.status(), of_record(&record).len()), (None, 1));
    assert!(matches!(nothing(&record, &suspended(first())), Reason::GivenUp { .. }));

    let (record, outcome) = carried_out(record, &mut node, &suspended(requeried()), 2);
    assert!(matches!(outcome, Outcome::Suspended { savepoint: None, .. }), "{outcome:?}");
    assert_eq!((record.status(), &record.deployed, record.highest_version), (Some(Status::Suspended), &None, 0));
    assert_eq!((record.owed.debts().count(), node.submitted.len()), (0, 0));
    assert_eq!(nothing(&record, &suspended(requeried())), Reason::Suspended);
    assert_eq!(record.refuses(&Act::Restart), Some(NotNow::Suspended), "the way out is to resume it");

    let (record, _) = carried_out(record, &mut node, &requeried(), 3);
    assert_eq!((record.status(), record.highest_version), (Some(Status::Running), 1));
    assert_eq!(node.submitted, [(run(3), None)]);
}

#[test]
fn a_job_of_its_name_that_is_not_ours_is_told_of() {
    let (_, mut node) = deployed(&first());
    let fresh = Record::fresh(name(), id(0), Source::Queries);
    let (record, outcome) = carried_out(fresh, &mut node, &suspended(first()), 2);
    assert!(matches!(outcome.refusal(), Some(Refusal::ForeignJob { .. })), "{outcome:?}");
    assert_eq!((node.live(), record.status()), (vec![run(1)], None));
}

#[test]
fn what_came_to_its_end_stays_complete() {
    let (record, mut node) = deployed(&first());
    node.end(run(1), JobState::Finished);
    let (record, outcome) = carried_out(record, &mut node, &suspended(first()), 2);
    assert!(matches!(outcome, Outcome::Left { .. }), "{outcome:?}");
    assert_eq!((record.status(), nothing(&record, &first())), (Some(Status::Complete), Reason::Complete));

    // Also where it ended just before it was stopped, and another query was checked meanwhile.
    let (record, mut node) = deployed(&first());
    node.ends_before_stop = true;
    let (record, _) = carried_out(record, &mut node, &suspended(first()), 2);
    assert_eq!(record.status(), Some(Status::Complete));
    let (record, _) = carried_out(record, &mut node, &suspended(requeried()), 3);
    assert_eq!(record.status(), Some(Status::Suspended));
    let (_, record) = pass(&record, &wanted(&first()), &situation(4));
    assert_eq!((record.status(), record.open), (Some(Status::Complete), None));
}

/// That it was tried before is over with it.
#[test]
fn nothing_is_owed_to_what_came_to_its_end_before_it_was_stopped() {
    let (mut record, mut node) = deployed(&first());
    node.end(run(1), JobState::Finished);
    let open = order(&mut record, &wanted(&suspended(first())), 2);
    let full = Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() });
    let mut record = settle(record, &open, &full);
    assert!(record.owed.apply.is_some());
    node::make_due(&mut record);
    let (record, outcome) = carried_out(record, &mut node, &suspended(first()), 3);
    assert!(matches!(outcome, Outcome::Left { .. }), "{outcome:?}");
    assert_eq!((record.status(), record.owed.debts().count()), (Some(Status::Complete), 0));
}

/// Also where a run of another query was left beside it.
#[test]
fn what_is_ended_beside_it_leaves_what_came_to_its_end_complete() {
    for (desired, expected) in [
        (first(), Status::Complete),
        (reconfigured(), Status::Complete),
        (node::target("SELECT c FROM t", 1, "one"), Status::Suspended),
    ] {
        let (mut record, mut node) = deployed(&first());
        let left = order(&mut record, &wanted(&requeried()), 2);
        let ended = node::Run { state: JobState::Finished, ..node.runs.remove(&run(1)).unwrap() };
        node.submits(&left.plan);
        node.runs.insert(run(1), ended);
        let claim = node.claim.take();
        let record = settle_abandoned(record, &left, claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
        let (record, outcome) = carried_out(record, &mut node, &suspended(desired), 3);
        assert_eq!((record.status(), node.live()), (Some(expected), vec![]), "{outcome:?}");
    }
}

/// The Python tool finds a suspended job as one that does not run; a removed one it does not find.
#[test]
fn a_removed_file_stops_nothing_and_takes_the_deployed_manifest_away() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&suspended(first())), 2);
    let outcome = node.run(&open.plan);
    let settled = settle(record, &open, &outcome);
    let projected = |effects: &[Effect]| {
        effects.iter().find_map(|effect| if let Effect::Project(kept) = effect { Some(kept.is_some()) } else { None })
    };
    let (effects, removed) = pass(&settled, &Desired::Absent, &situation(3));
    assert_eq!((projected(&effects), removed.status()), (Some(false), Some(Status::Stopped)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::WritePlan(_))), "no operation is needed");
    let told = removed.history.last().map(|entry| (entry.outcome, entry.change, entry.by.as_str(), entry.batch));
    assert_eq!(told, Some((Ended::Removed, ChangeKind::Removed, "test", None)), "who and when, as of any removal");
    assert_eq!(removed.history.len(), settled.history.len() + 1);
    // Put back, it goes on from its state.
    let savepoint = removed.deployed.as_ref().unwrap().restore_point.clone();
    carried_out(removed, &mut node, &first(), 4);
    assert_eq!(node.submitted.last(), Some(&(run(4), savepoint)));
    // One that never ran leaves nothing.
    let (never, _) =
        carried_out(Record::fresh(name(), id(0), Source::Queries), &mut Node::default(), &suspended(first()), 1);
    assert_eq!(pass(&never, &Desired::Absent, &situation(2)).1.status(), None);
}

/// Settling keeps the deployed manifest of a suspended job.
#[test]
fn the_deployed_manifest_stays() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&suspended(first())), 2);
    let outcome = node.run(&open.plan);
    let result = lifecycle::documents::result::OperationResult {
        format: 1,
        operation: open.plan.operation,
        job: name(),
        outcome,
        at: Timestamp::UNIX_EPOCH,
        phases: Vec::new(),
        downtime_ms: None,
        differences: Vec::new(),
        no_savepoint: None,
    };
    let situation = situation(3);
    let (state, _) = step(&name(), &situation, State::new(), Input::Begin);
    let (state, _) = step(&name(), &situation, state, Input::Record(Some(Box::new(record))));
    let (state, _) = step(&name(), &situation, state, Input::Desired(wanted(&suspended(first()))));
    let (_, effect) = step(&name(), &situation, state, Input::Result(Some(Box::new(result))));
    assert!(matches!(effect, Effect::Project(Some(_))), "{effect:?}");
}

#[test]
fn a_wish_that_failed_is_suspended_all_the_same() {
    let (record, mut node) = deployed(&first());
    node.doomed = Some(requeried().digest());
    let (record, _) = carried_out(record, &mut node, &requeried(), 2);
    assert!(matches!(nothing(&record, &requeried()), Reason::GivenUp { .. }));
    let (record, outcome) = carried_out(record, &mut node, &suspended(requeried()), 3);
    assert!(matches!(outcome, Outcome::Suspended { .. }), "{outcome:?}");
    assert_eq!((record.status(), node.live()), (Some(Status::Suspended), vec![]));
}

/// Nothing is brought back that is only not ended yet.
#[test]
fn without_a_session_it_waits_and_nothing_is_started() {
    let (record, mut node) = deployed(&first());
    node.no_cluster = Some("no session".to_owned());
    let (record, _) = carried_out(record, &mut node, &suspended(requeried()), 2);
    assert_eq!(record.owed.apply.as_ref().unwrap().debt.cause, Cause::NoCluster);
    let lost = Some(Lost { job_id: run(1), revision: record.revision });
    let ruling = decide(&record, &wanted(&suspended(requeried())), &Situation { lost, ..situation(3) });
    assert!(matches!(&ruling, Ruling::Nothing { reason: Reason::WaitsToRetry { .. }, .. }), "{ruling:?}");
    node.no_cluster = None;
    let urgent = Situation { urgent: true, ..situation(3) };
    let Ruling::Operate(open) = decide(&record, &wanted(&suspended(requeried())), &urgent) else { panic!() };
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert_eq!((record.status(), record.owed.debts().count()), (Some(Status::Suspended), 0));
}

/// A runner dies after any effect: the next one ends the operation, and the savepoint is the one that resuming takes.
#[test]
fn a_runner_that_dies_leaves_it_to_the_next_one() {
    for change in [first(), requeried()] {
        for effects in 0..40 {
            let (mut record, mut node) = deployed(&first());
            let open = order(&mut record, &wanted(&suspended(change.clone())), 2);
            node.claim = None;
            if node.go_on(&open.plan, effects) == Some(End::Finished) {
                assert!(effects > 5);
                break;
            }
            assert!(matches!(node.go_on(&open.plan, usize::MAX), Some(End::Finished | End::NotOurs)), "{effects}");
            let outcome = node.claim.as_ref().unwrap().outcome.clone().unwrap();
            let record = settle(record, &open, &outcome);
            assert_eq!((record.status(), node.live()), (Some(Status::Suspended), vec![]), "{effects}");
            let newest = node.disk.iter().max_by_key(|state| state.checkpoint_id).unwrap().path.clone();
            carried_out(record, &mut node, &first(), 3);
            assert_eq!(node.submitted.last(), Some(&(run_id(id(3)), Some(newest))), "{effects}");
        }
    }
}

/// Closed without a result, it is ordered anew and looks first.
#[test]
fn an_operation_without_a_result_is_ordered_anew() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&suspended(first())), 2);
    node.claim = None;
    node.go_on(&open.plan, 4);
    let claim = node.claim.clone();
    let record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
    assert_eq!(record.suspended, None);
    let (record, outcome) = carried_out(record, &mut node, &suspended(first()), 3);
    assert!(matches!(outcome, Outcome::Suspended { .. }), "{outcome:?}");
    assert_eq!((record.status(), record.owed.debts().count(), node.live()), (Some(Status::Suspended), 0, vec![]));
    assert_eq!(record.history.last().unwrap().change, ChangeKind::Unchanged);
}

/// The plan of the operation that one pass orders.
fn ordered(record: &Record, target: &Target, situation: &Situation) -> Plan {
    pass(record, &wanted(target), situation).1.open.unwrap().plan
}

fn noted(n: u8, by: &str) -> Situation {
    let note = Some(UploadNote::new(Some("anna"), Some("the broker is down")));
    Situation { note, by: by.to_owned(), etags: vec!["new".to_owned()], ..situation(n) }
}

#[test]
fn what_was_said_with_an_upload_stands_in_the_operation_that_comes_of_it() {
    let (record, _) = deployed(&first());
    let (_, after) = pass(&record, &wanted(&suspended(first())), &noted(2, "upload"));
    let plan = after.open.unwrap().plan;
    let said = ("suspended: the broker is down", "upload by anna (not verified)");
    assert_eq!((plan.reason.as_str(), plan.by.as_str()), said);
    assert_eq!(after.decision.unwrap().by, plan.by);
    // Whom the function knows himself is not replaced by what is said.
    assert_eq!(
        ordered(&record, &suspended(first()), &noted(2, "arn:aws:iam::1:user/bob")).by,
        "arn:aws:iam::1:user/bob"
    );
    let (record, _) = stopped(&suspended(first()));
    assert_eq!(ordered(&record, &first(), &noted(3, "upload")).reason, "resumed: the broker is down");
}

/// The record after a pass whose operation came to this.
fn passed(record: &Record, target: &Target, situation: &Situation, outcome: &Outcome) -> Record {
    let after = pass(record, &wanted(target), situation).1;
    let open = after.open.clone().unwrap();
    settle(after, &open, outcome)
}

#[test]
fn what_is_tried_again_has_the_reason_of_the_first_try() {
    let later = |n, by: &str| Situation { note: None, urgent: true, ..noted(n, by) };
    let full = Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() });
    let (running, _) = deployed(&first());
    let (down, _) = stopped(&suspended(first()));
    for (record, target, why) in [
        (&running, requeried(), "sql: the broker is down"),
        (&running, suspended(first()), "suspended: the broker is down"),
        (&down, first(), "resumed: the broker is down"),
    ] {
        let mut record = passed(record, &target, &noted(3, "upload"), &full);
        for (n, by) in [(4, "sweep"), (5, "schedule"), (6, "upload")] {
            let plan = ordered(&record, &target, &later(n, by));
            assert_eq!((plan.reason.as_str(), plan.by.as_str()), (why, "upload by anna (not verified)"));
            record = passed(&record, &target, &later(n, by), &full);
        }
        // Nor is it lost where nobody takes the operation, or no result of it comes.
        let after = pass(&record, &wanted(&target), &later(7, "sweep")).1;
        let open = after.open.clone().unwrap();
        let record = settle_abandoned(after, &open, None, Timestamp::UNIX_EPOCH, patience());
        // Whoever orders another try is known better.
        let plan = ordered(&record, &target, &later(8, "bob"));
        assert_eq!((plan.reason.as_str(), plan.by.as_str()), (why, "bob"));
    }
}

#[test]
fn another_target_has_a_reason_of_its_own() {
    let full = Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() });
    let (record, _) = deployed(&first());
    let record = passed(&record, &requeried(), &noted(2, "upload"), &full);
    assert_eq!(record.asked_by.as_ref().map(|asked| asked.by.as_str()), Some("upload by anna (not verified)"));
    // The same version of the file, under another configuration.
    let plan = ordered(&record, &reconfigured(), &noted(3, "configuration upload"));
    assert!(!plan.reason.contains("broker") && plan.by == "configuration upload", "{} {}", plan.reason, plan.by);
    let again = Situation { urgent: true, ..noted(3, "sweep") };
    let after = pass(&record, &wanted(&requeried()), &again).1;
    let open = after.open.clone().unwrap();
    let run = lifecycle::documents::outcome::RunStarted {
        job_id: run_id(open.plan.operation),
        restored_from: None,
        epoch: None,
        compiled: lifecycle::documents::outcome::Compiled::default(),
    };
    let done = Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true };
    assert_eq!(settle(after, &open, &done).asked_by, None, "nothing is owed any more");
}

/// A file that is put back says why as well.
#[test]
fn a_job_that_is_put_back_is_noted_with_what_was_said() {
    let (record, mut node) = deployed(&first());
    let mut record = record;
    let open = order(&mut record, &Desired::Absent, 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let plan = ordered(&record, &first(), &noted(3, "upload"));
    assert_eq!(
        (plan.reason.as_str(), plan.by.as_str()),
        ("put back: the broker is down", "upload by anna (not verified)")
    );
}

#[test]
fn it_counts_once_and_for_nothing_else() {
    let (record, _) = deployed(&first());
    // The same version of the file, judged before: what is ordered now has another cause.
    let record = pass(&record, &wanted(&first()), &noted(2, "upload")).1;
    assert_eq!(record.decision.as_ref().unwrap().etags, ["new"]);
    let plan = ordered(&record, &requeried(), &noted(3, "configuration upload"));
    assert_eq!((plan.reason.as_str(), plan.by.as_str()), ("sql", "configuration upload"));
    // A lost run is brought back for its own reason, whatever was uploaded at the same time.
    let (record, _) = deployed(&first());
    let lost = Some(Lost { job_id: run(1), revision: record.revision });
    let plan = ordered(&record, &first(), &Situation { lost, ..noted(2, "upload") });
    assert_eq!((plan.reason.as_str(), plan.by.as_str()), ("its run is not there any more", "lost run"));
}

/// What waited for an operation under way is decided at its end, or by the next sweep: that is not what it comes from.
#[test]
fn who_asks_is_told_by_what_is_asked_for_not_by_the_event() {
    let (record, _) = deployed(&first());
    for event in ["upload", "sweep", "step ended", "lost run"] {
        let said = noted(2, event);
        assert_eq!(ordered(&record, &requeried(), &said).by, "upload by anna (not verified)", "{event}");
        let unsaid = Situation { note: None, ..said.clone() };
        assert_eq!(ordered(&record, &requeried(), &unsaid).by, "upload", "{event}");
        let removed = pass(&record, &Desired::Absent, &unsaid).1.open.unwrap().plan;
        assert_eq!(removed.by, "upload", "{event}");
        let judged = pass(&record, &wanted(&first()), &said).1;
        let config = Situation { config: Some("other".to_owned()), ..unsaid.clone() };
        assert_eq!(ordered(&judged, &requeried(), &config).by, "configuration upload", "{event}");
        let lost = Some(Lost { job_id: run(1), revision: record.revision });
        let unsaid = Situation { lost, ..unsaid };
        assert_eq!(ordered(&record, &first(), &unsaid).by, "lost run", "{event}");
    }
    // Who, or which schedule, orders it is known better.
    for by in ["schedule", "bob"] {
        let unsaid = Situation { note: None, ..noted(2, by) };
        assert_eq!(ordered(&record, &requeried(), &unsaid).by, by);
    }
}

#[test]
fn a_plan_holds_the_manifest_that_it_applies() {
    let (record, _) = deployed(&first());
    let plan = ordered(&record, &requeried(), &situation(2));
    assert_eq!(plan.manifest.as_deref(), Some(&requeried().manifest));
    let removed = pass(&record, &Desired::Absent, &situation(2)).1.open.unwrap().plan;
    assert_eq!(removed.manifest, None);
}
