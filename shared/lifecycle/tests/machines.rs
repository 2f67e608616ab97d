//! The runner's machine step by step: every straight path, the same path with a crash at every effect, and what the
//! model check found. Must not know the shells.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

mod node;

use desired::inputs::Desired;
use jiff::Timestamp;
use lifecycle::decision::Why;
use lifecycle::documents::claim::{Abandoned, Claim, StartNote, Verdict};
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{OpenOperation, Record, Source, Status};
use lifecycle::execute::End;
use lifecycle::flink::{Epoch, JobState};
use lifecycle::ids::rollback_id;
use lifecycle::orchestrate::settle_abandoned;
use lifecycle::owed::Cause;
use node::{
    Node, deployed, epoch, first, id, make_due, name, order, patience, reconfigured, requeried, run, settle, target,
    unsettle, wanted,
};

/// A way from an observation to an outcome.
struct Path {
    title: &'static str,
    open: OpenOperation,
    node: Node,
    word: &'static str,
    /// What the last submission restores: the end of its path.
    restores: Option<&'static str>,
}

fn paths() -> Vec<Path> {
    let new = || (Record::fresh(name(), id(0), Source::Queries), Node::default());
    let path = |title, (mut record, node): (Record, Node), desired: Desired, word, restores| {
        let open = order(&mut record, &desired, 2);
        Path { title, open, node, word, restores }
    };
    let with = |change: &dyn Fn(&mut Record, &mut Node)| {
        let (mut record, mut node) = deployed(&first());
        change(&mut record, &mut node);
        (record, node)
    };
    let gone = |record: &mut Record, node: &mut Node| {
        node.end(run(1), JobState::Failed);
        unsettle(record);
    };
    let savepoint = Some("savepoint-ca31ac-000000000002");
    vec![
        path("new", new(), wanted(&first()), "deployed", None),
        path("unchanged, running", with(&|record, _| unsettle(record)), wanted(&first()), "left", None),
        path("unchanged, gone", with(&gone), wanted(&first()), "deployed", Some("chk-1")),
        path("configuration, running", deployed(&first()), wanted(&reconfigured()), "deployed", savepoint),
        path(
            "configuration, sick",
            with(&|_, node| node.end(run(1), JobState::Restarting)),
            wanted(&reconfigured()),
            "deployed",
            Some("chk-1"),
        ),
        path("configuration, gone", with(&gone), wanted(&reconfigured()), "deployed", Some("chk-1")),
        path("query, running", deployed(&first()), wanted(&requeried()), "deployed", None),
        path("removed, running", deployed(&first()), Desired::Absent, "removed", None),
        path("removed, gone", with(&gone), Desired::Absent, "removed", None),
        path(
            "configuration fails",
            with(&|_, node| node.doomed = Some(reconfigured().digest())),
            wanted(&reconfigured()),
            "rolled-back",
            savepoint,
        ),
        path(
            "query fails",
            with(&|_, node| node.doomed = Some(requeried().digest())),
            wanted(&requeried()),
            "rolled-back",
            savepoint,
        ),
        path(
            "does not compile",
            with(&|_, node| node.uncompilable = Some(requeried().digest())),
            wanted(&requeried()),
            "refused",
            None,
        ),
        path(
            "a secret is missing",
            with(&|_, node| node.without_secret = Some(reconfigured().digest())),
            wanted(&reconfigured()),
            "refused",
            None,
        ),
    ]
}

