//! What is owed to which wish: a new one ends the debts of the old one, and no debt keeps another from being paid.
//! Must not know the shells: the machines and a node in memory.

#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::inputs::Desired;
use desired::manifest::OnSavepointFailure;
use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Record};
use lifecycle::flink::JobState;
use lifecycle::orchestrate::{Effect, Input, Ruling, Situation, State, decide, step};
use lifecycle::owed::{Cause, Debt};
use lifecycle::permission::{AllowedFor, Permission};
use node::{deployed, first, id, order, reconfigured, requeried, run, settle, situation, wanted};

/// The record that one pass of the orchestrator writes; nothing if it writes none.
fn passed(record: &Record, desired: &Desired, situation: &Situation) -> Option<Record> {
    let (state, _) = step(&record.name, situation, State::new(), Input::Begin);
    let (state, _) = step(&record.name, situation, state, Input::Record(Some(Box::new(record.clone()))));
    let (state, effect) = step(&record.name, situation, state, Input::Desired(desired.clone()));
    match effect {
        Effect::WriteRecord(record) => Some(*record),
        Effect::WritePlan(_) => match step(&record.name, situation, state, Input::Written).1 {
            Effect::WriteRecord(record) => Some(*record),
            other => panic!("{other:?}"),
        },
        Effect::Done(_) => None,
        other => panic!("{other:?}"),
    }
}

fn allow(record: &mut Record, permission: Permission, what: AllowedFor) {
    node::allow(record, permission, None, Some(what));
}

/// `x / 0`, and the file is put back to what runs: nobody owes anything, and no alert stands.
#[test]
fn a_failed_wish_that_is_taken_back_leaves_no_debt() {
    let (mut record, mut node) = deployed(&first());
    node.doomed = Some(requeried().digest());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert!(record.owed.apply.is_some());
    assert!(passed(&record, &Desired::Refused, &situation(3)).is_none_or(|record| record.owed.apply.is_some()));
    let record = passed(&record, &wanted(&first()), &situation(3)).unwrap();
    assert!(record.owed.debts().next().is_none(), "{:?}", record.owed);
    assert!(lifecycle::alert_conditions::of_record(&record).is_empty());
}

/// The file is deleted during an outage and put back.
#[test]
fn a_removal_that_is_taken_back_leaves_no_debt() {
    let (mut record, mut node) = deployed(&first());
    node.no_cluster = Some("no session".to_owned());
    let open = order(&mut record, &Desired::Absent, 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert!(record.owed.remove.is_some());
    let record = passed(&record, &wanted(&first()), &situation(3)).unwrap();
    assert!(record.owed.debts().next().is_none(), "{:?}", record.owed);
}

/// The new target cannot be had now, and what is deployed is lost meanwhile: it comes back.
#[test]
fn a_target_that_waits_does_not_keep_the_deployed_one_down() {
    let (mut record, mut node) = deployed(&first());
    node.end(run(1), JobState::Failed);
    node.without_secret = Some(reconfigured().digest());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Refused { gone: true, .. }), "{outcome:?}");
    let mut record = settle(record, &open, &outcome);
    assert!(record.is_down(), "and is told of");
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    assert!(open.plan.is_restart());
    assert!(matches!(node.run(&open.plan), Outcome::Deployed { .. }));
}

#[test]
fn a_permission_does_not_shorten_a_pause() {
    let (mut record, mut node) = deployed(&first());
    node::unsettle(&mut record);
    node.end(run(1), JobState::Failed);
    node.disk.clear();
    record.deployed.as_mut().unwrap().checkpointed = true;
    let open = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    allow(&mut record, Permission::CleanStart, AllowedFor::Operation(id(2)));
    record.owed.retry(Timestamp::UNIX_EPOCH);
    // There is no session now: the permission is kept, and so is the pause.
    node.no_cluster = Some("no session".to_owned());
    let open = order(&mut record, &wanted(&first()), 3);
    assert!(open.plan.clean_start);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert!(record.allows(Permission::CleanStart));
    let ruling = decide(&record, &wanted(&first()), &situation(4));
    assert!(matches!(ruling, Ruling::Nothing { .. }), "{ruling:?}");
}

/// A permission that lifts a guard grants nothing else, and one that came after the plan is for another operation.
#[test]
fn a_permission_is_used_for_what_it_was_given_for() {
    let (mut record, _) = deployed(&first());
    allow(&mut record, Permission::CleanStart, AllowedFor::CleanStartsHeld);
    node::unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    assert!(!open.plan.clean_start);
    let mut record = Record { open: None, ..record };
    record.allows.clear();
    let open = order(&mut record, &wanted(&first()), 3);
    let given = open.plan.at + jiff::SignedDuration::from_secs(1);
    allow(&mut record, Permission::Adopt, AllowedFor::Operation(id(2)));
    record.allows[0].at = given;
    let outcome = Outcome::refused(Refusal::NoState);
    assert!(settle(record, &open, &outcome).allows(Permission::Adopt));
}

