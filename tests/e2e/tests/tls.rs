//! A JobManager behind Flink's own TLS that asks for certificates: our client and Flink's get through to it.
//! Reads outcomes from Flink and S3 only; the certificates are the cluster's.

use e2e::Bench;
use local_stack::flink_cluster::FlinkKind;

const TOTALS: &str = "orders-per-buyer";

fn manifest(interval_ms: u32) -> String {
    let properties = format!("flinkProperties:\n  execution.checkpointing.interval: {interval_ms}ms");
    Bench::example(TOTALS).replace("flinkProperties: {}", &properties)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobmanager_behind_flinks_own_tls() {
    let bench = Bench::start_on(FlinkKind::StandaloneTls, "ssm").await;
    bench.upload(&format!("queries/{TOTALS}.yaml"), &manifest(1000)).await;
    bench.upload_config().await;
    bench.settled(TOTALS, 1, "deployed").await;
    let first = bench.healthy(TOTALS).await;

    eprintln!("a savepoint is taken, and the next run starts from it");
    bench.upload(&format!("queries/{TOTALS}.yaml"), &manifest(1001)).await;
    bench.settled(TOTALS, 2, "deployed").await;
    let second = bench.healthy(TOTALS).await;
    assert_ne!(second.id, first.id);
    let restored = bench.restored(&second.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{TOTALS}/1/")), "{restored}");
    bench.stop().await;
}
