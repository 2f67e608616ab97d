//! Everybody with his own policy alone: what the runbook tells operators and uploaders to do, and what they may not.
//! No Flink here: a node that only reports stands for it. Must not know what is deployed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws::{S3Store, StsCallers, prove};
use control::callers::Callers;
use control::clock_and_ids::SystemWorld;
use control::ports::{OutsideError, Precondition, Store, World};
use desired::digest::Digest;
use desired::manifest::JobName;
use e2e::{binaries, project, recording, sdk, store};
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::record::Record;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{read, write};
use lifecycle::ids::run_id;
use lifecycle::keys::Keys;
use lifecycle::owed::Cause;
use local::{Authority, Delivery, LambdaConfig, Need, NodeConfig, Principal, QueueConfig, Stack, StackConfig};
use serde_json::{Value, json};
use tests::deployment::{Deployment, Variant};
use tests::iam::{Call, Decision};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_mins(2);
/// How long an operation takes on the node.
const TAKES: Duration = Duration::from_secs(3);
const JOB: &str = "orders-per-buyer";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:flink-sql-runner-alerts";

/// Decides by the template's policies for this way of dispatch.
fn authority(dispatch: &'static str) -> Authority {
    let deployment = Deployment::render(&Variant::of(dispatch));
    Authority::new(move |principal: Principal, need: &Need| {
        let context = need.context.iter().map(|(key, value)| (key.clone(), vec![value.clone()])).collect();
        let call = Call { action: need.action.clone(), resource: need.resource.clone(), context };
        let known = deployment.principal(principal.name());
        known.is_some_and(|principal| matches!(deployment.decide(&principal, call), Decision::Allowed(_)))
    })
}

/// A stack whose IAM is the template's.
struct Team {
    stack: Stack,
    keys: Keys,
    folder: tempfile::TempDir,
    /// What becomes of an operation on the node.
    fails: Arc<AtomicBool>,
}

impl Team {
    async fn start() -> Self {
        Self::start_by("emr").await
    }

