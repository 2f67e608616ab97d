//! What a person changes in a job's uploaded manifest by command: a part of a job's whole life.
//! Must not know what the job went through before, but how many operations that were.

use e2e::Bench;
use local::Principal;
use serde_json::Value;

/// A job is suspended, resumed, and rolled back to the last other manifest that was deployed, each followed to its end.
pub(crate) async fn by_command(bench: &Bench, name: &str, operations: usize) {
    eprintln!("edited by command");
    let order = async |command: &str, operation: usize, outcome: &str| {
        let order = [command, name, "--reason", "a drill", "--wait"];
        let end = bench.command_line(Principal::Operator, &order).await;
        assert_eq!((end["type"].as_str(), end["exit"].as_u64()), (Some("end"), Some(0)), "{command}: {end}");
        bench.settled(name, operations + operation, outcome).await
    };
    let last = |record: &Value| record["history"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let before = bench.healthy(name).await.id;
    let version = |record: &Value| record["deployed"]["meta"]["query-version"].as_u64().unwrap_or_default();

    let suspended = order("suspend", 1, "suspended").await;
    assert_eq!(bench.live(name).await, None);
    let savepoint = suspended["deployed"]["restore_point"].as_str().unwrap_or_default();
    assert!(savepoint.contains(&format!("/savepoints/{name}/{}/", version(&suspended))), "{suspended:#}");
    assert_eq!(last(&suspended)["why"], "suspended: a drill", "{suspended:#}");

    let resumed = order("resume", 2, "deployed").await;
    let run = bench.healthy(name).await.id;
    assert_ne!(run, before);
    assert_eq!(bench.restored(&run).await.as_deref().map(segment), Some(segment(savepoint)));
    assert_eq!(version(&resumed), version(&suspended), "it goes on as the same version");

    let rolled = order("rollback", 3, "deployed").await;
    let manifest = bench.read(&format!("queries/{name}.yaml")).await.unwrap_or_default();
    assert!(
        manifest.starts_with("# Rolled back to operation ") && manifest.contains("\nstate: running\n"),
        "{manifest}"
    );
    assert!(last(&rolled)["why"].as_str().is_some_and(|why| why.contains("rollback to ")), "{rolled:#}");
    assert!(version(&rolled) > version(&resumed), "another query is another version: {rolled:#}");
    bench.healthy(name).await;

    let told = bench.command_line(Principal::Operator, &["history", name]).await;
    let entries = told["entries"].as_array().cloned().unwrap_or_default();
    let with_reason =
        entries.iter().filter(|entry| entry["why"].as_str().is_some_and(|why| why.ends_with(": a drill")));
    assert_eq!(with_reason.count(), 3, "{told:#}");
}

/// The last part of a path.
fn segment(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}