/// A job of that name that is not ours is the environment: it goes, and the target is applied.
#[test]
fn a_foreign_job_is_waited_for() {
    let mut record = Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries);
    let open = order(&mut record, &wanted(&first()), 2);
    let foreign = Outcome::refused(Refusal::ForeignJob { job_id: run(9), others: Vec::new() });
    let record = settle(record, &open, &foreign);
    let debt = &record.owed.apply.as_ref().unwrap().debt;
    assert_eq!(debt.cause, Cause::ForeignJob);
    let later = Situation { now: debt.next.unwrap(), ..situation(3) };
    assert!(matches!(decide(&record, &wanted(&first()), &later), Ruling::Operate(_)));
}

/// A record that was lost knew of versions that only their directories tell now.
#[test]
fn no_version_is_given_out_twice_after_a_lost_record() {
    let mut record = Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries);
    record.highest_version = 3;
    let mut taken = deployed(&first()).0;
    taken.highest_version = 3;
    node::unsettle(&mut taken);
    let floor = Situation { version_floor: 5, ..situation(2) };
    let record = passed(&taken, &wanted(&first()), &floor).unwrap();
    assert_eq!(record.highest_version, 5);
}

/// The savepoint of somebody else's stop is known only as long as Flink tells it.
#[test]
fn the_savepoint_of_a_stop_by_hand_survives_a_refusal() {
    let (mut record, mut node) = deployed(&first());
    node.stop(run(1), "s3://elsewhere");
    node::unsettle(&mut record);
    node.without_secret = Some(first().digest());
    let open = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.unwrap();
    assert!(deployed.restore_point.unwrap().starts_with("s3://elsewhere/"));
    assert_eq!(deployed.aim, Aim::Run);
}

/// Three hours of a broken node, a sweep each minute and a redeploy each hour: few steps, one alert, a small record.
#[test]
fn a_broken_node_costs_few_steps_and_one_alert() {
    let broken = || Outcome::refused(Refusal::NodeBroken { message: "/nowhere/python3: see PYEXEC_PATH".to_owned() });
    for taken in [true, false] {
        for is_new in [true, false] {
            let mut record = if is_new {
                Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries)
            } else {
                deployed(&first()).0
            };
            let (versions, before) = (record.highest_version, record.history.len());
            let mut steps = 0;
            let mut alerts = std::collections::BTreeSet::new();
            for minute in 0..180 {
                let now = Timestamp::from_second(minute * 60).unwrap();
                let now_is = Situation { now, urgent: minute % 60 == 0, ..situation(2) };
                let Ruling::Operate(open) = decide(&record, &wanted(&requeried()), &now_is) else { continue };
                record.highest_version = open.meta.as_ref().map_or(record.highest_version, |meta| meta.query_version);
                record.open = Some((*open).clone());
                // What no runner takes is sent once more, the first time.
                steps += 1 + i32::from(!taken && steps == 0);
                record = if taken {
                    lifecycle::orchestrate::settle_result(record, &open, &broken(), now, node::patience())
                } else {
                    lifecycle::orchestrate::settle_abandoned(record, &open, None, now, node::patience())
                };
                alerts.extend(lifecycle::alert_conditions::of_record(&record).into_iter().map(|told| told.kind));
            }
            assert!((10..=20).contains(&steps), "{steps} steps");
            assert!(alerts.len() <= 1, "{alerts:?}");
            assert!(serde_json::to_vec(&record).unwrap().len() < 64 * 1024);
            let error = &record.owed.apply.as_ref().unwrap().debt.error;
            assert!(!taken || error.contains("PYEXEC_PATH"), "{error}");
            if !taken {
                let left = (record.highest_version, record.history.len(), record.orphans.len());
                assert_eq!(left, (versions, before + 1, 0), "tries that nobody took are one entry");
            }
        }
    }
}

/// Without state nothing is started clean, until an operator says so: once.
#[test]
fn a_clean_start_is_an_operators_word() {
    let (mut record, mut node) = deployed(&first());
    node.end(run(1), JobState::Failed);
    node.disk.clear();
    record.deployed.as_mut().unwrap().checkpointed = true;
    node::unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    let refused = node.run(&open.plan);
    assert_eq!(refused.refusal(), Some(&Refusal::NoState));
    let mut record = settle(record, &open, &refused);
    assert!(matches!(decide(&record, &wanted(&first()), &situation(3)), Ruling::Nothing { .. }), "it is tried again");

    let permission = Permission::CleanStart;
    record.owed.retry(Timestamp::UNIX_EPOCH);
    node::allow(&mut record, permission, None, None);
    let open = order(&mut record, &wanted(&first()), 3);
    let started = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run(3), None)));
    let record = settle(record, &open, &started);
    assert_eq!(record.expected_run(), Some(run(3)));
    assert!(record.allows.is_empty(), "it counts once");

    // Where there is state after all, it is never passed over.
    let (mut record, mut node) = deployed(&first());
    node.end(run(1), JobState::Failed);
    node::unsettle(&mut record);
    node::allow(&mut record, permission, None, None);
    let open = order(&mut record, &wanted(&first()), 2);
    node.run(&open.plan);
    assert!(node.submitted.last().is_some_and(|(_, restore)| restore.as_ref().is_some_and(|r| r.ends_with("chk-1"))));
}