fn word(outcome: &Outcome) -> String {
    serde_json::to_value(outcome).unwrap()["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn every_straight_path() {
    for Path { title, open, mut node, word: expected, restores } in paths() {
        let before = node.submitted.len();
        let outcome = node.run(&open.plan);
        assert_eq!(word(&outcome), expected, "{title}");
        let last = node.submitted[before..].last().and_then(|(_, restore)| restore.clone());
        assert_eq!(last.as_deref().and_then(|path| path.rsplit('/').next()), restores, "{title}");
        let live = usize::from(expected != "removed");
        assert_eq!(node.live().len(), live, "{title}");
    }
}

/// Wherever a runner dies, its successor comes to the same end.
#[test]
fn a_crash_at_any_effect_changes_nothing() {
    for Path { title, open, node, .. } in paths() {
        let mut whole = node.clone();
        let outcome = whole.run(&open.plan);
        for effects in 0..40 {
            let mut node = Node { claim: None, result: None, ..node.clone() };
            if node.go_on(&open.plan, effects).is_some() {
                break;
            }
            let end = node.go_on(&open.plan, usize::MAX);
            let claim = node.claim.clone().unwrap();
            assert_eq!(claim.outcome.as_ref(), Some(&outcome), "{title}, crash after {effects} effects");
            assert_eq!(node.live(), whole.live(), "{title}, crash after {effects} effects");
            assert_eq!(node.disk, whole.disk, "{title}, crash after {effects} effects");
            // Died between the closing and the result: nobody takes it over, the claim tells the outcome.
            assert!(
                end == Some(End::Finished) || (end == Some(End::NotOurs) && claim.closed),
                "{title}, {effects}: {end:?}"
            );
        }
    }
}

/// Found by the model: a runner that had lost the claim wrote its own result over that of its successor, and a batch
/// delivered again acted once more on an operation whose result was settled already.
#[test]
fn a_claim_is_closed_with_its_outcome_before_the_result_is_written() {
    for Path { title, open, node, .. } in paths() {
        let told = |effects: usize| {
            let mut node = Node { claim: None, result: None, ..node.clone() };
            node.go_on(&open.plan, effects);
            node.result.is_some().then_some(node)
        };
        let mut node = (1..40).find_map(told).unwrap();
        let claim = node.claim.clone().unwrap();
        assert!(claim.closed && claim.outcome == node.result, "{title}");
        assert_eq!(node.go_on(&open.plan, usize::MAX), Some(End::NotOurs), "{title}: delivered again");
    }
}

fn abandoned(record: Record, open: &OpenOperation, claim: Option<&Claim>) -> Record {
    settle_abandoned(record, open, claim, Timestamp::UNIX_EPOCH, patience())
}

#[test]
fn a_closed_claim_with_an_outcome_is_as_good_as_a_result() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let outcome = node.run(&open.plan);
    let claim = node.claim.clone().unwrap();
    assert_eq!(claim.outcome_without_result(), Abandoned::Known(outcome.clone()));
    assert_eq!(abandoned(record.clone(), &open, Some(&claim)), settle(record, &open, &outcome));
}

/// An abandoned operation whose run, restored from `restore`, may live: the record and its node.
fn left_behind(to: &desired::target::Target) -> (Record, Node, String) {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(to), 2);
    // Claim, look, compile, reserve, note, stop, note, note, submit.
    assert_eq!(node_after(&mut node, &open, 9), None);
    let claim = Claim { closed: true, ..node.claim.clone().unwrap() };
    let restore = claim.notes.start.clone().unwrap().restore.unwrap();
    (abandoned(record, &open, Some(&claim)), node, restore)
}

fn node_after(node: &mut Node, open: &OpenOperation, effects: usize) -> Option<End> {
    node.claim = None;
    node.go_on(&open.plan, effects)
}

/// Found beside the model: the restore point of a run that is taken over was forgotten, so that it could be started
/// clean after its end.
#[test]
fn a_run_that_is_taken_over_keeps_its_restore_point() {
    let (mut record, mut node, restore) = left_behind(&reconfigured());
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    let outcome = node.run(&open.plan);
    assert_eq!(node.live(), [run(2)], "taken over, not started again");
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.restore_point.as_ref(), deployed.checkpointed), (Some(&restore), true));
}

/// Found by the model: states of an abandoned or failed run under a changed directory were not found any more.
#[test]
fn the_states_of_a_run_are_searched_under_the_directories_it_was_started_with() {
    let moved = target("SELECT a FROM t", 1, "two");
    let (mut record, mut node, _) = left_behind(&moved);
    node.checkpoint(run(2));
    node.end(run(2), JobState::Failed);
    let open = order(&mut record, &wanted(&first()), 3);
    node.run(&open.plan);
    let newest = format!("s3://state/two/checkpoints/1/{}/chk-3", run(2));
    assert_eq!(node.submitted.last().unwrap().1.as_deref(), Some(newest.as_str()));
}

