//! Actions and events over a bucket in memory: what they answer where there is much, and where an object cannot be read.
//! Must not know how an answer is made.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]
#![expect(dead_code, reason = "the other tests use more of the bucket in memory")]

mod envelope;
mod memory;
mod messages;
#[path = "actions/preview.rs"]
mod preview;
#[path = "actions/standing.rs"]
mod standing;

use control::callers::NoCallers;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::batch::{Batch, Expected};
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::Status;
use lifecycle::documents::write;
use lifecycle::flink::{Epoch, Look};
use lifecycle::ids::BatchId;
use lifecycle::permission::Permission;
use memory::{Memory, keys};
use orchestrator::actions::{
    Action, ActionError, AllowAsked, Answer, HistoryAnswer, JobStatus, OrderAsked, PlanAnswer, Preview, StatusAnswer,
    act,
};
use orchestrator::handler::handle;
use orchestrator::held::WaitsFor;
use serde_json::{Value, json};

const MEGABYTE: usize = 1_000_000;

fn names(count: usize) -> Vec<JobName> {
    (0..count).map(|n| JobName::try_from(format!("job-{n:04}").as_str()).unwrap()).collect()
}

fn all() -> Action {
    Action::Deploy { names: std::collections::BTreeSet::new(), by: Some("anna".to_owned()) }
}

async fn status(memory: &Memory) -> StatusAnswer {
    status_of(memory, &[]).await
}

async fn status_of(memory: &Memory, names: &[&str]) -> StatusAnswer {
    let names = names.iter().map(|name| JobName::try_from(*name).unwrap()).collect();
    match act(&memory.orchestrator(), Action::Status { names }).await.unwrap() {
        Answer::Status(answer) => *answer,
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }
}

async fn planned(memory: &Memory, action: Action) -> PlanAnswer {
    match act(&memory.orchestrator(), action).await.unwrap() {
        Answer::Plan(answer) => *answer,
        Answer::Status(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }
}

async fn history(memory: &Memory, name: &JobName) -> HistoryAnswer {
    match act(&memory.orchestrator(), Action::History { name: name.clone() }).await.unwrap() {
        Answer::History(answer) => answer,
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    }
}

/// What came of an order that is not carried out: how the job stands, and the way out.
async fn not_ordered(memory: &Memory, action: Action) -> (String, String) {
    match act(&memory.orchestrator(), action).await.unwrap_err() {
        ActionError::NothingWaits { message, help } => (message, help),
        ActionError::Outside(error) => unreachable!("{error}"),
    }
}

fn retry(name: &JobName) -> Action {
    Action::Retry(OrderAsked::about(name.clone()))
}

fn allow(name: &JobName, permission: Permission) -> Action {
    Action::Allow(AllowAsked { permission, run: None, order: OrderAsked::about(name.clone()) })
}

fn of<'a>(answer: &'a StatusAnswer, name: &JobName) -> &'a JobStatus {
    answer.jobs.iter().find(|job| job.name == *name).unwrap()
}

fn second(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}

/// Jobs that run, all over the same tables.
async fn running(memory: &Memory, count: usize) -> Vec<JobName> {
    let names = names(count);
    memory.put("p/config/tables/t.sql", TABLES.as_bytes().to_vec());
    for name in &names {
        memory.upload(name, "SELECT a FROM orders");
    }
    planned(memory, all()).await;
    memory.settle(&names);
    names
}

const TABLES: &str = "CREATE TABLE orders (a INT) WITH ('connector' = 'kafka', 'topic' = 'x');\n\
    CREATE TABLE sink (a INT) WITH ('connector' = 'print');\n";

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
    for action in [Action::Plan(Preview::default()), all()] {
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
    let answer = handle(&memory.orchestrator(), &NoCallers, event).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "job-0001"}]));
    assert!(memory.record(&names[2]).open.is_some());

    let answer = handle(&memory.orchestrator(), &NoCallers, uploaded(&names[0])).await.unwrap();
    assert!(answer[0]["troubles"]["job-0000"].as_str().unwrap().contains("upgrade"), "{answer}");
    assert!(handle(&memory.orchestrator(), &NoCallers, uploaded(&names[1])).await.is_err());
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
        handle(&memory.orchestrator(), &NoCallers, event).await.unwrap();
        assert!(memory.record(name).open.is_some());
    }
}

