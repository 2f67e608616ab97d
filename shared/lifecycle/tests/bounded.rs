//! Bounded jobs, and jobs of which no checkpoint was ever seen: what came to its end is not run again.
//! Must not know the shells: the machine and a node in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Record};
use lifecycle::flink::JobState;
use lifecycle::ids::{rollback_id, run_id};
use lifecycle::orchestrate::{Ruling, Situation, decide, settle_abandoned};
use lifecycle::owed::Cause;
use lifecycle::permission::Permission;
use node::{Node, deployed, first, id, order, patience, reconfigured, requeried, run, settle, situation, wanted};

/// A job whose sources are all bounded, deployed and running, with one checkpoint.
fn bounded() -> (Record, Node) {
    let (mut record, mut node) = deployed(&first());
    node.bounded = Some(true);
    for known in &mut record.deployed.as_mut().unwrap().runs {
        known.compiled.bounded = Some(true);
    }
    (record, node)
}

/// Its run is gone, as if the JobManager had forgotten it; the orchestrator looks.
fn forgotten(record: &mut Record, node: &mut Node) {
    node.runs.clear();
    node::unsettle(record);
}

#[test]
fn what_flink_told_at_compile_time_is_kept_with_the_run() {
    let mut record = Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries);
    let mut node = Node { bounded: Some(true), ..Node::default() };
    let open = order(&mut record, &wanted(&first()), 1);
    let outcome = node.run(&open.plan);
    let record = settle(record, &open, &outcome);
    assert_eq!(record.deployed.unwrap().runs[0].compiled.bounded, Some(true));
}

#[test]
fn a_bounded_job_that_was_forgotten_is_not_run_again() {
    for desired in [first(), reconfigured()] {
        let (mut record, mut node) = bounded();
        // Flink deletes the checkpoints of a job that comes to its end.
        node.disk.clear();
        forgotten(&mut record, &mut node);
        let open = order(&mut record, &wanted(&desired), 2);
        let outcome = node.run(&open.plan);
        assert_eq!(outcome.refusal(), Some(&Refusal::MayBeComplete { job_id: run(1) }));
        assert_eq!(node.live(), []);
        let record = settle(record, &open, &outcome);
        let owed = record.owed.debts().find(|(_, debt)| debt.cause == Cause::MayBeComplete);
        assert!(owed.is_some(), "{:?}", record.owed);
        let told = lifecycle::alert_conditions::of_record(&record);
        assert!(
            told.iter().any(|condition| condition.kind == lifecycle::alert_conditions::AlertKind::CleanStartNeeded),
            "{told:?}"
        );
    }
}

#[test]
fn it_is_started_again_where_that_is_allowed() {
    let (mut record, mut node) = bounded();
    node.disk.clear();
    forgotten(&mut record, &mut node);
    node::allow(&mut record, Permission::CleanStart, None, None);
    let open = order(&mut record, &wanted(&first()), 2);
    assert!(matches!(node.run(&open.plan), Outcome::Deployed { .. }));
}

#[test]
fn one_that_left_a_checkpoint_goes_on_from_it() {
    let (mut record, mut node) = bounded();
    forgotten(&mut record, &mut node);
    let open = order(&mut record, &wanted(&first()), 2);
    let Outcome::Deployed { run, .. } = node.run(&open.plan) else { panic!("not deployed") };
    assert!(run.restored_from.unwrap().ends_with("chk-1"));
}

/// The state that it was started from says nothing: a run that came to its end leaves it lying there.
#[test]
fn the_state_before_its_run_does_not_count() {
    let (record, mut node) = bounded();
    let mut record = record;
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    assert!(record.deployed.as_ref().unwrap().restore_point.is_some());
    forgotten(&mut record, &mut node);
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    let job_id = run_id(id(2));
    assert_eq!(node.run(&open.plan).refusal(), Some(&Refusal::MayBeComplete { job_id }));
}