/// Found by the model: a removal forgot the newest states, those of an operation without a result.
#[test]
fn a_removal_keeps_the_states_of_operations_without_a_result() {
    let (mut record, mut node, _) = left_behind(&reconfigured());
    node.checkpoint(run(2));
    node.end(run(2), JobState::Restarting);
    let removal = order(&mut record, &Desired::Absent, 3);
    let outcome = node.run(&removal.plan);
    assert_eq!((word(&outcome).as_str(), node.live().len()), ("removed", 0));
    let mut record = settle(record, &removal, &outcome);
    let back = order(&mut record, &wanted(&first()), 4);
    node.run(&back.plan);
    assert_eq!(node.submitted.last().unwrap().1.as_deref().unwrap().rsplit('/').next(), Some("chk-3"));
}

/// A savepoint that somebody else's stop left is a candidate, not the answer: a later run may have gone on from it.
#[test]
fn a_savepoint_left_by_another_stop_does_not_hide_newer_states() {
    let (mut record, mut node, _) = left_behind(&reconfigured());
    node.checkpoint(run(2));
    node.end(run(2), JobState::Failed);
    assert!(node.runs[&run(1)].stopped.is_some());
    let open = order(&mut record, &wanted(&first()), 3);
    node.run(&open.plan);
    assert_eq!(node.submitted.last().unwrap().1.as_deref().unwrap().rsplit('/').next(), Some("chk-3"));
}

#[test]
fn a_verdict_to_roll_back_is_obeyed_by_a_successor() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.stop(run(1), open.plan.stop_directory().unwrap());
    let restore = node.runs[&run(1)].stopped.clone();
    node.submit(open.plan.next.as_ref().unwrap(), run(2), restore.clone());
    let mut claim = Claim::fresh(id(2), id(9), 1_000);
    claim.notes.start = Some(StartNote {
        job_id: run(2),
        restore,
        epoch: None,
        compiled: lifecycle::documents::outcome::Compiled::default(),
    });
    claim.verdict = Some(Verdict::RollBack { reason: "it restarts".to_owned(), cause: Cause::DoesNotRun });
    node.claim = Some(claim);
    node.go_on(&open.plan, usize::MAX);
    assert_eq!(node.live(), [rollback_id(id(2))], "although the new run was healthy by now");
}

#[test]
fn a_run_that_is_left_alone_stays_the_deployed_one() {
    let (mut record, mut node) = deployed(&first());
    unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    assert_eq!(
        outcome,
        Outcome::Left {
            why: Why::RunsAsDeployed,
            run: Some(run(1)),
            epoch: Some(epoch()),
            checkpointed: false,
            newest: None,
            savepoint: None
        }
    );
    assert_eq!(settle(record, &open, &outcome).expected_run(), Some(run(1)));
}

/// A run that was given to a JobManager that cannot be asked may live: nothing is started, and nothing held against
/// the target, until that one is proven over.
#[test]
fn a_run_that_may_live_elsewhere_is_not_replaced() {
    for desired in [wanted(&first()), wanted(&reconfigured()), wanted(&requeried()), Desired::Absent] {
        let (mut record, mut node) = deployed(&first());
        unsettle(&mut record);
        let lost = std::mem::take(&mut node.runs);
        node.unproven = vec![(run(1), Epoch::Yarn { application: "application_1_0".to_owned(), attempt: 1 })];
        for n in 2..7 {
            let open = order(&mut record, &desired, n);
            let outcome = node.run(&open.plan);
            assert!(matches!(&outcome, Outcome::Refused { refusal: Refusal::EndNotProven { .. }, .. }), "{outcome:?}");
            assert!(node.runs.is_empty());
            record = settle(record, &open, &outcome);
            assert!(record.owed.debts().all(|(_, debt)| debt.next.is_some()), "it is looked for again, however often");
            make_due(&mut record);
            unsettle(&mut record);
        }
        node.unproven.clear();
        let open = order(&mut record, &desired, 9);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Deployed { .. } | Outcome::Removed { .. }), "{outcome:?}");
        drop(lost);
    }
}

