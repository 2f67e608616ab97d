//! What a person orders of a deployed job: carried out once, owed while the environment keeps it from that, ended by a
//! cause of its own. Must not know I/O: the node is one in memory.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

mod node;

use jiff::{SignedDuration, Timestamp};
use lifecycle::act::{Act, NotNow, OrderedAct};
use lifecycle::alert_conditions::{AlertKind, of_record};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Ended, OpenOperation, Record, Source, Status};
use lifecycle::flink::JobState;
use lifecycle::ids::run_id;
use lifecycle::orchestrate::{Ruling, Situation, decide, settle_abandoned, why_not};
use lifecycle::owed::Cause;
use node::asked::{asked, ordered};
use node::{Node, deployed, first, id, name, order, reconfigured, requeried, run, settle, situation, wanted};

/// The job runs as operation 1 with a checkpoint, and `act` was ordered as operation 2.
fn with(act: Act) -> (Record, Node, OpenOperation) {
    let (record, node) = deployed(&first());
    let (record, open) = asked(&record, &ordered(act), 2);
    (record, node, open.unwrap())
}

fn from(path: &str) -> Act {
    Act::RestartFrom { path: path.to_owned(), of_live_run: false }
}

/// Where the savepoint of operation `n` lies, the job being of version 1.
fn in_directory_of(n: u8) -> String {
    format!("s3://state/one/savepoints/1/{}/savepoint-", lifecycle::ids::OperationId::to_string(&id(n)))
}

#[test]
fn a_restart_goes_on_from_its_own_savepoint_as_the_same_version() {
    let (record, mut node, open) = with(Act::Restart);
    assert_eq!(record.status(), Some(Status::Running), "it is not down before it is stopped");
    let outcome = node.run(&open.plan);
    let (id, restored) = node.submitted.last().unwrap();
    assert_eq!(*id, run(2));
    assert!(restored.as_ref().unwrap().starts_with(&in_directory_of(2)), "{restored:?}");
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.meta.query_version, deployed.run(), &record.ordered), (1, Some(run(2)), &None));
    let entry = record.history.last().unwrap();
    let said = (entry.by.as_str(), entry.why.as_str(), entry.outcome, entry.act);
    assert_eq!(said, ("anna", "restart ordered: the sink was restored", Ended::Deployed, Some(node::id(77))));
    assert_eq!(entry.savepoint, *restored);
    assert!(matches!(decide(&record, &wanted(&first()), &situation(3)), Ruling::Nothing { .. }), "it is done once");
}

#[test]
fn a_start_over_has_a_new_version_without_state() {
    let (record, mut node, open) = with(Act::RestartClean);
    let outcome = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run(2), None)));
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.meta.query_version, record.highest_version), (2, 2));
    assert!(record.history.last().unwrap().savepoint.as_ref().unwrap().starts_with(&in_directory_of(2)));
    // Its states are those of the new version: nothing of before is ever the newest again.
    node.end(run(2), JobState::Failed);
    let mut record = record;
    node::unsettle(&mut record);
    let again = order(&mut record, &wanted(&first()), 3);
    let places = again.plan.previous.as_ref().unwrap().places.clone();
    assert_eq!(node.find(&places), None);
}

#[test]
fn an_older_state_is_restored_as_a_new_version() {
    let (record, mut node) = deployed(&first());
    node.checkpoint(run(1));
    let old = node.disk[0].path.clone();
    let (record, open) = asked(&record, &ordered(from(&old)), 2);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run(2), Some(old.clone()))));
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.meta.query_version, &deployed.restore_point), (2, &Some(old)));
}

/// Flink deletes the checkpoints of a run that it stops with a savepoint.
#[test]
fn a_checkpoint_of_the_run_that_is_stopped_is_kept_by_a_cancel() {
    let (record, mut node) = deployed(&first());
    let path = node.disk[0].path.clone();
    let act = Act::RestartFrom { path: path.clone(), of_live_run: true };
    let (_, open) = asked(&record, &ordered(act), 2);
    node.run(&open.unwrap().plan);
    assert_eq!((node.runs[&run(1)].state, node.submitted.last().unwrap().1.clone()), (JobState::Canceled, Some(path)));
}

#[test]
fn a_state_that_is_gone_is_found_out_before_anything_is_touched() {
    let (record, mut node) = deployed(&first());
    let path = node.disk.remove(0).path;
    let (record, open) = asked(&record, &ordered(from(&path)), 2);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    assert_eq!(outcome.refusal(), Some(&Refusal::StateNotThere { path }));
    assert_eq!(node.live(), [run(1)]);
    let record = settle(record, &open, &outcome);
    assert_eq!((&record.ordered, record.owed.debts().count()), (&None, 0), "nothing waits for it any more");
}

