//! What is owed to a job is done after every outage, with nothing done by hand: numbers are counted from Kafka to Kafka.
//! Reads outcomes from Flink, Kafka, the alerts and S3 only.

mod savepoints;

use e2e::faults::NodePython;
use e2e::numbers::{NUMBERS, broker, committed, passes_on, write};
use e2e::totals::counts_on;
use e2e::{Bench, terminal};
use local_stack::flink_cluster::FlinkKind;

const TOTALS: &str = "orders-per-buyer";
const FEW: &str = "a-hundred";
/// Its checkpoints may fail.
const LAST_ORDERS: &str = "orders-4";
/// Those that run without end.
const JOBS: [&str; 6] = [NUMBERS, TOTALS, "orders-1", "orders-2", "orders-3", LAST_ORDERS];
/// How many numbers are written.
const LAST: u64 = 5_000;

const TABLES: &str = "
CREATE TABLE a_hundred (n BIGINT) WITH (
    'connector' = 'datagen', 'rows-per-second' = '10',
    'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100'
);
";

/// The manifest of a job, with a checkpointing interval that says which configuration it is.
fn manifest(name: &str, interval_ms: u32) -> String {
    let properties = format!("flinkProperties:\n  execution.checkpointing.interval: {interval_ms}ms");
    match name {
        NUMBERS => passes_on(name, "numbers_in", &properties),
        FEW => passes_on(name, "a_hundred", &properties),
        TOTALS => Bench::example(TOTALS).replace("flinkProperties: {}", &properties),
        _ => {
            let filter = "filter-expensive-items";
            let more = if name == LAST_ORDERS { savepoints::NEVER_MIND } else { "" };
            let properties = format!("{properties}{more}");
            Bench::example(filter).replace(filter, name).replace("flinkProperties: {}", &properties)
        }
    }
}

