//! One message for one cause, however many jobs come to it in however many invocations.
//! Must not know how a condition is kept.

use std::collections::BTreeSet;

use control::orchestrator::Scope;
use desired::manifest::JobName;
use desired::tables::{Definition, TableRole};
use desired::target::Target;
use lifecycle::asked_by::CONFIGURATION_UPLOAD;
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::ids::JobId;
use lifecycle::owed::Cause;

use crate::kit::{Outside, epoch, job, jobs, target};

fn these(names: &[JobName]) -> Scope {
    Scope::Jobs(names.iter().cloned().collect::<BTreeSet<_>>())
}

fn run() -> RunStarted {
    let (job_id, epoch) = (JobId::derived(&["back"]), Some(epoch(1)));
    RunStarted { job_id, restored_from: None, epoch, compiled: Compiled::default() }
}

fn rolled_back(reason: &str) -> Outcome {
    Outcome::RolledBack { reason: reason.to_owned(), cause: Cause::DoesNotRun, run: run(), savepoint: None }
}

fn deployed() -> Outcome {
    Outcome::Deployed { run: run(), savepoint: None, unhealthy: None, cause: None, checkpointed: true }
}

/// The job's target with this definition of a table that it writes.
fn over(name: &JobName, sql: &str) -> Target {
    let definition = Definition::new("p/config/tables/t.sql", sql, TableRole::Writes);
    Target { definitions: vec![definition], ..target(name, 1) }
}

/// What these jobs were asked for fails, in these words, in batches of three: each is an invocation of its own.
async fn fails(outside: &Outside, names: &[JobName], reason: impl Fn(usize) -> String) {
    for (n, name) in names.iter().enumerate() {
        outside.ends(name, rolled_back(&reason(n)));
        if n % 3 == 2 || n + 1 == names.len() {
            outside.later(20);
            outside.run(these(&names[n - n % 3..=n])).await;
        }
    }
}

#[tokio::test]
async fn a_bad_upload_of_configuration_that_breaks_17_jobs_is_one_message() {
    let all = jobs(17);
    let outside = Outside::with(&all);
    for name in &all {
        outside.runs_as(over(name, "CREATE TABLE sink (a INT) WITH ('connector' = 'kafka')"));
        outside.want_target(over(name, "CREATE TABLE sink (a INT) WITH ('connector' = 'kafkaa')"));
    }
    outside.run(Scope::All).await;
    let words = ["no column `a`", "no connector `kafkaa`", "no format `xml`"];
    fails(&outside, &all, |n| format!("ValidationException: {}", words[n % 3])).await;
    outside.run(Scope::Sweep).await;
    assert_eq!(outside.told(), [("operation-failed", 3)], "the jobs of the first batch");
    let body = outside.state().alerts[0].body();
    for part in ["job-00: not applied: ValidationException: no column `a` (operation ", "history job-00", "an hour"] {
        assert!(body.contains(part), "{body}");
    }

    // The upload that should have mended it does not.
    outside.later(300);
    for name in &all {
        outside.want_target(over(name, "CREATE TABLE sink (a INT) WITH ('connector' = 'kafkab')"));
    }
    outside.run(Scope::All).await;
    fails(&outside, &all, |_| "ValidationException: no connector `kafkab`".to_owned()).await;
    assert_eq!(outside.told().len(), 2, "{:?}", outside.told());

    for name in &all {
        outside.want_target(over(name, "CREATE TABLE sink (a INT) WITH ('connector' = 'blackhole')"));
    }
    outside.run(Scope::All).await;
    for name in &all {
        outside.ends(name, deployed());
    }
    outside.run(Scope::All).await;
    let alerts = outside.json(&crate::kit::keys().alerts()).unwrap();
    assert_eq!(alerts["standing"], serde_json::json!([]), "each condition cleared itself");
}

#[tokio::test]
async fn options_of_the_template_are_one_cause_and_options_of_two_manifests_are_two() {
    for (by, alerts) in [(CONFIGURATION_UPLOAD, 1), ("upload", 2)] {
        let all = jobs(2);
        let outside = Outside::with(&all);
        for (name, reason) in all.iter().zip(["no such backend", "out of memory"]) {
            outside.want(name, 2);
            outside.orchestrator().run(these(std::slice::from_ref(name)), by).await.unwrap();
            outside.ends(name, rolled_back(reason));
            outside.run(these(std::slice::from_ref(name))).await;
        }
        assert_eq!(outside.told().len(), alerts, "{by}");
    }
}

#[tokio::test]
async fn one_text_is_one_cause_and_another_text_another() {
    let all = [job("orders"), job("clicks"), job("visits")];
    let outside = Outside::with(&all);
    let reasons = ["orders: line 3: broker 10.0.0.7 is gone", "clicks: line 14: broker 10.0.0.9 is gone", "no disk"];
    for ((n, name), reason) in all.iter().enumerate().zip(reasons) {
        outside.want(name, 2 + u32::try_from(n).unwrap());
        outside.run(these(std::slice::from_ref(name))).await;
        outside.ends(name, rolled_back(reason));
        outside.run(these(std::slice::from_ref(name))).await;
    }
    assert_eq!(outside.told(), [("operation-failed", 1), ("operation-failed", 1)]);
    assert!(outside.state().alerts[1].body().contains("no disk"));
}
