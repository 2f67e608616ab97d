//! What people are told and what is measured, by whole invocations over an outside in memory.
//! Must not know how a condition is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use control::orchestrator::Scope;
use desired::manifest::JobName;
use lifecycle::documents::batch::FORMAT;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::{Outcome, Refusal, RunStarted};
use lifecycle::facts::Fact;
use lifecycle::flink::{JobSeen, JobState, Look, Tasks};
use lifecycle::ids::{BatchId, JobId, run_id};
use lifecycle::noted::Order;
use lifecycle::owed::Cause;

use crate::kit::{Outside, Telling, epoch, job, jobs, keys, run_of};

fn only(name: &JobName) -> Scope {
    Scope::Jobs(BTreeSet::from([name.clone()]))
}

/// A look under this attempt that shows these Flink jobs, where these runs should be.
fn look(outside: &Outside, attempt: u32, shown: Vec<JobSeen>, expected: &[JobName]) -> Scope {
    let at = jiff::Timestamp::UNIX_EPOCH;
    Scope::Observed(Box::new(ObservedDocument {
        format: FORMAT,
        batch: BatchId::derived(&["look"]),
        look: Look { epoch: epoch(attempt), at, jobs: shown, slots: None },
        expected: expected.iter().map(|name| outside.expected(name)).collect(),
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    }))
}

fn shown(id: JobId, name: &str) -> JobSeen {
    let tasks = Tasks { total: 1, running: 1, finished: 0, waiting: 0 };
    JobSeen {
        id,
        name: name.to_owned(),
        state: JobState::Running,
        tasks,
        started_ms: 0,
        modified_ms: 0,
        checkpoints: None,
        restarts: None,
    }
}

fn rolled_back() -> Outcome {
    let run = RunStarted {
        job_id: JobId::derived(&["back"]),
        restored_from: None,
        epoch: Some(epoch(1)),
        compiled: lifecycle::documents::outcome::Compiled::default(),
    };
    let (reason, cause) = ("it restarts: no such topic\nat Kafka".to_owned(), Cause::DoesNotRun);
    Outcome::RolledBack { reason, cause, run, savepoint: None }
}

fn deployed() -> Outcome {
    let run = RunStarted {
        job_id: JobId::derived(&["new"]),
        restored_from: None,
        epoch: Some(epoch(1)),
        compiled: lifecycle::documents::outcome::Compiled::default(),
    };
    Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true }
}

/// A change of a job that ends like this.
async fn change(outside: &Outside, name: &JobName, parallelism: u32, outcome: Outcome) {
    outside.want(name, parallelism);
    outside.run(only(name)).await;
    outside.ends(name, outcome);
    outside.run(only(name)).await;
}

#[tokio::test]
async fn thirty_jobs_that_went_with_their_jobmanager_are_one_alert() {
    let all = jobs(30);
    let outside = Outside::with(&all);
    let lost = look(&outside, 2, Vec::new(), &all);
    let report = outside.run(lost.clone()).await;
    assert!(report.batch.is_some(), "they are brought back");
    assert_eq!(outside.told(), [("lost-cluster", 1)]);
    let alert = outside.state().alerts[0].clone();
    assert!(all.iter().all(|name| alert.body().contains(name.as_str())), "{}", alert.body());
    assert!(alert.subject().contains(&epoch(2).to_string()), "{}", alert.subject());

    outside.run(lost).await;
    for _ in 0..5 {
        outside.later(60);
        outside.run(Scope::Sweep).await;
    }
    assert_eq!(outside.told().len(), 1, "told twice or swept, it is the same loss");
    let down = outside.state().facts.iter().rev().find_map(|fact| match fact {
        Fact::Swept(swept) => Some((swept.down.len(), swept.oldest.clone())),
        _ => None,
    });
    let (down, oldest) = down.unwrap();
    assert_eq!(down, 30, "they are being brought back");
    assert_eq!(oldest.unwrap().2, jiff::Timestamp::UNIX_EPOCH);

    let stands = || outside.json(&keys().alerts()).unwrap()["standing"].as_array().unwrap().len();
    for name in &all[1..] {
        outside.ends(name, deployed());
    }
    outside.run(Scope::Sweep).await;
    assert_eq!(stands(), 1, "one is not back yet");
    outside.ends(&all[0], deployed());
    outside.run(Scope::Sweep).await;
    assert_eq!(stands(), 0, "all of them run");
}

