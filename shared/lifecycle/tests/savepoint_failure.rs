//! A stop whose savepoint fails: what runs on, and what goes on from its newest checkpoint instead, as its manifest says.
//! Must not know the shells: the machines and a node in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod node;

use desired::inputs::Desired;
use desired::manifest::{OnSavepointFailure, WantedState};
use desired::target::Target;
use jiff::{SignedDuration, Timestamp};
use lifecycle::alert_conditions::{AlertKind, of_record};
use lifecycle::change::{Change, ChangeKind};
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{OpenOperation, Record};
use lifecycle::documents::result::OperationResult;
use lifecycle::execute::{Effect, End, Input, State, StopEnd, step};
use lifecycle::flink::JobState;
use lifecycle::ids::rollback_id;
use lifecycle::orchestrate::{self, settle_abandoned};
use node::{Node, deployed, first, id, order, reconfigured, requeried, run, settle, wanted};

/// The same target, which goes on from a checkpoint of up to ten minutes.
fn or_a_checkpoint(target: Target) -> Target {
    let mut target = target;
    let max_age = "10m".parse().unwrap();
    target.manifest.operating.on_savepoint_failure = OnSavepointFailure::Checkpoint { max_age };
    target
}

/// The first job with one checkpoint of this age, on a node where every stop fails, and operation 2 for `desired`.
fn failing(age: SignedDuration, desired: &Desired) -> (Record, Node, OpenOperation) {
    let (mut record, mut node) = deployed(&or_a_checkpoint(first()));
    (node.claim, node.result, node.stops_fail) = (None, None, true);
    node.now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
    node.newest_at = vec![(run(1), node.now - age)];
    let open = order(&mut record, desired, 2);
    (record, node, open)
}

fn young() -> SignedDuration {
    SignedDuration::from_mins(9)
}

fn old() -> SignedDuration {
    SignedDuration::from_mins(25)
}

/// A pass in which `answer` may answer an effect in the node's place, its effects, and how it ended.
fn pass(
    node: &mut Node,
    plan: &Plan,
    mut answer: impl FnMut(&mut Node, &Effect) -> Option<Input>,
) -> (Vec<Effect>, End) {
    let mut effects = Vec::new();
    let (mut state, mut effect) = step(plan, State::new(), Input::Begin);
    loop {
        if let Effect::Done(end) = effect {
            return (effects, end);
        }
        effects.push(effect.clone());
        let input = answer(node, &effect).unwrap_or_else(|| node.carry_out(plan, effect));
        (state, effect) = step(plan, state, input);
    }
}

fn why_kept(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { refusal: Refusal::NoSavepoint { message }, gone: false, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn cancelled(node: &Node) -> bool {
    node.runs[&run(1)].state == JobState::Canceled
}

#[test]
fn a_young_checkpoint_takes_the_place_of_the_savepoint() {
    let (record, mut node, open) = failing(young(), &wanted(&or_a_checkpoint(reconfigured())));
    let (effects, end) = pass(&mut node, &open.plan, |node, effect| {
        // One more completes between the look and the cancel: that is the newest then.
        if let Effect::Cancel(run) = effect {
            node.checkpoint(*run);
        }
        None
    });
    let stops = effects.iter().filter(|effect| matches!(effect, Effect::Stop { .. })).count();
    assert_eq!((end, stops, cancelled(&node)), (End::Finished, 3, true));
    let newest = format!("s3://state/one/checkpoints/1/{}/chk-2", run(1));
    assert_eq!(node.submitted.last(), Some(&(run(2), Some(newest))));
    let outcome = node.result.clone().unwrap();
    assert!(matches!(outcome, Outcome::Deployed { savepoint: None, .. }), "{outcome:?}");
    assert_eq!(node.claim.as_ref().unwrap().notes.no_savepoint.as_deref(), Some("declined"), "it can be read why");
    assert_eq!(settle(record, &open, &outcome).owed.debts().count(), 0);
}

#[test]
fn without_the_wish_it_runs_on_and_is_not_looked_at_again() {
    let (_, mut node, open) = failing(young(), &wanted(&reconfigured()));
    let (effects, _) = pass(&mut node, &open.plan, |_, _| None);
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Look)).count(), 1);
    assert_eq!(why_kept(node.result.as_ref().unwrap()), "declined");
    assert_eq!(node.live(), [run(1)]);
}

