//! A session on YARN through every fault that it is made for, with numbers from Kafka to Kafka all the while.
//! Reads outcomes from Flink, Kafka, the ResourceManager and S3 only.

#![expect(clippy::panic, reason = "a failed check ends the test")]

mod savepoints;

use std::time::Duration;

use e2e::Bench;
use e2e::numbers::{NUMBERS, broker, committed, passes_on, write};
use e2e::totals::counts_on;
use local_stack::flink_cluster::FlinkKind;
use serde_json::Value;

const TOTALS: &str = "orders-per-buyer";
const FILTER: &str = "filter-expensive-items";
/// How many numbers are written.
const LAST: u64 = 10_000;

const SESSION: &str = "jobmanager-memory: 1024m\ntaskmanager-memory: 2304m\nslots: 40\n";

/// The configuration of the examples, but with the savepoints of all jobs in one directory.
async fn upload_config(bench: &Bench) {
    bench.upload_config().await;
    let template = bench.read("config/job-template.yaml").await.unwrap_or_default();
    let shared = template.replace("/savepoints/{job_name}/", "/savepoints/all/");
    assert_ne!(shared, template);
    bench.upload("config/job-template.yaml", &shared).await;
}

/// The manifest of a job, with a checkpointing interval that says which configuration it is.
fn manifest(name: &str, interval_ms: u32) -> String {
    let more = if name == FILTER { savepoints::NEVER_MIND } else { "" };
    let properties = format!("flinkProperties:\n  execution.checkpointing.interval: {interval_ms}ms{more}");
    if name == NUMBERS {
        return passes_on(NUMBERS, "numbers_in", &properties);
    }
    Bench::example(name).replace("flinkProperties: {}", &properties)
}

