//! What stays owed to a job, whatever happens to it: step by step through both machines.
//! Must not know the shells.

mod node;

use desired::inputs::Desired;
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::alert_conditions::{AlertKind, of_record};
use lifecycle::decision::Why;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Record, Source, Status};
use lifecycle::flink::JobState;
use lifecycle::orchestrate::{self, Effect, Learned, Lost, Ruling, Situation, decide, settle_abandoned};
use lifecycle::owed::{Cause, Circumstances, Owed};
use node::{
    deployed, first, id, make_due, name, order, patience, reconfigured, requeried, run, settle, situation, unsettle,
    wanted,
};

/// A rollback costs a healthy job a stop each time: a target that failed is not tried again by itself, whatever happens
/// to the deployed manifest meanwhile.
#[test]
fn a_restart_does_not_forgive_the_target_that_failed() {
    let (mut record, mut node) = deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 2);
    let failed = Outcome::Failed {
        reason: "both failed".to_owned(),
        cause: Cause::DoesNotRun,
        savepoint: None,
        runs: Vec::new(),
    };
    record = settle(record, &open, &failed);
    assert_eq!(record.status(), Some(Status::NotRunning));
    node.end(record.deployed.as_ref().unwrap().run().unwrap(), JobState::Failed);
    make_due(&mut record);
    let restart = order(&mut record, &wanted(&requeried()), 3);
    assert!(restart.plan.is_restart(), "the deployed manifest is kept running");
    let outcome = node.run(&restart.plan);
    record = settle(record, &restart, &outcome);
    assert_eq!(record.status(), Some(Status::Running));
    let asked = |record: &Record, target: &Target, situation: Situation| decide(record, &wanted(target), &situation);
    let nothing = |ruling: Ruling| matches!(ruling, Ruling::Nothing { .. });
    assert!(nothing(asked(&record, &requeried(), situation(4))));
    assert!(nothing(asked(&record, &requeried(), Situation { urgent: true, ..situation(4) })), "a redeploy");
    let mut described = requeried();
    described.manifest.description = "another".to_owned();
    assert!(nothing(asked(&record, &described, situation(4))), "another description is no other target");
    assert!(!nothing(asked(&record, &reconfigured(), situation(4))), "another target is tried");
    record.owed.retry(Timestamp::UNIX_EPOCH);
    assert!(!nothing(asked(&record, &requeried(), situation(4))), "an operator asked");
}

/// What is deployed is never given up, however often bringing it back fails and whatever it lacks.
#[test]
fn keeping_a_job_running_is_never_given_up() {
    let refusals = [
        Refusal::NoCluster { message: "none".to_owned() },
        Refusal::NoCapacity { needed: 1, free: 0 },
        Refusal::NoSecret { message: "none".to_owned() },
        Refusal::NodeBroken { message: "no PyFlink".to_owned() },
        Refusal::NoState,
        Refusal::StaysInPassing,
    ];
    for refusal in refusals {
        let (mut record, _) = deployed(&first());
        unsettle(&mut record);
        for n in 2..40 {
            let restart = order(&mut record, &wanted(&first()), n);
            record = settle(record, &restart, &Outcome::refused(refusal.clone()));
            assert_eq!(record.status(), Some(Status::NotRunning), "{refusal:?}");
            let next = record.owed.keep_running.as_ref().unwrap().next.unwrap();
            assert!(next.as_second() <= 900, "{refusal:?}: the pause is a quarter of an hour at most");
            assert!(matches!(decide(&record, &wanted(&first()), &situation(99)), Ruling::Nothing { .. }), "it waits");
            make_due(&mut record);
        }
        assert!(serde_json::to_vec(&record).unwrap().len() < 65_536);
        let removal = order(&mut record, &Desired::Absent, 41);
        assert!(removal.plan.next.is_none(), "a removal is done although a restart waits");
    }
}

