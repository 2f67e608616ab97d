//! Forgetting a name, with files and other invocations that come in between, and a process that dies on the way.
//! Must not know when a name may be forgotten.

use std::collections::BTreeSet;

use control::orchestrator::{Forgetting, Scope};
use desired::manifest::JobName;
use lifecycle::change::ChangeKind;
use lifecycle::documents::batch::FORMAT;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::write;
use lifecycle::flink::Look;
use lifecycle::forgetting::Kept;
use lifecycle::ids::{ActId, BatchId, Nonce};
use lifecycle::noted::WhoAndWhy;

use crate::kit::{Outside, epoch, job, keys};

fn orders() -> JobName {
    job("orders")
}

fn only() -> Scope {
    Scope::Jobs(BTreeSet::from([orders()]))
}

fn anna() -> WhoAndWhy {
    WhoAndWhy { by: "anna".to_owned(), why: Some("a trial".to_owned()), id: Some(ActId::derived(&["one"])) }
}

/// The node looks at a cluster on which nothing runs.
fn look(outside: &Outside) {
    outside.later(60);
    let at = control::ports::World::now(outside);
    let document = ObservedDocument {
        format: FORMAT,
        batch: BatchId::derived(&["look"]),
        look: Look { epoch: epoch(1), at, jobs: Vec::new(), slots: None },
        expected: Vec::new(),
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    };
    outside.put(&keys().observed(), write(&document));
}

/// A job that was removed after its removal had failed once, of which people were alerted.
async fn removed() -> Outside {
    let outside = Outside::with(&[orders()]);
    outside.unwant(&orders());
    outside.run(only()).await;
    outside.ends(&orders(), Outcome::Removed { savepoint: None });
    outside.run(only()).await;
    look(&outside);
    outside
}

async fn forget(outside: &Outside) -> Forgetting {
    outside.orchestrator().forget(&orders(), &anna(), false).await.unwrap()
}

const DONE: Forgetting = Forgetting::Done { highest_version: 1 };

#[tokio::test]
async fn a_forgotten_name_counts_nowhere() {
    let outside = removed().await;
    let before = outside.versions();
    assert_eq!(outside.orchestrator().forget(&orders(), &anna(), true).await.unwrap(), DONE);
    assert_eq!(outside.versions(), before, "a dry run writes nothing");
    assert_eq!(forget(&outside).await, DONE);
    assert_eq!(forget(&outside).await, Forgetting::Known, "the same order again");
    let record = outside.record(&orders());
    assert_eq!(record.forgotten.as_ref().map(|forgotten| forgotten.by.as_str()), Some("anna"));
    for scope in [Scope::Redeploy, Scope::Sweep, Scope::All] {
        let report = outside.run(scope).await;
        assert!(report.findings.is_empty() && report.troubles.is_empty(), "{:?}", report.findings);
    }
    assert_eq!(outside.record(&orders()), record, "nothing is decided about it any more");
}

#[tokio::test]
async fn a_file_that_comes_later_is_a_new_job_at_the_next_version() {
    let outside = removed().await;
    assert_eq!(forget(&outside).await, DONE);
    outside.want(&orders(), 1);
    outside.run(only()).await;
    let record = outside.record(&orders());
    let plan = record.open.unwrap().plan;
    assert_eq!((plan.change.kind, plan.next.unwrap().version), (ChangeKind::New, 2));
    assert!(record.forgotten.is_none() && plan.previous.is_none());
}

/// The file arrives and is decided about between the read and the write.
#[tokio::test]
async fn a_file_that_is_decided_about_meanwhile_keeps_the_name() {
    let outside = removed().await;
    let meanwhile = outside.clone();
    outside.before_states_are_listed(move || {
        meanwhile.want(&orders(), 1);
        let record = meanwhile.record(&orders());
        meanwhile.put(&keys().record(&orders()), write(&record.revised(Nonce::derived(&["x"]))));
    });
    assert_eq!(forget(&outside).await, Forgetting::Changed);
    assert!(outside.record(&orders()).forgotten.is_none());
}