#[test]
fn one_that_ends_between_look_and_stop_is_complete() {
    let (mut record, mut node) = bounded();
    node.ends_before_stop = true;
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Left { why: Why::IsComplete, .. }), "{outcome:?}");
    assert_eq!((node.live(), node.submitted.len()), (vec![], 1));
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.unwrap();
    assert_eq!((deployed.aim, deployed.target), (Aim::Complete, reconfigured()), "the configuration is recorded");
}

#[test]
fn a_failed_query_does_not_bring_back_what_was_complete() {
    for forgets in [false, true] {
        let (mut record, mut node) = bounded();
        node.end(run(1), JobState::Finished);
        node.disk.clear();
        if forgets {
            node.runs.clear();
        } else {
            record.deployed.as_mut().unwrap().aim = Aim::Complete;
        }
        node.doomed = Some(requeried().digest());
        let open = order(&mut record, &wanted(&requeried()), 2);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
        assert!(node.submitted.iter().all(|(id, _)| *id != rollback_id(open.plan.operation)));
        let record = settle(record, &open, &outcome);
        assert_eq!(record.owed.keep_running.is_some(), forgets, "only what may not be complete is brought back");
    }
}

/// The window of a start is shorter than many an interval of checkpoints.
#[test]
fn a_checkpoint_that_a_look_saw_forbids_a_clean_start() {
    let (mut record, mut node) = deployed(&first());
    assert!(!record.deployed.as_ref().unwrap().checkpointed, "none came in its window");
    // Nothing changed, and the look of that operation saw one.
    node.checkpointed = true;
    node::unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    let mut record = settle(record, &open, &outcome);
    assert!(record.deployed.as_ref().unwrap().checkpointed);
    // All state is gone, and so is the job.
    node.disk.clear();
    node.checkpointed = false;
    forgotten(&mut record, &mut node);
    let open = order(&mut record, &wanted(&first()), 3);
    let outcome = node.run(&open.plan);
    assert_eq!(outcome.refusal(), Some(&Refusal::NoState));
}

/// Also where the same operation saw it before it ended the run, and died in between.
#[test]
fn what_was_seen_before_the_run_was_ended_is_not_forgotten() {
    for effects in 0..20 {
        let (mut record, mut node) = deployed(&first());
        node.end(run(1), JobState::Restarting);
        node.checkpointed = true;
        node.disk.clear();
        (node.claim, node.result) = (None, None);
        let open = order(&mut record, &wanted(&reconfigured()), 2);
        let died = node.go_on(&open.plan, effects).is_none();
        node.checkpointed = !node.live().is_empty();
        if died {
            node.go_on(&open.plan, usize::MAX);
        }
        let told = || node.claim.as_ref().and_then(|claim| claim.outcome.clone());
        let outcome = node.result.clone().or_else(told).unwrap();
        assert!(matches!(outcome, Outcome::Failed { .. }), "after {effects} effects: {outcome:?}");
        assert_eq!(node.submitted.len(), 1, "after {effects} effects");
    }
}

/// A first deployment of a bounded job whose runner died as it was submitted, and whose JobManager was replaced.
fn first_start_unseen() -> (Record, lifecycle::documents::record::OpenOperation, Node) {
    let mut record = Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries);
    let mut node = Node { bounded: Some(true), ..Node::default() };
    let open = order(&mut record, &wanted(&first()), 1);
    node.dies_after_submitting(&open.plan);
    (record, open, node)
}

/// Whatever is tried at any later time: nothing is ordered.
fn waits(record: &Record, desired: &desired::target::Target) -> bool {
    let now = jiff::Timestamp::from_second(1_000_000).unwrap();
    matches!(decide(record, &wanted(desired), &Situation { now, urgent: true, ..situation(9) }), Ruling::Nothing { .. })
}

