//! A batch on the node: how many of its jobs are stopped, and started, at one time.
//! Must not know how turns are given.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use control::orchestrator::Scope;
use control::runner::{Runner, RunnerTimes};
use control::secrets::{SecretReader, Secrets};
use desired::manifest::JobName;
use lifecycle::documents::outcome::Refusal;
use lifecycle::documents::plan::{Plan, Windows};
use lifecycle::ids::Nonce;

use crate::flink::{Flink, Takes};
use crate::kit::{Outside, job, jobs, keys, run_of};

pub(crate) const WINDOWS: Windows = Windows { stability_ms: 20, startup_ms: 5_000, stop_ms: 5_000, passing_ms: 5_000 };

/// A Flink with as many slots as jobs, all of which run.
pub(crate) fn flink(names: &[JobName]) -> Flink {
    let flink = Flink::default();
    flink.state().slots = names.len();
    for name in names {
        flink.runs(run_of(name).into(), name);
    }
    flink
}

/// What the orchestrator plans for these jobs now.
pub(crate) async fn plans(outside: &Outside, names: &[JobName]) -> Vec<Plan> {
    outside.run(Scope::Jobs(names.iter().cloned().collect::<BTreeSet<_>>())).await;
    names.iter().map(|name| Plan { windows: WINDOWS, ..outside.record(name).open.unwrap().plan }).collect()
}

pub(crate) fn runner(outside: &Outside, flink: &Flink, wave: u16) -> Arc<Runner> {
    polling_runner(outside, flink, wave, Duration::from_millis(2))
}

/// One that looks at states this often.
pub(crate) fn polling_runner(outside: &Outside, flink: &Flink, wave: u16, poll: Duration) -> Arc<Runner> {
    let this = Arc::new(flink.clone());
    let outside = Arc::new(outside.clone());
    Arc::new(Runner {
        store: Arc::<Outside>::clone(&outside),
        keys: keys(),
        deployment: Some("s3://bucket/prefix/".to_owned()),
        files: Arc::<Outside>::clone(&outside),
        cluster: Arc::<Flink>::clone(&this),
        submitter: Arc::<Flink>::clone(&this),
        secrets: SecretReader::new(Arc::<Flink>::clone(&this), Secrets::default()),
        locks: this,
        world: outside,
        times: RunnerTimes {
            lease: Duration::from_secs(5),
            margin: Duration::from_secs(5),
            poll,
            cancel: Duration::from_secs(5),
        },
        wave: NonZeroU16::new(wave).unwrap(),
        nonce: Nonce::derived(&["runner"]),
    })
}

#[tokio::test(start_paused = true)]
async fn never_more_than_a_wave_is_stopped_or_started_at_one_time() {
    for wave in [3, 60] {
        let names = jobs(12);
        let (outside, flink) = (Outside::with(&names), flink(&names));
        for name in &names {
            outside.want(name, 2);
        }
        flink.state().slots = 100;
        let plans = plans(&outside, &names).await;
        let report = runner(&outside, &flink, wave).run(plans).await.unwrap();
        assert_eq!((report.finished, report.unknown.len()), (12, 0));
        assert_eq!(flink.running(), names.iter().map(JobName::to_string).collect::<Vec<_>>());
        let state = flink.state();
        let most = (state.most_stopping, state.most_starting);
        if wave == 3 {
            assert_eq!(most, (3, 3));
        } else {
            assert!(most.0 > 3 && most.1 > 3, "{most:?} at one time although the wave is larger");
        }
    }
}

/// A start that waits for slots must not hold up the stop that frees them.
#[tokio::test(start_paused = true)]
async fn a_start_never_holds_up_the_stop_that_it_waits_for() {
    let names = jobs(4);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    outside.unwant(&names[0]);
    let wanted = job("wanted");
    outside.want(&wanted, 1);
    let mut all = names.clone();
    all.push(wanted.clone());
    outside.run(Scope::All).await;
    let open = all.iter().filter_map(|name| outside.record(name).open);
    let mut plans: Vec<Plan> = open.map(|open| Plan { windows: WINDOWS, ..open.plan }).collect();
    assert_eq!(plans.len(), 2);
    plans.reverse();
    flink.state().slots = 5;
    flink.state().comes_second = Some(names[0].clone());
    let runner = runner(&outside, &flink, 1);
    let slots = async {
        // The slot that the start counts on is taken by others once it was submitted.
        while flink.state().most_starting == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        flink.state().slots = 4;
    };
    let (report, ()) = tokio::join!(runner.run(plans), slots);
    assert_eq!(report.unwrap().finished, 2);
    assert_eq!(flink.running(), ["job-01", "job-02", "job-03", "wanted"]);
    assert_eq!(flink.state().canceled, 0, "the start was given up");
}