/// What an operation began is not begun again elsewhere, nor given up, while it may live.
#[test]
fn a_start_that_may_live_elsewhere_stays_open() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let mut claim = Claim::fresh(id(2), id(9), 1_000);
    claim.notes.start = Some(StartNote {
        job_id: run(2),
        restore: None,
        epoch: Some(epoch()),
        compiled: lifecycle::documents::outcome::Compiled::default(),
    });
    node.claim = Some(claim);
    node.runs.clear();
    node.unproven = vec![(run(2), epoch())];
    assert_eq!(node.go_on(&open.plan, usize::MAX), Some(End::Unknown));
    assert!(!node.claim.as_ref().unwrap().closed && node.runs.is_empty());
    node.unproven.clear();
    assert_eq!(node.go_on(&open.plan, usize::MAX), Some(End::Finished));
    assert_eq!(node.live(), [run(2)]);
}

#[test]
fn without_a_cluster_nothing_is_begun_and_nothing_given_up() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.no_cluster = Some("there are two".to_owned());
    let outcome = node.run(&open.plan);
    assert_eq!(outcome.refusal(), Some(&Refusal::NoCluster { message: "there are two".to_owned() }));
    let record = settle(record, &open, &outcome);
    let owed = record.owed.apply.unwrap().debt;
    assert_eq!((owed.cause, owed.next.is_some()), (Cause::NoCluster, true));

    let mut claim = Claim::fresh(id(2), id(9), 1_000);
    claim.notes.cancel = Some(run(1));
    node.claim = Some(claim);
    assert_eq!(node.go_on(&open.plan, usize::MAX), Some(End::Unknown), "what was begun goes on later");
}

/// A parameter that is not there yet: the old run goes on, and it is tried again.
#[test]
fn a_missing_secret_touches_nothing_and_is_tried_again() {
    let (mut record, mut node) = deployed(&first());
    let before = node.clone();
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    node.without_secret = Some(reconfigured().digest());
    let outcome = node.run(&open.plan);
    let said = "${ssm:/x} cannot be read".to_owned();
    assert_eq!(outcome.refusal(), Some(&Refusal::NoSecret { message: said.clone() }));
    assert_eq!((&node.runs, &node.disk), (&before.runs, &before.disk));
    let record = settle(record, &open, &outcome);
    assert_eq!(record.status(), Some(Status::Running));
    let owed = record.owed.apply.unwrap().debt;
    assert_eq!((owed.attempts, owed.next.is_some(), &owed.error), (1, true, &said));
}

/// A run of the deployed version that an operation without a result left goes on from its own newest state.
#[test]
fn a_healthy_run_that_was_left_is_stopped_with_a_savepoint() {
    let (mut record, mut node) = deployed(&first());
    (node.claim, node.result) = (None, None);
    let open = order(&mut record, &wanted(&reconfigured()), 2);
    let before = node.submitted.len();
    for effects in 0.. {
        (node.claim, node.result) = (None, None);
        node.go_on(&open.plan, effects);
        if node.submitted.len() > before {
            break;
        }
    }
    let claim = node.claim.take();
    let mut record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
    node.result = None;
    // Meanwhile what is deployed is to be brought back: the run that was left ends with a savepoint, which it starts from.
    record.owed.apply = None;
    let restart = order(&mut record, &wanted(&first()), 3);
    let Outcome::Deployed { run: back, .. } = node.run(&restart.plan) else { panic!("{:?}", node.result) };
    assert!(node.runs[&run(2)].stopped.is_some(), "{:?}", node.runs);
    assert_eq!(back.restored_from, node.runs[&run(2)].stopped);
}

/// After an operation without a result nobody knows before the next look whether the job runs.
#[test]
fn what_an_operation_without_a_result_left_is_unknown() {
    let (mut record, _) = deployed(&first());
    unsettle(&mut record);
    assert_eq!((record.status(), record.is_down()), (Some(Status::Unknown), false));
    let _ = order(&mut record, &wanted(&first()), 2);
    assert_eq!((record.status(), record.is_down()), (Some(Status::Unknown), false), "while it is looked at");
}