#[test]
fn it_runs_on_where_its_newest_checkpoint_is_too_old_or_none_is_known() {
    let exactly = SignedDuration::from_mins(10);
    let ahead = -SignedDuration::from_mins(11);
    for (age, why) in [
        (Some(exactly), None),
        (Some(exactly + SignedDuration::from_secs(1)), Some("601s old, and `max-checkpoint-age` is 10m")),
        (Some(old()), Some("its newest checkpoint is 25m old, and `max-checkpoint-age` is 10m; Flink said: declined")),
        (Some(ahead), Some("the clocks of node and JobManager differ by more than 10m")),
        (None, Some("it has no completed checkpoint; Flink said: declined")),
    ] {
        let (record, mut node, open) = failing(age.unwrap_or_default(), &wanted(&or_a_checkpoint(reconfigured())));
        if age.is_none() {
            node.newest_at.clear();
        }
        let outcome = node.run(&open.plan);
        let Some(why) = why else {
            assert!(cancelled(&node), "{outcome:?}");
            continue;
        };
        assert!(why_kept(&outcome).contains(why), "{outcome:?}");
        assert_eq!((node.live(), node.claim.as_ref().unwrap().notes.cancel), (vec![run(1)], None));
        let record = settle(record, &open, &outcome);
        assert!(record.owed.apply.as_ref().unwrap().debt.next.is_some(), "it is tried again");
    }
}

/// Flink restarts a run whose last part of a savepoint could not be written: the next try finds it without tasks. That it
/// was our stop that put it down does not make it an unhealthy job, and nobody is to meet it before it is back.
#[test]
fn a_run_that_its_failed_savepoint_put_down_is_not_cancelled_for_that() {
    let tries = |effects: &[Effect]| effects.iter().filter(|effect| matches!(effect, Effect::Stop { .. })).count();
    for (age, target, why) in [
        (young(), reconfigured(), "`on-savepoint-failure` is `keep-running`; Flink said: declined"),
        (old(), or_a_checkpoint(reconfigured()), "its newest checkpoint is 25m old"),
    ] {
        let (_, mut node, open) = failing(age, &wanted(&target));
        node.stops_restart = true;
        let mut waited = 0;
        let (effects, _) = pass(&mut node, &open.plan, |node, effect| {
            waited += usize::from(*effect == Effect::LookAgain);
            if waited == 3 {
                node.runs.get_mut(&run(1)).unwrap().state = JobState::Running;
            }
            None
        });
        assert!(why_kept(node.result.as_ref().unwrap()).contains(why), "{:?}", node.result);
        assert_eq!((tries(&effects), waited, node.live()), (2, 3, vec![run(1)]));
    }
    // One that never comes back is not waited for without end.
    let (_, mut node, open) = failing(young(), &wanted(&reconfigured()));
    node.stops_restart = true;
    why_kept(&node.run(&open.plan));
    assert_eq!(node.live(), [run(1)]);
    // The wish does not wait: there is a checkpoint to go on from.
    let (_, mut node, open) = failing(young(), &wanted(&or_a_checkpoint(reconfigured())));
    node.stops_restart = true;
    let (effects, _) = pass(&mut node, &open.plan, |_, _| None);
    assert!(cancelled(&node) && !effects.contains(&Effect::LookAgain), "{effects:?}");
}

/// Also where it came back before each of the next tries: nobody is to meet it as the last one left it.
#[test]
fn a_run_that_the_last_try_put_down_is_waited_for() {
    let (_, mut node, open) = failing(young(), &wanted(&reconfigured()));
    let (mut tries, mut waited) = (0, 0);
    pass(&mut node, &open.plan, |node, effect| {
        waited += usize::from(*effect == Effect::LookAgain);
        if matches!(effect, Effect::SaveClaim(_)) && tries < 3 || waited == 3 {
            node.end(run(1), JobState::Running);
        }
        let Effect::Stop { directory, .. } = effect else { return None };
        tries += 1;
        node.end(run(1), JobState::Restarting);
        Some(Input::Stopped(StopEnd::Failed(format!("declined: {directory}/savepoint-1/_metadata"))))
    });
    assert!(why_kept(node.result.as_ref().unwrap()).contains("declined: "), "{:?}", node.result);
    assert_eq!((tries, waited, node.live()), (3, 3, vec![run(1)]));
}