/// Flink restarts it: it is told of until a look shows it healthy, and brought back once it is lost.
#[test]
fn a_job_that_flink_restarts_is_owed() {
    let (mut record, mut node) = deployed(&first());
    unsettle(&mut record);
    node.end(run(1), JobState::Restarting);
    let look = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&look.plan);
    let record = settle(record, &look, &outcome);
    let debt = record.owed.keep_running.clone().unwrap();
    assert_eq!((debt.cause, debt.next, record.is_down()), (Cause::NotStable, None, false));
    assert_eq!(of_record(&record).len(), 1, "one alert");
    let lost = Situation { lost: Some(Lost { job_id: run(1), revision: record.revision }), ..situation(3) };
    assert!(matches!(decide(&record, &wanted(&first()), &lost), Ruling::Operate(_)));
}

/// A restart that gets no slots is alive, and nothing of it runs: more slots, or its loss, bring it back.
#[test]
fn a_restart_that_waits_for_slots_is_down() {
    let (mut record, mut node) = deployed(&first());
    unsettle(&mut record);
    node.end(run(1), JobState::Failed);
    node.without_slots = true;
    let restart = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&restart.plan);
    let record = settle(record, &restart, &outcome);
    let debt = record.owed.keep_running.clone().unwrap();
    assert_eq!((debt.cause, debt.next), (Cause::NoCapacity { needed: 1, free: 1 }, None));
    assert!(record.is_down());
    let waits = |situation: Situation| matches!(decide(&record, &wanted(&first()), &situation), Ruling::Nothing { .. });
    assert!(waits(situation(3)), "Flink takes the slots by itself");
    let lost = Some(Lost { job_id: run(2), revision: record.revision });
    assert!(!waits(Situation { lost, ..situation(3) }), "it is lost");
    let free = |free| Some(Circumstances { epoch: node::epoch(), free: Some(free) });
    assert!(!waits(Situation { seen: free(2), ..situation(3) }), "there are slots now");

    // Looked at, it still waits for them.
    let mut record = record.clone();
    record.owed.keep_running.as_mut().unwrap().next = Some(Timestamp::UNIX_EPOCH);
    let look = order(&mut record, &wanted(&first()), 4);
    let outcome = node.run(&look.plan);
    assert!(matches!(outcome, Outcome::Left { why: Why::FlinkRestartsIt, .. }), "{outcome:?}");
    assert!(settle(record, &look, &outcome).is_down());
}

/// A job that was brought back unhealthy and recovered is brought back again when it is lost later.
#[test]
fn a_look_that_shows_the_job_healthy_pays_the_debt() {
    let (mut record, mut node) = deployed(&first());
    unsettle(&mut record);
    node.end(run(1), JobState::Failed);
    let restart = order(&mut record, &wanted(&first()), 2);
    let started = node.run(&restart.plan);
    let Outcome::Deployed { run, savepoint, checkpointed, .. } = started else { panic!("{started:?}") };
    let job_id = run.job_id;
    let unhealthy =
        Outcome::Deployed { run, savepoint, checkpointed, cause: None, unhealthy: Some("it restarts".to_owned()) };
    let record = settle(record, &restart, &unhealthy);
    assert_eq!(of_record(&record).len(), 1, "one alert");
    let lost = Situation { lost: Some(Lost { job_id, revision: record.revision }), ..situation(3) };
    assert!(matches!(decide(&record, &wanted(&first()), &lost), Ruling::Operate(_)), "lost while it was unhealthy");
    let learned = Some(Learned { job_id, healthy: true, checkpointed: true });
    let look = Situation { learned, ..situation(3) };
    let Effect::WriteRecord(paid) = written(&record, &wanted(&first()), &look) else { panic!("nothing was written") };
    assert_eq!(paid.owed, Owed::default());
    assert_eq!(of_record(&paid), []);
    let lost = Situation { lost: Some(Lost { job_id, revision: paid.revision }), ..situation(3) };
    assert!(matches!(decide(&paid, &wanted(&first()), &lost), Ruling::Operate(_)), "lost a month later");
}