/// The alarm on it tells of an operation that hangs, however many are ordered after it.
#[tokio::test]
async fn the_operation_that_has_been_open_for_longest_is_measured() {
    let all = jobs(3);
    let outside = Outside::with(&all);
    for name in &all {
        outside.later(100);
        outside.want(name, 2);
        outside.run(only(name)).await;
    }
    let oldest = |outside: &Outside| {
        let state = outside.state();
        let swept = state.facts.iter().rev().find_map(|fact| match fact {
            Fact::Swept(swept) => Some(swept.clone()),
            _ => None,
        });
        swept.unwrap().oldest.map(|(job, _, at)| (job, at.as_second()))
    };
    outside.run(Scope::Sweep).await;
    assert_eq!(oldest(&outside), Some((all[0].clone(), 100)));
    outside.ends(&all[0], deployed());
    outside.run(Scope::Sweep).await;
    assert_eq!(oldest(&outside), Some((all[1].clone(), 200)));
}

#[tokio::test]
async fn a_failure_is_told_once_for_each_target_and_again_when_it_comes_back() {
    let (orders, clicks) = (job("orders"), job("clicks"));
    let outside = Outside::with(&[orders.clone(), clicks.clone()]);
    change(&outside, &orders, 2, rolled_back()).await;
    assert_eq!(outside.told(), [("operation-failed", 1)]);
    let body = outside.state().alerts[0].body();
    assert!(body.contains("- orders: not applied: it restarts: no such topic (operation "), "{body}");
    assert!(!body.contains("Kafka"), "only the first line: {body}");

    outside.run(Scope::Sweep).await;
    change(&outside, &clicks, 2, deployed()).await;
    assert_eq!(outside.told().len(), 1);

    // It is not tried again by itself: each try costs the job a stop.
    for _ in 0..3 {
        outside.later(3_600);
        outside.run(Scope::Sweep).await;
        outside.run(Scope::Redeploy).await;
    }
    assert!(outside.record(&orders).open.is_none());
    assert_eq!(outside.told().len(), 1);
    outside.orchestrator().note_order(&orders, &Order::Retry, &"anna".into()).await.unwrap();
    outside.run(only(&orders)).await;
    assert!(outside.record(&orders).open.is_some(), "an operator asked");
    outside.ends(&orders, rolled_back());
    outside.run(only(&orders)).await;
    assert_eq!(outside.told().len(), 1, "the same target failed in the same way");

    change(&outside, &orders, 3, deployed()).await;
    change(&outside, &orders, 2, rolled_back()).await;
    assert_eq!(outside.told()[1..], [("operation-failed", 1)], "it had ended");
}

#[tokio::test]
async fn each_operation_is_settled_once_however_many_events_tell_of_it() {
    let orders = job("orders");
    let outside = Outside::with(std::slice::from_ref(&orders));
    outside.want(&orders, 2);
    outside.run(only(&orders)).await;
    outside.ends(&orders, deployed());
    let event = || outside.orchestrator().run(only(&orders), "event");
    let (one, two, three) = tokio::join!(event(), event(), event());
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    outside.run(only(&orders)).await;
    let settled = outside.settled();
    assert_eq!(settled.len(), 1, "{settled:?}");
    assert_eq!((settled[0].outcome.as_str(), settled[0].downtime_ms), ("deployed", Some(700)));
    assert_eq!(outside.record(&orders).history.len(), 1);
}

#[tokio::test]
async fn an_alert_that_cannot_be_raised_fails_no_invocation_and_comes_with_the_next_event() {
    let orders = job("orders");
    let outside = Outside::with(std::slice::from_ref(&orders));
    outside.state().telling = Telling::Fails;
    change(&outside, &orders, 2, rolled_back()).await;
    assert_eq!(outside.told(), []);
    let sent = |outside: &Outside| {
        let state = outside.state();
        let alerts = state.facts.iter().filter_map(|fact| match fact {
            Fact::Alert { sent, .. } => Some(*sent),
            _ => None,
        });
        alerts.collect::<Vec<_>>()
    };
    assert_eq!(sent(&outside), [false]);
    outside.state().telling = Telling::Works;
    outside.run(Scope::Sweep).await;
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [("operation-failed", 1)]);
    assert_eq!(sent(&outside), [false, true]);
}

