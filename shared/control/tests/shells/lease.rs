//! The lease: nothing is sent to the cluster by who may have lost its claim.
//! Must not know how a lease is counted.

use std::time::Duration;

use control::orchestrator::Scope;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::plan::Plan;

use crate::flink::Flink;
use crate::kit::{Outside, jobs, run_of};
use crate::waves::{flink, plans, runner};

/// One job whose configuration changed, and its Flink.
fn changed() -> (Outside, Flink) {
    let names = jobs(1);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    outside.want(&names[0], 2);
    flink.state().slots = 10;
    (outside, flink)
}

async fn planned(outside: &Outside) -> Vec<Plan> {
    let mut plans = plans(outside, &jobs(1)).await;
    for plan in &mut plans {
        plan.windows.stop_ms = 600_000;
    }
    plans
}

/// A process that is stopped while it waits for an answer, and comes back after another has taken its operation over.
#[tokio::test(start_paused = true)]
async fn who_wakes_up_after_its_lease_finds_its_claim_lost_before_it_acts() {
    for (place, healthy, done) in [("stop status", true, ""), ("job", false, ""), ("submission", true, "stop")] {
        let (outside, flink) = changed();
        if !healthy {
            flink.runs_badly(run_of(&jobs(1)[0]).into());
        }
        let plans = planned(&outside).await;
        let (elsewhere, operation) = (outside.clone(), plans[0].operation);
        flink.freeze(place, Duration::from_mins(1), move || elsewhere.takes_over(operation));
        let report = runner(&outside, &flink, 3).run(plans).await.unwrap();
        assert_eq!(report.not_ours, 1, "{place}: {report:?}");
        let acts: Vec<&str> = flink.state().acts.iter().map(|(act, _)| *act).collect();
        assert_eq!(acts.join(","), done, "{place}");
    }
}

/// Where nobody took it over, it goes on.
#[tokio::test(start_paused = true)]
async fn who_wakes_up_and_still_has_its_claim_goes_on() {
    for place in ["stop status", "submission"] {
        let (outside, flink) = changed();
        let plans = planned(&outside).await;
        flink.freeze(place, Duration::from_mins(1), || {});
        let report = runner(&outside, &flink, 3).run(plans).await.unwrap();
        assert_eq!(report.finished, 1, "{place}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_under_a_claim_whose_renewal_took_longer_than_its_lease() {
    for (takes, finished) in [(6, 0), (4, 1)] {
        let (outside, flink) = changed();
        let plans = planned(&outside).await;
        outside.state().claims_take = Duration::from_secs(takes);
        let report = runner(&outside, &flink, 3).run(plans).await.unwrap();
        assert_eq!((report.finished, report.unknown.len()), (finished, 1 - finished as usize), "{takes} s");
        assert_eq!(flink.state().acts.is_empty(), finished == 0, "{:?}", flink.state().acts);
    }
}

/// Whatever the operation is, a removal too: its result names what is broken.
#[tokio::test(start_paused = true)]
async fn nothing_is_done_on_a_node_without_locks() {
    let names = jobs(2);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    outside.unwant(&names[0]);
    outside.want(&names[1], 2);
    outside.run(Scope::All).await;
    let plans: Vec<Plan> = names.iter().map(|name| outside.record(name).open.unwrap().plan).collect();
    let operations: Vec<_> = plans.iter().map(|plan| plan.operation).collect();
    flink.state().no_locks = true;
    assert_eq!(runner(&outside, &flink, 3).run(plans).await.unwrap().finished, 2);
    for (name, operation) in names.iter().zip(operations) {
        let outcome = outside.result(name, operation).unwrap().outcome;
        let Outcome::Refused { refusal: Refusal::NodeBroken { message }, .. } = &outcome else { panic!("{outcome:?}") };
        assert!(message.contains("STATE_DIRECTORY"), "{message}");
    }
    assert!(flink.state().acts.is_empty());
}
