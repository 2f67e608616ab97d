//! A savepoint that a person ordered, on the node: the job runs on, and no stop is crossed.
//! Must not know how an act is decided.

use control::orchestrator::Scope;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::plan::Plan;
use lifecycle::ids::ActId;

use crate::kit::{Outside, jobs, keys, run_of};
use crate::waves::{WINDOWS, flink, runner};

async fn ordered(outside: &Outside, name: &JobName, act: Act) -> Plan {
    ordered_as(outside, name, act, "one").await
}

async fn ordered_as(outside: &Outside, name: &JobName, act: Act, id: &str) -> Plan {
    let (id, by, at) = (ActId::derived(&[id]), "anna".to_owned(), Timestamp::UNIX_EPOCH);
    let ordered = OrderedAct { id, act, by, why: None, at, about: None, debt: None };
    outside.orchestrator().order(name.clone(), ordered, false).await.unwrap();
    Plan { windows: WINDOWS, ..outside.record(name).open.unwrap().plan }
}

#[tokio::test(start_paused = true)]
async fn a_savepoint_is_taken_of_a_job_that_runs_on() {
    let names = jobs(1);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    let plan = ordered(&outside, &names[0], Act::Savepoint).await;
    let operation = plan.operation;
    assert_eq!(runner(&outside, &flink, 1).run(vec![plan]).await.unwrap().finished, 1);
    let outcome = outside.result(&names[0], operation).unwrap().outcome;
    assert!(matches!(outcome, Outcome::Left { savepoint: Some(_), .. }), "{outcome:?}");
    assert_eq!(flink.running(), [names[0].to_string()]);
    assert_eq!(flink.state().acts, [("savepoint", names[0].to_string())], "asked for once");
}

/// Whoever asked for a savepoint meanwhile would abort the stop, and the job would restart.
#[tokio::test(start_paused = true)]
async fn a_savepoint_waits_for_the_stop_of_somebody_else() {
    let names = jobs(1);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    let plan = ordered(&outside, &names[0], Act::Savepoint).await;
    flink.is_being_stopped(run_of(&names[0]).into());
    let _ = runner(&outside, &flink, 1).run(vec![plan]).await.unwrap();
    let asked = flink.state().acts.iter().any(|(act, _)| *act == "savepoint");
    assert!(!asked, "{:?}", flink.state().acts);
}

#[tokio::test]
async fn people_are_alerted_once_of_an_order_that_was_rolled_back() {
    let names = jobs(1);
    let outside = Outside::with(&names);
    let name = &names[0];
    let rolled_back = |outside: &Outside| {
        let operation = outside.record(name).open.unwrap().plan.operation;
        let (reason, cause) = ("it restarts".to_owned(), lifecycle::owed::Cause::NotStable);
        let (job_id, compiled) = (lifecycle::ids::rollback_id(operation), Compiled::default());
        let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
        outside.ends(name, Outcome::RolledBack { reason, cause, run, savepoint: None });
    };
    ordered(&outside, name, Act::RestartClean).await;
    rolled_back(&outside);
    outside.run(Scope::Redeploy).await;
    assert_eq!(outside.told(), [("operation-failed", 1)]);
    assert!(outside.state().alerts[0].body().contains("restart without state ordered"), "it says what was ordered");
    for _ in 0..3 {
        outside.later(3_600);
        outside.run(Scope::Redeploy).await;
    }
    assert_eq!(outside.told().len(), 1, "once");

    // The next operation that succeeds ends it, and another order that fails is news.
    outside.want(name, 2);
    outside.run(Scope::Redeploy).await;
    let operation = outside.record(name).open.unwrap().plan.operation;
    let (job_id, compiled) = (lifecycle::ids::run_id(operation), Compiled::default());
    let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
    outside.ends(name, Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true });
    outside.run(Scope::Redeploy).await;
    let standing = outside.json(&keys().alerts()).unwrap()["standing"].as_array().unwrap().len();
    assert_eq!(standing, 0);
    outside.later(7_200);
    ordered_as(&outside, name, Act::RestartClean, "two").await;
    rolled_back(&outside);
    outside.run(Scope::Redeploy).await;
    assert_eq!(outside.told().len(), 2);
}