/// Each try takes its whole time limit, and the invocation has an end.
#[tokio::test]
async fn one_alert_that_cannot_be_raised_keeps_the_others_for_the_next_event() {
    let all = jobs(3);
    let outside = Outside::with(&all);
    let outcomes = [
        Outcome::refused(Refusal::EndNotProven { job_id: run_of(&all[0]).into(), epoch: epoch(1) }),
        Outcome::refused(Refusal::NoState),
        rolled_back(),
    ];
    for name in &all {
        outside.want(name, 2);
    }
    outside.run(Scope::All).await;
    for (name, outcome) in all.iter().zip(outcomes) {
        outside.ends(name, outcome);
    }
    outside.state().telling = Telling::Fails;
    outside.run(Scope::All).await;
    assert_eq!(outside.state().raised, 1, "none is tried after one that failed");
    let sent = |outside: &Outside| {
        let state = outside.state();
        let sent = state.facts.iter().filter_map(|fact| match fact {
            Fact::Alert { sent, .. } => Some(*sent),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    assert_eq!(sent(&outside), [false; 3], "each of them is measured as not sent");
    outside.state().telling = Telling::Works;
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [("operation-failed", 1), ("end-not-proven", 1), ("clean-start-needed", 1)]);
    assert_eq!(sent(&outside)[3..], [true; 3]);
}

#[tokio::test]
async fn a_process_that_dies_while_it_tells_leaves_the_alert_to_another() {
    let all = jobs(3);
    let outside = Outside::with(&all);
    let lost = look(&outside, 2, Vec::new(), &all);
    outside.state().telling = Telling::NeverEnds;
    let dying = outside.orchestrator().run(lost, "event");
    assert!(tokio::time::timeout(Duration::from_millis(200), dying).await.is_err());
    assert!(outside.record(&all[0]).open.is_some(), "what was ordered was sent before");

    outside.state().telling = Telling::Works;
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [], "it may still be at it");
    outside.later(60);
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [("lost-cluster", 1)]);
}

#[tokio::test]
async fn removals_that_are_held_are_one_alert_until_they_are_not_held_any_more() {
    let all = jobs(8);
    let outside = Outside::with(&all);
    for name in &all[..7] {
        outside.unwant(name);
        outside.run(only(name)).await;
    }
    // Five were let go one by one before the guard had anything to count; their results are not in yet.
    assert_eq!(outside.told(), [("removals-held", 1)]);
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told().len(), 1);
    outside.later(86_400);
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told().len(), 2, "it still waits for somebody");
    for name in &all[..7] {
        outside.want(name, 1);
    }
    outside.run(Scope::Sweep).await;
    for name in &all[..7] {
        outside.unwant(name);
    }
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told().len(), 3, "it ended and began again");
}

#[tokio::test]
async fn a_job_that_is_left_alone_and_one_without_state_wait_for_somebody() {
    let (orders, clicks) = (job("orders"), job("clicks"));
    let outside = Outside::with(&[orders.clone(), clicks.clone()]);
    let unproven = Refusal::EndNotProven { job_id: run_of(&orders).into(), epoch: epoch(1) };
    change(&outside, &orders, 2, Outcome::refused(unproven.clone())).await;
    change(&outside, &clicks, 2, Outcome::refused(Refusal::NoState)).await;
    assert_eq!(outside.told(), [("end-not-proven", 1), ("clean-start-needed", 1)]);
    // It is asked again every minute, and says the same.
    for _ in 0..3 {
        outside.later(60);
        outside.run(Scope::Sweep).await;
        outside.ends(&orders, Outcome::refused(unproven.clone()));
        outside.run(only(&orders)).await;
    }
    assert_eq!(outside.told().len(), 2);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_one_alert_however_its_jobs_come_to_know() {
    let all = jobs(4);
    let outside = Outside::with(&all);
    let refusal = || Refusal::NoCluster { message: "no session named flink runs".to_owned() };
    for name in &all {
        change(&outside, name, 2, Outcome::refused(refusal())).await;
    }
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [("no-cluster", 1)]);
    for name in &all {
        change(&outside, name, 3, deployed()).await;
    }
    outside.run(Scope::Sweep).await;
    change(&outside, &all[0], 2, Outcome::refused(refusal())).await;
    assert_eq!(outside.told().len(), 2, "it was there meanwhile");
}