/// Held jobs run as before: nothing but their records tells that they wait for somebody.
#[tokio::test]
async fn status_tells_what_holds_each_job_and_the_order_that_lets_it_go() {
    let memory = Memory::default();
    let names = running(&memory, 16).await;
    let (moved, gone) = names.split_at(9);
    memory.put("p/config/tables/t.sql", TABLES.replace("'x'", "'y'").into_bytes());
    for name in gone {
        memory.remove(&format!("p/queries/{name}.yaml"));
    }
    planned(&memory, all()).await;
    let answer = status(&memory).await;
    for (names, permission, guard) in
        [(moved, Permission::CleanStart, "clean-start guard"), (gone, Permission::Remove, "removal guard")]
    {
        for name in names {
            let job = of(&answer, name);
            let [WaitsFor { permission: needed, .. }] = job.waits_for[..] else { panic!("{job:?}") };
            assert_eq!(
                (needed, job.waits_for[0].guard(), job.status),
                (permission, Some(guard), Some(Status::Running))
            );
        }
    }
    // The hint of each is the order about it, and the answer to another order names it as well.
    let plan = planned(&memory, Action::Plan(Preview::of([gone[0].clone()].into()))).await;
    assert!(plan.jobs[0].text.ends_with("`allow job-0009 remove` approves it"), "{}", plan.jobs[0].text);
    let (message, help) = not_ordered(&memory, allow(&gone[0], Permission::CleanStart)).await;
    assert!(message.ends_with("the removal guard holds it"), "{message}");
    assert_eq!(help, "`allow job-0009 remove` approves it once");
    let (message, _) = not_ordered(&memory, retry(&moved[0])).await;
    assert!(message.ends_with("the clean-start guard holds it"), "{message}");

    planned(&memory, allow(&gone[0], Permission::Remove)).await;
    assert_eq!(of(&status(&memory).await, &gone[0]).waits_for, []);
}

#[tokio::test]
async fn status_lists_what_is_refused_and_which_jobs_wait_for_it() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    let [new, broken] = ["new", "broken"].map(|name| JobName::try_from(name).unwrap());
    memory.pass(100);
    memory.upload(&new, "SELECT a FROM orders");
    memory.put("p/queries/broken.yaml", b"name: [".to_vec());
    planned(&memory, Action::Plan(Preview::default())).await;
    let unjudged = status(&memory).await;
    assert_eq!((unjudged.refused, of(&unjudged, &broken).refused.len()), (0, 0), "nobody judged it yet");
    planned(&memory, all()).await;
    let one = status(&memory).await;
    assert_eq!(one.refused, 1);
    let upload = &one.refused_uploads[0];
    assert_eq!((upload.file.as_str(), &upload.job), ("p/queries/broken.yaml", &Some(broken.clone())));
    assert_eq!((upload.errors_at.as_str(), upload.since), ("p/refused/queries/broken.yaml.json", second(100)));
    assert_eq!((of(&one, &broken).refused.len(), of(&one, &broken).since), (1, second(100)));
    assert!(names.iter().all(|name| of(&one, name).refused.is_empty()), "theirs are good");

    // Without the tables no upload is judged: one file is told, and every job that waits for it.
    memory.put("p/config/tables/t.sql", b"CREATE TABEL orders".to_vec());
    planned(&memory, all()).await;
    let all = status(&memory).await;
    let files: Vec<&str> = all.refused_uploads.iter().map(|upload| upload.file.as_str()).collect();
    assert_eq!(files, ["p/config/tables/t.sql", "p/queries/broken.yaml"]);
    for name in &names {
        assert_eq!(of(&all, name).refused, ["p/refused/config/tables/t.sql.json"]);
        assert_eq!(of(&all, name).since, second(0), "it runs as before");
    }
    let told = history(&memory, &names[0]).await;
    assert_eq!((told.entries.len(), told.refused[0].file.as_str()), (1, "p/config/tables/t.sql"));
    let told = history(&memory, &broken).await;
    assert_eq!((told.entries.len(), told.refused[0].file.as_str()), (0, "p/queries/broken.yaml"));
    assert!(!told.refused[0].errors.is_empty());

    // One that is uploaded again is not refused before it is judged again; one that is gone is no more.
    memory.put("p/queries/broken.yaml", b"name: {".to_vec());
    memory.remove("p/config/tables/t.sql");
    assert_eq!(status(&memory).await.refused, 0);
}

