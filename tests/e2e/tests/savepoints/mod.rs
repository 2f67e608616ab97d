//! Savepoints that fail, as S3 refuses to write them: what each job's manifest wishes then is what becomes of its run.
//! Must not know what the jobs went through before, nor what cluster they run on.

use e2e::Bench;
use e2e::numbers::NUMBERS;
use e2e::totals::counts_on;

/// Says nothing of savepoints that fail: it runs on.
const TOTALS: &str = "orders-per-buyer";
/// Goes on from a checkpoint, if it is young.
const OR_A_CHECKPOINT: &str = "on-savepoint-failure: checkpoint\nmax-checkpoint-age: ";
/// The configuration of a job whose checkpoints may fail without end.
pub(crate) const NEVER_MIND: &str = "\n  execution.checkpointing.tolerable-failed-checkpoints: 1000000";

/// Another configuration for three jobs at a time when no savepoint is written: of the numbers, of the count, and of one
/// that can write no checkpoint either. `manifest` gives a job's text for a checkpointing interval.
pub(crate) async fn that_fail(
    bench: &Bench,
    without_checkpoints: &str,
    interval_ms: u32,
    manifest: impl Fn(&str, u32) -> String,
) {
    eprintln!("savepoints that fail");
    let jobs = [NUMBERS, TOTALS, without_checkpoints];
    let (mut before, mut operations) = (Vec::new(), Vec::new());
    for name in jobs {
        bench
            .wait(&format!("nothing is under way about {name}"), || async {
                bench.record(name).await.filter(|record| record["open"].is_null())
            })
            .await;
        before.push(bench.healthy(name).await.id);
        operations.push(history(bench, name).await.len());
    }
    let counted = counts_on(bench, "1", 0).await;
    // It is the last file of a savepoint that fails, which has Flink restart the run, or else its folder.
    let nothing_of = format!("points/{without_checkpoints}/");
    bench.stack.aws.refuse_writes(move |key| {
        key.contains(&nothing_of) || key.contains("/savepoints/") && key.contains("/_metadata")
    });
    for (name, wish) in [(NUMBERS, "1m"), (TOTALS, ""), (without_checkpoints, "1s")] {
        let wish = if wish.is_empty() { String::new() } else { format!("{OR_A_CHECKPOINT}{wish}\n") };
        let text = manifest(name, interval_ms).replace("target-table:", &format!("{wish}target-table:"));
        bench.upload(&format!("queries/{name}.yaml"), &text).await;
    }

    // No transaction of the old run is committed after it: what it read since the checkpoint is read again, once.
    bench.wait("the numbers go on", || async { bench.is_deployed(NUMBERS, interval_ms).await.then_some(()) }).await;
    let states = bench.jobs().await.into_iter().filter(|job| job.id == before[0]).map(|job| job.state);
    assert_eq!(states.collect::<Vec<_>>(), ["CANCELED"]);
    let run = bench.healthy(NUMBERS).await.id;
    let restored = bench.restored(&run).await.unwrap_or_default();
    assert!(restored.contains(&format!("/checkpoints/{NUMBERS}/1/{}/chk-", before[0])), "{restored}");

    for (n, why) in [(1, "`on-savepoint-failure` is `keep-running`"), (2, "`max-checkpoint-age` is 1s")] {
        let (name, operations) = (jobs[n], operations[n]);
        let told = bench
            .wait(&format!("{name} is left alone"), || async {
                history(bench, name).await.get(operations).map(|entry| entry["detail"].to_string())
            })
            .await;
        assert!(told.contains("it runs on") && told.contains(why), "{told}");
        assert_eq!(bench.healthy(name).await.id, before[n], "{name} was ended");
    }
    // It was not Flink that spared the count: its run was put down, and came back by itself.
    let failures = bench.flink(&format!("/jobs/{}/exceptions", before[1])).await;
    assert!(failures["exceptionHistory"]["entries"].as_array().is_some_and(|all| !all.is_empty()), "{failures:#}");
    counts_on(bench, "1", counted + 20).await;

    eprintln!("savepoints again");
    bench.stack.aws.allow_writes();
    for (name, before) in jobs.iter().zip(&before).skip(1) {
        bench
            .wait(&format!("{name} is deployed"), || async {
                bench.stack.aws.fire_schedule("sweep").await;
                bench.is_deployed(name, interval_ms).await.then_some(())
            })
            .await;
        let run = bench.healthy(name).await.id;
        assert_ne!(run, *before);
        let restored = bench.restored(&run).await.unwrap_or_default();
        assert!(restored.contains("/savepoints/"), "{name}: {restored}");
    }
    counts_on(bench, "1", counted + 40).await;
}

/// What was done about a job, as its record has it.
pub(crate) async fn history(bench: &Bench, name: &str) -> Vec<serde_json::Value> {
    let record = bench.record(name).await.unwrap_or_default();
    record["history"].as_array().cloned().unwrap_or_default()
}