/// An earlier operation's stop, asked for anew as Flink forgot it, fails in the folder of that operation.
#[test]
fn a_run_that_a_stop_of_before_put_down_is_not_cancelled_for_that() {
    let (record, mut node, open) = failing(young(), &wanted(&reconfigured()));
    node.stops_restart = true;
    for effects in 0.. {
        node.claim = None;
        node.go_on(&open.plan, effects);
        if node.put_down_by.take().is_some() {
            break;
        }
    }
    node.end(run(1), JobState::Running);
    let claim = node.claim.take();
    let mut record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, node::patience());
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    assert_eq!(open.plan.stops.len(), 1);
    assert!(why_kept(&node.run(&open.plan)).contains("savepoint-1"), "{:?}", node.result);
    assert_eq!(node.live(), [run(1)]);
}

/// A job that fails again and again fails the savepoint too, and its next version is what mends it.
#[test]
fn a_run_that_fails_by_itself_while_it_is_saved_is_replaced() {
    for target in [reconfigured(), or_a_checkpoint(reconfigured())] {
        let (_, mut node, open) = failing(young(), &wanted(&target));
        let mut tries = 0;
        pass(&mut node, &open.plan, |node, effect| {
            let is_stop = matches!(effect, Effect::Stop { .. });
            tries += usize::from(is_stop);
            (is_stop && tries == 1).then(|| {
                node.end(run(1), JobState::Restarting);
                Input::Stopped(StopEnd::Failed("Checkpoint Coordinator is suspending.".to_owned()))
            })
        });
        assert!(matches!(node.result, Some(Outcome::Deployed { savepoint: None, .. })), "{:?}", node.result);
        assert!(cancelled(&node));
    }
}

/// Whoever takes over knows that it was the stop.
#[test]
fn a_successor_does_not_cancel_a_run_that_its_failed_savepoint_put_down() {
    let (_, mut fresh, open) = failing(young(), &wanted(&reconfigured()));
    fresh.stops_restart = true;
    for effects in 0..16 {
        let mut node = fresh.clone();
        node.claim = None;
        node.go_on(&open.plan, effects);
        // Nothing is noted of a try whose end nobody read.
        if !node.claim.as_ref().is_some_and(|claim| claim.closed) {
            node.go_on(&open.plan, usize::MAX);
        }
        assert_eq!((node.live(), cancelled(&node)), (vec![run(1)], false), "after {effects} effects");
    }
}

/// A try that succeeds after one that failed leaves nothing of it: what comes later is judged by itself.
#[test]
fn a_savepoint_at_last_is_the_end_of_the_matter() {
    let (_, mut node, open) = failing(young(), &wanted(&reconfigured()));
    let mut tries = 0;
    pass(&mut node, &open.plan, |node, effect| {
        tries += usize::from(matches!(effect, Effect::Stop { .. }));
        node.stops_fail = tries < 2;
        None
    });
    assert!(matches!(node.result, Some(Outcome::Deployed { savepoint: Some(_), .. })), "{:?}", node.result);
    assert_eq!(node.claim.as_ref().unwrap().notes.no_savepoint, None);
}

/// Guarantee 6: a stop or a look without an answer is no failure, whatever the manifest says.
#[test]
fn what_is_unknown_cancels_nothing() {
    let (_, node, open) = failing(young(), &wanted(&or_a_checkpoint(reconfigured())));
    let unanswered_stop =
        |_: &mut Node, effect: &Effect| matches!(effect, Effect::Stop { .. }).then_some(Input::Unknown);
    for no_answer in [Input::Unknown, Input::NoCluster("it is away".to_owned())] {
        let mut looks = 0;
        let unanswered_look = |_: &mut Node, effect: &Effect| {
            looks += usize::from(matches!(effect, Effect::Look));
            (matches!(effect, Effect::Look) && looks == 2).then(|| no_answer.clone())
        };
        let mut asked = node.clone();
        assert_eq!(pass(&mut asked, &open.plan, unanswered_look).1, End::Unknown);
        assert_eq!((asked.live(), asked.claim.as_ref().unwrap().closed), (vec![run(1)], false));
        // The next pass asks under the same trigger, and looks.
        assert_eq!(pass(&mut asked, &open.plan, |_, _| None).1, End::Finished);
        assert!(cancelled(&asked));
    }
    let mut asked = node.clone();
    assert_eq!(pass(&mut asked, &open.plan, unanswered_stop).1, End::Unknown);
    assert_eq!((asked.live(), asked.claim.as_ref().unwrap().notes.cancel), (vec![run(1)], None));
}

