//! The kit of the end-to-end tests: a local stack with a real Flink, uploads, and looks at what came of them.
//! Must not ask our own programs what they did: outcomes are read from Flink's REST API, its output, and S3.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test kit ends the test at once"
)]

pub mod faults;
mod invoke;
pub mod kafka;
pub mod numbers;
pub mod predecessor;
pub mod requests;
pub mod spans;
pub mod totals;
pub mod traces;
mod yarn;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws::S3Store;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use control::ports::{Precondition, Store};
use local::{Delivery, ParameterConfig, Principal};
use local_stack::flink_cluster::FlinkKind;
use local_stack::release::{BUCKET, PREFIX};
use local_stack::stack::{LocalStack, Spans, StackOptions};
use serde_json::Value;

/// How long any one wait may take.
const LIMIT: Duration = Duration::from_secs(150);

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folder with the programs that were built before the tests.
pub fn binaries() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from);
    target.join("debug")
}

/// Where this test's AWS calls are recorded, for the test of the policies.
pub fn recording() -> PathBuf {
    let thread = std::thread::current().name().map(str::to_owned).filter(|name| name != "main");
    // A test that has a process to itself may run in its main thread, with its name as an argument.
    let argument = || std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let test = thread.or_else(argument).expect("the test has a name");
    binaries().join(format!("../aws-calls/{}.jsonl", test.replace("::", "-")))
}

/// A stack under test.
pub struct Bench {
    pub stack: LocalStack,
    /// The bucket for each of those who look into it or upload to it.
    uploads: S3Store,
    operations: S3Store,
    /// As the owner.
    pub store: S3Store,
    http: reqwest::Client,
    pub root: PathBuf,
    dispatch: Mutex<String>,
}

/// One job as Flink lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    pub name: String,
    pub state: String,
    pub healthy: bool,
}

impl Bench {
    /// Starts everything, with batches dispatched as `dispatch` says.
    pub async fn start(dispatch: &str) -> Self {
        Self::start_on(FlinkKind::Standalone, dispatch).await
    }

    /// Starts everything beside this kind of Flink.
    pub async fn start_on(flink: FlinkKind, dispatch: &str) -> Self {
        Self::start_with(flink, dispatch, &[]).await
    }

