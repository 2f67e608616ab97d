//! A run of another query that an operation without a result left, beside a deployed one that is over: each has its own end.
//! Must not know the shells: the machine and a node in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Record};
use lifecycle::flink::JobState;
use lifecycle::ids::rollback_id;
use lifecycle::orchestrate::settle_abandoned;
use node::{Node, deployed, first, order, patience, reconfigured, requeried, run, settle, target, wanted};

/// A deployed run beside which an operation without a result left a run of another query; both are there.
fn beside_a_run_that_was_left(bounded: Option<bool>) -> (Record, Node) {
    let (mut record, mut node) = deployed(&first());
    for known in &mut record.deployed.as_mut().unwrap().runs {
        known.compiled.bounded = bounded;
    }
    let left = order(&mut record, &wanted(&requeried()), 2);
    let stopped = node.runs.remove(&run(1)).unwrap();
    node.submits(&left.plan);
    node.runs.insert(run(1), stopped);
    let claim = node.claim.take();
    (settle_abandoned(record, &left, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience()), node)
}

/// Its end was seen by the look that found another query's run: nothing is to be restored, and nothing failed.
#[test]
fn what_came_to_its_end_beside_a_run_that_was_left_is_complete() {
    for desired in [first(), reconfigured()] {
        for effects in 0..12 {
            let (mut record, mut node) = beside_a_run_that_was_left(None);
            node.end(run(1), JobState::Finished);
            node.disk.clear();
            let before = node.submitted.len();
            let open = order(&mut record, &wanted(&desired), 3);
            (node.claim, node.result) = (None, None);
            if node.go_on(&open.plan, effects).is_none() {
                node.go_on(&open.plan, usize::MAX);
            }
            let told = || node.claim.as_ref().and_then(|claim| claim.outcome.clone());
            let outcome = node.result.clone().or_else(told).unwrap();
            assert!(matches!(outcome, Outcome::Left { why: Why::IsComplete, run: Some(done), .. } if done == run(1)));
            assert_eq!((node.live(), node.submitted.len()), (vec![], before), "after {effects} effects");
            let record = settle(record, &open, &outcome);
            assert_eq!((record.deployed.as_ref().unwrap().aim, record.owed.keep_running), (Aim::Complete, None));
        }
    }
}

/// That the other query's run was ended says nothing of the deployed one: whether that came to its end is not known.
#[test]
fn the_end_of_a_run_that_was_left_is_not_the_end_of_what_is_deployed() {
    for doomed in [None, Some(target("SELECT c FROM t", 1, "one"))] {
        let (mut record, mut node) = beside_a_run_that_was_left(Some(true));
        // Started from a state that outlives it.
        let restored = node.disk[0].path.clone();
        let deployed = record.deployed.as_mut().unwrap();
        deployed.restore_point = Some(restored.clone());
        deployed.runs[0].restored_from = Some(restored);
        node.runs.remove(&run(1));
        let before = node.submitted.len();
        let desired = doomed.clone().unwrap_or_else(first);
        node.doomed = doomed.map(|target| target.digest());
        let open = order(&mut record, &wanted(&desired), 3);
        let outcome = node.run(&open.plan);
        let again = node.submitted[before..].iter().any(|(id, _)| *id == rollback_id(open.plan.operation));
        assert_eq!(node.live(), [], "{outcome:?}");
        if node.doomed.is_some() {
            assert!(matches!(outcome, Outcome::Failed { .. }) && !again, "{outcome:?}");
            continue;
        }
        assert_eq!(outcome.refusal(), Some(&Refusal::MayBeComplete { job_id: run(1) }));
        assert_eq!(node.submitted.len(), before);
        let record = settle(record, &open, &outcome);
        assert!(record.is_down(), "people are told");
    }
}

/// Somebody stopped the deployed run, with a savepoint somewhere, before another query's run was left.
#[test]
fn a_savepoint_beside_a_run_that_was_left_is_gone_on_from() {
    for effects in 0..12 {
        let (mut record, mut node) = beside_a_run_that_was_left(None);
        let savepoint = "s3://elsewhere/by-hand/savepoint-1".to_owned();
        node.disk.push(lifecycle::state::StateRef { path: savepoint.clone(), checkpoint_id: 9 });
        node.end(run(1), JobState::Finished);
        node.runs.get_mut(&run(1)).unwrap().stopped = Some(savepoint.clone());
        let open = order(&mut record, &wanted(&first()), 3);
        (node.claim, node.result) = (None, None);
        if node.go_on(&open.plan, effects).is_none() {
            node.go_on(&open.plan, usize::MAX);
        }
        assert_eq!(node.submitted.last(), Some(&(run(3), Some(savepoint))), "after {effects} effects");
    }
}