#[tokio::test]
async fn status_counts_what_is_refused_however_many_there_are() {
    let memory = Memory::default();
    let names = names(3000);
    for name in &names {
        memory.put(&format!("p/queries/{name}.yaml"), b"name: [".to_vec());
    }
    planned(&memory, all()).await;
    let answer = status(&memory).await;
    assert!(size(&answer) < MEGABYTE, "{}", size(&answer));
    assert_eq!(answer.refused, 3000, "they are counted, however few are named");
}

#[tokio::test]
async fn since_is_since_when_a_job_stands_so() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    let [stopped, lost, failed] = &names[..] else { unreachable!() };
    memory.pass(1000);
    memory.remove(&format!("p/queries/{stopped}.yaml"));
    planned(&memory, all()).await;
    memory.settle(&names[..1]);
    let record = memory.record(lost);
    let job_id = record.deployed.as_ref().and_then(lifecycle::documents::record::Deployed::run).unwrap();
    let look = Look {
        epoch: Epoch::Yarn { application: "application_1_2".to_owned(), attempt: 1 },
        at: Timestamp::UNIX_EPOCH,
        jobs: Vec::new(),
        slots: None,
    };
    let expected = Expected { job: lost.clone(), job_id, revision: record.revision, owed: false, checkpointed: true };
    let (batch, expected) = (BatchId::derived(&["look"]), vec![expected]);
    let seen = ObservedDocument {
        format: 1,
        batch,
        look,
        expected,
        replaced: None,
        checkpoints: Vec::new(),
        since: Vec::new(),
        web: None,
    };
    memory.put(&keys().observed(), write(&seen));
    handle(&memory.orchestrator(), &NoCallers, event(&[&keys().observed()])).await.unwrap();
    memory.pass(1000);
    memory.upload(failed, "SELECT a + 1 FROM orders");
    planned(&memory, all()).await;
    memory.end(failed, &Outcome::refused(Refusal::NoState));
    memory.pass(1000);
    let answer = status(&memory).await;
    let stands = |name| (of(&answer, name).status, of(&answer, name).since);
    assert_eq!(stands(stopped), (Some(Status::Stopped), second(1000)));
    assert_eq!(stands(lost), (Some(Status::NotRunning), second(1000)));
    assert_eq!(stands(failed), (Some(Status::Running), second(0)));
    assert_eq!(of(&answer, failed).owed[0].since, second(2000).unwrap());
}

