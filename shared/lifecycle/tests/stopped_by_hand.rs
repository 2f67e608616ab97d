//! Somebody stops a run with a savepoint while the operation that started it is under way: nothing older is restored.
//! Must not know I/O: the node is one in memory.

mod node;

use jiff::Timestamp;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::record::{Record, Source};
use lifecycle::flink::JobState;
use lifecycle::ids::rollback_id;
use lifecycle::orchestrate::settle_abandoned;
use lifecycle::state::StateRef;
use node::{Node, deployed, first, id, name, order, patience, reconfigured, run, wanted};

/// A savepoint that is named by the run of operation `n`, where people put it.
fn by_hand(node: &mut Node, n: u8) -> String {
    let path = format!("s3://state/one/savepoints/1/savepoint-{}-{:012x}", run(n).in_savepoint_names(), 9);
    node.disk.push(StateRef { path: path.clone(), checkpoint_id: 9 });
    path
}

#[test]
fn a_start_of_unknown_outcome_goes_on_from_it() {
    let (mut record, mut node) = (Record::fresh(name(), id(0), Source::Queries), Node::default());
    let open = order(&mut record, &wanted(&first()), 1);
    node.dies_after_submitting(&open.plan);
    let savepoint = by_hand(&mut node, 1);
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::Deployed { .. })), "{:?}", node.result);
    assert_eq!(node.submitted.last(), Some(&(run(1), Some(savepoint))));
}

/// Flink deletes the checkpoints of a bounded run that came to its end; its savepoints stay, and tell nothing.
#[test]
fn a_savepoint_does_not_tell_that_a_bounded_start_goes_on() {
    let (mut record, mut node) =
        (Record::fresh(name(), id(0), Source::Queries), Node { bounded: Some(true), ..Node::default() });
    let open = order(&mut record, &wanted(&first()), 1);
    node.dies_after_submitting(&open.plan);
    by_hand(&mut node, 1);
    node.now = Timestamp::from_second(3_600).unwrap();
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::Failed { .. })), "{:?}", node.result);
    assert_eq!(node.submitted.len(), 1);
}

#[test]
fn a_rollback_of_a_configuration_goes_on_from_it() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.submits(&open.plan);
    let savepoint = by_hand(&mut node, 2);
    node.end(run(2), JobState::Finished);
    node.runs.get_mut(&run(2)).unwrap().stopped = Some(savepoint.clone());
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::RolledBack { .. })), "{:?}", node.result);
    assert_eq!(node.submitted.last(), Some(&(rollback_id(id(2)), Some(savepoint))));
}

/// As a suspension stops it, too: it does not run, and nothing is wrong with its target.
#[test]
fn a_run_that_was_left_and_then_stopped_is_gone_on_from() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.submits(&open.plan);
    let claim = node.claim.take();
    let mut record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
    node.stop(run(2), "s3://state/one/savepoints/1");
    let savepoint = node.runs[&run(2)].stopped.clone();
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    assert_eq!(node.submitted.last(), Some(&(run(3), savepoint)));
}