/// The file arrives between the read and the write, and its event after both.
#[tokio::test]
async fn a_file_whose_event_comes_after_is_a_new_job() {
    let outside = removed().await;
    let meanwhile = outside.clone();
    outside.before_states_are_listed(move || meanwhile.want(&orders(), 1));
    assert_eq!(forget(&outside).await, DONE);
    outside.run(only()).await;
    let plan = outside.record(&orders()).open.unwrap().plan;
    assert_eq!((plan.change.kind, plan.next.unwrap().version), (ChangeKind::New, 2));
}

/// The record is the only document that is written: what people were alerted of is ended by whoever comes next.
#[tokio::test]
async fn a_process_that_dies_after_the_write_leaves_nothing_to_do() {
    let outside = Outside::with(&[orders()]);
    outside.want(&orders(), 2);
    outside.run(only()).await;
    let reason = "it restarts".to_owned();
    let cause = lifecycle::owed::Cause::DoesNotRun;
    outside.ends(&orders(), Outcome::Failed { reason, cause, savepoint: None, runs: Vec::new() });
    outside.run(only()).await;
    assert_eq!(standing(&outside), 2, "not applied, and not running");
    let alerts = outside.json(&keys().alerts()).unwrap();
    outside.unwant(&orders());
    outside.run(only()).await;
    outside.ends(&orders(), Outcome::Removed { savepoint: None });
    outside.run(only()).await;
    look(&outside);
    // People are told of it still: whoever settled the removal died before it noted that this has ended.
    outside.put(&keys().alerts(), serde_json::to_vec(&alerts).unwrap());
    assert_eq!(forget(&outside).await, DONE);
    assert_eq!(standing(&outside), 2, "the process died here");
    outside.run(Scope::Redeploy).await;
    assert_eq!(standing(&outside), 0);
}

fn standing(outside: &Outside) -> usize {
    outside.json(&keys().alerts()).unwrap()["standing"].as_array().unwrap().len()
}

#[tokio::test]
async fn whatever_is_left_of_its_state_keeps_the_name() {
    for left in ["s3://b/checkpoints/orders/1/x/chk-1/_metadata", "s3://b/savepoints/orders/1/part"] {
        let outside = Outside::with(&[orders()]);
        let mut target = crate::kit::target(&orders(), 1);
        for option in [desired::manifest::CHECKPOINT_DIR, desired::manifest::SAVEPOINT_DIR] {
            target.manifest.properties.get_mut(option).unwrap().text.push_str("/orders");
        }
        outside.runs_as(target);
        outside.unwant(&orders());
        outside.run(only()).await;
        outside.ends(&orders(), Outcome::Removed { savepoint: None });
        outside.run(only()).await;
        look(&outside);
        outside.put(left, Vec::new());
        let Forgetting::Kept(Kept::State(place)) = forget(&outside).await else { unreachable!("{left} was not seen") };
        assert!(left.starts_with(&place), "{place}");
        outside.state().refuses_to_list = true;
        assert!(matches!(forget(&outside).await, Forgetting::Kept(Kept::StateUnknown(_))), "it may be there");
        assert!(outside.record(&orders()).forgotten.is_none());
    }
}

/// Where jobs share a directory, only what its own runs and operations left counts.
#[tokio::test]
async fn states_of_others_in_a_shared_directory_do_not_keep_the_name() {
    let outside = removed().await;
    outside.put("s3://b/checkpoints/1/0197f0a1b2c3700080000000000000aa/chk-1/_metadata", Vec::new());
    let own = format!("s3://b/checkpoints/1/{}/shared/x", crate::kit::run_of(&orders()));
    outside.put(&own, Vec::new());
    let Forgetting::Kept(Kept::State(place)) = forget(&outside).await else { unreachable!("{own} was not seen") };
    assert!(own.starts_with(&place), "{place}");
    outside.delete_object(&own);
    assert_eq!(forget(&outside).await, DONE);
}

#[tokio::test]
async fn without_a_look_nothing_is_forgotten() {
    let outside = removed().await;
    outside.delete_object(&keys().observed());
    assert_eq!(forget(&outside).await, Forgetting::Kept(Kept::NotLookedAt));
    let nobody = outside.orchestrator().forget(&job("nobody"), &anna(), false).await.unwrap();
    assert_eq!(nobody, Forgetting::NoRecord);
}