    /// Starts everything, with secrets: names that begin with `/` in Parameter Store, others in the node's environment.
    pub async fn start_with(flink: FlinkKind, dispatch: &str, secrets: &[(&str, &str)]) -> Self {
        let (parameters, node): (Vec<_>, Vec<_>) = secrets.iter().partition(|(name, _)| name.starts_with('/'));
        let parameter = |(name, value): &(&str, &str)| ((*name).to_owned(), ParameterConfig::secure(*value));
        let root = project().join(".local/e2e").join(format!("{dispatch}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        let options = StackOptions {
            project: project(),
            root: root.clone(),
            delivery: Delivery::Host { bootstrap: binaries().join("orchestrator") },
            binaries: binaries(),
            dispatch: dispatch.to_owned(),
            flink,
            ports: (0, 0, 0),
            spans: Spans::default(),
            rates: None,
            parameters: parameters.into_iter().map(parameter).collect(),
            node: node.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            recording: Some(recording()),
        };
        let stack = LocalStack::start(options).await.expect("the stack starts");
        let of = |principal| store(&stack.aws.aws_env_of(principal));
        let (uploads, operations, store) = (of(Principal::Uploader), of(Principal::Operator), of(Principal::Owner));
        let dispatch = Mutex::new(dispatch.to_owned());
        let http = match flink {
            FlinkKind::StandaloneTls => trusting(&root.join("flink/tls")),
            FlinkKind::Standalone | FlinkKind::Yarn | FlinkKind::YarnHa => reqwest::Client::new(),
        };
        Self { stack, uploads, operations, store, http, root, dispatch }
    }

    /// From now on batches travel this way; only where none is under way.
    pub fn dispatch_by(&self, way: &str) {
        self.stack.aws.configure_function("DISPATCH", way);
        way.clone_into(&mut self.dispatch.lock().unwrap());
    }

    /// The next phase's batches travel the other way.
    pub fn other_way(&self) {
        let way = if *self.dispatch.lock().unwrap() == "emr" { "ssm" } else { "emr" };
        eprintln!("by {way}");
        self.dispatch_by(way);
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.stack.stop().await;
    }

    /// The bucket as those see it who write or read under this prefix; the owner where people have no business.
    fn bucket(&self, path: &str) -> &S3Store {
        match path.split('/').next() {
            Some("queries" | "refused" | "results") => &self.uploads,
            Some("config" | "records" | "manifests") => &self.operations,
            Some(_) | None => &self.store,
        }
    }

    pub async fn upload(&self, path: &str, text: &str) {
        let key = format!("{PREFIX}{path}");
        self.bucket(path).put(&key, text.as_bytes().to_vec(), Precondition::Always).await.unwrap();
    }

    pub async fn delete(&self, path: &str) {
        self.bucket(path).delete(&format!("{PREFIX}{path}")).await.unwrap();
    }

    pub async fn read(&self, path: &str) -> Option<String> {
        let object = self.bucket(path).get(&format!("{PREFIX}{path}")).await.unwrap()?;
        Some(String::from_utf8(object.bytes).unwrap())
    }

    pub async fn keys(&self, path: &str) -> Vec<String> {
        let listed = self.bucket(path).list(&format!("{PREFIX}{path}")).await.unwrap();
        listed.into_iter().map(|l| l.key[PREFIX.len()..].to_owned()).collect()
    }

    /// The template and the table definitions of the examples.
    pub async fn upload_config(&self) {
        let folder = project().join("examples/config");
        for name in ["job-template.yaml", "params.yaml", "tables/inputs.sql", "tables/outputs.sql"] {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            self.upload(&format!("config/{name}"), &text).await;
        }
    }

    /// One of the example manifests.
    pub fn example(name: &str) -> String {
        std::fs::read_to_string(project().join(format!("examples/queries/{name}.yaml"))).unwrap()
    }

    /// Flink's REST API, of whoever is the JobManager now.
    pub async fn rest(&self) -> String {
        self.stack.flink.rest().await.expect("there is a JobManager")
    }

    pub async fn flink(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.rest().await);
        let answer = self.http.get(url).timeout(Duration::from_secs(10)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Waits until a run is at its end.
    pub async fn over(&self, id: &str) {
        self.wait("it is over", || async {
            self.jobs().await.iter().any(|job| job.id == id && terminal(&job.state)).then_some(())
        })
        .await;
    }

    /// Whether this checkpointing interval, which says which configuration it is, is deployed and nothing is under way.
    pub async fn is_deployed(&self, name: &str, interval_ms: u32) -> bool {
        let record = self.record(name).await.unwrap_or_default();
        let interval = &record["deployed"]["target"]["manifest"]["properties"]["execution.checkpointing.interval"];
        record["open"].is_null() && interval.to_string().contains(&format!("{interval_ms}ms"))
    }

    /// `scripts/<name>` with `command`, for the cluster of this stack.
    async fn script(&self, name: &str, command: &[&str], limit: Duration) {
        let mut script = tokio::process::Command::new(project().join("scripts").join(name));
        script.args(command).arg("--run-dir").arg(self.root.join("flink"));
        script.stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(limit, script.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub async fn cancel(&self, id: &str) {
        let url = format!("{}/jobs/{id}?mode=cancel", self.rest().await);
        let answer = self.http.patch(url).timeout(Duration::from_secs(10)).send().await.unwrap();
        assert!(answer.status().is_success(), "cancel: {}", answer.status());
    }

    /// Every job that Flink lists.
    pub async fn jobs(&self) -> Vec<Seen> {
        let overview = self.flink("/jobs/overview").await;
        overview["jobs"].as_array().unwrap().iter().map(seen).collect()
    }

    /// The live runs of a job; more than one is a defect at any time.
    pub async fn live(&self, name: &str) -> Option<Seen> {
        let jobs = self.jobs().await;
        let live: Vec<&Seen> = jobs.iter().filter(|j| j.name == name && !terminal(&j.state)).collect();
        assert!(live.len() <= 1, "{name} runs more than once: {live:?}");
        live.first().map(|j| (*j).clone())
    }

    /// The state that a run was restored from, as Flink tells it.
    pub async fn restored(&self, id: &str) -> Option<String> {
        let checkpoints = self.flink(&format!("/jobs/{id}/checkpoints")).await;
        checkpoints["latest"]["restored"]["external_path"].as_str().map(str::to_owned)
    }

    pub async fn record(&self, name: &str) -> Option<Value> {
        self.read(&format!("records/{name}.json")).await.map(|text| serde_json::from_str(&text).unwrap())
    }

    /// Waits until `check` gives something.
    pub async fn wait<T, F: Future<Output = Option<T>>>(&self, what: &str, mut check: impl FnMut() -> F) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = check().await {
                eprintln!("  {what}: {:.1} s", began.elapsed().as_secs_f64());
                return found;
            }
            if began.elapsed() > LIMIT {
                self.explain().await;
                panic!("{what}: not within {} s; see {}", LIMIT.as_secs(), self.root.display());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Waits until the last operation about a job is settled with this outcome.
    pub async fn settled(&self, name: &str, operations: usize, outcome: &str) -> Value {
        self.wait(&format!("{name}: {outcome}"), || async {
            let record = self.record(name).await?;
            let history = record["history"].as_array()?.clone();
            if history.len() < operations || !record["open"].is_null() {
                return None;
            }
            let last = history.last()?.clone();
            assert_eq!(last["outcome"], outcome, "{name}: {last:#}");
            assert_eq!(history.len(), operations, "{name}: {history:#?}");
            Some(record)
        })
        .await
    }

    /// Waits until an operation about the job is under way.
    pub async fn ordered(&self, name: &str) {
        self.wait("the operation is sent", || async { self.record(name).await.filter(|r| !r["open"].is_null()) }).await;
    }

    /// Waits until a run of the job is healthy.
    pub async fn healthy(&self, name: &str) -> Seen {
        self.wait(&format!("{name} is healthy"), || async { self.live(name).await.filter(|j| j.healthy) }).await
    }

    /// An object by its whole key.
    pub async fn object(&self, key: &str) -> Option<String> {
        let object = self.store.get(key).await.unwrap()?;
        Some(String::from_utf8(object.bytes).unwrap())
    }

    /// The command line as on the primary node, with the flags of the Python tool.
    pub async fn predecessors_deploy(&self, folder: &Path) -> String {
        let at = |name: &str| folder.join(name).display().to_string();
        let own = ["deploy", "--path", &at("queries"), "--template-file", &at("job-template.yaml")];
        self.predecessors_command(folder, &own).await
    }

    /// The same for one manifest that is merged with its template already.
    pub async fn predecessors_deploy_job(&self, folder: &Path, merged: &str) -> String {
        let at = folder.join(merged).display().to_string();
        self.predecessors_command(folder, &["deploy-job", "--job-config-path", &at]).await
    }

    async fn predecessors_command(&self, folder: &Path, own: &[&str]) -> String {
        let node = self.stack.node();
        let at = |name: &str| folder.join(name).display().to_string();
        let address = self.rest().await.trim_start_matches("http://").to_owned();
        let output = tokio::process::Command::new(binaries().join("flink-sql-runner"))
            .args(own)
            .args(["--pyflink-runner-dir", "unused", "--pyexec-path", &node["PYEXEC_PATH"]])
            .args(["--external-job-config-bucket", BUCKET, "--external-job-config-prefix", "process/manifests/"])
            .args(["--table-definition-path", &at("inputs.sql"), &at("outputs.sql")])
            .args(["--deployment-target", "remote", "--jobmanager-address", &address])
            .args(["--template-params", "orders_per_second=20"])
            .envs(node)
            .envs(self.stack.aws.aws_env_of(Principal::Administrator))
            .env("DISPATCH", "process")
            .env("STABILITY_MS", "2000")
            .output()
            .await
            .unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        eprintln!("{text}");
        assert!(output.status.success(), "deploy ended with {}", output.status);
        text
    }

    /// What the jobs print, as Flink's TaskManager has it.
    pub fn printed(&self, identifier: &str) -> Vec<Row> {
        self.stack.flink.printed().lines().filter_map(|line| row(line, identifier)).collect()
    }

    /// How many alerts of a kind were published.
    pub fn alerts(&self, kind: &str) -> usize {
        let published = self.stack.aws.alerts();
        published.iter().filter(|message| message.attributes.get("kind").is_some_and(|k| k == kind)).count()
    }

    async fn explain(&self) {
        eprintln!("jobs: {:#?}", self.jobs().await);
        for key in self.keys("records/").await {
            let record: Value = serde_json::from_str(&self.read(&key).await.unwrap_or_default()).unwrap_or_default();
            eprintln!(
                "{key}: open={} decision={:#} owed={:#} history={:#}",
                !record["open"].is_null(),
                record["decision"],
                record["owed"],
                record["history"]
            );
        }
        eprintln!(
            "steps: {:#?}\ncommands: {:#?}\ndead: {:#?}",
            self.stack.aws.steps(),
            self.stack.aws.commands(),
            self.stack.aws.dead_letters()
        );
    }
}

/// Speaks to a JobManager that has these certificates.
fn trusting(folder: &Path) -> reqwest::Client {
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let authority = reqwest::Certificate::from_pem(&file("ca.pem")).unwrap();
    let own = reqwest::Identity::from_pem(&[file("client.pem"), file("client.key")].concat()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority]).identity(own).build().unwrap()
}

/// The bucket, with the credentials of this environment.
pub fn store(environment: &BTreeMap<String, String>) -> S3Store {
    S3Store::new(&sdk(environment, "S3"), BUCKET)
}

/// What an SDK reads of an environment of the stack, for one service.
pub fn sdk(environment: &BTreeMap<String, String>, service: &str) -> aws_config::SdkConfig {
    let of = |name: &str| environment[name].clone();
    let credentials = Credentials::new(of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"), None, None, "tests");
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(of("AWS_REGION")))
        .endpoint_url(of(&format!("AWS_ENDPOINT_URL_{service}")))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn seen(job: &Value) -> Seen {
    let text = |key: &str| job[key].as_str().unwrap().to_owned();
    let tasks = |key: &str| job["tasks"][key].as_u64().unwrap_or_default();
    let healthy =
        text("state") == "RUNNING" && tasks("total") > 0 && tasks("running") + tasks("finished") == tasks("total");
    Seen { id: text("jid"), name: text("name"), state: text("state"), healthy }
}

/// Whether a job in this state is over.
pub fn terminal(state: &str) -> bool {
    matches!(state, "FINISHED" | "FAILED" | "CANCELED")
}

/// One printed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `+I`, `-U`, `+U` or `-D`.
    pub kind: String,
    pub columns: Vec<String>,
}

/// `identifier> +I[1, 2, …]`, with or without a subtask in between.
fn row(line: &str, identifier: &str) -> Option<Row> {
    let (head, rest) = line.split_once("> ")?;
    if head != identifier && !head.starts_with(&format!("{identifier}:")) {
        return None;
    }
    let (kind, rest) = rest.split_once('[')?;
    let columns = rest.strip_suffix(']')?.split(", ").map(str::to_owned).collect();
    Some(Row { kind: kind.to_owned(), columns })
}