/// What the look finds after the last try: a run that ends, one at its end, one that restarts.
#[test]
fn what_became_of_the_run_meanwhile_counts() {
    for (state, end, live) in [
        (JobState::Cancelling, End::Unknown, run(1)),
        (JobState::Failed, End::Finished, run(2)),
        (JobState::Restarting, End::Finished, run(2)),
    ] {
        let (_, mut node, open) = failing(young(), &wanted(&or_a_checkpoint(reconfigured())));
        let mut looks = 0;
        let ended = pass(&mut node, &open.plan, |node, effect| {
            looks += usize::from(matches!(effect, Effect::Look));
            if looks == 2 && matches!(effect, Effect::Look) {
                node.end(run(1), state);
            }
            None
        });
        assert_eq!((ended.1, node.live()), (end, vec![live]), "{state:?}");
    }
}

/// A removal goes by what is deployed, all else by the file; each keeps the newest checkpoint.
#[test]
fn every_stop_that_keeps_a_state_goes_by_it() {
    let mut suspended = or_a_checkpoint(first());
    suspended.manifest.operating.state = WantedState::Suspended;
    let newest = format!("s3://state/one/checkpoints/1/{}/chk-1", run(1));
    for desired in [Desired::Absent, wanted(&suspended)] {
        let (record, mut node, open) = failing(young(), &desired);
        let outcome = node.run(&open.plan);
        let ended =
            matches!(outcome, Outcome::Removed { savepoint: None } | Outcome::Suspended { savepoint: None, .. });
        assert!(ended && node.live().is_empty(), "{outcome:?}");
        let mut record = settle(record, &open, &outcome);
        let back = order(&mut record, &wanted(&first()), 3);
        node.run(&back.plan);
        assert_eq!(node.submitted.last(), Some(&(run(3), Some(newest.clone()))));

        let (_, mut node, open) = failing(old(), &desired);
        why_kept(&node.run(&open.plan));
        assert_eq!(node.live(), [run(1)]);
    }
}

/// A changed query starts clean; what it is rolled back to goes on from the checkpoint.
#[test]
fn a_changed_query_can_be_rolled_back_to_the_checkpoint() {
    let (_, mut node, open) = failing(young(), &wanted(&or_a_checkpoint(requeried())));
    node.doomed = Some(open.plan.next.as_ref().unwrap().target.clone());
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let newest = format!("s3://state/one/checkpoints/1/{}/chk-1", run(1));
    assert_eq!(node.submitted[1..], [(run(2), None), (rollback_id(id(2)), Some(newest))]);
}

/// Whether a cancel deletes the checkpoints of a run that somebody else started is not known.
#[test]
fn a_run_that_we_did_not_start_runs_on() {
    let (mut record, mut node) = deployed(&or_a_checkpoint(first()));
    let theirs = run(7);
    let adopted = node.runs.remove(&run(1)).unwrap();
    node.runs.insert(theirs, adopted);
    record.deployed.as_mut().unwrap().runs[0].job_id = theirs;
    node.stops_fail = true;
    node.newest_at = vec![(theirs, node.now)];
    let open = order(&mut record, &wanted(&or_a_checkpoint(reconfigured())), 2);
    let outcome = node.run(&open.plan);
    assert!(why_kept(&outcome).contains("it was not started by us"), "{outcome:?}");
    assert_eq!(node.live(), [theirs]);
}

/// A runner may die after any effect: its successor goes on to the same end.
#[test]
fn a_successor_goes_on_from_the_notes() {
    let (_, fresh, open) = failing(young(), &wanted(&or_a_checkpoint(reconfigured())));
    for effects in 0..24 {
        let mut node = fresh.clone();
        node.claim = None;
        node.go_on(&open.plan, effects);
        if !node.claim.as_ref().is_some_and(|claim: &Claim| claim.closed) {
            assert_eq!(node.go_on(&open.plan, usize::MAX), Some(End::Finished), "after {effects} effects");
        }
        assert_eq!((node.live(), cancelled(&node)), (vec![run(2)], true), "after {effects} effects");
        assert!(node.submitted.last().unwrap().1.as_deref().unwrap().ends_with("/chk-1"));
    }
}