    /// With batches as steps of EMR, or as commands of SSM.
    async fn start_by(dispatch: &'static str) -> Self {
        let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new("flink-sql-runner/"));
        let settings = [
            ("BUCKET", "local"),
            ("DISPATCH", dispatch),
            ("CLUSTER", if dispatch == "ssm" { "flink-sql-runner=flink-sql-runner" } else { "j-LOCAL00000000" }),
            ("ALLOW_CODE", "true"),
            ("ALLOW_FILES", "true"),
            ("ALERT_TOPIC", TOPIC),
        ];
        let config = StackConfig {
            notify_prefixes: keys.triggers().into(),
            lambda: LambdaConfig {
                name: "flink-sql-runner".to_owned(),
                delivery: Delivery::Host { bootstrap: binaries().join("orchestrator") },
                env: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                log: Some(folder.path().join("orchestrator.log")),
                ..LambdaConfig::default()
            },
            queue: QueueConfig { window: Duration::from_millis(100), ..QueueConfig::default() },
            node: NodeConfig {
                work_dir: folder.path().join("node"),
                path: vec![runner(folder.path())],
                documents: vec![document(folder.path())],
                ..NodeConfig::default()
            },
            step_concurrency: 50,
            cluster_tags: [("flink-sql-runner".to_owned(), "flink-sql-runner".to_owned())].into(),
            topics: vec![TOPIC.to_owned()],
            recording: Some(recording()),
            authority: authority(dispatch),
            ..StackConfig::default()
        };
        let stack = Stack::start(config).await.unwrap();
        let team = Self { stack, keys, folder, fails: Arc::default() };
        team.report();
        team
    }

    fn bucket(&self, principal: Principal) -> S3Store {
        store(&self.stack.aws_env_of(principal))
    }

    /// The node, as far as anybody else sees it: every operation that is ordered gets its result.
    fn report(&self) {
        let (owner, node) = (self.bucket(Principal::Owner), self.bucket(Principal::Node));
        let (keys, fails) = (self.keys.clone(), Arc::clone(&self.fails));
        tokio::spawn(async move {
            let (mut seen, mut told) = (BTreeMap::new(), BTreeSet::new());
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                for listed in owner.list(&keys.records()).await.unwrap_or_default() {
                    let Ok(Some(object)) = owner.get(&listed.key).await else { continue };
                    let record: Record = read(&object.bytes).unwrap();
                    let Some(open) = record.open else { continue };
                    let operation = open.plan.operation;
                    let since = *seen.entry(operation).or_insert_with(Instant::now);
                    // So long that whoever follows looks for what the node says meanwhile.
                    if since.elapsed() < TAKES || !told.insert(operation) {
                        continue;
                    }
                    let outcome = if open.plan.suspends {
                        Outcome::Suspended { savepoint: None, newest: None, epoch: None, checkpointed: true }
                    } else {
                        outcome(open.plan.next.is_some(), &fails, run(operation))
                    };
                    let result = OperationResult {
                        format: 1,
                        operation,
                        job: record.name.clone(),
                        outcome,
                        at: SystemWorld.now(),
                        phases: Vec::new(),
                        downtime_ms: None,
                        differences: Vec::new(),
                        no_savepoint: None,
                    };
                    let key = keys.result(&record.name, operation);
                    node.put(&key, write(&result), Precondition::Always).await.unwrap();
                }
            }
        });
    }

    /// `flink-sql-runner` with these rights: its exit code, its last document, and what it says beside.
    async fn command(&self, principal: Principal, arguments: &[&str]) -> (i32, Value, String) {
        let mut command = Command::new(binaries().join("flink-sql-runner"));
        command.args(["--output", "json"]).args(arguments).env_clear().envs(self.stack.aws_env_of(principal));
        command.env("BUCKET", "local").env("USER", "somebody-else").current_dir(project().join("examples"));
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
        let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), documents.last().and_then(Result::ok).unwrap_or_default(), errors)
    }

    async fn done(&self, principal: Principal, arguments: &[&str]) -> Value {
        let (code, document, errors) = self.command(principal, arguments).await;
        let log = || std::fs::read_to_string(self.folder.path().join("orchestrator.log")).unwrap_or_default();
        // Of `status` 1 means that some job is not as it should be: the document tells which.
        let told = code == 1 && arguments.first() == Some(&"status");
        assert!(code == 0 || told, "{principal:?} {arguments:?}: {code}: {document:#} {errors}\n{}", log());
        document
    }

    /// IAM says no, and the command says so.
    async fn refused(&self, principal: Principal, arguments: &[&str]) {
        let (code, document, errors) = self.command(principal, arguments).await;
        assert_eq!(code, 6, "{principal:?} {arguments:?}: {document:#} {errors}");
        assert!(errors.contains("is not authorized to perform"), "{principal:?} {arguments:?}: {errors}");
    }

    /// How the operator sees one job, once it is as it should be.
    async fn until(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.done(Principal::Operator, &["status"]).await;
            let job = status["jobs"].as_array().unwrap().iter().find(|job| job["name"] == name).cloned();
            if let Some(job) = job.filter(&is_so) {
                return job;
            }
            assert!(began.elapsed() < LIMIT, "{name}: {status:#}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// What the operator reads of the newest operation of the job, once it is so.
    async fn until_logs(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let logs = self.done(Principal::Operator, &["logs", JOB]).await;
            if is_so(&logs) {
                return logs;
            }
            assert!(began.elapsed() < LIMIT, "{logs:#}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Once an upload stands refused.
    async fn until_refused(&self, key: &str) {
        let began = Instant::now();
        loop {
            let status = self.done(Principal::Operator, &["status"]).await;
            if status["refused_uploads"].as_array().unwrap().iter().any(|upload| upload["file"] == key) {
                return;
            }
            assert!(began.elapsed() < LIMIT, "{key}: {status:#}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn settled_by(&self, name: &str) -> String {
        self.until(name, |job| job["operation"].is_null() && job["owed"] == json!([])).await;
        let history = self.done(Principal::Operator, &["history", name]).await;
        history["entries"].as_array().unwrap().last().unwrap()["by"].as_str().unwrap().to_owned()
    }
}

/// A runner that prints what a test has it print, and ends then: what the node reports, the test does.
fn runner(folder: &std::path::Path) -> PathBuf {
    let script = folder.join("bin/flink-sql-runner-step");
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    let prints = folder.join("prints").display().to_string();
    let text = format!("#!/bin/sh\nuntil [ -e '{prints}' ]; do sleep 0.2; done\ncat '{prints}' >&2\n");
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.join("bin")
}

/// The document that the function sends, without the release that the product's own fetches first.
fn document(folder: &std::path::Path) -> PathBuf {
    let file = folder.join("flink-sql-runner-run.json");
    let parameter = json!({ "type": "String" });
    let command =
        "exec flink-sql-runner-step run --batch '{{ Batch }}' --sha256 '{{ Sha256 }}' --batch-id '{{ BatchId }}'";
    let document = json!({
        "schemaVersion": "2.2",
        "parameters": { "Batch": parameter, "Sha256": parameter, "BatchId": parameter },
        "mainSteps": [{ "action": "aws:runShellScript", "name": "run", "inputs": { "runCommand": [command] } }],
    });
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

fn run(operation: lifecycle::ids::OperationId) -> RunStarted {
    RunStarted { job_id: run_id(operation), restored_from: None, epoch: None, compiled: Compiled::default() }
}

fn outcome(starts: bool, fails: &AtomicBool, run: RunStarted) -> Outcome {
    match (starts, fails.load(Ordering::Relaxed)) {
        (false, _) => Outcome::Removed { savepoint: None },
        (true, false) => Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true },
        (true, true) => {
            let reason = "it does not start".to_owned();
            Outcome::RolledBack { reason, cause: Cause::DoesNotRun, run, savepoint: None }
        }
    }
}

fn example(name: &str) -> String {
    std::fs::read_to_string(project().join(format!("examples/queries/{name}.yaml"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_does_his_work_with_his_own_policy_alone() {
    let team = Team::start().await;
    let (operator, uploader) = (Principal::Operator, Principal::Uploader);

    // An operator sets everything up.
    team.done(operator, &["validate", "."]).await;
    let end = team.done(operator, &["deploy", ".", "--wait"]).await;
    assert_eq!(end["type"], "end", "{end}");
    let plan = team.done(operator, &["plan"]).await;
    assert_eq!(plan["jobs"].as_array().map(Vec::len), Some(4), "{plan:#}");
    team.done(operator, &["deploy", JOB, "--wait"]).await;

    // An uploader changes a job, is told of a mistake, and sees what became of it.
    let file = team.folder.path().join(format!("queries/{JOB}.yaml"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(project().join("examples/config"), team.folder.path().join("config")).unwrap();
    let path = file.display().to_string();
    let changed = |interval: &str| {
        let interval = format!("flinkProperties:\n  execution.checkpointing.interval: {interval}");
        let text = example(JOB);
        let head = text.split("flinkProperties:").next().unwrap().to_owned();
        std::fs::write(&file, head + &interval + "\n").unwrap();
    };
    changed("11s");
    team.done(uploader, &["deploy", &path, "--wait"]).await;
    let history = team.done(uploader, &["history", JOB]).await;
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(2), "{history:#}");
    // In an outage he suspends it; what it deployed before, only operators may read.
    team.done(uploader, &["suspend", JOB, "--reason", "a drill", "--wait"]).await;
    team.until(JOB, |job| job["status"] == "suspended").await;
    team.done(uploader, &["resume", JOB, "--wait"]).await;
    let (code, _, errors) = team.command(uploader, &["rollback", JOB, "--wait"]).await;
    assert!(code == 6 && errors.contains("by OperatorPolicy (s3:GetObject under plans/)"), "{code}: {errors}");
    team.done(operator, &["rollback", JOB, "--wait"]).await;
    let removed = team.done(uploader, &["remove", "three-labels", "--wait"]).await;
    assert_eq!((&removed["type"], &removed["exit"]), (&json!("end"), &json!(0)), "{removed}");
    team.until("three-labels", |job| job["status"] == "stopped").await;
    // Whoever prunes waits for what goes.
    std::fs::write(team.folder.path().join("queries/order-numbers.yaml"), example("order-numbers")).unwrap();
    let folder = team.folder.path().join("queries").display().to_string();
    let pruned = team.done(uploader, &["deploy", &folder, "--prune", "--wait"]).await;
    assert_eq!((&pruned["type"], &pruned["exit"]), (&json!("end"), &json!(0)), "{pruned}");
    let status = team.done(operator, &["status", "filter-expensive-items"]).await;
    assert_eq!(status["jobs"][0]["status"], "stopped", "{status:#}");

    // A manifest by another name is told, and what the step said is read where the cluster keeps it.
    let misnamed = team.keys.queries() + "late.YAML";
    team.bucket(uploader).put(&misnamed, b"name: late\n".to_vec(), Precondition::Always).await.unwrap();
    team.until_refused(&misnamed).await;
    team.bucket(uploader).delete(&misnamed).await.unwrap();
    let logs = team.done(operator, &["logs", JOB]).await;
    let why = logs["step_not_fetched"].as_str().unwrap_or_default();
    // Who may not list the bucket is told by S3 that he may not read it, too.
    assert!(why.contains("/steps/s-") && why.contains("it is not there yet, or your policy"), "{logs:#}");
    // The function's lines an operator reads as well; who uploads is told what he lacks.
    functions_lines(&logs);
    let logs = team.done(uploader, &["logs", JOB]).await;
    let why = logs["function_lines_not_fetched"].as_str().unwrap_or_default();
    assert!(
        why.contains("is not authorized to perform: logs:FilterLogEvents") && why.contains("OperatorPolicy"),
        "{why}"
    );
    assert!(logs["commands"].to_string().contains("aws logs filter-log-events"), "{logs:#}");

    // What fails, an operator has tried again.
    team.fails.store(true, Ordering::Relaxed);
    changed("12s");
    let (code, ended, errors) = team.command(uploader, &["deploy", &path, "--wait"]).await;
    assert_eq!(code, 1, "{ended:#} {errors}");
    team.fails.store(false, Ordering::Relaxed);
    team.until(JOB, |job| job["owed"] != json!([])).await;
    team.done(operator, &["retry", JOB]).await;
    assert_eq!(team.settled_by(JOB).await, operator.arn());

    // What is held, an operator allows.
    team.stack.configure_function("REMOVAL_LIMIT", "0");
    team.done(operator, &["remove", "order-numbers"]).await;
    team.until("order-numbers", |job| !job["waits_for"].is_null()).await;
    team.done(operator, &["allow", "order-numbers", "remove"]).await;
    team.until("order-numbers", |job| job["status"] == "stopped").await;
    assert_eq!(team.settled_by("order-numbers").await, operator.arn());
    team.done(operator, &["redeploy"]).await;
    team.done(operator, &["sweep"]).await;
    team.stack.shutdown().await;
}

/// The function logged something about the operation, and every line that was fetched is about that.
fn functions_lines(logs: &Value) {
    let operation = logs["operation"].as_str().unwrap();
    let lines = logs["function_lines"]["lines"].as_array().unwrap_or_else(|| panic!("{logs:#}"));
    assert_eq!(logs["function_lines"]["log_group"], "/aws/lambda/flink-sql-runner");
    assert!(!lines.is_empty() && lines.iter().all(|line| line.as_str().unwrap().contains(operation)), "{logs:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_what_function_and_ssm_command_say_of_an_operation() {
    let team = Team::start_by("ssm").await;
    let (operator, uploader) = (Principal::Operator, Principal::Uploader);
    team.done(operator, &["deploy", ".", "--wait"]).await;
    // A command is shown some time after it was sent.
    let goes_on = |logs: &Value| {
        let why = logs["command_output_not_fetched"].as_str().unwrap_or_default();
        why.contains("SSM shows what it printed once it is over")
    };
    let logs = team.until_logs(goes_on).await;
    functions_lines(&logs);

    let said = format!("{{\"level\":\"INFO\",\"operation\":{}}}\nof another\n", logs["operation"]);
    let draft = team.folder.path().join("draft");
    std::fs::write(&draft, said).unwrap();
    std::fs::rename(draft, team.folder.path().join("prints")).unwrap();
    let logs = team.until_logs(|logs| !logs["command_output"].is_null()).await;
    functions_lines(&logs);
    let printed = &logs["command_output"];
    assert_eq!((&printed["status"], &printed["name_it"]), (&json!("Success"), &json!(true)), "{logs:#}");
    let line = printed["lines"][0].as_str().unwrap();
    assert!(line.contains(logs["operation"].as_str().unwrap()) && printed["lines"][1].is_null(), "{logs:#}");
    assert_eq!(logs["commands"], json!([]), "nothing is left to paste");

    // Who uploads may not read the receipts of batches: he is not told which command it was.
    let logs = team.done(uploader, &["logs", JOB]).await;
    assert!(logs["command_output"].is_null() && logs["function_lines"].is_null(), "{logs:#}");
    team.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_does_not_allow_is_refused() {
    let team = Team::start().await;
    team.done(Principal::Operator, &["deploy", ".", "--wait"]).await;
    for order in [vec!["redeploy"], vec!["sweep"], vec!["retry", JOB], vec!["plan"], vec!["deploy", JOB]] {
        team.refused(Principal::Uploader, &order).await;
    }
    // The same file would not be written again.
    let file = team.folder.path().join("config/tables/inputs.sql");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "CREATE TABLE mine (a INT) WITH ('connector' = 'datagen')").unwrap();
    team.refused(Principal::Uploader, &["deploy", &team.folder.path().join("config").display().to_string()]).await;

    let job = JobName::try_from(JOB).unwrap();
    let (record, settings) = (team.keys.record(&job), team.keys.settings());
    for principal in [Principal::Operator, Principal::Uploader, Principal::Node] {
        let bucket = team.bucket(principal);
        for key in [&record, &settings] {
            let written = bucket.put(key, b"{}".to_vec(), Precondition::Always).await;
            assert!(matches!(written, Err(OutsideError::Refused { .. })), "{principal:?} writes {key}: {written:?}");
            let deleted = bucket.delete(key).await;
            assert!(matches!(deleted, Err(OutsideError::Refused { .. })), "{principal:?} deletes {key}: {deleted:?}");
        }
    }
    let uploader = team.bucket(Principal::Uploader);
    let batches = uploader.list(&format!("{}batches/", team.keys.prefix())).await;
    assert!(matches!(batches, Err(OutsideError::Refused { .. })), "{batches:?}");
    assert!(uploader.get(&record).await.unwrap().is_some());
    let orchestrator = std::fs::read_to_string(team.folder.path().join("orchestrator.log")).unwrap();
    assert!(!orchestrator.contains("Signature="), "a proof is in the log");
    team.stack.shutdown().await;
}

/// The local STS checks whole signatures, as AWS does.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_whoever_signed() {
    let stack = Stack::start(StackConfig::default()).await.unwrap();
    let (about, now) = (Digest::of(b"one action"), SystemWorld.now());
    let callers = StsCallers::new(&sdk(&stack.aws_env_of(Principal::Function), "STS"));
    let signed_with =
        async |environment: &BTreeMap<String, String>| prove(&sdk(environment, "STS"), &about).await.unwrap();
    let environment = stack.aws_env_of(Principal::Uploader);
    let proof = signed_with(&environment).await;
    assert_eq!(callers.identify(&proof, &about, now).await.unwrap(), Principal::Uploader.arn());

    // What a signature was made for cannot be changed, and nobody signs with a secret that he does not have.
    let other = Digest::of(b"another action");
    let mut moved = proof.clone();
    moved.headers.insert("x-flink-sql-runner-action".to_owned(), other.to_string());
    let mut wrong = environment;
    wrong.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "a guess".to_owned());
    for (proof, about) in [(moved, &other), (signed_with(&wrong).await, &about)] {
        let refused = callers.identify(&proof, about, now).await;
        let Err(OutsideError::Refused { message, .. }) = refused else { unreachable!("{refused:?}") };
        assert!(message.contains("SignatureDoesNotMatch"), "{message}");
    }
    stack.shutdown().await;
}