/// Flink keeps a few checkpoints of a run: one may go while the run is being ended.
#[test]
fn a_state_that_goes_meanwhile_brings_the_job_back_from_its_newest() {
    let (record, mut node) = deployed(&first());
    node.checkpoint(run(1));
    let path = node.disk[0].path.clone();
    let (record, open) = asked(&record, &ordered(Act::RestartFrom { path, of_live_run: true }), 2);
    let open = open.unwrap();
    (node.claim, node.result) = (None, None);
    // Its run is cancelled, and nothing more.
    node.go_on(&open.plan, 7);
    assert_eq!((node.runs[&run(1)].state, node.submitted.len()), (JobState::Canceled, 1));
    node.disk.remove(0);
    node.go_on(&open.plan, usize::MAX);
    let outcome = node.result.clone().unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { cause: Cause::NoState, .. }), "{outcome:?}");
    assert!(node.submitted.last().unwrap().1.as_ref().unwrap().ends_with("/chk-2"));
    let record = settle(record, &open, &outcome);
    assert_eq!((record.ordered.is_none(), record.deployed.unwrap().meta.query_version), (true, 1));
}

#[test]
fn a_start_over_that_fails_is_rolled_back_and_not_tried_again() {
    let (record, mut node, open) = with(Act::RestartClean);
    node.doomed = Some(first().digest());
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let record = settle(record, &open, &outcome);
    let told = of_record(&record);
    assert_eq!((told.len(), told[0].kind, told[0].operation), (1, AlertKind::OperationFailed, Some(id(2))));
    assert!(told[0].detail.starts_with("not done, rolled-back: "), "{}", told[0].detail);
    assert!(told[0].detail.contains("restart without state ordered: the sink was restored"), "{}", told[0].detail);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.meta.query_version, record.highest_version), (1, 2));
    assert!(deployed.restore_point.as_ref().unwrap().starts_with(&in_directory_of(2)), "from what it had just now");
    assert_eq!((&record.ordered, record.owed.debts().count()), (&None, 0));
    assert_eq!(record.history.last().unwrap().outcome, Ended::RolledBack);
}

/// Until now only the history told of it.
#[test]
fn an_order_that_came_to_nothing_is_told_until_an_operation_succeeds() {
    let (record, mut node, open) = with(Act::RestartClean);
    node.doomed = Some(first().digest());
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let first_one = of_record(&record);

    // Another one that fails is another cause; while it is under way the first one stands.
    let again = OrderedAct { id: id(78), ..ordered(Act::RestartClean) };
    let (record, open) = asked(&record, &again, 3);
    assert_eq!(of_record(&record), first_one);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let second = of_record(&record);
    assert_eq!((second.len(), second[0].operation), (1, Some(id(3))));
    assert_ne!(second[0].cause, first_one[0].cause);

    // What succeeds ends it, whatever it was for.
    node.doomed = None;
    let (record, open) = asked(&record, &OrderedAct { id: id(79), ..ordered(Act::Savepoint) }, 4);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    assert_eq!(of_record(&settle(record, &open, &outcome)), []);
}

#[test]
fn an_order_that_waits_or_left_the_job_down_is_told_once() {
    let (record, _, open) = with(Act::Restart);
    let refused = Outcome::refused(Refusal::NodeBroken { message: "the disk is full".to_owned() });
    let waits = settle(record.clone(), &open, &refused);
    assert_eq!((waits.ordered.is_some(), of_record(&waits)), (true, vec![]), "it is tried again");
    let refused = Outcome::refused(Refusal::StateNotThere { path: "s3://x/chk-1".to_owned() });
    let gone = settle(record.clone(), &open, &refused);
    assert_eq!((gone.ordered.is_none(), of_record(&gone).len()), (true, 1), "it is over");
    let (reason, cause) = ("it restarts".to_owned(), Cause::DoesNotRun);
    let failed = settle(record, &open, &Outcome::Failed { reason, cause, savepoint: None, runs: Vec::new() });
    let told: Vec<_> = of_record(&failed).into_iter().map(|condition| condition.detail).collect();
    assert_eq!(told, ["not running: it restarts"]);
}

#[test]
fn a_savepoint_stops_nothing_and_counts_as_a_state() {
    let (record, mut node, open) = with(Act::Savepoint);
    assert_eq!(record.status(), Some(Status::Running));
    let outcome = node.run(&open.plan);
    assert_eq!((node.live(), node.submitted.len()), (vec![run(1)], 1));
    let mut record = settle(record, &open, &outcome);
    let entry = record.history.last().unwrap().clone();
    let path = entry.savepoint.unwrap();
    assert!(path.starts_with(&in_directory_of(2)), "{path}");
    assert_eq!((entry.detail, &record.ordered), (format!("savepoint {path}"), &None));
    assert!(record.owns_state(&path));
    // The newest checkpoint wins, whichever it is.
    let newest = |record: &mut Record, node: &Node, n| {
        node::unsettle(record);
        let open = order(record, &wanted(&first()), n);
        record.open = None;
        node.find(&open.plan.previous.unwrap().places).unwrap().path
    };
    assert_eq!(newest(&mut record, &node, 3), path);
    node.checkpoint(run(1));
    assert!(newest(&mut record, &node, 4).ends_with("/chk-3"));
}

