//! A savepoint that a person ordered, on the node: the job runs on, and no stop is crossed.
//! Must not know how an act is decided.

use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::Plan;
use lifecycle::ids::ActId;

use crate::kit::{Outside, jobs, run_of};
use crate::waves::{WINDOWS, flink, runner};

async fn ordered(outside: &Outside, name: &JobName, act: Act) -> Plan {
    let (id, by, at) = (ActId::derived(&["one"]), "anna".to_owned(), Timestamp::UNIX_EPOCH);
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
