//! `forget`: what is left of a name says why it is kept and what to do; a forgotten one is shown only where it is named.
//! Must not know how that is looked up.

use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::write;
use lifecycle::flink::{Epoch, Look};
use lifecycle::ids::BatchId;
use orchestrator::actions::{Action, Answer, OrderAsked, StatusAnswer, act};

use crate::memory::{Memory, keys};
use crate::{name, ordered, refused, running};

fn forget(dry_run: bool) -> Action {
    let (by, reason) = (Some("anna".to_owned()), Some("it was a trial".to_owned()));
    Action::Forget(OrderAsked { dry_run, by, reason, ..OrderAsked::about(name()) })
}

async fn status(memory: &Memory, by_name: bool) -> StatusAnswer {
    let names = if by_name { [name()].into() } else { std::collections::BTreeSet::new() };
    match act(&memory.orchestrator(), Action::Status { names }).await.unwrap() {
        Answer::Status(answer) => *answer,
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }
}

fn look(memory: &Memory) {
    memory.pass(60);
    let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 };
    let at = control::ports::World::now(memory);
    let document = ObservedDocument {
        format: 1,
        batch: BatchId::derived(&["look"]),
        look: Look { epoch, at, jobs: Vec::new(), slots: None },
        expected: Vec::new(),
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    };
    memory.put(&keys().observed(), write(&document));
}

/// Each thing that is left in its turn, until nothing is.
#[tokio::test]
async fn each_thing_that_is_left_says_why_and_what_to_do() {
    let memory = running().await;
    let state = "s3://b/checkpoints/orders-eu/1/x/chk-1/_metadata";
    memory.put(state, Vec::new());
    let is_kept = async |why: &str, help: &str| {
        for dry_run in [false, true] {
            let (message, way_out) = refused(&memory, forget(dry_run)).await;
            assert_eq!(message, format!("orders-eu is not forgotten: {why}"));
            assert!(way_out.contains(help), "{way_out}");
        }
    };
    is_kept("a file of its name is uploaded", "`remove orders-eu`").await;
    memory.remove(&format!("p/queries/{}.yaml", name()));
    is_kept("it is not removed yet", "`sweep`").await;
    let deploy = Action::Deploy { names: [name()].into(), by: None };
    ordered(&memory, deploy).await.unwrap();
    let operation = memory.record(&name()).open.unwrap().plan.operation.short();
    is_kept(&format!("operation {operation} is under way"), "`history orders-eu`").await;
    memory.settle(&[name()]);
    is_kept("the cluster was not looked at since its last operation", "`status --fresh`").await;
    look(&memory);
    is_kept("state is left in s3://b/checkpoints/orders-eu", "delete it").await;
    memory.remove(state);

    let rehearsed = ordered(&memory, forget(true)).await.unwrap();
    let told = "orders-eu would be forgotten: a file of this name is a new job from then on, at version 2.";
    assert_eq!(rehearsed.told, [told]);
    let answer = ordered(&memory, forget(false)).await.unwrap();
    assert_eq!(answer.told, ["orders-eu is forgotten: a file of this name is a new job from then on, at version 2."]);
    is_kept("it is forgotten already", "`history orders-eu`").await;
}

#[tokio::test]
async fn a_forgotten_name_is_shown_only_where_it_is_named() {
    let memory = running().await;
    memory.remove(&format!("p/queries/{}.yaml", name()));
    ordered(&memory, Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    memory.settle(&[name()]);
    look(&memory);
    assert_eq!(status(&memory, false).await.jobs.len(), 1, "a removed one is shown");
    ordered(&memory, forget(false)).await.unwrap();
    assert!(status(&memory, false).await.jobs.is_empty());
    let shown = status(&memory, true).await;
    let forgotten = shown.jobs[0].forgotten.clone().unwrap();
    assert_eq!((forgotten.by.as_str(), forgotten.why.as_deref()), ("anna", Some("it was a trial")));
    assert_eq!((shown.jobs[0].since, shown.unknown.len()), (Some(forgotten.at), 0));
    match act(&memory.orchestrator(), Action::History { name: name() }).await.unwrap() {
        Answer::History(history) => assert_eq!((history.entries.len(), history.noted.len()), (2, 1)),
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }

    // A file of its name is a new job, clean.
    memory.upload(&name(), "SELECT a FROM orders");
    let answer = ordered(&memory, Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    let plan = answer.jobs[0].plan.clone().unwrap();
    assert_eq!((plan.before, plan.after), (None, Some(2)));
    assert_eq!(status(&memory, false).await.jobs.len(), 1);
}