/// A runner that dies between the note and the answer: its successor asks under the same trigger.
#[test]
fn a_savepoint_is_asked_for_under_one_trigger() {
    let (_, mut node, open) = with(Act::Savepoint);
    let (mut triggers, mut runs) = (Vec::new(), 0);
    (node.claim, node.result) = (None, None);
    while node.result.is_none() && runs < 20 {
        let (mut state, mut effect) =
            lifecycle::execute::step(&open.plan, lifecycle::execute::State::new(), lifecycle::execute::Input::Begin);
        runs += 1;
        loop {
            match &effect {
                lifecycle::execute::Effect::Done(_) => break,
                lifecycle::execute::Effect::Savepoint { trigger, .. } => {
                    assert!(node.claim.as_ref().unwrap().notes.savepoint.is_some(), "noted before it is asked for");
                    triggers.push(*trigger);
                    if triggers.len() < 3 {
                        break;
                    }
                }
                _ => {}
            }
            let input = node.carry_out(&open.plan, effect);
            (state, effect) = lifecycle::execute::step(&open.plan, state, input);
        }
    }
    triggers.dedup();
    assert_eq!((triggers.len(), runs), (1, 3));
}

/// The job runs on, and another order begins anew.
#[test]
fn a_savepoint_that_fails_is_tried_three_times_each_under_its_own_trigger() {
    use lifecycle::execute::{Effect, Input, State, StopEnd, step};
    let (_, mut node, open) = with(Act::Savepoint);
    (node.claim, node.result) = (None, None);
    let mut triggers = Vec::new();
    let (mut state, mut effect) = step(&open.plan, State::new(), Input::Begin);
    while !matches!(effect, Effect::Done(_)) {
        let input = match effect {
            Effect::Savepoint { trigger, .. } => {
                triggers.push(trigger);
                Input::Stopped(StopEnd::Failed("Checkpoint expired".to_owned()))
            }
            effect => node.carry_out(&open.plan, effect),
        };
        (state, effect) = step(&open.plan, state, input);
        assert!(triggers.len() < 100, "it has no end");
    }
    triggers.dedup();
    assert_eq!(triggers.len(), 3);
    let outcome = node.result.clone().unwrap();
    assert!(matches!(outcome.refusal(), Some(Refusal::NoSavepoint { .. })), "{outcome:?}");
    assert_eq!(node.live(), [run(1)]);
}

#[test]
fn what_the_environment_keeps_from_being_done_stays_owed() {
    for act in [Act::Restart, Act::RestartClean, Act::Savepoint] {
        let (record, mut node, open) = with(act.clone());
        node.no_cluster = Some("no session".to_owned());
        let outcome = node.run(&open.plan);
        let mut record = settle(record, &open, &outcome);
        let debt = record.ordered.as_ref().unwrap().debt.clone().unwrap();
        assert_eq!((debt.cause, debt.attempts), (Cause::NoCluster, 1));
        assert_eq!((record.owed.debts().count(), record.is_down()), (0, false), "the job is as it was: {act}");
        let at = |now| Situation { now, ..situation(3) };
        let early = debt.next.unwrap() - SignedDuration::from_secs(1);
        assert!(matches!(decide(&record, &wanted(&first()), &at(early)), Ruling::Nothing { .. }));
        let Ruling::Operate(open) = decide(&record, &wanted(&first()), &at(debt.next.unwrap())) else {
            panic!("{act} is forgotten")
        };
        node.no_cluster = None;
        record.open = Some((*open).clone());
        let outcome = node.run(&open.plan);
        let record = settle(record, &open, &outcome);
        assert_eq!(record.ordered, None, "{act}: {outcome:?}");
    }
}

