//! Every job of the examples through its whole life on a real Flink, with both ways of dispatch.
//! Reads outcomes from Flink and S3 only.

#![expect(clippy::panic, reason = "a failed check ends the test")]

mod ordered;

use std::collections::BTreeMap;

use e2e::spans::{most_at_once, starting, stopping};
use e2e::totals::{counts_on, version};
use e2e::{Bench, Row, project};
use local::Principal;
use local_stack::flink_cluster::FlinkKind;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_life_on_a_standalone_cluster() {
    whole_life(FlinkKind::Standalone, &["ssm", "emr"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_life_on_yarn() {
    whole_life(FlinkKind::Yarn, &["emr", "ssm"]).await;
}

const FILTER: &str = "filter-expensive-items";
const TOTALS: &str = "orders-per-buyer";
const CODE: &str = "order-numbers";
const BOUNDED: &str = "three-labels";

/// The phases take turns with these ways of dispatch, the other way round on the other cluster.
async fn whole_life(flink: FlinkKind, ways: &[&str]) {
    let mut ways = ways.iter().cycle();
    let mut next = || ways.next().copied().unwrap_or_default();
    let bench = Bench::start_on(flink, next()).await;
    bench.upload_config().await;
    let first = started(&bench).await;
    bench.dispatch_by(next());
    left_alone(&bench, &first).await;
    asked(&bench, &first).await;
    let configured = configuration_changed(&bench, &first).await;
    bench.dispatch_by(next());
    let requeried = query_changed(&bench, &configured).await;
    ordered::over_again(&bench, BOUNDED, "labels").await;
    bench.dispatch_by(next());
    does_not_compile(&bench, &requeried).await;
    bench.dispatch_by(next());
    lost(&bench).await;
    bench.dispatch_by(next());
    rolled_back(&bench).await;
    bench.dispatch_by(next());
    removed_and_put_back(&bench).await;
    bench.dispatch_by(next());
    ordered::by_a_person(&bench).await;
    bench.dispatch_by(next());
    ordered::editing::by_command(&bench, TOTALS, 7).await;
    bench.dispatch_by(next());
    tokio::join!(windows(&bench), ordered::short_life::until_forgotten(&bench));
    bench.stop().await;
}

const CLICKS: &str = "
CREATE TABLE clicks (visitor INT, ts AS LOCALTIMESTAMP, WATERMARK FOR ts AS ts) WITH (
    'connector' = 'datagen', 'rows-per-second' = '10', 'fields.visitor.min' = '1', 'fields.visitor.max' = '1000'
);
CREATE TABLE windows (
    kind STRING, clicks BIGINT, __create_timestamp TIMESTAMP_LTZ(3), __query_name STRING, __query_description STRING,
    __query_id STRING, __query_version INT, __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = 'windows');
";

/// Every kind of window, whose aggregations need managed memory of Flink.
const WINDOWS: [(&str, &str); 4] = [
    ("tumble", "TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' SECOND)"),
    ("hop", "HOP(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '2' SECOND)"),
    ("cumulate", "CUMULATE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '2' SECOND)"),
    ("session", "SESSION(TABLE clicks PARTITION BY visitor, DESCRIPTOR(ts), INTERVAL '1' SECOND)"),
];

async fn windows(bench: &Bench) {
    eprintln!("windows");
    bench.upload("config/tables/windows.sql", CLICKS).await;
    for (kind, window) in WINDOWS {
        let by = if kind == "session" { "visitor, window_start, window_end" } else { "window_start, window_end" };
        let sql = format!("SELECT '{kind}' AS kind, COUNT(*) AS clicks FROM TABLE({window}) GROUP BY {by}");
        let manifest =
            format!("name: {kind}\ndescription: d\ntarget-table: windows\nsql: |\n  {sql}\nflinkProperties: {{}}\n");
        bench.upload(&format!("queries/{kind}.yaml"), &manifest).await;
    }
    for (kind, _) in WINDOWS {
        bench.settled(kind, 1, "deployed").await;
        bench
            .wait(&format!("rows of {kind}"), || async {
                let counts = |row: &Row| row.columns[0] == kind && row.columns[1] != "0";
                (bench.printed("windows").iter().filter(|row| counts(row)).count() > 1).then_some(())
            })
            .await;
    }
}

/// What `init` writes is deployed as it is, by somebody who may only upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_project_runs() {
    let bench = Bench::start("emr").await;
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("jobs").display().to_string();
    bench.command_line(Principal::Uploader, &["init", &jobs]).await;
    bench.command_line(Principal::Operator, &["deploy", &jobs, "--wait"]).await;
    bench.settled(TOTALS, 1, "deployed").await;
    bench.wait("rows", || async { (!bench.printed("buyer_totals").is_empty()).then_some(()) }).await;
    bench.stop().await;
}

/// One job's failure never stops another's: twenty at once, two of them broken.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_batch() {
    // One savepoint and one start at one time: what is right for one is for ten.
    let bench = Bench::start_with(FlinkKind::Standalone, "emr", &[("WAVE", "1")]).await;
    bench.upload_config().await;
    let name = |n: usize| format!("orders-{n:02}");
    for n in 0..20 {
        let text = match n {
            // Compiles nowhere.
            7 => Bench::example(FILTER).replace("price >", "prize >"),
            // No manifest.
            13 => Bench::example(FILTER).replace("target-table:", "target_table:"),
            _ => Bench::example(FILTER),
        };
        bench.upload(&format!("queries/{}.yaml", name(n)), &text.replace(FILTER, &name(n))).await;
    }
    for n in (0..20).filter(|n| *n != 7 && *n != 13) {
        bench.settled(&name(n), 1, "deployed").await;
        bench.healthy(&name(n)).await;
    }
    let record = bench.settled(&name(7), 1, "refused").await;
    let detail = record["history"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("prize"), "{detail}");
    let refused = bench.read(&format!("refused/queries/{}.yaml.json", name(13))).await.unwrap_or_default();
    assert!(refused.contains("write `target-table`"), "{refused}");
    let running = bench.jobs().await.into_iter().filter(|j| j.state == "RUNNING").count();
    assert_eq!(running, 18);
    let good: Vec<String> = (0..20).filter(|n| *n != 7 && *n != 13).map(name).collect();
    in_waves(&bench, &good).await;
    bench.stop().await;
}

/// A change of what all jobs share: Flink wrote one savepoint after the other, and started one run after the other.
async fn in_waves(bench: &Bench, names: &[String]) {
    let mut before = Vec::new();
    for name in names {
        before.push(bench.healthy(name).await.id);
    }
    let template = bench.read("config/job-template.yaml").await.unwrap_or_default();
    bench.upload("config/job-template.yaml", &format!("{template}  table.exec.state.ttl: 1 h\n")).await;
    let (mut stops, mut starts) = (Vec::new(), Vec::new());
    for (name, old) in names.iter().zip(before) {
        bench.settled(name, 2, "deployed").await;
        let new = bench.healthy(name).await.id;
        assert_ne!(new, old, "{name} was not changed");
        stops.push(stopping(bench, &old).await);
        starts.push(starting(bench, &new).await);
    }
    assert_eq!((most_at_once(&stops), most_at_once(&starts)), (1, 1), "stops {stops:?}, starts {starts:?}");
}

/// The Python tool's command on the primary node, with its own flags: started, left alone, redeployed.
#[tokio::test(flavor = "multi_thread")]
async fn the_predecessors_command() {
    let bench = Bench::start("emr").await;
    let folder = bench.root.join("predecessor");
    std::fs::create_dir_all(folder.join("queries")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let config = project().join("examples/config");
    let template = std::fs::read_to_string(config.join("job-template.yaml")).unwrap();
    write("job-template.yaml", &template.replace("s3://local/flink-sql-runner/", "s3://local/process/"));
    for name in ["inputs", "outputs"] {
        write(&format!("{name}.sql"), &std::fs::read_to_string(config.join(format!("tables/{name}.sql"))).unwrap());
    }
    write(&format!("queries/{FILTER}.yaml"), &Bench::example(FILTER));

    let printed = bench.predecessors_deploy(&folder).await;
    let first = bench.healthy(FILTER).await;
    assert!(printed.contains(FILTER), "{printed}");
    let manifest = bench.object("process/manifests/filter-expensive-items.yaml").await.unwrap_or_default();
    assert!(manifest.contains("query-version: 1"), "{manifest}");

    bench.predecessors_deploy(&folder).await;
    assert_eq!(bench.healthy(FILTER).await.id, first.id, "an unchanged job was restarted");

    let changed = Bench::example(FILTER)
        .replace("flinkProperties: {}", "flinkProperties:\n  execution.checkpointing.interval: 1s");
    write(&format!("queries/{FILTER}.yaml"), &changed);
    bench.predecessors_deploy(&folder).await;
    let second = bench.healthy(FILTER).await;
    assert_ne!(second.id, first.id);
    let restored = bench.restored(&second.id).await.unwrap_or_default();
    assert!(restored.contains("/savepoints/filter-expensive-items/1/"), "{restored}");

    // One job alone, merged with its template: the other one is not looked at, and not removed.
    let merged = template.replace("s3://local/flink-sql-runner/", "s3://local/process/").replace("{job_name}", CODE);
    let merged = merged.replace("---\n", "");
    write("merged.yaml", &format!("{}\n{merged}", Bench::example(CODE).replace("flinkProperties: {}", "")));
    bench.predecessors_deploy_job(&folder, "merged.yaml").await;
    let code = bench.healthy(CODE).await;
    assert_eq!(bench.healthy(FILTER).await.id, second.id);
    bench.predecessors_deploy_job(&folder, "merged.yaml").await;
    assert_eq!(bench.healthy(CODE).await.id, code.id, "an unchanged job was restarted");
    bench.stop().await;
}

/// The ids of the live runs by job.
type Runs = BTreeMap<&'static str, String>;

async fn started(bench: &Bench) -> Runs {
    eprintln!("started");
    for name in [FILTER, TOTALS, CODE, BOUNDED] {
        bench.upload(&format!("queries/{name}.yaml"), &Bench::example(name)).await;
    }
    let mut runs = Runs::new();
    for name in [FILTER, TOTALS, CODE] {
        let record = bench.settled(name, 1, "deployed").await;
        let run = bench.healthy(name).await;
        assert_eq!(record["deployed"]["runs"][0]["job_id"], run.id.as_str());
        assert_eq!(bench.restored(&run.id).await, None, "{name} starts clean");
        let manifest = bench.read(&format!("manifests/{name}.yaml")).await.unwrap_or_default();
        assert!(manifest.contains("query-version: 1"), "{manifest}");
        runs.insert(name, run.id);
    }
    bench.settled(BOUNDED, 1, "completed").await;
    let labels =
        bench.wait("the bounded job's rows", || async { Some(bench.printed("labels")).filter(|r| r.len() >= 3) }).await;
    assert_eq!(labels.len(), 3, "{labels:?}");
    bench
        .wait("rows of every job", || async {
            (!bench.printed("expensive_items").is_empty() && !bench.printed("order_numbers").is_empty()).then_some(())
        })
        .await;
    let row = bench.printed("expensive_items").remove(0);
    assert_eq!(row.columns[5], FILTER, "{row:?}");
    assert_eq!(row.columns[8], "1", "{row:?}");
    runs
}

/// The same files again, and a redeploy: nothing is touched.
async fn left_alone(bench: &Bench, runs: &Runs) {
    eprintln!("left alone");
    for name in [FILTER, TOTALS, CODE, BOUNDED] {
        bench
            .upload(&format!("queries/{name}.yaml"), &format!("# a comment changes nothing\n{}", Bench::example(name)))
            .await;
    }
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.wait("the look at the cluster", || async { bench.read("cluster/observed.json").await }).await;
    bench
        .wait("all decisions", || async {
            let record = bench.record(BOUNDED).await?;
            (record["decision"]["reason"] == "bounded and complete").then_some(())
        })
        .await;
    for (name, id) in runs {
        let live = bench.live(name).await.unwrap_or_else(|| panic!("{name} is gone"));
        assert_eq!(&live.id, id, "{name} was restarted");
    }
    let bounded = bench.jobs().await.into_iter().filter(|j| j.name == BOUNDED).count();
    assert_eq!(bounded, 1, "the bounded job ran again");
}

/// What people ask, with the rights that the template gives them.
async fn asked(bench: &Bench, runs: &Runs) {
    eprintln!("asked");
    let names = |answer: &Value| -> Vec<String> {
        let jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
        jobs.iter().filter_map(|job| job["name"].as_str()).map(str::to_owned).collect()
    };
    let by_function = bench.invoke(&json!({"action": "status"})).await;
    let by_hand = bench.command_line(Principal::Operator, &["status"]).await;
    assert_eq!(names(&by_function), names(&by_hand));
    let planned = bench.invoke(&json!({"action": "plan", "names": [FILTER]})).await;
    assert_eq!(names(&planned), [FILTER], "{planned:#}");
    let by_hand = bench.command_line(Principal::Operator, &["plan"]).await;
    assert_eq!(names(&by_hand), names(&by_function), "{by_hand:#}");
    let history = bench.command_line(Principal::Operator, &["history", TOTALS]).await;
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(1), "{history:#}");
    let results = bench.keys(&format!("results/{TOTALS}/")).await;
    assert_eq!(results.len(), 1, "{results:?}");
    let result = bench.read(&results[0]).await.unwrap_or_default();
    assert!(result.contains(&runs[TOTALS]), "{result}");
    let file = project().join(format!("examples/queries/{FILTER}.yaml")).display().to_string();
    bench.command_line(Principal::Operator, &["deploy", &file, "--wait"]).await;
    assert_eq!(bench.healthy(FILTER).await.id, runs[FILTER], "{FILTER} was restarted");
}

async fn configuration_changed(bench: &Bench, before: &Runs) -> Runs {
    eprintln!("configuration changed");
    let before_change = counts_on(bench, "1", 20).await;
    for name in [FILTER, TOTALS, CODE] {
        let changed = Bench::example(name)
            .replace("flinkProperties: {}", "flinkProperties:\n  execution.checkpointing.interval: 1s");
        bench.upload(&format!("queries/{name}.yaml"), &changed).await;
    }
    let mut runs = Runs::new();
    for name in [FILTER, TOTALS, CODE] {
        bench.settled(name, 2, "deployed").await;
        let run = bench.healthy(name).await;
        assert_ne!(before[name], run.id);
        let restored = bench.restored(&run.id).await.unwrap_or_else(|| panic!("{name} lost its state"));
        assert!(restored.contains(&format!("/savepoints/{name}/1/")), "{restored}");
        assert!(
            bench.jobs().await.iter().any(|j| j.id == before[name] && j.state == "FINISHED"),
            "{name} was not stopped with a savepoint"
        );
        runs.insert(name, run.id);
    }
    counts_on(bench, "1", before_change + 100).await;
    runs
}

async fn query_changed(bench: &Bench, before: &Runs) -> Runs {
    eprintln!("query changed");
    for name in [FILTER, TOTALS, CODE, BOUNDED] {
        bench.upload(&format!("queries/{name}.yaml"), &second_query(name)).await;
    }
    let mut runs = Runs::new();
    for name in [FILTER, TOTALS, CODE] {
        let record = bench.settled(name, 3, "deployed").await;
        assert_eq!(
            record["deployed"]["meta"]["query-version"]
                .as_u64()
                .or(record["deployed"]["meta"]["query-version"].as_u64()),
            Some(2)
        );
        let run = bench.healthy(name).await;
        assert_ne!(before[name], run.id);
        assert_eq!(bench.restored(&run.id).await, None, "{name} version 2 starts clean");
        runs.insert(name, run.id);
    }
    bench
        .wait("the count starts over", || async {
            bench.printed("buyer_totals").iter().any(|r| version(r) == "2" && r.columns[1] == "1").then_some(())
        })
        .await;
    // A bounded job that is complete runs again only because its query changed.
    bench.settled(BOUNDED, 2, "completed").await;
    bench.wait("the bounded job's new rows", || async { (bench.printed("labels").len() == 6).then_some(()) }).await;
    runs
}

/// The example with another query.
fn second_query(name: &str) -> String {
    let (from, to) = match name {
        FILTER => ("price > 9000.0", "price > 5000.0"),
        TOTALS => ("GROUP BY buyer_id", "WHERE buyer_id < 4\n  GROUP BY buyer_id"),
        CODE => ("SELECT order_number FROM", "SELECT order_number + 0 FROM"),
        _ => ("'aaa'", "'zzz'"),
    };
    Bench::example(name).replace(from, to)
}

/// A manifest that does not compile leaves the running job untouched, and so does one that is no manifest.
async fn does_not_compile(bench: &Bench, runs: &Runs) {
    eprintln!("refused");
    let broken = Bench::example(FILTER).replace("price > 9000.0", "prize > 9000.0");
    bench.upload(&format!("queries/{FILTER}.yaml"), &broken).await;
    bench
        .upload(
            "queries/misspelt.yaml",
            "name: misspelt\ndescription: d\ntarget_table: t\nsql: SELECT 1\nflinkProperties: {}\n",
        )
        .await;
    let record = bench.settled(FILTER, 4, "refused").await;
    let detail = record["history"][3]["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("prize"), "{detail}");
    let refused = bench.wait("the refusal", || async { bench.read("refused/queries/misspelt.yaml.json").await }).await;
    assert!(refused.contains("target-table") && refused.contains("\"line\": 3"), "{refused}");
    let live = bench.live(FILTER).await.unwrap_or_else(|| panic!("{FILTER} is gone"));
    assert_eq!(live.id, runs[FILTER], "{FILTER} was touched");
    bench.delete("queries/misspelt.yaml").await;
    bench
        .wait("the refusal is taken back", || async {
            bench.read("refused/queries/misspelt.yaml.json").await.is_none().then_some(())
        })
        .await;
}

/// A job cancelled by hand comes back from its newest checkpoint by the schedule.
async fn lost(bench: &Bench) {
    eprintln!("lost");
    let before = bench.healthy(TOTALS).await;
    bench
        .wait("a checkpoint", || async {
            let checkpoints = bench.flink(&format!("/jobs/{}/checkpoints", before.id)).await;
            checkpoints["counts"]["completed"].as_u64().filter(|n| *n >= 2)
        })
        .await;
    let counted_before = counts_on(bench, "2", 20).await;
    bench.cancel(&before.id).await;
    bench.over(&before.id).await;
    let newest = bench
        .keys(&format!("checkpoints/{TOTALS}/2/{}/", before.id))
        .await
        .into_iter()
        .filter(|k| k.ends_with("/_metadata"))
        .max_by_key(|k| {
            k.rsplit('/').nth(1).and_then(|chk| chk.strip_prefix("chk-")).and_then(|n| n.parse::<u64>().ok())
        });
    let newest = newest.unwrap_or_else(|| panic!("no checkpoint was kept"));
    bench.stack.aws.fire_schedule("redeploy").await;
    bench.settled(TOTALS, 4, "deployed").await;
    let run = bench.healthy(TOTALS).await;
    let restored = bench.restored(&run.id).await.unwrap_or_default();
    assert!(
        newest.starts_with(restored.trim_start_matches("s3://local/flink-sql-runner/")),
        "{restored} is not {newest}"
    );
    counts_on(bench, "2", counted_before + 100).await;
}

/// A target that compiles but does not start: the manifest before comes back from the savepoint just taken.
async fn rolled_back(bench: &Bench) {
    eprintln!("rolled back");
    let text = bench.read(&format!("queries/{TOTALS}.yaml")).await.unwrap_or_default();
    let before = bench.healthy(TOTALS).await;
    let counted_before = counts_on(bench, "2", 20).await;
    let broken =
        text.replace("flinkProperties: {}", "flinkProperties:\n  state.backend.type: org.example.NoSuchBackend");
    assert_ne!(broken, text);
    bench.upload(&format!("queries/{TOTALS}.yaml"), &broken).await;
    let record = bench.settled(TOTALS, 5, "rolled-back").await;
    let detail = record["history"][4]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("org.example.NoSuchBackend"), "{detail}");
    let run = bench.healthy(TOTALS).await;
    assert_ne!(run.id, before.id);
    let restored = bench.restored(&run.id).await.unwrap_or_default();
    assert!(restored.contains(&format!("/savepoints/{TOTALS}/2/")), "{restored}");
    bench.upload(&format!("queries/{TOTALS}.yaml"), &text).await;
    counts_on(bench, "2", counted_before + 100).await;
    assert_eq!(bench.healthy(TOTALS).await.id, run.id, "the manifest that runs already was started again");
}

async fn removed_and_put_back(bench: &Bench) {
    // How many operations each job has seen by now.
    let jobs = [(FILTER, 4), (TOTALS, 5), (CODE, 3)];
    eprintln!("removed");
    let mut before = Runs::new();
    for (name, _) in jobs {
        before.insert(name, bench.healthy(name).await.id);
    }
    let counted_before = counts_on(bench, "2", 20).await;
    for (name, _) in jobs {
        bench.delete(&format!("queries/{name}.yaml")).await;
    }
    for (name, operations) in jobs {
        bench.settled(name, operations + 1, "removed").await;
        assert_eq!(bench.live(name).await, None);
        let stopped = bench.jobs().await.iter().any(|j| j.id == before[name] && j.state == "FINISHED");
        assert!(stopped, "{name} was not stopped with a savepoint");
        assert_eq!(bench.read(&format!("manifests/{name}.yaml")).await, None);
    }
    eprintln!("put back");
    for (name, _) in jobs {
        bench.upload(&format!("queries/{name}.yaml"), &second_query(name)).await;
    }
    for (name, operations) in jobs {
        bench.settled(name, operations + 2, "deployed").await;
        let run = bench.healthy(name).await;
        let restored = bench.restored(&run.id).await.unwrap_or_default();
        assert!(restored.contains(&format!("/savepoints/{name}/2/")), "{name}: {restored}");
    }
    counts_on(bench, "2", counted_before + 100).await;
}
