//! What `--wait` says of a file that is uploaded already while its job waits: at once, and with the way to go on.
//! Must not know how it is found out.

use std::time::{Duration, Instant};

use lifecycle::documents::outcome::{Outcome, Refusal};
use serde_json::Value;

use crate::Bench;
use crate::logged::{JOB, ordered, settled_by};

/// Has the function settle what the node reported, until `status` says that it is so.
async fn until(bench: &Bench, is_so: impl Fn(&Value) -> bool) {
    let began = Instant::now();
    loop {
        bench.run(&["sweep"]).await;
        let output = bench.run(&["status", JOB, "--output", "json"]).await;
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        if is_so(&status["jobs"][0]) {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{status:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_next_try_is_told_at_once_with_the_command_that_tries_now() {
    let bench = Bench::start().await;
    let operation = ordered(&bench).await;
    let refusal = Refusal::NoCluster { message: "no session of this name runs".to_owned() };
    settled_by(&bench, &operation, Outcome::refused(refusal)).await;
    until(&bench, |job| job["operation"].is_null() && job["owed"][0]["next"].is_string()).await;

    let file = format!("queries/{JOB}.yaml");
    let (_, aside) = bench.text(&["deploy", &file, "--wait", "--timeout", "3s"], 5).await;
    assert!(aside.contains("1 file there already, the same"), "{aside}");
    let line = aside.lines().find(|line| line.starts_with(&format!("  {JOB}  not applied since "))).unwrap();
    assert!(line.contains("after 1 attempt: tried again by itself at "), "{line}");
    assert!(
        line.contains(&format!("at once by `retry {JOB}`; the try before: ")) && line.contains("no session"),
        "{line}"
    );
    assert_eq!(aside.matches("not applied since").count(), 2, "once, and as what has not ended: {aside}");

    // What nobody tries again by itself ends the wait at once, with the code of what it needs.
    let (_, aside) = bench.text(&["retry", JOB, "--wait", "--timeout", "3s"], 5).await;
    assert!(aside.contains("has not ended after 3.0 s: operation "), "{aside}");
    let status = bench.json(&["status", JOB], 1).await;
    let again = status["jobs"][0]["operation"].as_str().unwrap().to_owned();
    settled_by(&bench, &again, Outcome::refused(Refusal::NoState)).await;
    until(&bench, |job| job["operation"].is_null()).await;
    let began = Instant::now();
    let (_, aside) = bench.text(&["deploy", &file, "--wait", "--timeout", "1m"], 7).await;
    assert!(aside.contains(&format!("`flink-sql-runner allow {JOB} clean-start` approves it once")), "{aside}");
    assert!(began.elapsed() < Duration::from_secs(30), "nothing was waited for");
    bench.stack.shutdown().await;
}
