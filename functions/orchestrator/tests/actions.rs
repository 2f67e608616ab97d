//! Actions and events over a bucket in memory: what they answer where there is much, and where an object cannot be read.
//! Must not know how an answer is made.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

mod memory;

use desired::manifest::JobName;
use memory::{Memory, keys};
use orchestrator::actions::{Action, Answer, PlanAnswer, StatusAnswer, act};
use orchestrator::handler::handle;
use serde_json::{Value, json};

const MEGABYTE: usize = 1_000_000;

fn names(count: usize) -> Vec<JobName> {
    (0..count).map(|n| JobName::try_from(format!("job-{n:04}").as_str()).unwrap()).collect()
}

fn all() -> Action {
    Action::Deploy { names: std::collections::BTreeSet::new(), by: Some("anna".to_owned()) }
}

async fn status(memory: &Memory) -> StatusAnswer {
    match act(&memory.orchestrator(), Action::Status {}).await.unwrap() {
        Answer::Status(answer) => *answer,
        Answer::Plan(_) | Answer::History(_) => unreachable!(),
    }
}

async fn planned(memory: &Memory, action: Action) -> PlanAnswer {
    match act(&memory.orchestrator(), action).await.unwrap() {
        Answer::Plan(answer) => *answer,
        Answer::Status(_) | Answer::History(_) => unreachable!(),
    }
}

fn size(answer: &impl serde::Serialize) -> usize {
    serde_json::to_vec(answer).unwrap().len()
}

/// A query of many lines, each of which differs.
fn long(word: &str) -> String {
    (0..60).fold("SELECT 1".to_owned(), |sql, n| format!("{sql}\n  , '{word} {n} is a long text that is different'"))
}

#[tokio::test]
async fn the_answer_about_1000_changed_jobs_stays_below_a_megabyte_and_names_every_job() {
    let memory = Memory::default();
    let names = names(1000);
    for name in &names {
        memory.upload(name, &long("before"));
    }
    let first = planned(&memory, all()).await;
    assert!(size(&first) < MEGABYTE && first.jobs.len() == 1000);
    memory.settle(&names);
    for name in &names {
        memory.upload(name, &long("after"));
    }
    for action in [Action::Plan { names: std::collections::BTreeSet::new() }, all()] {
        let answer = planned(&memory, action).await;
        assert!(size(&answer) < MEGABYTE, "{}", size(&answer));
        let kept: Vec<&JobName> = answer.jobs.iter().map(|job| &job.name).collect();
        assert_eq!(kept, names.iter().collect::<Vec<_>>());
        let changed = |job: &orchestrator::actions::JobAnswer| job.plan.is_some() && job.change.is_some();
        assert!(answer.jobs.iter().all(changed), "each says what is done about it");
        assert!(answer.left_out[0].starts_with("texts are cut after "), "{:?}", answer.left_out);
    }
    let answer = status(&memory).await;
    assert!(size(&answer) < MEGABYTE && answer.jobs.len() == 1000, "{}", size(&answer));
}

#[tokio::test]
async fn what_cannot_be_named_is_counted() {
    let memory = Memory::default();
    let names = names(3000);
    for name in &names {
        memory.put(&format!("p/queries/{name}.yaml"), b"name: [".to_vec());
    }
    let answer = planned(&memory, all()).await;
    assert!(size(&answer) < MEGABYTE, "{}", size(&answer));
    let left_out =
        answer.left_out.iter().find_map(|note| note.strip_suffix(" refused files are left out: ask for them by name"));
    assert_eq!(left_out.map(str::parse), Some(Ok(3000 - answer.refused.len())), "{:?}", answer.left_out);
}