/// A broken file of somebody else is nothing that whoever orders something has to read.
#[tokio::test]
async fn an_order_answers_about_its_jobs_and_counts_the_rest() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let [healthy, failed] = &names[..] else { unreachable!() };
    memory.upload(failed, "SELECT a + 1 FROM orders");
    planned(&memory, all()).await;
    memory.end(failed, &Outcome::refused(Refusal::NoState));
    for broken in ["one", "two"] {
        memory.put(&format!("p/queries/{broken}.yaml"), b"name: [".to_vec());
    }
    let (message, help) = not_ordered(&memory, retry(healthy)).await;
    assert!(message.ends_with("nothing of it failed or waits for another try"), "{message}");
    assert_eq!(help, "`status` tells how each job stands");
    let (message, _) = not_ordered(&memory, allow(&JobName::try_from("typo").unwrap(), Permission::Adopt)).await;
    assert!(message.ends_with("nothing was ever decided about a job of this name"), "{message}");
    assert_eq!(of(&status(&memory).await, failed).waits_for[0].permission, Permission::CleanStart);

    for action in [retry(failed), Action::Sweep { by: None }] {
        let answer = planned(&memory, action).await;
        assert_eq!((answer.refused.len(), answer.others_refused), (0, 2));
        let ordered: Vec<&JobName> = answer.jobs.iter().filter(|job| job.plan.is_some()).map(|job| &job.name).collect();
        assert_eq!(ordered, [failed]);
        assert!(answer.jobs.iter().all(|job| names.contains(&job.name)), "{:?}", answer.jobs);
        memory.end(failed, &Outcome::refused(Refusal::NoCapacity { needed: 2, free: 1 }));
        memory.pass(100_000);
    }
    let answer = planned(&memory, Action::Plan(Preview::of([JobName::try_from("one").unwrap()].into()))).await;
    assert_eq!((answer.refused.len(), answer.others_refused), (1, 1));
    // Without the tables the upload of a job is not judged: then they are about it.
    memory.put("p/config/tables/t.sql", b"CREATE TABEL orders".to_vec());
    let answer = planned(&memory, Action::Plan(Preview::of([healthy.clone()].into()))).await;
    let files: Vec<&str> = answer.refused.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(files, ["p/queries/job-0000.yaml", "p/config/tables/t.sql"]);
}

#[tokio::test]
async fn status_of_some_is_about_these_and_names_whom_nobody_knows() {
    let memory = Memory::default();
    let names = running(&memory, 3).await;
    memory.put("p/queries/broken.yaml", b"name: [".to_vec());
    memory.put("p/queries/other.yaml", b"name: [".to_vec());
    planned(&memory, all()).await;
    let some = status_of(&memory, &["job-0001", "broken", "no-such-job"]).await;
    let shown: Vec<&str> = some.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(shown, ["broken", "job-0001"]);
    assert_eq!(some.unknown, [JobName::try_from("no-such-job").unwrap()]);
    let files: Vec<&str> = some.refused_uploads.iter().map(|upload| upload.file.as_str()).collect();
    assert_eq!((some.refused, files), (1, vec!["p/queries/broken.yaml"]), "another's refusal is not theirs");
    assert_eq!(status(&memory).await.unknown, []);

    for (name, unknown) in [("job-0001", false), ("broken", false), ("no-such-job", true)] {
        assert_eq!(history(&memory, &JobName::try_from(name).unwrap()).await.unknown, unknown, "{name}");
    }
    // What was uploaded once and taken away before anything came of it is known to nobody either.
    memory.remove("p/queries/broken.yaml");
    planned(&memory, all()).await;
    assert!(history(&memory, &JobName::try_from("broken").unwrap()).await.unknown);
    assert!(!history(&memory, &names[0]).await.unknown);
}

#[tokio::test]
async fn a_look_is_sent_without_a_plan_and_names_the_runs_that_should_be_alive() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    memory.upload(&names[1], "SELECT 2");
    planned(&memory, all()).await;
    let revision = memory.record(&names[0]).revision;
    let Answer::Look(answer) = act(&memory.orchestrator(), Action::Look {}).await.unwrap() else { unreachable!() };
    let batch: Batch = memory.document(&keys().batch(answer.batch));
    assert!(batch.look && batch.items.is_empty(), "{batch:?}");
    let expected: Vec<_> = batch.expected.iter().map(|run| (&run.job, run.revision)).collect();
    assert_eq!(expected, [(&names[0], revision)], "the other one is being replaced");
    assert_eq!(memory.record(&names[0]).revision, revision, "nothing is written about a job");
    assert_eq!(answer.dispatched_as, answer.batch.to_string());
}
