//! A batch on the node: how many of its jobs are stopped, and started, at one time.
//! Must not know how turns are given.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use control::orchestrator::Scope;
use control::runner::{Runner, RunnerTimes};
use control::secrets::{SecretReader, Secrets};
use lifecycle::ids::Nonce;
use lifecycle::manifest::JobName;
use lifecycle::plan::{Plan, Windows};

use crate::flink::Flink;
use crate::kit::{Outside, job, jobs, keys, run_of};

const WINDOWS: Windows = Windows { stability_ms: 20, startup_ms: 5_000, stop_ms: 5_000, passing_ms: 5_000 };

/// A Flink with as many slots as jobs, all of which run.
fn flink(names: &[JobName]) -> Flink {
    let flink = Flink::default();
    flink.state().slots = names.len();
    for name in names {
        flink.runs(run_of(name).into(), name);
    }
    flink
}

/// What the orchestrator plans for these jobs now.
async fn plans(outside: &Outside, names: &[JobName]) -> Vec<Plan> {
    outside.run(Scope::Jobs(names.iter().cloned().collect::<BTreeSet<_>>())).await;
    names.iter().map(|name| Plan { windows: WINDOWS, ..outside.record(name).open.unwrap().plan }).collect()
}

fn runner(outside: &Outside, flink: &Flink, wave: u16) -> Arc<Runner> {
    let this = Arc::new(flink.clone());
    let outside = Arc::new(outside.clone());
    Arc::new(Runner {
        store: Arc::<Outside>::clone(&outside),
        keys: keys(),
        files: Arc::<Outside>::clone(&outside),
        cluster: Arc::<Flink>::clone(&this),
        submitter: Arc::<Flink>::clone(&this),
        secrets: SecretReader::new(Arc::<Flink>::clone(&this), Secrets::default()),
        locks: this,
        world: outside,
        times: RunnerTimes {
            lease: Duration::from_secs(5),
            margin: Duration::from_secs(5),
            poll: Duration::from_millis(2),
            cancel: Duration::from_secs(5),
        },
        wave: NonZeroU16::new(wave).unwrap(),
        nonce: Nonce::derived(&["runner"]),
    })
}

#[tokio::test(flavor = "multi_thread")]
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
#[tokio::test(flavor = "multi_thread")]
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