#[tokio::test]
async fn status_shows_every_job_and_what_is_wrong_with_the_one_that_cannot_be_read() {
    let memory = Memory::default();
    let names = names(40);
    for name in &names {
        memory.upload(name, "SELECT 1");
    }
    planned(&memory, all()).await;
    memory.settle(&names);
    for name in &names {
        memory.upload(name, "SELECT 2");
    }
    planned(&memory, all()).await;
    let [newer, denied, cut, result, ..] = &names[..] else { unreachable!() };
    memory.put(&keys().record(newer), br#"{"format": 99}"#.to_vec());
    memory.refuse(&keys().record(denied), "AccessDenied: Access Denied (allow it)");
    memory.put(&keys().record(cut), br#"{"format": 2, "#.to_vec());
    let operation = memory.record(result).open.unwrap().plan.operation;
    memory.put(&keys().result(result, operation), b"{".to_vec());
    memory.put(&keys().observed(), b"{".to_vec());
    memory.alone();
    let answer = status(&memory).await;
    assert!(memory.alone() < 10, "records are read side by side");
    assert_eq!(answer.jobs.iter().map(|job| &job.name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    for (name, object, cause, way_out) in [
        (newer, keys().record(newer), "format 99", "upgrade"),
        (denied, keys().record(denied), "AccessDenied", "allow it"),
        (cut, keys().record(cut), "damaged", "put back"),
        (result, keys().result(result, operation), "damaged", "put back"),
    ] {
        let trouble = answer.jobs.iter().find(|job| job.name == *name).and_then(|job| job.trouble.clone()).unwrap();
        assert!([&object, cause, way_out].iter().all(|part| trouble.contains(part)), "{trouble}");
    }
    assert!(answer.jobs[4..].iter().all(|job| job.trouble.is_none() && job.version == Some(1)));
    assert!(answer.jobs[3].version.is_some(), "its record can be read");
    assert!(answer.observed.is_none() && answer.observed_trouble.unwrap().contains("observed.json"));
}

/// S3's event about these objects, as S3 sends it.
fn event(keys: &[&str]) -> Value {
    let sample: Value = serde_json::from_str(include_str!("../../../events/s3-object-created.json")).unwrap();
    let about = |key: &&str| {
        let mut record = sample["Records"][0].clone();
        record["s3"]["object"]["key"] = (*key).into();
        record
    };
    json!({"Records": keys.iter().map(about).collect::<Vec<_>>()})
}

fn uploaded(name: &JobName) -> Value {
    event(&[&format!("p/queries/{name}.yaml")])
}

/// Whoever sends an event again for what no other try mends, only hides it in a dead-letter queue.
#[tokio::test]
async fn only_what_another_try_may_mend_comes_back() {
    let memory = Memory::default();
    let names = names(3);
    for name in &names {
        memory.upload(name, "SELECT 1");
    }
    memory.put(&keys().record(&names[0]), br#"{"format": 99}"#.to_vec());
    memory.silence(&format!("p/queries/{}.yaml", names[1]));
    let message = |name: &JobName| json!({"eventSource": "aws:sqs", "messageId": name.to_string(), "body": uploaded(name).to_string()});
    let event = json!({"Records": names.iter().map(message).collect::<Vec<_>>()});
    let answer = handle(&memory.orchestrator(), event).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "job-0001"}]));
    assert!(memory.record(&names[2]).open.is_some());

    let answer = handle(&memory.orchestrator(), uploaded(&names[0])).await.unwrap();
    assert!(answer[0]["troubles"]["job-0000"].as_str().unwrap().contains("upgrade"), "{answer}");
    assert!(handle(&memory.orchestrator(), uploaded(&names[1])).await.is_err());
}

/// A look that cannot be read is as good as none, and an event about it is done with.
#[tokio::test]
async fn a_damaged_look_stops_no_event() {
    let memory = Memory::default();
    let name = &names(1)[0];
    memory.upload(name, "SELECT 1");
    for bytes in [&b"{"[..], br#"{"format": 99}"#] {
        memory.put(&keys().observed(), bytes.to_vec());
        let event = event(&[&keys().observed(), &format!("p/queries/{name}.yaml")]);
        handle(&memory.orchestrator(), event).await.unwrap();
        assert!(memory.record(name).open.is_some());
    }
}