/// The longest that a job was down before its submission, in a batch that restarts so many.
async fn longest_wait(count: usize, takes: Takes) -> Duration {
    let names = jobs(count);
    let (outside, flink) = (Outside::with(&names), Flink::default());
    flink.state().slots = 1000;
    flink.state().takes = takes;
    for name in &names {
        flink.runs(run_of(name).into(), name);
        outside.want(name, 2);
    }
    let mut plans = plans(&outside, &names).await;
    for plan in &mut plans {
        (plan.windows.startup_ms, plan.windows.stop_ms) = (60_000, 60_000);
    }
    let report = polling_runner(&outside, &flink, 10, Duration::from_millis(100)).run(plans).await.unwrap();
    assert_eq!(report.finished as usize, count, "{report:?}");
    let waits = flink.state().waits.clone();
    assert_eq!(waits.len(), count);
    waits.into_iter().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn stops_do_not_run_ahead_of_starts() {
    let takes = |savepoint, start, compilation, submission| Takes {
        savepoint: Duration::from_millis(savepoint),
        start: Duration::from_millis(start),
        compilation: Duration::from_millis(compilation),
        submission: Duration::from_millis(submission),
    };
    for (slow, takes) in [
        ("the client", takes(2000, 4000, 400, 300)),
        ("the starts", takes(2000, 20_000, 100, 100)),
        ("the savepoints", takes(20_000, 2000, 100, 100)),
    ] {
        let (few, many) = (longest_wait(10, takes).await, longest_wait(40, takes).await);
        assert!(many <= few * 2, "{slow} are slow: {many:?} in a batch of 40 jobs, {few:?} in one of 10");
    }
}

/// A full cluster, one job removed, one new: which plans there are, the removal first.
async fn one_for_another() -> (Outside, Flink, Vec<Plan>) {
    let names = jobs(2);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    outside.unwant(&names[0]);
    outside.want(&job("wanted"), 1);
    outside.run(Scope::All).await;
    let open = [names[0].clone(), job("wanted")].map(|name| outside.record(&name).open.unwrap().plan);
    let plans = open.map(|plan| Plan { windows: WINDOWS, ..plan });
    (outside, flink, plans.into())
}

#[tokio::test(start_paused = true)]
async fn a_new_job_gets_the_slots_of_one_that_the_same_batch_removes() {
    for reversed in [false, true] {
        let (outside, flink, mut plans) = one_for_another().await;
        if reversed {
            plans.reverse();
        }
        let report = runner(&outside, &flink, 1).run(plans).await.unwrap();
        assert_eq!(report.finished, 2);
        assert_eq!(flink.running(), ["job-01", "wanted"]);
        let acts: Vec<&str> = flink.state().acts.iter().map(|(act, _)| *act).collect();
        assert_eq!(acts, ["stop", "submit"], "it was submitted before there was a slot");
    }
}

/// A removal that fails, or hangs, gives nothing back: that is said, and nothing is started in its place.
#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_gives_no_slots() {
    for (takes, fails) in [(Duration::ZERO, true), (Duration::from_hours(2), false)] {
        let (outside, flink, mut plans) = one_for_another().await;
        if fails {
            flink.state().refuses_stops = true;
        }
        flink.state().slow_to_stop(&jobs(1)[0], takes);
        for plan in &mut plans {
            plan.windows.stop_ms = 3_600_000;
        }
        let began = tokio::time::Instant::now();
        let operation = plans[1].operation;
        let told = outside.clone();
        let run = tokio::spawn(polling_runner(&outside, &flink, 1, Duration::from_secs(1)).run(plans));
        let outcome = loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Some(result) = told.result(&job("wanted"), operation) {
                break result.outcome;
            }
            assert!(began.elapsed() < Duration::from_mins(11), "it waits for what will not come");
        };
        let short = Refusal::NoCapacity { needed: 1, free: 0 };
        assert_eq!(outcome.refusal(), Some(&short));
        run.await.unwrap().unwrap();
        assert!(flink.state().acts.iter().all(|(act, _)| *act == "stop"), "{:?}", flink.state().acts);
    }
}
