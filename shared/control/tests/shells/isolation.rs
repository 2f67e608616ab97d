//! One object that cannot be read is one job's trouble: every other job is served by the same invocation.
//! Must not know how an object is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::claims::{ClaimAnswer, Claims};
use control::orchestrator::{Orchestrator, Report, Scope, Uploads};
use control::ports::Store;
use desired::manifest::{JobName, Policy};
use lifecycle::documents::claim::{Claim, Verdict};
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::record::Record;
use lifecycle::documents::write;
use lifecycle::ids::{JobId, Nonce, OperationId};
use lifecycle::noted::Order;
use lifecycle::owed::Cause;
use lifecycle::reason::Reason;
use serde_json::{Value, json};

use crate::kit::{Outside, epoch, job, jobs, keys};

const MIB: usize = 1 << 20;

/// What may be wrong with an object.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Denied,
    Archived,
    TooLarge,
    /// It is no document of ours.
    Damaged(&'static str),
}

impl Bad {
    fn befalls(self, outside: &Outside, key: &str) {
        let says = |words: &str| {
            outside.put(key, b"{}".to_vec());
            outside.state().refused.insert(key.to_owned(), words.to_owned());
        };
        match self {
            Self::Denied => says("AccessDenied: Access Denied (allow it)"),
            Self::Archived => says("InvalidObjectState: it is archived (restore it)"),
            // The store reads no such body.
            Self::TooLarge => says("it is larger than 33554432 bytes (upload it smaller)"),
            Self::Damaged(text) => outside.put(key, text.as_bytes().to_vec()),
        }
    }
}

