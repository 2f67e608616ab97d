//! Secret references on a real Flink: the values are in effect there, and nowhere that our side writes or shows.
//! Reads outcomes from Flink, its output, S3, files and processes only.

use std::path::{Path, PathBuf};

use control::ports::Store;
use e2e::Bench;
use e2e::traces::{ProcessWatch, files_with, holds};
use local::{Fault, ParameterConfig};
use local_stack::flink_cluster::FlinkKind;
use local_stack::release::PREFIX;

const JOB: &str = "secretive";
const OTHER: &str = "filter-expensive-items";
const PRINTED: &str = "/flink-sql-runner/print-identifier";
const LABEL: &str = "/flink-sql-runner/label";

/// It would end its SQL literal, and a reference in a value stays text.
const IDENTIFIER: &str = "pr1nt-it's-${env:LABEL}-s3cret";
const ROTATED: &str = "r0tated-print-s3cret";
const VARIABLE: &str = "l4bel-from-the-environment";
const VALUES: [&str; 5] = ["pr1nt-it", "s3cret", ROTATED, VARIABLE, "l4bel-from-the-store"];

const TABLES: &str = "CREATE TABLE secret_rows (
  n BIGINT, __create_timestamp TIMESTAMP_LTZ(3), __query_name STRING, __query_description STRING,
  __query_id STRING, __query_version INT, __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = '{identifier}');
CREATE VIEW labelled AS SELECT order_number AS n, '${ssm:/flink-sql-runner/label}' AS label FROM numbered_orders;
";

fn manifest(properties: &str) -> String {
    format!(
        "name: {JOB}\ndescription: it prints\ntarget-table: secret_rows\nsql: |\n  SELECT n FROM labelled\n  \
         WHERE label = 'l4bel-' || 'from-the-store'\nflinkProperties:\n  execution.checkpointing.interval: 1s\n{properties}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn values_take_effect_in_flink_and_are_left_nowhere_else() {
    let secrets = [(PRINTED, IDENTIFIER), (LABEL, "l4bel-from-the-store"), ("LABEL_VARIABLE", VARIABLE)];
    let bench = Bench::start_with(FlinkKind::Standalone, "emr", &secrets).await;
    bench.upload_config().await;
    let markers = [bench.root.display().to_string(), bench.stack.aws.control_url()];
    let watch = ProcessWatch::begin(markers.into(), &VALUES);
    bench.upload("config/params.yaml", &format!("orders_per_second: \"20\"\nidentifier: ${{ssm:{PRINTED}}}\n")).await;
    bench.upload("config/tables/secrets.sql", TABLES).await;
    let template = bench.read("config/job-template.yaml").await.unwrap_or_default();
    bench.upload("config/job-template.yaml", &format!("{template}  secret.label: <${{env:LABEL_VARIABLE}}>\n")).await;
    bench.upload(&format!("queries/{JOB}.yaml"), &manifest("")).await;
    bench.upload(&format!("queries/{OTHER}.yaml"), &Bench::example(OTHER)).await;

    in_effect(&bench, 1, IDENTIFIER).await;
    let first = bench.healthy(JOB).await;
    bench.settled(OTHER, 1, "deployed").await;
    shown_by_flink(&bench, &first.id).await;
    rotated(&bench, &first.id).await;
    fails_with_a_value_in_its_words(&bench).await;
    missing(&bench).await;
    unreachable(&bench).await;

    let (shown, programs) = watch.end();
    // The runner has the variable: it was given to it. Nobody else has it, and nobody what came from the store.
    let runner = format!("flink-sql-runner-step-{} shows {VARIABLE} in its environment", std::env::consts::ARCH);
    let others: Vec<_> = shown.iter().filter(|line| **line != runner).collect();
    assert!(others.is_empty(), "{others:#?}");
    for program in ["flink-sql-runner-step", "java", "orchestrator"] {
        assert!(programs.iter().any(|seen| seen.contains(program)), "{program} was not looked at: {programs:?}");
    }
    eprintln!("processes: {programs:?}, with the variable: {shown:#?}");
    left_nowhere(&bench).await;
    bench.stop().await;
}

/// The printed rows begin with what only Parameter Store knew.
async fn in_effect(bench: &Bench, operations: usize, identifier: &str) {
    bench.settled(JOB, operations, "deployed").await;
    bench.wait("rows under the secret name", || async { (!bench.printed(identifier).is_empty()).then_some(()) }).await;
}

/// What Flink itself shows of the values, for whoever can reach it.
async fn shown_by_flink(bench: &Bench, id: &str) {
    for path in ["", "/config", "/plan", "/exceptions", "/checkpoints", "/checkpoints/config", "/jobmanager/config"] {
        let answer = bench.flink(&format!("/jobs/{id}{path}")).await.to_string();
        eprintln!("  Flink shows at /jobs/:id{path}: {:?}", VALUES.map(|value| answer.contains(value)));
    }
    let answer = bench.flink("/jobmanager/config").await.to_string();
    eprintln!("  Flink shows at /jobmanager/config: {:?}", VALUES.map(|value| answer.contains(value)));
}

/// Another value is no change: it is seen with the next start.
async fn rotated(bench: &Bench, first: &str) {
    bench.stack.aws.put_parameter(PRINTED, ParameterConfig::secure(ROTATED));
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.wait("the look at the cluster", || async { bench.read("cluster/observed.json").await }).await;
    let record = bench.settled(JOB, 1, "deployed").await;
    assert_eq!(bench.healthy(JOB).await.id, first, "a rotated value redeployed the job: {record:#}");
    assert!(bench.printed(ROTATED).is_empty());
    bench.upload(&format!("queries/{JOB}.yaml"), &manifest("  table.exec.state.ttl: 1 h\n")).await;
    in_effect(bench, 2, ROTATED).await;
}

/// Flink's own words about a value that it does not take are told without it.
async fn fails_with_a_value_in_its_words(bench: &Bench) {
    let before = bench.healthy(JOB).await;
    let template = bench.read("config/job-template.yaml").await.unwrap_or_default();
    let broken = format!("{template}  state.backend.type: ${{ssm:{PRINTED}}}\n");
    bench.upload("config/job-template.yaml", &broken).await;
    let record = bench.settled(JOB, 3, "rolled-back").await;
    // Before either is tried again.
    bench.upload("config/job-template.yaml", &template).await;
    let detail = record["history"][2]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("***") && !detail.contains(ROTATED), "{detail}");
    assert_ne!(bench.healthy(JOB).await.id, before.id);
    // It may have been tried again meanwhile.
    bench
        .wait("the other job is rolled back", || async {
            let record = bench.record(OTHER).await?;
            let rolled_back = record["history"].as_array()?.last()?["outcome"] == "rolled-back";
            (record["open"].is_null() && rolled_back).then_some(())
        })
        .await;
}

