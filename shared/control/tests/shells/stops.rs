//! Stops and the lease: what is sent to the cluster, when, and under which claim.
//! Must not know how turns are given.

use std::time::Duration;

use control::stop_run::{Waiting, stop};
use lifecycle::documents::plan::{Plan, Windows};
use lifecycle::execute::StopEnd;
use lifecycle::ids::{JobId, TriggerId};
use serde_json::json;
use tokio::time::Instant;

use crate::flink::Flink;
use crate::kit::{Outside, jobs, keys, run_of};
use crate::waves::{plans, polling_runner};

fn trigger(name: &str) -> TriggerId {
    TriggerId::derived(&[name])
}

const WAITING: Waiting = Waiting { limit: Duration::from_mins(1), poll: Duration::from_millis(300) };

/// Two lapsed stop limits, two dead runners: whose trigger it was is known to nobody.
#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_knows_of_is_awaited_and_its_savepoint_is_taken() {
    let names = jobs(1);
    let (flink, run) = (Flink::default(), JobId::from(run_of(&names[0])));
    flink.state().takes.savepoint = Duration::from_secs(20);
    flink.runs(run, &names[0]);
    flink.is_being_stopped(run);
    let end = stop(&flink, run, trigger("ours"), "s3://b/s", WAITING).await.unwrap();
    assert_eq!(end, Some(StopEnd::Savepoint(format!("s3://b/savepoint-{run}"))));
    assert_eq!(flink.state().acts, []);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_somebody_else_that_outlives_the_limit_leaves_the_outcome_open() {
    let names = jobs(1);
    let (flink, run) = (Flink::default(), JobId::from(run_of(&names[0])));
    flink.state().takes.savepoint = Duration::from_mins(10);
    flink.runs(run, &names[0]);
    flink.is_being_stopped(run);
    assert_eq!(stop(&flink, run, trigger("ours"), "s3://b/s", WAITING).await.unwrap(), None);
    assert_eq!(flink.state().acts, []);
}

#[tokio::test(start_paused = true)]
async fn our_own_trigger_is_asked_for_once_and_found_again() {
    let names = jobs(1);
    let (flink, run) = (Flink::default(), JobId::from(run_of(&names[0])));
    flink.state().takes.savepoint = Duration::from_secs(70);
    flink.runs(run, &names[0]);
    assert_eq!(stop(&flink, run, trigger("ours"), "s3://b/s", WAITING).await.unwrap(), None);
    let end = stop(&flink, run, trigger("ours"), "s3://b/s", WAITING).await.unwrap();
    assert!(matches!(end, Some(StopEnd::Savepoint(_))));
    assert_eq!(flink.state().acts, [("stop", names[0].to_string())]);
}

/// A savepoint that hangs for half an hour, of a job whose checkpoints may take 3 minutes or what Flink gives them.
#[tokio::test(start_paused = true)]
async fn a_savepoint_that_hangs_holds_others_up_no_longer_than_a_checkpoint_may_take() {
    for (timeout, minutes) in [(None, 10), (Some("3 min"), 3)] {
        let names = jobs(4);
        let outside = Outside::with(&names);
        let slow = Flink::default();
        slow.state().slots = 100;
        for name in &names {
            slow.runs(run_of(name).into(), name);
            outside.want(name, 2);
        }
        slow.state().slow_to_stop(&names[0], Duration::from_mins(30));
        let mut plans = plans(&outside, &names).await;
        for plan in &mut plans {
            let Plan { windows: Windows { stop_ms, .. }, previous: Some(previous), .. } = plan else { panic!() };
            *stop_ms = 3_600_000;
            let set = timeout.map(|text| ("execution.checkpointing.timeout".to_owned(), text.to_owned()));
            previous.launch.properties.extend(set);
        }
        let began = Instant::now();
        let run = tokio::spawn(polling_runner(&outside, &slow, 1, Duration::from_millis(250)).run(plans));
        let mut others = None;
        while !run.is_finished() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let submitted = slow.state().acts.iter().filter(|(act, _)| *act == "submit").count();
            if submitted == 3 {
                others.get_or_insert(began.elapsed());
            }
        }
        assert_eq!(run.await.unwrap().unwrap().finished, 4);
        let others = others.unwrap();
        assert!(others < Duration::from_mins(minutes) + Duration::from_secs(30), "{others:?}");
        assert_eq!(slow.running().len(), 4);
        assert!(slow.state().waits.iter().all(|wait| *wait < Duration::from_secs(5)), "{:?}", slow.state().waits);
    }
}

/// It gave its turn back while it hung; once it is down it does not queue behind all who still run.
#[tokio::test(start_paused = true)]
async fn who_is_down_comes_before_those_that_still_run() {
    let names = jobs(6);
    let (outside, slow) = (Outside::with(&names), Flink::default());
    slow.state().slots = 100;
    slow.state().takes.start = Duration::from_mins(5);
    for name in &names {
        slow.runs(run_of(name).into(), name);
        outside.want(name, 2);
    }
    tokio::time::advance(Duration::from_hours(1)).await;
    slow.state().slow_to_stop(&names[5], Duration::from_mins(11));
    // Begun first.
    slow.state().comes_first = Some(names[5].clone());
    let mut plans = plans(&outside, &names).await;
    for plan in &mut plans {
        (plan.windows.stop_ms, plan.windows.startup_ms) = (3_600_000, 3_600_000);
    }
    let report = polling_runner(&outside, &slow, 1, Duration::from_secs(1)).run(plans).await.unwrap();
    assert_eq!(report.finished, 6);
    // One start that is under way, and the one that is next.
    let longest = slow.state().waits.iter().max().copied().unwrap();
    assert!(longest < Duration::from_secs(610), "{longest:?}");
}

/// Whoever waits for a long savepoint reads in the claim how far it is; what is past is not told.
#[tokio::test(start_paused = true)]
async fn the_claim_tells_how_far_a_savepoint_is_while_it_is_written() {
    let names = jobs(1);
    let (outside, flink) = (Outside::with(&names), Flink::default());
    flink.state().slots = 10;
    flink.runs(run_of(&names[0]).into(), &names[0]);
    outside.want(&names[0], 2);
    flink.state().slow_to_stop(&names[0], Duration::from_mins(3));
    let mut plans = plans(&outside, &names).await;
    plans[0].windows.stop_ms = 3_600_000;
    let claim = keys().claim(plans[0].operation);
    let run = tokio::spawn(polling_runner(&outside, &flink, 1, Duration::from_millis(250)).run(plans));
    let mut told = 0;
    while !run.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let saving = outside.json(&claim).and_then(|claim| claim.get("saving").cloned());
        told += usize::from(saving == Some(json!({"done": 3, "of": 8, "bytes": 4096})));
    }
    assert!(told > 60, "for {told} of 180 s");
    assert_eq!(run.await.unwrap().unwrap().finished, 1);
    assert_eq!(outside.json(&claim).unwrap().get("saving"), None);
}