/// The effect after everything was read.
fn written(record: &Record, desired: &Desired, situation: &Situation) -> Effect {
    let (state, _) = orchestrate::step(&name(), situation, orchestrate::State::new(), orchestrate::Input::Begin);
    let read = orchestrate::Input::Record(Some(Box::new(record.clone())));
    let (state, _) = orchestrate::step(&name(), situation, state, read);
    orchestrate::step(&name(), situation, state, orchestrate::Input::Desired(desired.clone())).1
}

/// A step that ends before a runner takes the operation leaves its debt, and one entry for as many as there are in a row.
#[test]
fn what_no_runner_took_leaves_no_version_one_entry_and_no_orphan() {
    let mut record = Record::fresh(name(), id(0), Source::Queries);
    for n in 1..5 {
        let open = order(&mut record, &wanted(&first()), n);
        assert_eq!(open.meta.as_ref().unwrap().query_version, 1);
        record = settle_abandoned(record, &open, None, Timestamp::UNIX_EPOCH, patience());
        assert_eq!((record.highest_version, record.history.len(), record.orphans.len()), (0, 1, 0));
        let last = record.history.last().map(|entry| (entry.operation, entry.untaken));
        assert_eq!(last, Some((id(n), Some(u32::from(n)))));
        assert_eq!(record.owed.apply.as_ref().unwrap().debt.attempts, u32::from(n));
        assert!(matches!(decide(&record, &wanted(&first()), &situation(9)), Ruling::Nothing { .. }), "it waits");
        make_due(&mut record);
    }
    let taken = order(&mut record, &wanted(&first()), 5);
    let claim = Claim::fresh(id(5), id(9), 1_000);
    let record = settle_abandoned(record, &taken, Some(&claim), Timestamp::UNIX_EPOCH, patience());
    assert_eq!((record.highest_version, record.history.len()), (1, 2), "a version that a runner took is never reused");
}

/// Both the desired and the deployed target can be in trouble; one must not make the other be tried again at once.
#[test]
fn two_targets_in_trouble_do_not_take_turns() {
    let (mut record, _) = deployed(&first());
    let refused = Outcome::refused(Refusal::NoState);
    let change = order(&mut record, &wanted(&reconfigured()), 2);
    record = settle(record, &change, &refused);
    unsettle(&mut record);
    let restart = order(&mut record, &wanted(&reconfigured()), 3);
    record = settle(record, &restart, &refused);
    assert!(matches!(decide(&record, &wanted(&reconfigured()), &situation(4)), Ruling::Nothing { .. }));
}

/// One operation that ends like this may be chance, as a node that is being replaced: people are told of what repeats.
#[test]
fn people_are_told_of_operations_without_a_result_once_it_is_no_chance_any_more() {
    for (cause, attempts, told) in [
        (Cause::NeverTaken, 1, None),
        (Cause::NeverTaken, 2, Some(AlertKind::NodeBroken)),
        (Cause::NeverTaken, 9, Some(AlertKind::NodeBroken)),
        (Cause::NoResult, 1, None),
        (Cause::NoResult, 2, None),
        (Cause::NoResult, 3, Some(AlertKind::OperationFailed)),
        (Cause::DoesNotRun, 1, None),
        (Cause::DoesNotRun, 2, Some(AlertKind::OperationFailed)),
        (Cause::NodeBroken, 1, Some(AlertKind::NodeBroken)),
        (Cause::NoCluster, 1, Some(AlertKind::NoCluster)),
    ] {
        let (mut record, _) = deployed(&first());
        unsettle(&mut record);
        let debt = record.owed.keep_running.as_mut().unwrap();
        (debt.cause, debt.attempts) = (cause, attempts);
        let kinds: Vec<AlertKind> = of_record(&record).iter().map(|condition| condition.kind).collect();
        assert_eq!(kinds, Vec::from_iter(told), "{cause:?} after {attempts} attempts");
    }
}
