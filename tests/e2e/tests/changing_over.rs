//! Changing over from the Python tool and back, as docs/operating.md tells it: no job loses its state on the way.
//! Reads outcomes from Flink and S3 only.

use e2e::Bench;
use e2e::predecessor::PythonTool;
use e2e::totals::counts_on;

const TOTALS: &str = "orders-per-buyer";
const PARAMETERS: &str = "orders_per_second=20";

/// The example with a checkpointing interval that says which configuration it is.
fn manifest(interval_ms: u32) -> String {
    let properties = format!("flinkProperties:\n  execution.checkpointing.interval: {interval_ms}ms");
    Bench::example(TOTALS).replace("flinkProperties: {}", &properties)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_python_tool_and_back() {
    let bench = Bench::start("emr").await;
    let tool = PythonTool::new(&bench).await;

    eprintln!("the Python tool deploys");
    tool.query(TOTALS, &manifest(1000));
    tool.deploy(&bench, PARAMETERS).await;
    let theirs = bench.healthy(TOTALS).await;
    let counted = counts_on(&bench, "1", 20).await;

    eprintln!("ours takes over");
    bench.upload(&format!("queries/{TOTALS}.yaml"), &manifest(1000)).await;
    bench.upload_config().await;
    bench
        .wait("it is known and unchanged", || async {
            (bench.record(TOTALS).await?["decision"]["reason"] == "unchanged").then_some(())
        })
        .await;
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.wait("the look at the cluster", || async { bench.read("cluster/observed.json").await }).await;
    assert_eq!(bench.healthy(TOTALS).await.id, theirs.id, "it was restarted");

    bench.settled(TOTALS, 1, "left").await;

    eprintln!("ours changes it");
    bench.upload(&format!("queries/{TOTALS}.yaml"), &manifest(1001)).await;
    bench.settled(TOTALS, 2, "deployed").await;
    let ours = bench.healthy(TOTALS).await;
    let restored = bench.restored(&ours.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{TOTALS}/1/")), "{restored}");
    let counted = counts_on(&bench, "1", counted + 50).await;

    eprintln!("back: the Python tool finds it unchanged");
    tool.query(TOTALS, &manifest(1001));
    let printed = tool.deploy(&bench, PARAMETERS).await;
    assert!(printed.contains("Skipping job restart"), "{printed}");
    assert_eq!(bench.healthy(TOTALS).await.id, ours.id, "it was restarted");

    eprintln!("back: the Python tool changes it");
    tool.query(TOTALS, &manifest(1002));
    tool.deploy(&bench, PARAMETERS).await;
    let back = bench.healthy(TOTALS).await;
    assert_ne!(back.id, ours.id);
    let restored = bench.restored(&back.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/{TOTALS}/1/")), "{restored}");
    counts_on(&bench, "1", counted + 50).await;
    bench.stop().await;
}