/// A parameter that is not there, and one that may not be read: the run is untouched, and the reference is named.
async fn missing(bench: &Bench) {
    let before = bench.healthy(JOB).await;
    for (operations, name, said) in
        [(4, "/flink-sql-runner/nowhere", "ParameterNotFound"), (5, "/elsewhere/x", "AccessDeniedException")]
    {
        let params = format!("orders_per_second: \"20\"\nidentifier: ${{ssm:{name}}}\n");
        bench.upload("config/params.yaml", &params).await;
        let record = bench.settled(JOB, operations, "refused").await;
        let detail = record["history"][operations - 1]["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(&format!("config/tables/secrets.sql:1: ${{ssm:{name}}} cannot be read")), "{detail}");
        assert!(detail.contains(said), "{detail}");
        assert_eq!(bench.healthy(JOB).await.id, before.id, "the old run was touched");
    }
    let params = format!("orders_per_second: \"20\"\nidentifier: ${{ssm:{PRINTED}}}\n");
    bench.upload("config/params.yaml", &params).await;
    bench
        .wait("the params are back", || async {
            let record = bench.record(JOB).await?;
            (record["decision"]["reason"] == "unchanged" && record["open"].is_null()).then_some(())
        })
        .await;
}

/// A Parameter Store that does not answer says nothing about the job: it is tried again.
async fn unreachable(bench: &Bench) {
    for _ in 0..12 {
        bench.stack.aws.order_fault("GetParameter", Fault::DropBefore);
    }
    let operations = bench.record(JOB).await.and_then(|r| r["history"].as_array().map(Vec::len)).unwrap_or_default();
    bench.upload(&format!("queries/{JOB}.yaml"), &manifest("  table.exec.state.ttl: 2 h\n")).await;
    bench
        .wait("the step fails", || async {
            bench.stack.aws.steps().iter().any(|s| s.exit_code == Some(5)).then_some(())
        })
        .await;
    bench.settled(JOB, operations + 1, "deployed").await;
    bench.healthy(JOB).await;
}

/// Nothing that our side wrote holds a value: objects but for Flink's state, logs, the output of steps.
async fn left_nowhere(bench: &Bench) {
    let mut looked_at = 0;
    // The release was there before any value was.
    for key in bench.keys("").await.into_iter().filter(|key| !key.starts_with("node/")) {
        if key.starts_with("checkpoints/") || key.starts_with("savepoints/") {
            let state = bench.store.get(&format!("{PREFIX}{key}")).await.ok().flatten();
            if state.is_some_and(|state| holds(&state.bytes, &VALUES)) {
                eprintln!("  Flink's state holds a value: {key}");
            }
            continue;
        }
        let text = bench.read(&key).await.unwrap_or_default();
        assert!(!holds(text.as_bytes(), &VALUES), "{key} holds a value");
        looked_at += 1;
    }
    assert!(looked_at > 20, "{looked_at} objects");
    let found = files_with(&bench.root, &VALUES);
    eprintln!("files with a value: {found:#?}");
    // What Flink's own processes write is Flink's; its client is ours to start, and writes into the same folder.
    let is_client = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("client"));
    // The node's settings are where a person wrote the variable.
    let given = bench.root.join("node.env");
    let is_ours = |path: &&PathBuf| **path != given && (!path.starts_with(bench.root.join("flink")) || is_client(path));
    let ours: Vec<_> = found.iter().filter(is_ours).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}