#[test]
fn a_new_wish_is_recorded_and_counts_from_the_next_operation() {
    let change = Change::between(&first(), &or_a_checkpoint(first()));
    let lines: Vec<String> = change.differences.iter().map(ToString::to_string).collect();
    let said = ["max-checkpoint-age: (not set) -> 10m", "on-savepoint-failure: keep-running -> checkpoint"];
    assert_eq!((change.kind, lines), (ChangeKind::Unchanged, said.map(str::to_owned).to_vec()));
    let wish = |deployed_as: &Target, desired: &Desired| {
        let (mut record, _) = deployed(deployed_as);
        order(&mut record, desired, 2).plan.on_savepoint_failure
    };
    let checkpoint = or_a_checkpoint(first()).manifest.operating.on_savepoint_failure;
    assert_eq!(wish(&first(), &wanted(&or_a_checkpoint(reconfigured()))), checkpoint);
    assert_eq!(wish(&or_a_checkpoint(first()), &wanted(&reconfigured())), OnSavepointFailure::KeepRunning);
    assert_eq!(wish(&or_a_checkpoint(first()), &Desired::Absent), checkpoint);
    // A runner of an older release reads the plan of a job without the wish as ever.
    let (mut record, _) = deployed(&first());
    let plan = serde_json::to_string(&order(&mut record, &wanted(&reconfigured()), 2).plan).unwrap();
    assert!(!plan.contains("on_savepoint_failure"), "{plan}");
}

/// Rows come twice then: it is in the history, and people are told until an operation succeeds with its own savepoint.
#[test]
fn that_its_savepoint_failed_is_remembered_and_told() {
    let desired = wanted(&or_a_checkpoint(reconfigured()));
    let (record, mut node, open) = failing(young(), &desired);
    let outcome = node.run(&open.plan);
    let claim = node.claim.clone().unwrap();
    let result = OperationResult {
        format: 1,
        operation: open.plan.operation,
        job: record.name.clone(),
        outcome,
        at: Timestamp::UNIX_EPOCH,
        phases: Vec::new(),
        downtime_ms: None,
        differences: Vec::new(),
        no_savepoint: claim.notes.no_savepoint.clone(),
    };
    let (name, situation) = (record.name.clone(), node::situation(3));
    let mut machine = orchestrate::State::new();
    let mut effect = None;
    for input in [
        orchestrate::Input::Begin,
        orchestrate::Input::Record(Some(Box::new(record.clone()))),
        orchestrate::Input::Desired(desired.clone()),
        orchestrate::Input::Result(Some(Box::new(result))),
        orchestrate::Input::Written,
    ] {
        let (state, next) = orchestrate::step(&name, &situation, machine, input);
        (machine, effect) = (state, Some(next));
    }
    let Some(orchestrate::Effect::WriteRecord(settled)) = effect else { panic!("{effect:?}") };
    // The same where the result was lost, and only the closed claim tells.
    let lost = settle_abandoned(record, &open, Some(&claim), Timestamp::UNIX_EPOCH, node::patience());
    let newest = format!("s3://state/one/checkpoints/1/{}/chk-1", run(1));
    for record in [*settled, lost] {
        let entry = record.history.last().unwrap();
        let told = "its savepoint failed, so it went on from";
        assert!(entry.without_savepoint && entry.detail.contains(&format!("{told} {newest} (rows")), "{entry:?}");
        assert!(entry.detail.ends_with("may be written twice): declined"), "{entry:?}");
        let conditions = of_record(&record);
        let [told] = conditions.as_slice() else { panic!("{conditions:?}") };
        assert!(told.kind == AlertKind::OperationFailed && told.detail.starts_with("deployed, runs as "), "{told:?}");
        // The next one takes its savepoint.
        let (mut record, mut node) = (record, Node { stops_fail: false, ..node.clone() });
        (node.claim, node.result) = (None, None);
        let open = order(&mut record, &wanted(&or_a_checkpoint(requeried())), 4);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Deployed { savepoint: Some(_), .. }), "{outcome:?}");
        assert_eq!(of_record(&settle(record, &open, &outcome)), []);
    }
}