#[test]
fn a_start_whose_end_nobody_saw_is_not_submitted_again() {
    let (record, open, mut node) = first_start_unseen();
    node.go_on(&open.plan, usize::MAX);
    let outcome = node.result.clone().unwrap();
    assert!(matches!(outcome, Outcome::Failed { cause: Cause::MayBeComplete, .. }), "{outcome:?}");
    assert_eq!(node.submitted.len(), 1);
    let mut record = settle(record, &open, &outcome);
    let told = lifecycle::alert_conditions::of_record(&record);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, lifecycle::alert_conditions::AlertKind::CleanStartNeeded);
    assert!(waits(&record, &first()));

    // Asking for another try is not allowing it, neither with another configuration.
    record.owed.retry(jiff::Timestamp::UNIX_EPOCH);
    assert!(waits(&record, &reconfigured()));
    let open = order(&mut record, &wanted(&first()), 2);
    let refused = node.run(&open.plan);
    assert_eq!(refused.refusal(), Some(&Refusal::MayBeComplete { job_id: run(1) }));
    let mut record = settle(record, &open, &refused);
    assert!(waits(&record, &first()));

    node::allow(&mut record, Permission::CleanStart, None, None);
    record.owed.retry(jiff::Timestamp::UNIX_EPOCH);
    let open = order(&mut record, &wanted(&first()), 3);
    assert!(matches!(node.run(&open.plan), Outcome::Deployed { .. }));
}

/// Under the JobManager that it was given to, an unknown run never came there.
#[test]
fn a_start_that_never_came_is_submitted_again() {
    let (_, open, mut node) = first_start_unseen();
    node.epoch = None;
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::Deployed { .. })), "{:?}", node.result);
    assert_eq!(node.submitted, [(run(1), None), (run(1), None)]);
}

/// A JobManager forgets an ended run after an hour: silence about an old one says nothing.
#[test]
fn a_start_of_long_ago_may_have_been_forgotten() {
    let (_, open, mut node) = first_start_unseen();
    (node.epoch, node.now) = (None, jiff::Timestamp::from_second(3_600).unwrap());
    node.go_on(&open.plan, usize::MAX);
    assert!(matches!(node.result, Some(Outcome::Failed { cause: Cause::MayBeComplete, .. })), "{:?}", node.result);
    assert_eq!(node.submitted.len(), 1);

    let (record, open, mut node) = first_start_unseen();
    let claim = node.claim.take();
    let mut record = settle_abandoned(record, &open, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
    (node.epoch, node.now) = (None, jiff::Timestamp::from_second(3_600).unwrap());
    let open = order(&mut record, &wanted(&first()), 2);
    assert_eq!(node.run(&open.plan).refusal(), Some(&Refusal::MayBeComplete { job_id: run(1) }));
}

/// What an operation without a result left of the very target is its beginning, whether bounded or not.
#[test]
fn a_clean_start_that_was_left_goes_on_from_its_checkpoint() {
    for desired in [first(), requeried()] {
        let (mut record, mut node) =
            (Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries), Node::default());
        let open = order(&mut record, &wanted(&desired), 1);
        node.bounded = Some(false);
        let dies = |node: &mut Node| {
            node.dies_after_submitting(&open.plan);
            let directory = &open.plan.next.as_ref().unwrap().properties["execution.checkpointing.dir"];
            let path = format!("{directory}/{}/chk-7", run(1));
            node.disk.push(lifecycle::state::StateRef { path: path.clone(), checkpoint_id: 7 });
            path
        };
        let path = dies(&mut node);
        let claim = node.claim.take();
        let mut record = settle_abandoned(record, &open, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
        let open = order(&mut record, &wanted(&desired), 2);
        let Outcome::Deployed { run: started, .. } = node.run(&open.plan) else { panic!("{:?}", node.result) };
        assert_eq!(started.restored_from, Some(path));
    }
}

/// That the run before was stopped for it says nothing of the new query's own run.
#[test]
fn a_changed_query_that_was_left_goes_on_from_its_checkpoint() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 2);
    node.submits(&open.plan);
    node.checkpoint(run(2));
    let newest = node.disk.last().map(|state| state.path.clone());
    node.end(run(2), JobState::Failed);
    let claim = node.claim.take();
    let mut record = settle_abandoned(record, &open, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
    let open = order(&mut record, &wanted(&requeried()), 3);
    let Outcome::Deployed { run: started, .. } = node.run(&open.plan) else { panic!("{:?}", node.result) };
    assert_eq!(started.restored_from, newest);
}