#[test]
fn an_operation_without_a_result_leaves_the_act_owed_after_a_look() {
    for act in [Act::Restart, Act::RestartClean, Act::Savepoint] {
        for effects in [0, 3, 6, 9, 12] {
            let (record, mut node, open) = with(act.clone());
            node.go_on(&open.plan, effects);
            let claim = node.claim.clone();
            let now = Timestamp::UNIX_EPOCH;
            let mut record = settle_abandoned(record, &open, claim.as_ref(), now, node::patience());
            for n in 3..9 {
                let later = Timestamp::from_second(i64::from(n) * 4_000).unwrap();
                let Ruling::Operate(open) =
                    decide(&record, &wanted(&first()), &Situation { now: later, ..situation(n) })
                else {
                    break;
                };
                record.open = Some((*open).clone());
                let outcome = node.run(&open.plan);
                record = lifecycle::orchestrate::settle_result(record, &open, &outcome, later, node::patience());
            }
            let title = format!("{act}, {effects} effects");
            assert_eq!((&record.ordered, record.owed.debts().count()), (&None, 0), "{title}");
            assert_eq!(node.live(), [record.expected_run().unwrap()], "{title}");
            let versions = record.deployed.as_ref().unwrap().meta.query_version;
            assert_eq!(versions > 1, act == Act::RestartClean, "{title}");
            let taken = record.history.iter().any(|entry| entry.savepoint.is_some());
            assert!(taken || act != Act::Savepoint, "{title}");
        }
    }
}

#[test]
fn the_same_order_asked_for_again_is_carried_out_once() {
    let (record, mut node, open) = with(Act::Restart);
    let (again, second) = asked(&record, &ordered(Act::Restart), 3);
    assert_eq!((second, again.ordered), (None, record.ordered.clone()), "it is under way");
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    let (after, third) = asked(&record, &ordered(Act::Restart), 4);
    assert_eq!((third, after.ordered), (None, None), "it is done");
    let another = OrderedAct { id: id(78), ..ordered(Act::Restart) };
    assert!(asked(&record, &another, 5).1.is_some());
}

#[test]
fn what_cannot_be_ordered_is_said() {
    let (record, _, _) = with(Act::Restart);
    let why = |record: &Record, act: &Act| why_not(record, &wanted(&first()), act, Source::Queries);
    assert_eq!(why(&record, &Act::Restart), Some(NotNow::Open(id(2))));
    let (record, node) = deployed(&first());
    assert_eq!(why(&record, &Act::Restart), None);
    assert_eq!(
        why_not(&record, &wanted(&first()), &Act::Restart, Source::Process),
        Some(NotNow::OtherSource),
        "it would change hands"
    );
    let own = node.disk[0].path.clone();
    assert_eq!(why(&record, &from(&own)), None);
    for path in [
        "s3://other/one/checkpoints/1/x/chk-1".to_owned(),
        "s3://state/one/checkpoints".to_owned(),
        format!("s3://state/one/checkpoints/1/{}/chk-1", run(9)),
        format!("{own}/../chk-9"),
        own.replace("/chk-1", "/chk-x"),
    ] {
        assert_eq!(why(&record, &from(&path)), Some(NotNow::NotItsState), "{path}");
    }
    let aim = |aim| {
        let mut record = record.clone();
        record.deployed.as_mut().unwrap().aim = aim;
        why(&record, &Act::Restart)
    };
    assert_eq!((aim(Aim::Stopped), aim(Aim::Complete)), (Some(NotNow::Removed), Some(NotNow::Complete)));
    let fresh = Record::fresh(name(), id(0), Source::Queries);
    assert_eq!(why(&fresh, &Act::Savepoint), Some(NotNow::NotDeployed));
    let desired = desired::inputs::Desired::Refused;
    assert_eq!(why_not(&record, &desired, &Act::Restart, Source::Queries), Some(NotNow::UploadRefused));
}

/// Whatever deploys something else makes an order about what was there before pointless.
#[test]
fn an_order_is_about_what_was_deployed_when_it_was_given() {
    for (target, act, kept) in [
        (reconfigured(), Act::Restart, false),
        (reconfigured(), Act::RestartClean, true),
        (requeried(), Act::RestartClean, false),
        (requeried(), Act::Savepoint, false),
    ] {
        let (record, mut node, open) = with(act.clone());
        node.no_cluster = Some("no session".to_owned());
        let outcome = node.run(&open.plan);
        let mut record = settle(record, &open, &outcome);
        node.no_cluster = None;
        let open = order(&mut record, &wanted(&target), 3);
        assert_eq!(open.plan.ordered, None, "what is uploaded comes first");
        let outcome = node.run(&open.plan);
        let record = settle(record, &open, &outcome);
        assert_eq!(record.ordered.is_some(), kept, "{act}");
    }
}

/// A job that is down because no state is left starts over by one order.
#[test]
fn a_start_over_helps_where_nothing_is_left() {
    let (mut record, mut node) = deployed(&first());
    node.end(run(1), JobState::Failed);
    node.disk.clear();
    record.deployed.as_mut().unwrap().checkpointed = true;
    node::unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    let refused = node.run(&open.plan);
    let record = settle(record, &open, &refused);
    let (record, open) = asked(&record, &ordered(Act::RestartClean), 3);
    let open = open.unwrap();
    let outcome = node.run(&open.plan);
    assert_eq!(node.submitted.last(), Some(&(run_id(id(3)), None)));
    assert_eq!(settle(record, &open, &outcome).owed.debts().count(), 0);
}