async fn upload(bench: &Bench, name: &str, interval_ms: u32) {
    bench.upload(&format!("queries/{name}.yaml"), &manifest(name, interval_ms)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_once_through_every_fault() {
    let bench = Bench::start_on(FlinkKind::Yarn, "ssm").await;
    let kafka = broker(&bench.root).await;
    upload_config(&bench).await;
    bench.upload_numbers(&kafka).await;
    bench.upload("config/session.yaml", SESSION).await;
    let mut jobs = Jobs { bench: &bench, operations: [(NUMBERS, 0), (TOTALS, 0), (FILTER, 0)] };
    for name in [NUMBERS, TOTALS, FILTER] {
        upload(&bench, name, 1000).await;
    }
    jobs.all("deployed").await;
    let producer = write(&kafka, LAST);

    for interval_ms in [1001, 1002] {
        eprintln!("configuration {interval_ms}");
        upload(&bench, NUMBERS, interval_ms).await;
        jobs.one(NUMBERS, "deployed").await;
    }
    bench.other_way();
    savepoints::that_fail(&bench, FILTER, 1006, manifest).await;
    jobs.recount().await;
    bench.other_way();
    cancelled(&mut jobs).await;
    bench.other_way();
    manager_hung(&mut jobs).await;
    bench.other_way();
    manager_restarted(&mut jobs).await;
    bench.other_way();
    jobmanager_killed(&mut jobs).await;
    bench.other_way();
    session_replaced(&mut jobs).await;
    bench.other_way();
    two_of_one_name(&mut jobs).await;
    bench.other_way();
    session_restarted(&mut jobs).await;

    eprintln!("every number once");
    assert_eq!(producer.finished().await, LAST);
    let [numbers] = committed(&bench, &kafka, LAST, [NUMBERS]).await;
    counts_on(&bench, "1", 100).await;
    assert!(numbers.iter().copied().eq(1..=LAST), "{} numbers, not each of {LAST} once", numbers.len());
    drop(kafka);
    bench.stop().await;
}

/// The jobs, and how many operations each has seen.
struct Jobs<'a> {
    bench: &'a Bench,
    operations: [(&'static str, usize); 3],
}

impl Jobs<'_> {
    /// The next operation about a job ends so.
    async fn one(&mut self, name: &'static str, outcome: &str) -> String {
        let bench = self.bench;
        let Some((_, count)) = self.operations.iter_mut().find(|(job, _)| *job == name) else { panic!("no {name}") };
        *count += 1;
        let record = bench.settled(name, *count, outcome).await;
        if outcome == "deployed" {
            bench.healthy(name).await;
        }
        record["history"][*count - 1]["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// The next operation about every job ends so.
    async fn all(&mut self, outcome: &str) {
        for name in [NUMBERS, TOTALS, FILTER] {
            self.one(name, outcome).await;
        }
    }

    /// Takes what was done about each of them meanwhile for seen.
    async fn recount(&mut self) {
        for (name, count) in &mut self.operations {
            *count = savepoints::history(self.bench, name).await.len();
        }
    }

    async fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for (name, _) in self.operations {
            ids.push(self.bench.healthy(name).await.id);
        }
        ids
    }

    /// Every job's newest run goes on from a checkpoint or savepoint.
    async fn restored(&self) {
        for id in self.ids().await {
            let restored = self.bench.restored(&id).await.unwrap_or_default();
            assert!(restored.starts_with("s3://"), "{id} started without its state");
        }
    }

    async fn redeploy(&self) {
        self.bench.stack.aws.fire_schedule("redeploy").await;
    }

    fn alerts(&self) -> usize {
        self.bench.alerts("lost-cluster")
    }
}

async fn cancelled(jobs: &mut Jobs<'_>) {
    eprintln!("cancelled");
    let bench = jobs.bench;
    let run = bench.healthy(NUMBERS).await;
    bench.cancel(&run.id).await;
    bench.over(&run.id).await;
    // What EMRFS leaves, as in the Python tool's README, and a checkpoint that was never completed.
    let folder = format!("checkpoints/{NUMBERS}/1/{}", run.id);
    for marker in ["_$folder$", "/chk-99999_$folder$", "/chk-99998/", "/chk-99998_$folder$", "/chk-99997/part"] {
        bench.upload(&format!("{folder}{marker}"), "").await;
    }
    jobs.redeploy().await;
    jobs.one(NUMBERS, "deployed").await;
    let back = bench.healthy(NUMBERS).await;
    let restored = bench.restored(&back.id).await.unwrap_or_default();
    let number = restored.strip_prefix(&format!("s3://local/flink-sql-runner/{folder}/chk-"));
    let number = number.and_then(|n| n.parse::<u32>().ok());
    assert!(number.is_some_and(|n| n < 99_000), "{restored} is not the newest checkpoint of {}", run.id);
    assert_eq!(jobs.alerts(), 0, "one job is no cluster");
}

/// A ResourceManager that does not answer is waited for: nothing is lost, nothing is done twice.
async fn manager_hung(jobs: &mut Jobs<'_>) {
    eprintln!("the ResourceManager hangs");
    let bench = jobs.bench;
    let before = jobs.ids().await;
    bench.yarn(&["pause", "rm"]).await;
    upload(bench, TOTALS, 1003).await;
    bench.ordered(TOTALS).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    bench.yarn(&["resume", "rm"]).await;
    jobs.one(TOTALS, "deployed").await;
    let after = jobs.ids().await;
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
}

/// One that keeps its state may come and go: no job is touched.
async fn manager_restarted(jobs: &mut Jobs<'_>) {
    eprintln!("the ResourceManager is restarted");
    let bench = jobs.bench;
    let before = jobs.ids().await;
    bench.yarn(&["stop", "rm"]).await;
    upload(bench, FILTER, 1003).await;
    bench.ordered(FILTER).await;
    bench.yarn(&["start", "rm"]).await;
    jobs.one(FILTER, "deployed").await;
    jobs.redeploy().await;
    let after = jobs.ids().await;
    assert_eq!((&after[0], &after[1]), (&before[0], &before[1]));
}

/// Without high availability the next attempt knows no job: all come back from their newest states, with one alert.
async fn jobmanager_killed(jobs: &mut Jobs<'_>) {
    eprintln!("the JobManager is killed");
    let bench = jobs.bench;
    let before = jobs.ids().await;
    let sessions = bench.sessions().await;
    bench.kill_jobmanager(&sessions[0]).await;
    jobs.redeploy().await;
    jobs.all("deployed").await;
    assert_eq!(bench.sessions().await, sessions, "the same application");
    jobs.restored().await;
    assert!(jobs.ids().await.iter().all(|id| !before.contains(id)));
    assert_eq!(jobs.alerts(), 1);
}

/// A session that was replaced by hand is noticed by the next event of any job.
async fn session_replaced(jobs: &mut Jobs<'_>) {
    eprintln!("the session is replaced");
    let bench = jobs.bench;
    let sessions = bench.sessions().await;
    bench.kill_session(&sessions[0]).await;
    // Whoever asks, and however many do: one session is started.
    let ensure = ["ensure", "--wait", "3m"];
    let (one, other) = tokio::join!(bench.session(&ensure), bench.session(&ensure));
    assert_eq!((one.0, other.0), (0, 0));
    assert_eq!(one.1["application"], other.1["application"]);
    assert_eq!(bench.sessions().await.len(), 1);
    assert_eq!(bench.session(&ensure).await.1["started"], false);
    upload(bench, FILTER, 1004).await;
    jobs.all("deployed").await;
    assert_ne!(bench.sessions().await, sessions);
    jobs.restored().await;
    assert_eq!(jobs.alerts(), 2);
}

/// Which of two is meant cannot be told: nothing is touched, and both are named.
async fn two_of_one_name(jobs: &mut Jobs<'_>) {
    eprintln!("two sessions of one name");
    let bench = jobs.bench;
    let first = bench.sessions().await;
    bench.stack.flink.start_session().await.unwrap_or_else(|error| panic!("{error}"));
    let both = bench.sessions().await;
    assert_eq!(both.len(), 2);
    upload(bench, FILTER, 1005).await;
    let detail = jobs.one(FILTER, "refused").await;
    assert!(both.iter().all(|id| detail.contains(id.as_str())), "{detail}");
    for other in both.iter().filter(|id| !first.contains(id)) {
        bench.kill_session(other).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench.stack.aws.fire_schedule("sweep").await;
    jobs.one(FILTER, "deployed").await;
}

/// Savepoints of all jobs, a new session, all jobs back from these savepoints, although the one who does it is killed:
/// once with a part of the jobs stopped, once before they are back.
async fn session_restarted(jobs: &mut Jobs<'_>) {
    eprintln!("the session is restarted");
    let bench = jobs.bench;
    let (sessions, before) = (bench.sessions().await, jobs.ids().await);
    let stopped = |document: &Value| {
        let jobs = document["restart"]["jobs"].as_array().cloned().unwrap_or_default();
        jobs.iter().filter(|job| job["state"] == "stopped").count()
    };
    let part = bench.session_killed(&["restart", "--wave", "1"], |document| stopped(document) == 1).await;
    assert_eq!(part["restart"]["jobs"].as_array().map(Vec::len), Some(before.len()), "{part:#}");
    assert_eq!(bench.sessions().await, sessions, "the old session lives while jobs run in it");
    let late = bench.session_killed(&["restart"], |document| document["restart"]["phase"] == "restoring").await;
    assert_eq!(stopped(&late), before.len(), "{late:#}");
    let (code, report) = bench.session(&["restart", "--wait", "3m"]).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["end"], "done", "{report:#}");
    assert_eq!(report["restart"]["id"], part["restart"]["id"], "another restart was begun");
    jobs.all("deployed").await;
    let now = bench.sessions().await;
    assert!(now.len() == 1 && now != sessions, "{now:?}");
    let listed = report["restart"]["jobs"].as_array().cloned().unwrap_or_default();
    let ids = jobs.ids().await;
    assert_eq!(listed.len(), ids.len(), "{report:#}");
    for job in listed {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (old, new) = (text(&job["job_id"]), text(&job["state"]["back"]["job_id"]));
        assert!(before.contains(&old) && ids.contains(&new), "{job:#}");
        assert_eq!(bench.restored(&new).await, Some(text(&job["savepoint"])), "{job:#}");
    }
    let (code, status) = bench.session(&["status"]).await;
    assert_eq!(code, 0, "{status}");
}

/// With high availability the jobs outlive their JobManager, under their own ids.
#[tokio::test(flavor = "multi_thread")]
async fn high_availability() {
    let bench = Bench::start_on(FlinkKind::YarnHa, "emr").await;
    upload_config(&bench).await;
    for name in [TOTALS, FILTER] {
        upload(&bench, name, 1000).await;
    }
    let mut before = Vec::new();
    for name in [TOTALS, FILTER] {
        bench.settled(name, 1, "deployed").await;
        before.push(bench.healthy(name).await.id);
    }
    let sessions = bench.sessions().await;
    eprintln!("the JobManager is killed");
    bench.kill_jobmanager(&sessions[0]).await;
    for (name, id) in [TOTALS, FILTER].iter().zip(&before) {
        assert_eq!(bench.healthy(name).await.id, *id);
    }
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.other_way();
    upload(&bench, TOTALS, 1001).await;
    bench.settled(TOTALS, 2, "deployed").await;
    let run = bench.healthy(TOTALS).await;
    let restored = bench.restored(&run.id).await.unwrap_or_default();
    assert!(restored.contains("/savepoints/all/1/"), "{restored}");
    assert_eq!(bench.healthy(FILTER).await.id, before[1], "nothing was wrong with it");

    eprintln!("killed in the middle of an operation");
    upload(&bench, FILTER, 1001).await;
    bench.ordered(FILTER).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    bench.kill_jobmanager(&sessions[0]).await;
    bench
        .wait("the new configuration is deployed", || async {
            bench.stack.aws.fire_schedule("sweep").await;
            bench.is_deployed(FILTER, 1001).await.then_some(())
        })
        .await;
    let run = bench.healthy(FILTER).await;
    assert!(bench.restored(&run.id).await.is_some_and(|path| path.contains("/1/")));
    assert_eq!(bench.alerts("lost-cluster"), 0);
    bench.stop().await;
}