/// A look after an operation without a result starts nothing that was seen at its end, forgotten or not.
#[test]
fn what_was_seen_complete_stays_so() {
    for bounded in [None, Some(true)] {
        let (mut record, mut node) = deployed(&first());
        node.bounded = bounded;
        record.deployed.as_mut().unwrap().aim = Aim::Complete;
        let orphan = order(&mut record, &wanted(&requeried()), 2);
        node.dies_after_submitting(&orphan.plan);
        node.disk.clear();
        let claim = node.claim.take();
        let mut record = settle_abandoned(record, &orphan, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
        let before = node.submitted.len();
        let open = order(&mut record, &wanted(&first()), 3);
        assert!(open.plan.is_restart());
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Left { why: Why::IsComplete, .. }), "{outcome:?}");
        assert_eq!((node.live(), node.submitted.len()), (vec![], before));
        let record = settle(record, &open, &outcome);
        assert_eq!((record.deployed.as_ref().unwrap().aim, record.owed.keep_running), (Aim::Complete, None));
    }
}

/// Its old run was stopped for it: neither comes back before somebody says so.
#[test]
fn what_it_replaced_does_not_come_back_either() {
    for desired in [reconfigured(), requeried()] {
        let (mut record, mut node) = bounded();
        let open = order(&mut record, &wanted(&desired), 2);
        node.dies_after_submitting(&open.plan);
        node.go_on(&open.plan, usize::MAX);
        let outcome = node.result.clone().unwrap();
        assert!(matches!(outcome, Outcome::Failed { cause: Cause::MayBeComplete, .. }), "{outcome:?}");
        let mut record = settle(record, &open, &outcome);
        assert!(record.is_down());
        assert!(waits(&record, &desired));
        node::allow(&mut record, Permission::CleanStart, None, None);
        record.owed.retry(jiff::Timestamp::UNIX_EPOCH);
        let open = order(&mut record, &wanted(&desired), 3);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    }
}

