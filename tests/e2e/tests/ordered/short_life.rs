//! A job of its own from its first upload until its name is forgotten: windows of stability, orders refused and with a reason.
//! Must not know what other jobs run meanwhile.

use std::time::{Duration, Instant};

use e2e::Bench;
use local::Principal;
use serde_json::Value;

const NAME: &str = "short-life";

/// Its manifest with these lines and this query of the numbered orders, of which 20 come each second.
fn manifest(lines: &str, expression: &str) -> String {
    format!(
        "name: {NAME}\ndescription: d\n{lines}target-table: order_numbers\n\
         sql: SELECT {expression} AS order_number FROM numbered_orders\nflinkProperties: {{}}\n"
    )
}

async fn upload(bench: &Bench, lines: &str, expression: &str) {
    bench.upload(&format!("queries/{NAME}.yaml"), &manifest(lines, expression)).await;
}

/// Its whole life. Nothing of it meets other jobs, so that it may run beside other phases.
pub(crate) async fn until_forgotten(bench: &Bench) {
    upload(bench, "", "order_number").await;
    bench.settled(NAME, 1, "deployed").await;
    fails_within_its_window(bench).await;
    stays_up(bench).await;
    refuses_to_be_forgotten(bench).await;
    forgotten(bench).await;
    is_new_again(bench).await;
}

/// It runs for longer than the deployment's window, and fails within its own: what ran before comes back.
async fn fails_within_its_window(bench: &Bench) {
    eprintln!("fails within its window");
    let before = bench.healthy(NAME).await.id;
    upload(bench, "stability-window: 30s\n", "1000 / (order_number - 160)").await;
    let record = bench.settled(NAME, 2, "rolled-back").await;
    let detail = record["history"][1]["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("/ by zero"), "{detail}");
    let run = bench.healthy(NAME).await.id;
    let restored = bench.restored(&run).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{NAME}/1/")), "{restored}");
    let runs: Vec<String> = bench.jobs().await.into_iter().filter(|job| job.name == NAME).map(|job| job.id).collect();
    let [failed] = runs.iter().filter(|id| **id != before && **id != run).collect::<Vec<_>>()[..] else {
        panic!("{before}, {run}: {runs:?}")
    };
    let job = bench.flink(&format!("/jobs/{failed}")).await;
    let failures = bench.flink(&format!("/jobs/{failed}/exceptions")).await;
    let entries = failures["exceptionHistory"]["entries"].as_array().cloned().unwrap_or_default();
    let first = entries.iter().filter_map(|entry| entry["timestamp"].as_u64()).min().unwrap_or_default();
    let started = job["start-time"].as_u64().unwrap_or_default();
    assert!(first > started + 4_000, "it failed at {first}, started at {started}: {failures:#}");
}

/// What does not fail within its window is taken, and not before that is over.
async fn stays_up(bench: &Bench) {
    eprintln!("stays up");
    let before = bench.healthy(NAME).await.id;
    upload(bench, "stability-window: 8s\n", "order_number + 0").await;
    bench.wait("another run", || async { bench.live(NAME).await.filter(|run| run.healthy && run.id != before) }).await;
    let began = Instant::now();
    bench.settled(NAME, 3, "deployed").await;
    assert!(began.elapsed() > Duration::from_secs(7), "after {:?}", began.elapsed());
}

/// Its file, its live run, a look that is older, its states: each is named, and keeps the name.
async fn refuses_to_be_forgotten(bench: &Bench) {
    eprintln!("refuses to be forgotten");
    let forget = async || bench.command_refused(Principal::Operator, &["forget", NAME]).await;
    let told = forget().await;
    assert!(told.contains("a file of its name is uploaded"), "{told}");

    let run = bench.healthy(NAME).await.id;
    bench.stack.aws.refuse_writes(|key| key.contains("/savepoints/short-life/"));
    bench.delete(&format!("queries/{NAME}.yaml")).await;
    bench
        .wait("its removal is owed", || async {
            let record = bench.record(NAME).await?;
            (record["open"].is_null() && !record["owed"]["remove"].is_null()).then_some(())
        })
        .await;
    let told = forget().await;
    assert!(told.contains("savepoint"), "{told}");
    assert_eq!(bench.healthy(NAME).await.id, run, "without a savepoint it runs on");
    bench.stack.aws.allow_writes();
    bench
        .wait("it is removed", || async {
            bench.stack.aws.fire_schedule("sweep").await;
            let record = bench.record(NAME).await?;
            (record["open"].is_null() && record["owed"]["remove"].is_null()).then_some(())
        })
        .await;
    bench.over(&run).await;
    let told = forget().await;
    assert!(told.contains("the cluster was not looked at since"), "{told}");

    bench.command_line(Principal::Operator, &["status", "--fresh"]).await;
    let told = forget().await;
    assert!(told.contains("state is left in"), "{told}");
}

/// With its states gone the name counts no more; what was done about it stays.
async fn forgotten(bench: &Bench) {
    eprintln!("forgotten");
    for folder in ["checkpoints", "savepoints"] {
        for key in bench.keys(&format!("{folder}/{NAME}/")).await {
            bench.delete(&key).await;
        }
    }
    let before = bench.record(NAME).await.unwrap_or_default();
    let order = ["forget", NAME, "--reason", "the drill is over"];
    bench.command_line(Principal::Operator, &[&order[..], &["--dry-run"]].concat()).await;
    assert_eq!(bench.record(NAME).await.unwrap_or_default(), before, "a dry run changed it");
    bench.command_line(Principal::Operator, &order).await;
    let record = bench.record(NAME).await.unwrap_or_default();
    assert_eq!((&record["forgotten"]["why"], &record["deployed"]), (&"the drill is over".into(), &Value::Null));
    assert_eq!((&record["history"], &record["highest_version"]), (&before["history"], &before["highest_version"]));
    let status = bench.command_line(Principal::Operator, &["status"]).await;
    let shown = status["jobs"].as_array().is_some_and(|jobs| jobs.iter().any(|job| job["name"] == NAME));
    assert!(!shown, "{status:#}");
    let told = bench.command_line(Principal::Operator, &["history", NAME]).await;
    let entries = told["entries"].as_array().map(Vec::len);
    assert_eq!(entries, before["history"].as_array().map(Vec::len), "{told:#}");
    assert!(told["noted"].to_string().contains("the drill is over"), "{told:#}");
}

/// A file of the name is a new job: the next version, without state.
async fn is_new_again(bench: &Bench) {
    eprintln!("new again");
    let before = bench.record(NAME).await.unwrap_or_default();
    let operations = before["history"].as_array().map_or(0, Vec::len);
    upload(bench, "", "order_number").await;
    let record = bench.settled(NAME, operations + 1, "deployed").await;
    let version = |record: &Value, field: &str| record.pointer(field).and_then(Value::as_u64);
    let next = version(&before, "/highest_version").map(|highest| highest + 1);
    assert_eq!(version(&record, "/deployed/meta/query-version"), next, "{record:#}");
    assert_eq!(record["forgotten"], Value::Null);
    let run = bench.healthy(NAME).await.id;
    assert_eq!(bench.restored(&run).await, None, "it starts clean");
}