const DOCUMENTS: [Bad; 5] = [
    Bad::Denied,
    Bad::Archived,
    Bad::TooLarge,
    Bad::Damaged(r#"{"format": 99}"#),
    Bad::Damaged(r#"{"format": 1, "revi"#),
];

fn manifest(name: &JobName, parallelism: u32) -> Vec<u8> {
    let text = format!(
        "name: {name}\ndescription: d\ntarget-table: sink\nsql: SELECT 1\nflinkProperties:\n  \
         state.checkpoints.dir: s3://b/checkpoints\n  state.savepoints.dir: s3://b/savepoints\n  \
         parallelism.default: \"{parallelism}\"\n"
    );
    text.into_bytes()
}

fn deployed() -> Outcome {
    let (job_id, restored_from, epoch) = (JobId::derived(&["new"]), None, Some(epoch(1)));
    let run = RunStarted { job_id, restored_from, epoch, compiled: Compiled::default() };
    Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true }
}

fn query(name: &JobName) -> String {
    format!("p/queries/{name}.yaml")
}

/// An orchestrator that reads the uploaded files.
fn orchestrator(outside: &Outside) -> Arc<Orchestrator> {
    let store: Arc<dyn Store> = Arc::new(outside.clone());
    let desired = Arc::new(Uploads { store, keys: keys(), policy: Policy::default(), timestamp_field: String::new() });
    let parts = Arc::into_inner(outside.orchestrator()).unwrap();
    Arc::new(Orchestrator { desired, ..parts })
}

async fn run(outside: &Outside, scope: Scope) -> Report {
    orchestrator(outside).run(scope, "test").await.unwrap()
}

/// Jobs that run with parallelism 1, where 2 is desired of every one.
fn changed(names: &[JobName]) -> Outside {
    let outside = Outside::with(names);
    for name in names {
        outside.put(&query(name), manifest(name, 2));
    }
    outside
}

fn scopes(names: &[JobName]) -> Vec<Scope> {
    vec![Scope::All, Scope::Sweep, Scope::Redeploy, Scope::Jobs(names.iter().cloned().collect())]
}

fn bad_and_good() -> (JobName, Vec<JobName>) {
    (job("bad"), vec![job("a"), job("bad"), job("c")])
}

/// Every job but the bad one has its operation, and it was sent.
fn others_are_served(report: &Report, names: &[JobName], what: &str) {
    let ordered =
        |name: &&JobName| matches!(report.findings.get(*name).map(|found| &found.reason), Some(Reason::Ordered { .. }));
    let served: Vec<&str> = names.iter().filter(ordered).map(JobName::as_str).collect();
    assert_eq!(served, ["a", "c"], "{what}: {:?}", report.troubles);
    assert!(report.dispatched_as.is_some(), "{what}");
}

/// The trouble names the object, the cause and the way out, which is in brackets.
fn is_named(trouble: &str, key: &str, what: &str) {
    assert!(trouble.contains(key) && trouble.contains('(') && trouble.ends_with(')'), "{what}: {trouble}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_its_jobs_trouble() {
    let (bad, names) = bad_and_good();
    for wrong in DOCUMENTS {
        for scope in scopes(&names) {
            let what = format!("{wrong:?}, {scope:?}");
            let outside = changed(&names);
            let key = keys().record(&bad);
            wrong.befalls(&outside, &key);
            let before = outside.json(&key);
            let report = run(&outside, scope).await;
            others_are_served(&report, &names, &what);
            is_named(&report.troubles[&bad], &key, &what);
            assert_eq!(report.troubles.len(), 1, "{what}");
            assert_eq!(outside.json(&key), before, "nothing is written over it: {what}");
            assert_eq!(outside.told(), [("unreadable", 1)], "{what}");
            assert!(report.passing().is_empty(), "another try reads the same: {what}");
        }
    }
}

#[tokio::test]
async fn a_deployed_manifest_that_cannot_be_read_is_its_jobs_trouble() {
    let (bad, names) = bad_and_good();
    for wrong in
        [Bad::Denied, Bad::Archived, Bad::TooLarge, Bad::Damaged("name: [cut"), Bad::Damaged("{\"format\": 99}")]
    {
        for scope in scopes(&names) {
            let what = format!("{wrong:?}, {scope:?}");
            let outside = changed(&names);
            // A job of the Python tool has no record.
            outside.delete(&keys().record(&bad)).await.unwrap();
            let key = keys().manifest(&bad);
            wrong.befalls(&outside, &key);
            let report = run(&outside, scope).await;
            others_are_served(&report, &names, &what);
            is_named(&report.troubles[&bad], &key, &what);
            assert!(outside.json(&keys().record(&bad)).is_none(), "no record is begun without it: {what}");
        }
    }
}

#[tokio::test]
async fn a_result_that_cannot_be_read_is_its_jobs_trouble() {
    let (bad, names) = bad_and_good();
    for wrong in DOCUMENTS {
        for scope in [Scope::All, Scope::Sweep, Scope::Jobs(names.iter().cloned().collect())] {
            let what = format!("{wrong:?}, {scope:?}");
            let outside = changed(&names);
            run(&outside, Scope::All).await;
            for name in &names {
                outside.ends(name, deployed());
            }
            let key = keys().result(&bad, outside.record(&bad).open.unwrap().plan.operation);
            wrong.befalls(&outside, &key);
            let report = run(&outside, scope).await;
            is_named(&report.troubles[&bad], &key, &what);
            assert_eq!(report.troubles.len(), 1, "{what}");
            assert!(outside.record(&bad).open.is_some(), "its operation stays as it is: {what}");
            for name in ["a", "c"].map(job) {
                assert!(outside.settled().iter().any(|settled| settled.job == name), "{name}: {what}");
            }
        }
    }
}

/// Renamed by a tool that writes endings in its own way, a manifest is not gone.
#[tokio::test]
async fn a_file_called_otherwise_than_a_manifest_is_refused_and_stops_no_job() {
    let (renamed, names) = bad_and_good();
    let outside = changed(&names);
    outside.delete(&query(&renamed)).await.unwrap();
    outside.put("p/queries/bad.YAML", manifest(&renamed, 2));
    outside.put("p/queries/notes.txt", b"x".to_vec());
    outside.put("p/queries/README.md", b"x".to_vec());
    let report = run(&outside, Scope::All).await;
    others_are_served(&report, &names, "renamed");
    assert_eq!(report.findings[&renamed].reason, Reason::UploadRefused);
    assert!(outside.record(&renamed).expected_run().is_some(), "it goes on running");
    let told = outside.json("p/refused/queries/bad.YAML.json").unwrap();
    let errors = &told["errors"][0];
    assert_eq!((&errors["code"], &errors["help"]), (&json!("not-a-manifest"), &json!("rename it to bad.yaml")));
    assert!(outside.json("p/refused/queries/notes.txt.json").is_some());
    assert!(outside.json("p/refused/queries/README.md.json").is_none());

    // Once it is gone nothing names the job any more, and nothing is told.
    outside.delete("p/queries/bad.YAML").await.unwrap();
    let report = run(&outside, Scope::All).await;
    assert!(matches!(report.findings[&renamed].reason, Reason::Ordered { .. }), "{:?}", report.findings[&renamed]);
    assert!(outside.json("p/refused/queries/bad.YAML.json").is_none());
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_is_refused_alone() {
    let (bad, names) = bad_and_good();
    for wrong in [Bad::Denied, Bad::Archived, Bad::TooLarge] {
        for scope in scopes(&names) {
            let what = format!("{wrong:?}, {scope:?}");
            let outside = changed(&names);
            wrong.befalls(&outside, &query(&bad));
            let report = run(&outside, scope).await;
            others_are_served(&report, &names, &what);
            assert_eq!(report.findings[&bad].reason, Reason::UploadRefused, "{what}");
            assert!(outside.record(&bad).expected_run().is_some(), "it goes on running: {what}");
            let told = outside.json("p/refused/queries/bad.yaml.json").unwrap();
            let errors = &told["errors"][0];
            assert_eq!((&errors["code"], &errors["file"]), (&json!("unreadable"), &json!(query(&bad))), "{what}");
            is_named(&format!("{} {}", query(&bad), errors["message"].as_str().unwrap()), &query(&bad), &what);
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_judged_by_the_listing_and_never_read() {
    let (bad, names) = bad_and_good();
    for size in [MIB + 1, 2 * MIB, 33 * MIB] {
        let outside = changed(&names);
        outside.put(&query(&bad), vec![b'#'; size]);
        outside.state().read.clear();
        let report = run(&outside, Scope::All).await;
        others_are_served(&report, &names, &size.to_string());
        assert!(!outside.state().read.contains(&query(&bad)), "{size}");
        let told = outside.json("p/refused/queries/bad.yaml.json").unwrap();
        assert_eq!(told["errors"][0]["message"], format!("the file has {size} bytes, 1048576 is the most"));
    }
    let outside = changed(&names);
    let padded = [manifest(&bad, 2), vec![b'\n'; MIB]].concat();
    outside.put(&query(&bad), padded[..MIB].to_vec());
    let report = run(&outside, Scope::All).await;
    assert!(matches!(report.findings[&bad].reason, Reason::Ordered { .. }), "as large as it may be");
}

#[tokio::test]
async fn keys_of_1020_bytes_trouble_nobody_and_their_uploaders_are_told() {
    let names = [job("a"), job("c")];
    let outside = changed(&names);
    let long = |prefix: &str, end: &str| format!("{prefix}{}{end}", "x".repeat(1020 - prefix.len() - end.len()));
    let refused = [long("p/queries/", ".yaml"), long("p/queries/", "/bad.yaml")];
    for key in refused.iter().cloned().chain([
        long("p/records/", ".json"),
        long("p/manifests/", ".yaml"),
        long("p/results/bad/", ".json"),
        long("p/results/", "/0.json"),
    ]) {
        assert_eq!(key.len(), 1020);
        outside.put(&key, b"name: [".to_vec());
    }
    let report = run(&outside, Scope::Redeploy).await;
    others_are_served(&report, &names, "long keys");
    assert_eq!((report.troubles.len(), &report.untold), (0, &None));
    for key in &refused {
        let told = outside.json(&keys().refused(key)).unwrap();
        assert_eq!(told["errors"][0]["file"], *key);
    }
}

/// What may be mended by another try is neither said to the uploader nor taken for a refusal.
#[tokio::test]
async fn an_upload_that_is_not_answered_this_time_comes_again() {
    let (bad, names) = bad_and_good();
    let outside = changed(&names);
    outside.state().silent.insert(query(&bad));
    let report = run(&outside, Scope::All).await;
    others_are_served(&report, &names, "silent");
    assert!(report.troubles[&bad].contains(&query(&bad)), "{:?}", report.troubles);
    assert_eq!(report.passing().keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["bad"]);
    assert!(outside.json("p/refused/queries/bad.yaml.json").is_none());
    assert!(outside.told().is_empty());
    outside.state().silent.clear();
    let report = run(&outside, Scope::All).await;
    assert!(matches!(report.findings[&bad].reason, Reason::Ordered { .. }));
}

#[tokio::test]
async fn broken_table_files_bring_no_serial_call_per_manifest() {
    let names = jobs(99);
    let outside = changed(&names);
    outside.put("p/config/tables/t.sql", vec![0xff]);
    let alone = |outside: &Outside| std::mem::take(&mut outside.state().calls).alone;
    for pass in ["all are told", "all know already"] {
        alone(&outside);
        let report = run(&outside, Scope::All).await;
        assert_eq!(report.inputs.unwrap().manifests.iter().filter(|v| !v.errors().is_empty()).count(), 99);
        let alone = alone(&outside);
        assert!(alone < 20, "{alone} calls had nothing beside them: {pass}");
        let told = outside.list("p/refused/").await.unwrap();
        assert_eq!(told.len(), 1, "the table file is told of once: {pass}");
    }
    outside.put("p/config/tables/t.sql", Vec::new());
    run(&outside, Scope::All).await;
    let refused = outside.list("p/refused/").await.unwrap();
    assert!(refused.is_empty() && alone(&outside) < 20);
}

#[tokio::test]
async fn a_sweep_asks_once_for_each_batch() {
    let names = jobs(40);
    let outside = changed(&names);
    let early: BTreeSet<JobName> = names[..10].iter().cloned().collect();
    run(&outside, Scope::Jobs(early)).await;
    run(&outside, Scope::All).await;
    outside.state().asked.clear();
    run(&outside, Scope::Sweep).await;
    let batches: BTreeSet<_> = names.iter().map(|name| outside.record(name).open.unwrap().batch).collect();
    let asked = outside.state().asked.clone();
    assert_eq!((batches.len(), asked.len()), (2, 2));
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), batches);
}

/// The record of a newer version, rewritten by the whole invocation of this one.
#[tokio::test]
async fn what_a_newer_version_noted_in_record_and_claim_survives_a_rewrite() {
    let later = json!({ "of": ["a later version", 7] });
    let name = job("a");
    let outside = changed(std::slice::from_ref(&name));
    let key = keys().record(&name);
    let mut newer: Value = outside.json(&key).unwrap();
    newer["later"] = later.clone();
    outside.put(&key, write(&newer));
    run(&outside, Scope::All).await;
    let written = outside.json(&key).unwrap();
    assert!(written["open"].is_object() && written["revision"].as_u64() > newer["revision"].as_u64(), "{written}");
    assert_eq!(written["later"], later);
    outside.ends(&name, deployed());
    run(&outside, Scope::All).await;
    let settled = outside.json(&key).unwrap();
    assert!(settled["open"].is_null());
    assert_eq!(settled["later"], later);

    let operation = OperationId::derived(&["x"]);
    let key = keys().claim(operation);
    let holder = Nonce::derived(&["holder"]);
    let mut newer = serde_json::to_value(Claim::fresh(operation, holder, 0)).unwrap();
    newer["later"] = later.clone();
    newer["verdict"] =
        serde_json::to_value(Verdict::RollBack { reason: "r".to_owned(), cause: Cause::DoesNotRun }).unwrap();
    outside.put(&key, write(&newer));
    let (store, keys) = (outside.clone(), keys());
    let claims = Claims { store: &store, keys: &keys, world: &outside, margin: std::time::Duration::ZERO };
    let taken = claims.take(operation, holder, std::time::Duration::from_mins(1)).await.unwrap();
    assert!(matches!(taken, ClaimAnswer::Ours(_)), "{taken:?}");
    assert_eq!(outside.json(&key).unwrap()["lease_ms"], 60_000);
    assert_eq!(outside.json(&key).unwrap()["later"], later);
}

/// A newer format is never written over.
#[tokio::test]
async fn a_record_of_a_newer_format_is_left_alone_until_the_upgrade() {
    let name = job("a");
    let outside = changed(std::slice::from_ref(&name));
    let key = keys().record(&name);
    let mut newer = outside.json(&key).unwrap();
    newer["format"] = (<Record as lifecycle::documents::Document>::FORMAT + 1).into();
    outside.put(&key, write(&newer));
    let report = run(&outside, Scope::Redeploy).await;
    assert!(report.troubles[&name].contains("upgrade"), "{:?}", report.troubles);
    assert_eq!(outside.json(&key), Some(newer));
    let orchestrator = orchestrator(&outside);
    assert!(orchestrator.note_order(&name, &Order::Retry, &"anna".into()).await.is_err());
}