/// The runner ended for good before anybody could tell: the next operation knows of the run.
#[test]
fn a_run_that_was_left_behind_may_be_complete() {
    let unseen = |of_that_epoch: bool, ended: bool| {
        let (record, open, mut node) = first_start_unseen();
        let claim = node.claim.take();
        let mut record = settle_abandoned(record, &open, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
        if of_that_epoch {
            node.epoch = None;
        }
        if ended {
            let launch = open.plan.next.as_ref().unwrap();
            node.submit(launch, run(1), None);
            node.submitted.pop();
            node.end(run(1), JobState::Finished);
        }
        let open = order(&mut record, &wanted(&first()), 2);
        (node.run(&open.plan), node.submitted.len())
    };
    let (outcome, submitted) = unseen(false, false);
    assert_eq!((outcome.refusal(), submitted), (Some(&Refusal::MayBeComplete { job_id: run(1) }), 1));
    let (outcome, submitted) = unseen(true, false);
    assert!(matches!(outcome, Outcome::Deployed { .. }), "it never came there: {outcome:?}");
    assert_eq!(submitted, 2);
    let (outcome, submitted) = unseen(true, true);
    assert!(matches!(&outcome, Outcome::Completed { run: done } if done.job_id == run(1)), "{outcome:?}");
    assert_eq!(submitted, 1);
}

/// A first start that was repeated under its own id, from the checkpoint that it left under the JobManager before. What it
/// was restored from stays on the disk also where it comes to its end, and its later checkpoints do not.
fn repeated_start() -> (Record, lifecycle::documents::record::OpenOperation, Node) {
    let mut record = Record::fresh(node::name(), id(0), lifecycle::documents::record::Source::Queries);
    let mut node = Node { bounded: Some(true), ..Node::default() };
    let open = order(&mut record, &wanted(&first()), 1);
    node.submits(&open.plan);
    node.checkpoint(run(1));
    node.is_replaced();
    node.submits_again(&open.plan);
    let restored = node.submitted[1].1.as_deref();
    assert!(restored.is_some_and(|path| path.ends_with("chk-1")), "{restored:?}");
    (record, open, node)
}

/// The JobManager of a repeated start is replaced as well; `newer` if a checkpoint says that the run was on its way.
fn is_replaced(node: &mut Node, newer: bool) {
    if newer {
        node.checkpoint(run(1));
    }
    node.is_replaced();
}

fn restored_last(node: &Node) -> Option<&str> {
    node.submitted.get(2).and_then(|(_, restored)| restored.as_deref())
}

#[test]
fn a_start_is_not_repeated_a_second_time_from_the_same_checkpoint() {
    for newer in [false, true] {
        let (_, open, mut node) = repeated_start();
        is_replaced(&mut node, newer);
        node.go_on(&open.plan, usize::MAX);
        if newer {
            assert!(restored_last(&node).unwrap().ends_with("chk-2"), "{:?}", node.submitted);
            continue;
        }
        assert!(matches!(node.result, Some(Outcome::Failed { cause: Cause::MayBeComplete, .. })), "{:?}", node.result);
        assert_eq!(node.submitted.len(), 2);
    }
}

/// What the next operation makes of a repeated start that is gone.
fn goes_on_only_from_a_newer_checkpoint(record: &mut Record, node: &mut Node, newer: bool) {
    let open = order(record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    if newer {
        assert!(restored_last(node).unwrap().ends_with("chk-2"), "{:?}", node.submitted);
        return;
    }
    assert_eq!(outcome.refusal(), Some(&Refusal::MayBeComplete { job_id: run(1) }));
    assert_eq!(node.submitted.len(), 2);
}

#[test]
fn what_a_repeated_start_was_restored_from_does_not_count_once_it_is_deployed() {
    for newer in [false, true] {
        let (record, open, mut node) = repeated_start();
        node.go_on(&open.plan, usize::MAX);
        let outcome = node.result.clone().unwrap();
        assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
        let mut record = settle(record, &open, &outcome);
        is_replaced(&mut node, newer);
        forgotten(&mut record, &mut node);
        goes_on_only_from_a_newer_checkpoint(&mut record, &mut node, newer);
    }
}

#[test]
fn what_a_repeated_start_was_restored_from_does_not_count_once_it_is_left_behind() {
    for newer in [false, true] {
        let (record, open, mut node) = repeated_start();
        is_replaced(&mut node, newer);
        let claim = node.claim.take();
        let mut record = settle_abandoned(record, &open, claim.as_ref(), jiff::Timestamp::UNIX_EPOCH, patience());
        goes_on_only_from_a_newer_checkpoint(&mut record, &mut node, newer);
    }
}

/// A rollback brings back what was stopped for it, not what ended by itself: before it was looked at, or before its stop.
#[test]
fn a_failed_query_does_not_bring_back_what_was_seen_at_its_end() {
    for (before_stop, bounded) in [(true, Some(true)), (true, None), (false, None)] {
        let (mut record, mut node) = deployed(&first());
        node.bounded = bounded;
        node.ends_before_stop = before_stop;
        if !before_stop {
            node.end(run(1), JobState::Finished);
        }
        node.doomed = Some(requeried().digest());
        let open = order(&mut record, &wanted(&requeried()), 2);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Failed { .. }), "{before_stop}, {bounded:?}: {outcome:?}");
        assert!(node.submitted.iter().all(|(id, _)| *id != rollback_id(open.plan.operation)));
    }
}
