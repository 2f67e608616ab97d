//! `suspend`, `resume` and `rollback`: the program itself against an S3 on this machine, whose events reach the function.
//! No node here: what a node would have written is put into the bucket.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

mod function;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use function::script;
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Record;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{read, write};
use lifecycle::ids::{rollback_id, run_id};
use lifecycle::keys::Keys;
use lifecycle::owed::Cause;
use local::{Fault, NodeConfig, QueueConfig, Stack, StackConfig};
use serde_json::Value;

const PREFIX: &str = "flink-sql-runner/";
const JOB: &str = "filter-expensive-items";
const QUERY: &str = "queries/filter-expensive-items.yaml";
/// How long the function may take to hear of an upload.
const LIMIT: Duration = Duration::from_mins(1);

struct Bench {
    stack: Stack,
    folder: tempfile::TempDir,
}

fn example(path: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    std::fs::read_to_string(examples.join(path)).unwrap()
}

impl Bench {
    /// A stack in which one job runs.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A runner that never says anything: operations stay open until the test ends them.
        script(folder.path(), "flink-sql-runner-step", "sleep 600");
        let path = vec![folder.path().to_owned()];
        let config = StackConfig {
            notify_prefixes: Keys::new(PREFIX).triggers().into(),
            queue: QueueConfig { window: Duration::from_millis(100), ..QueueConfig::default() },
            node: NodeConfig { work_dir: folder.path().join("node"), path, ..NodeConfig::default() },
            lambda: function::named("flink-sql-runner", folder.path()),
            step_concurrency: 50,
            ..StackConfig::default()
        };
        let bench = Self { stack: Stack::start(config).await.unwrap(), folder };
        for path in
            ["config/job-template.yaml", "config/params.yaml", "config/tables/inputs.sql", "config/tables/outputs.sql"]
        {
            bench.put(path, example(path)).await;
        }
        bench.put(QUERY, example(QUERY)).await;
        bench.settle(&Bench::deployed).await;
        bench
    }

    async fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(self.stack.aws_env());
        command.envs([("BUCKET", "local"), ("CLUSTER", "j-LOCAL00000000"), ("USER", "anna")]);
        let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let (said, aside) = self.run(&[arguments, &["--output", "json"]].concat(), code).await;
        serde_json::from_str(if code == 0 { &said } else { &aside }).unwrap()
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(local::REGION))
            .credentials_provider(Credentials::new(local::ACCESS_KEY, local::SECRET_KEY, None, None, "test"))
            .endpoint_url(self.stack.s3_url())
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    async fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let put = self.s3().put_object().bucket("local").key(format!("{PREFIX}{path}")).body(bytes.into().into());
        put.send().await.unwrap();
    }

    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        let object = self.s3().get_object().bucket("local").key(format!("{PREFIX}{path}")).send().await.ok()?;
        Some(object.body.collect().await.unwrap().to_vec())
    }

    async fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(path).await.unwrap()).unwrap()
    }

    async fn delete(&self, path: &str) {
        self.s3().delete_object().bucket("local").key(format!("{PREFIX}{path}")).send().await.unwrap();
    }

    /// The record, once it is as it should be.
    async fn record(&self, is_so: impl Fn(&Record) -> bool) -> Record {
        let began = Instant::now();
        loop {
            let record: Option<Record> =
                self.get(&format!("records/{JOB}.json")).await.map(|bytes| read(&bytes).unwrap());
            match record {
                Some(record) if is_so(&record) => return record,
                other => assert!(began.elapsed() < LIMIT, "{other:#?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the job's upload stands refused, or does not any more.
    async fn refused(&self, refused: bool) {
        let began = Instant::now();
        while self.get(&format!("refused/{QUERY}.json")).await.is_some() != refused {
            assert!(began.elapsed() < LIMIT, "refused: not {refused}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for an operation, has it end so, and waits until that is recorded: its plan.
    async fn settle(&self, outcome: &(dyn Fn(&Plan) -> Outcome + Sync)) -> Plan {
        let plan = self.record(|record| record.open.is_some()).await.open.unwrap().plan;
        let operation = plan.operation;
        let result = OperationResult {
            format: 1,
            operation,
            job: plan.job.clone(),
            outcome: outcome(&plan),
            at: "2026-11-29T12:00:00Z".parse().unwrap(),
            phases: Vec::new(),
            downtime_ms: None,
            differences: Vec::new(),
            no_savepoint: None,
        };
        self.put(&format!("results/{JOB}/{operation}.json"), write(&result)).await;
        self.record(|record| record.history.iter().any(|entry| entry.operation == operation)).await;
        plan
    }

    fn deployed(plan: &Plan) -> Outcome {
        let (job_id, compiled) = (run_id(plan.operation), Compiled::default());
        let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
        Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true }
    }

    fn rolled_back(plan: &Plan) -> Outcome {
        let (job_id, compiled) = (rollback_id(plan.operation), Compiled::default());
        let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
        Outcome::RolledBack { reason: "it restarts".to_owned(), cause: Cause::DoesNotRun, run, savepoint: None }
    }

    /// So long that whoever follows looks for it meanwhile.
    fn deployed_slowly(plan: &Plan) -> Outcome {
        std::thread::sleep(Duration::from_secs(3));
        Self::deployed(plan)
    }

    fn suspended(_: &Plan) -> Outcome {
        Outcome::Suspended { savepoint: Some("s3://local/s".to_owned()), newest: None, epoch: None, checkpointed: true }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_suspended_and_resumed_by_its_file() {
    let bench = Bench::start().await;
    let before = example(QUERY);
    let (said, aside) = bench.run(&["suspend", JOB, "--dry-run"], 0).await;
    assert!(said.contains("savepoint, stop") && said.ends_with("Plan: 1 suspend.\n"), "{said}");
    assert!(aside.contains(&format!("--- {QUERY}\n")) && aside.contains("\n+state: suspended\n"), "{aside}");
    assert_eq!(bench.text(QUERY).await, before, "a dry run writes nothing");
    let (said, _) = bench.run(&["resume", JOB], 0).await;
    assert!(said.starts_with(&format!("nothing to change: {JOB} is to be running already")), "{said}");

    bench.run(&["suspend", JOB, "--reason", "Störung: der Broker fehlt"], 0).await;
    let edited = bench.text(QUERY).await;
    assert_eq!(edited, before.replacen(&format!("name: {JOB}\n"), &format!("name: {JOB}\nstate: suspended\n"), 1));
    let plan = bench.settle(&Bench::suspended).await;
    assert!(plan.suspends, "{plan:#?}");
    let history = bench.json(&["history", JOB], 0).await;
    let last = history["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["by"], "upload by anna (not verified)", "{last:#}");
    assert_eq!(last["why"], "suspended: Störung: der Broker fehlt", "{last:#}");

    let again = bench.json(&["suspend", JOB], 0).await;
    assert_eq!((&again["changed"], &again["state"]), (&Value::Bool(false), &Value::from("suspended")), "{again}");
    let (_, aside) = bench.run(&["restart", JOB], 2).await;
    assert!(aside.contains(&format!("`resume {JOB}`")), "{aside}");
    // Of what an operation comes to, the one who waits is told.
    let waits = bench.run(&["resume", JOB, "--wait", "--timeout", "60s"], 0);
    let (waited, plan) = tokio::join!(waits, bench.settle(&Bench::deployed_slowly));
    assert!(waited.0.contains(&format!("Deployed {JOB} v1 in")), "{waited:?}");
    assert_eq!((plan.reason.as_str(), plan.change.kind.to_string().as_str()), ("resumed", "unchanged"));
    assert_eq!(bench.text(QUERY).await, edited.replace("state: suspended", "state: running"));
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_edited_where_it_is_not_sure_what() {
    let bench = Bench::start().await;
    let before = example(QUERY);
    let (_, aside) = bench.run(&["suspend", "no-such-job"], 2).await;
    assert!(aside.contains("no uploaded manifest carries the name no-such-job") && aside.contains("help:"), "{aside}");
    let (_, aside) = bench.run(&["suspend", JOB, "--reason", "a\nb"], 2).await;
    assert!(aside.contains("say it in one line of at most 200 characters"), "{aside}");
    bench.put("queries/team/filter-expensive-items.yml", before.clone()).await;
    let (_, aside) = bench.run(&["suspend", JOB], 2).await;
    assert!(aside.contains("several uploaded manifests") && aside.contains("queries/team/"), "{aside}");
    bench.delete("queries/team/filter-expensive-items.yml").await;

    bench.put(QUERY, format!("{before}targettable: x\n")).await;
    bench.refused(true).await;
    let (_, aside) = bench.run(&["suspend", JOB], 3).await;
    assert!(aside.contains("`targettable` is not a field"), "{aside}");

    // Somebody else was first: his file stays.
    bench.put(QUERY, before.clone()).await;
    let conflict =
        |message: &str| Fault::Error { status: 412, kind: "PreconditionFailed".into(), message: message.into() };
    bench.refused(false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.stack.order_fault("PutObject", conflict("told to"));
    let error = bench.json(&["suspend", JOB], 7).await;
    assert_eq!(error["message"], format!("{QUERY} was changed meanwhile: nothing was uploaded"), "{error}");
    assert_eq!(bench.text(QUERY).await, before);
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_rolled_back_to_what_an_operation_deployed() {
    let bench = Bench::start().await;
    let original = example(QUERY);
    let first = bench.record(|record| record.open.is_none()).await.history[0].operation;
    let (_, aside) = bench.run(&["rollback", JOB], 2).await;
    assert!(aside.contains("no remembered operation of filter-expensive-items deployed another manifest"), "{aside}");

    // An upload that was rolled back by itself: what runs is not what is uploaded, and can be uploaded again.
    bench.put(QUERY, original.replace("SELECT", "SELECT /* one that fails */ DISTINCT 1,")).await;
    bench.settle(&Bench::rolled_back).await;
    let (_, aside) = bench.run(&["rollback", JOB], 2).await;
    assert!(aside.contains(&format!("`rollback {JOB} --to {first}` uploads what is deployed")), "{aside}");
    bench.run(&["rollback", JOB, "--to", &first.to_string()], 0).await;
    assert!(!bench.text(QUERY).await.contains("DISTINCT"));

    // So can it where the upload is refused; without one there is nothing to put it into.
    let good = bench.text(QUERY).await;
    bench.put(QUERY, "name: filter-expensive-items\nsql: 7\n".to_owned()).await;
    let (_, aside) = bench.run(&["rollback", JOB], 2).await;
    assert!(aside.contains(&format!("`rollback {JOB} --to {first}` uploads what is deployed")), "{aside}");
    bench.put(QUERY, good).await;

    let changed = original.replace("SELECT", "SELECT DISTINCT");
    assert_ne!(changed, original);
    bench.put(QUERY, changed.clone()).await;
    let second = bench.settle(&Bench::deployed).await;
    assert_eq!(second.reason, "sql");
    // What is only suspended and resumed deployed nothing else.
    bench.run(&["suspend", JOB], 0).await;
    bench.settle(&Bench::suspended).await;
    let suspended = bench.text(QUERY).await;

    let (said, aside) = bench.run(&["rollback", JOB, "--dry-run"], 0).await;
    assert!(said.contains("Plan: 1 ") && aside.contains("-  SELECT DISTINCT"), "{said}{aside}");
    assert!(!aside.contains("not rolled back"), "nothing of the configuration changed: {aside}");
    assert_eq!(bench.text(QUERY).await, suspended, "a dry run writes nothing");
    bench.run(&["rollback", JOB, "--reason", "wrong rows"], 0).await;
    let rolled = bench.text(QUERY).await;
    assert!(rolled.starts_with(&format!("# Rolled back to operation {first} of ")), "{rolled}");
    assert!(
        rolled.contains("\nstate: suspended\n") && !rolled.contains("DISTINCT") && !rolled.contains("meta"),
        "{rolled}"
    );
    let plan = bench.settle(&Bench::suspended).await;
    assert_eq!(plan.reason, format!("sql: rollback to {}: wrong rows", first.short()));
    bench.run(&["resume", JOB], 0).await;
    let plan = bench.settle(&Bench::deployed).await;
    assert_eq!(plan.next.unwrap().body, "SELECT * FROM orders WHERE price > 9000.0", "what runs is what ran first");

    // By name: what deployed nothing, what is not known, what is not kept.
    let refused = second.operation.short();
    bench.run(&["rollback", JOB, "--to", &refused, "--dry-run"], 0).await;
    let (_, aside) = bench.run(&["rollback", JOB, "--to", "12345678"], 2).await;
    assert!(aside.contains("no remembered operation of filter-expensive-items is `12345678`"), "{aside}");
    let history = bench.record(|record| record.open.is_none()).await.history;
    let (_, aside) = bench.run(&["rollback", JOB, "--to", &history[3].operation.to_string()], 2).await;
    assert!(aside.contains("deployed nothing: suspended"), "{aside}");
    bench.delete(&format!("plans/{}.json", second.operation)).await;
    let (_, aside) = bench.run(&["rollback", JOB, "--to", &refused], 2).await;
    assert!(aside.contains("is not kept any more") && aside.contains("`deploy PATH`"), "{aside}");

    // The configuration of now counts, and is told.
    let template = example("config/job-template.yaml");
    bench.put("config/job-template.yaml", format!("{template}  table.exec.state.ttl: 1 h\n")).await;
    bench.settle(&Bench::deployed).await;
    let (_, aside) = bench.run(&["rollback", JOB, "--to", &first.short(), "--dry-run"], 0).await;
    assert!(aside.contains("The job template is not rolled back") && aside.contains("table.exec.state.ttl"), "{aside}");
    bench.stack.shutdown().await;
}