#[tokio::test]
async fn a_live_job_that_no_record_knows_is_a_stranger() {
    let (orders, clicks) = (job("orders"), job("clicks"));
    let outside = Outside::with(&[orders.clone(), clicks.clone()]);
    outside.want(&clicks, 2);
    outside.run(only(&clicks)).await;
    let open = outside.record(&clicks).open.unwrap().plan.operation;
    let ours = || {
        vec![
            shown(run_of(&orders).into(), "orders"),
            shown(run_of(&clicks).into(), "clicks"),
            shown(run_id(open), "clicks"),
        ]
    };
    let expected = std::slice::from_ref(&orders);
    outside.run(look(&outside, 1, ours(), expected)).await;
    assert_eq!(outside.told(), [], "runs of an open operation are ours");

    let stranger = |n: &str| shown(JobId::derived(&[n]), "orders");
    let two = || ours().into_iter().chain([stranger("1"), stranger("2")]).collect::<Vec<_>>();
    outside.run(look(&outside, 1, two(), expected)).await;
    outside.run(look(&outside, 1, two(), expected)).await;
    assert_eq!(outside.told(), [("stranger", 2)]);
    outside.run(look(&outside, 1, ours(), expected)).await;
    outside.run(look(&outside, 1, two(), expected)).await;
    assert_eq!(outside.told().len(), 2);
}

#[tokio::test]
async fn clean_starts_because_of_configuration_are_held() {
    let all = jobs(7);
    let outside = Outside::with(&all);
    for name in &all {
        outside.want_restamped(name);
    }
    // By the event of one job as well: all of them count.
    outside.run(only(&all[0])).await;
    outside.run(Scope::All).await;
    assert!(all.iter().all(|name| outside.record(name).open.is_none()), "a job is started clean");
    assert_eq!(outside.told(), [("clean-starts-held", 1)]);
    for name in &all[..2] {
        outside.want(name, 1);
    }
    outside.run(Scope::All).await;
    assert!(all[2..].iter().all(|name| outside.record(name).open.is_some()), "five may start clean");
    assert!(all[..2].iter().all(|name| outside.record(name).open.is_none()));
}

/// What people were told of is worth less than that they are told: a damaged document does not silence all alerts.
#[tokio::test]
async fn damaged_alerts_are_begun_anew() {
    for bytes in [&b"{\"format\":2,\"stand"[..], b"", b"[]"] {
        let orders = job("orders");
        let outside = Outside::with(std::slice::from_ref(&orders));
        outside.put(&keys().alerts(), bytes.to_vec());
        change(&outside, &orders, 2, rolled_back()).await;
        assert_eq!(outside.told(), [("operation-failed", 1)]);
    }
    // A newer program's is left as it is.
    let orders = job("orders");
    let outside = Outside::with(std::slice::from_ref(&orders));
    outside.put(&keys().alerts(), b"{\"format\":99}".to_vec());
    change(&outside, &orders, 2, rolled_back()).await;
    assert_eq!(outside.told(), []);
    assert!(outside.state().facts.contains(&Fact::AlertsUnknown), "it is measured");
    assert_eq!(outside.json(&keys().alerts()).unwrap()["format"], 99);
}

/// Task managers are gone: one cause, one message, however many jobs wait.
#[tokio::test]
async fn jobs_that_wait_for_slots_are_one_alert() {
    let all = jobs(20);
    let outside = Outside::with(&all);
    for name in &all {
        change(&outside, name, 2, Outcome::refused(Refusal::NoCapacity { needed: 1, free: 0 })).await;
    }
    assert_eq!(outside.told(), [("no-capacity", 1)]);
    let body = outside.state().alerts[0].body();
    assert!(body.contains("- slots: job-00 not applied: it needs 1 slots, 0 are free"), "{body}");
}