async fn upload(bench: &Bench, name: &str, interval_ms: u32) {
    bench.upload(&format!("queries/{name}.yaml"), &manifest(name, interval_ms)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_is_done_after_every_outage() {
    let folder = tempfile::tempdir().unwrap();
    let python = NodePython::new(folder.path()).await;
    let path = python.path.display().to_string();
    let bench = Bench::start_with(FlinkKind::Standalone, "emr", &[("PYEXEC_PATH", &path)]).await;
    let kafka = broker(&bench.root).await;
    bench.upload_config().await;
    bench.upload_numbers(&kafka).await;
    bench.upload("config/tables/few.sql", TABLES).await;
    let producer = write(&kafka, LAST);
    for name in JOBS.into_iter().chain([FEW]) {
        upload(&bench, name, 1000).await;
    }
    for name in JOBS {
        bench.settled(name, 1, "deployed").await;
    }
    bench.settled(FEW, 1, "deployed").await;

    slots_gone_and_back(&bench).await;
    without_pyflink(&bench, &python).await;
    bench.other_way();
    savepoints::that_fail(&bench, LAST_ORDERS, 1003, manifest).await;
    runner_hangs(&bench).await;

    eprintln!("every number once");
    assert_eq!(producer.finished().await, LAST);
    let [numbers, few] = committed(&bench, &kafka, LAST, [NUMBERS, FEW]).await;
    assert!(numbers.iter().copied().eq(1..=LAST), "{} numbers, not each of {LAST} once", numbers.len());
    assert!(few.iter().copied().eq(1..=100), "{few:?} is not each of 100 once");
    drop(kafka);
    bench.stop().await;
}

/// The whole cluster dies, and only its JobManager comes back: all jobs are down, and nobody can start them. The bounded
/// job came to its end before, unseen by anybody but a JobManager that is no more.
async fn slots_gone_and_back(bench: &Bench) {
    eprintln!("slots gone and back");
    bench
        .wait("the bounded job is done", || async {
            bench.jobs().await.iter().any(|job| job.name == FEW && job.state == "FINISHED").then_some(())
        })
        .await;
    // A JobManager that dies before it deleted them leaves a state to go on from.
    bench
        .wait("its checkpoints are deleted", || async {
            let keys = bench.keys(&format!("checkpoints/{FEW}/")).await;
            keys.iter().all(|key| !key.ends_with("/_metadata")).then_some(())
        })
        .await;
    let counted = counts_on(bench, "1", 20).await;
    bench.standalone(&["stop", "jobmanager"]).await;
    bench.standalone(&["stop", "taskmanager"]).await;
    bench.standalone(&["start", "jobmanager"]).await;
    bench.stack.aws.fire_schedule("redeploy").await;
    for name in JOBS {
        bench
            .wait(&format!("{name} waits for slots"), || async {
                let owed = bench.record(name).await?["owed"]["keep_running"].clone();
                (owed["cause"]["kind"] == "no-capacity").then_some(())
            })
            .await;
    }
    assert_eq!(bench.jobs().await.iter().filter(|job| !terminal(&job.state)).count(), 0);
    bench.standalone(&["start", "taskmanager"]).await;
    bench.stack.aws.fire_schedule("redeploy").await;
    for name in JOBS {
        let run = bench.healthy(name).await;
        let restored = bench.restored(&run.id).await.unwrap_or_default();
        assert!(restored.starts_with("s3://"), "{name} started without its state");
        bench
            .wait(&format!("nothing is owed to {name}"), || async {
                let record = bench.record(name).await?;
                (record["open"].is_null() && record["owed"]["keep_running"].is_null()).then_some(())
            })
            .await;
    }
    counts_on(bench, "1", counted + 100).await;
    let again = bench.jobs().await.into_iter().filter(|job| job.name == FEW).count();
    assert_eq!(again, 0, "the bounded job was run again");
    assert_eq!(bench.alerts("clean-start-needed"), 1, "whether it is done is a question to people");
}

/// An interpreter without PyFlink: nothing that runs is touched, what is wrong is said once, and what waited is done when
/// it is mended.
async fn without_pyflink(bench: &Bench, python: &NodePython) {
    eprintln!("a node without PyFlink");
    let before = bench.healthy(TOTALS).await;
    python.without_flink();
    upload(bench, TOTALS, 1001).await;
    let debt = |attempts: u64| async move {
        let owed = bench.record(TOTALS).await?["owed"]["apply"].clone();
        let due = owed["cause"]["kind"] == "node-broken" && owed["attempts"].as_u64()? >= attempts;
        due.then_some(owed)
    };
    let owed = bench.wait("the job waits for the node", || debt(1)).await;
    let error = owed["error"].as_str().unwrap_or_default();
    let path = python.path.display().to_string();
    assert!(error.contains(&path) && error.contains("PYEXEC_PATH") && error.contains("pyflink"), "{error}");
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.wait("it was tried again", || debt(2)).await;
    assert_eq!(bench.healthy(TOTALS).await.id, before.id, "what runs was touched");
    assert_eq!(bench.alerts("node-broken"), 1);
    python.mend();
    bench.stack.aws.fire_schedule("redeploy").await;
    let run = bench
        .wait("the new one runs", || async {
            bench.live(TOTALS).await.filter(|run| run.healthy && run.id != before.id)
        })
        .await;
    let restored = bench.restored(&run.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{TOTALS}/1/")), "{restored}");
    counts_on(bench, "1", 0).await;
}

/// A runner that is stopped with its job down, while its step stays RUNNING: the job goes on after lease and margin.
async fn runner_hangs(bench: &Bench) {
    eprintln!("a runner hangs");
    let before = bench.healthy(NUMBERS).await;
    upload(bench, NUMBERS, 1002).await;
    bench.over(&before.id).await;
    let stopped = bench.stop_runner().await;
    let run = bench
        .wait("another runner goes on", || async {
            bench.stack.aws.fire_schedule("sweep").await;
            let deployed = bench.is_deployed(NUMBERS, 1002).await;
            bench.live(NUMBERS).await.filter(|run| deployed && run.healthy)
        })
        .await;
    assert_ne!(run.id, before.id);
    assert!(!bench.runners().contains(&stopped), "it holds its place and its locks for ever");
    let restored = bench.restored(&run.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{NUMBERS}/1/")), "{restored}");
}