/// What waits for the environment is due at once by another JobManager or an operator's word, not by every look.
#[test]
fn a_refusal_carries_the_job_manager_that_it_met() {
    let (mut record, mut node) = deployed(&first());
    node.without_secret = Some(requeried().digest());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    let is_tried = |record: &Record, urgent, epoch: Option<lifecycle::flink::Epoch>| {
        let seen = epoch.map(|epoch| lifecycle::owed::Circumstances { epoch, free: Some(9) });
        let now_is = Situation { urgent, seen, ..situation(3) };
        matches!(decide(record, &wanted(&requeried()), &now_is), Ruling::Operate(_))
    };
    let another = lifecycle::flink::Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 2 };
    assert!(!is_tried(&record, false, None));
    assert!(!is_tried(&record, false, Some(node::epoch())), "this one refused it");
    assert!(is_tried(&record, false, Some(another)));
    assert!(is_tried(&record, true, None), "a redeploy");
    record.owed.retry(Timestamp::UNIX_EPOCH);
    assert!(is_tried(&record, false, None), "`retry`");
}

/// The stop failed as the newest checkpoint was too old: whoever allows an older one need not wait for the next try.
#[test]
fn another_wish_about_stopping_or_watching_is_tried_at_once() {
    let (mut record, mut node) = deployed(&first());
    node.stops_fail = true;
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome.refusal(), Some(Refusal::NoSavepoint { .. })), "{outcome:?}");
    let record = settle(record, &open, &outcome);
    let opened = |record: &Record, target: &desired::target::Target| {
        passed(record, &wanted(target), &situation(3)).and_then(|record| record.open)
    };
    let with = |target: desired::target::Target, change: &dyn Fn(&mut desired::manifest::Operating)| {
        let mut target = target;
        change(&mut target.manifest.operating);
        target
    };
    assert!(opened(&record, &reconfigured()).is_none(), "the same is tried after a pause");
    let described = with(reconfigured(), &|operating| operating.owner = Some("team".to_owned()));
    assert!(opened(&record, &described).is_none(), "who answers for it changes nothing");
    let max_age = "10m".parse().unwrap();
    let checkpoint = OnSavepointFailure::Checkpoint { max_age };
    let older = with(reconfigured(), &|operating| operating.on_savepoint_failure = checkpoint);
    let open = opened(&record, &older).unwrap();
    assert_eq!(open.plan.on_savepoint_failure, checkpoint);
    let longer = with(reconfigured(), &|operating| operating.stability_window = Some(max_age));
    assert!(opened(&record, &longer).is_some());

    // Where the target is itself the cause, a wish about stops tells nothing new, and each try costs a stop.
    let (mut record, mut node) = deployed(&first());
    node.doomed = Some(requeried().digest());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let older = with(requeried(), &|operating| operating.on_savepoint_failure = checkpoint);
    assert!(opened(&record, &older).is_none());
    let longer = with(requeried(), &|operating| operating.stability_window = Some(max_age));
    assert!(opened(&record, &longer).is_some());
}

/// An order waits because no savepoint could be taken: once its manifest says what else to do, it is due.
#[test]
fn an_order_that_waits_for_a_savepoint_is_due_once_its_manifest_says_otherwise() {
    let (mut record, _) = deployed(&first());
    let refused = Debt::after(None, Cause::NoSavepoint, "disk full", id(2), Timestamp::UNIX_EPOCH);
    let debt = refused.again(Timestamp::UNIX_EPOCH, node::patience());
    let (pause, now) = (debt.next, situation(3).now);
    record.ordered = Some(OrderedAct {
        id: id(7),
        act: Act::Restart,
        by: "anna".to_owned(),
        why: None,
        at: Timestamp::UNIX_EPOCH,
        about: Some((1, Some(run(1)))),
        debt: Some(debt),
    });
    let next = |record: Option<Record>| record.and_then(|record| record.ordered?.debt?.next);
    let mut described = first();
    described.manifest.operating.owner = Some("team".to_owned());
    assert_eq!(next(passed(&record, &wanted(&described), &situation(3))), pause);
    let mut otherwise = first();
    let max_age = "10m".parse().unwrap();
    otherwise.manifest.operating.on_savepoint_failure = OnSavepointFailure::Checkpoint { max_age };
    let due = next(passed(&record, &wanted(&otherwise), &situation(3)));
    assert!(due == Some(now) && due < pause, "{due:?}");
}
