//! The product on the local stack: which buckets, functions, nodes and schedules it is made of, and a real Flink beside it.
//! Must not know the command line; the end-to-end tests start the same.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lifecycle::keys::Keys;
use local::{Delivery, LambdaConfig, NodeConfig, Ports, QueueConfig, Schedule, Stack, StackConfig};
use serde_json::json;
use tokio::process::Command;

/// The bucket of the local stack.
pub const BUCKET: &str = "local";
/// The prefix of all keys.
pub const PREFIX: &str = "flink-sql-runner/";
/// The SSM document's name.
pub const DOCUMENT: &str = "flink-sql-runner-run";
/// How long Flink's scripts may take.
const FLINK_LIMIT: Duration = Duration::from_mins(3);

/// Time spans of the local stack, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// The stability window.
    pub stability: u64,
    /// The runner's lease.
    pub lease: u64,
    /// How much longer a runner is left alone.
    pub margin: u64,
    /// The pause before a failed target's second try.
    pub retry: u64,
}

impl Default for Spans {
    fn default() -> Self {
        Self { stability: 3_000, lease: 3_000, margin: 3_000, retry: 3_000 }
    }
}

/// What a local stack is started with.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The project's folder with `scripts/` and `infra/`.
    pub project: PathBuf,
    /// Where everything of this stack lies.
    pub root: PathBuf,
    /// How the function is hosted.
    pub delivery: Delivery,
    /// The folder that holds `flink-sql-runner-step`.
    pub binaries: PathBuf,
    /// `emr` or `ssm`.
    pub dispatch: String,
    /// The ports of S3, the control planes and the function; 0 for any.
    pub ports: (u16, u16, u16),
    /// Time spans.
    pub spans: Spans,
    /// How often the two schedules fire; nothing for never.
    pub rates: Option<(Duration, Duration)>,
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A server or the folder.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The AWS side.
    #[error("the local AWS did not start")]
    Aws(#[from] local::StartError),
    /// Flink.
    #[error("`{script}` failed: {output}")]
    Script {
        /// The script.
        script: String,
        /// The end of what it printed.
        output: String,
    },
}

/// The stack, running.
pub struct LocalStack {
    /// The AWS side.
    pub aws: Stack,
    /// Flink's REST API.
    pub flink: String,
    options: StackOptions,
    flink_home: BTreeMap<String, String>,
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> StackError {
    let what = what.into();
    move |source| StackError::Io { what, source }
}

/// A port that is free now.
fn free_port() -> Result<u16, StackError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io("looking for a free port"))?;
    listener.local_addr().map(|address| address.port()).map_err(io("looking for a free port"))
}

/// The `NAME=value` lines of what a script prints.
fn variables(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_uppercase())).filter_map(line).collect()
}

async fn script(
    project: &Path,
    name: &str,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
) -> Result<String, StackError> {
    let path = project.join("scripts").join(name);
    let mut command = Command::new(&path);
    command.args(arguments).envs(environment).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(FLINK_LIMIT, command.output()).await;
    let failed = |output: String| StackError::Script { script: format!("{name} {}", arguments.join(" ")), output };
    let output = output.map_err(|_| failed(format!("no end within {} s", FLINK_LIMIT.as_secs())))?;
    let output = output.map_err(io(format!("starting {}", path.display())))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(failed(text(&output.stderr))) }
}

impl LocalStack {
    /// Starts the AWS side and a standalone Flink cluster whose `s3://` is that side's S3.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        std::fs::create_dir_all(options.root.join("node")).map_err(io("making the stack's folder"))?;
        let installed =
            script(&options.project, "install-flink.sh", &["flink", "--print-env"], &BTreeMap::new()).await?;
        let flink_home = variables(&installed);
        let flink_port = free_port()?;
        let aws = Stack::start(stack_config(&options, &flink_home, flink_port)).await?;
        let stack = Self { flink: format!("http://127.0.0.1:{flink_port}"), aws, options, flink_home };
        match stack.flink_up(flink_port).await {
            Ok(()) => Ok(stack),
            Err(error) => {
                stack.stop().await;
                Err(error)
            }
        }
    }

    async fn flink_up(&self, port: u16) -> Result<(), StackError> {
        let mut environment = self.flink_home.clone();
        environment.insert("S3_ENDPOINT".to_owned(), self.aws.s3_url());
        environment.extend(self.aws.aws_env());
        let (run, port) = (self.run_dir(), port.to_string());
        script(
            &self.options.project,
            "flink-cluster.sh",
            &["up", "--run-dir", &run, "--rest-port", &port],
            &environment,
        )
        .await
        .map(|_| ())
    }

    fn run_dir(&self) -> String {
        self.options.root.join("flink").display().to_string()
    }

    /// The settings that the function and the command line share.
    pub fn settings(&self) -> BTreeMap<String, String> {
        settings(&self.options)
    }

    /// The environment of steps and commands: what a command on the primary node finds.
    pub fn node(&self) -> BTreeMap<String, String> {
        node(&self.options, &self.flink_home, self.flink.rsplit(':').next().unwrap_or_default())
    }

    /// Ends Flink, then everything else.
    pub async fn stop(self) {
        let run = self.run_dir();
        if let Err(error) =
            script(&self.options.project, "flink-cluster.sh", &["down", "--run-dir", &run], &self.flink_home).await
        {
            tracing::warn!(%error, "Flink could not be ended");
        }
        self.aws.shutdown().await;
    }
}

fn settings(options: &StackOptions) -> BTreeMap<String, String> {
    let Spans { stability, margin, retry, .. } = options.spans;
    [
        ("BUCKET", BUCKET.to_owned()),
        ("PREFIX", PREFIX.to_owned()),
        ("DISPATCH", options.dispatch.clone()),
        ("CLUSTER", StackConfig::default().cluster_id),
        ("SSM_DOCUMENT", DOCUMENT.to_owned()),
        ("ALLOW_CODE", "true".to_owned()),
        ("STABILITY_MS", stability.to_string()),
        ("STARTUP_MS", "90000".to_owned()),
        ("MARGIN_MS", margin.to_string()),
        ("RETRY_PAUSE_MS", retry.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn stack_config(options: &StackOptions, flink: &BTreeMap<String, String>, flink_port: u16) -> StackConfig {
    let schedule = |name: &str, every| Schedule { name: name.to_owned(), every, input: json!({"action": name}) };
    let schedules = options.rates.map_or_else(
        // Fired by hand in tests: an hour is never within one.
        || vec![schedule("sweep", Duration::from_hours(1)), schedule("redeploy", Duration::from_hours(1))],
        |(sweep, redeploy)| vec![schedule("sweep", sweep), schedule("redeploy", redeploy)],
    );
    StackConfig {
        ports: Ports { s3: options.ports.0, control: options.ports.1, lambda: options.ports.2 },
        bucket: BUCKET.to_owned(),
        notify_prefixes: Keys::new(PREFIX).triggers().into(),
        lambda: LambdaConfig {
            name: "orchestrator".to_owned(),
            delivery: options.delivery.clone(),
            env: settings(options),
            log: Some(options.root.join("orchestrator.log")),
            async_retry_delays: vec![Duration::from_secs(2), Duration::from_secs(4)],
            ..LambdaConfig::default()
        },
        queue: QueueConfig {
            batch_size: 100,
            window: Duration::from_millis(300),
            visibility: Duration::from_secs(5),
            max_receive: 5,
        },
        node: NodeConfig {
            env: node(options, flink, &flink_port.to_string()),
            path: vec![options.binaries.clone()],
            work_dir: options.root.join("node"),
            documents: vec![options.project.join(format!("infra/{DOCUMENT}.json"))],
        },
        step_concurrency: 4,
        schedules,
        ..StackConfig::default()
    }
}

fn node(options: &StackOptions, flink: &BTreeMap<String, String>, flink_port: &str) -> BTreeMap<String, String> {
    let home = flink.get("FLINK_HOME").cloned().unwrap_or_default();
    [
        ("DEPLOYMENT_TARGET", "remote".to_owned()),
        ("JOBMANAGER_ADDRESS", format!("127.0.0.1:{flink_port}")),
        ("FLINK", format!("{home}/bin/flink")),
        ("FLINK_CONF_DIR", options.root.join("flink/conf").display().to_string()),
        ("PYEXEC_PATH", flink.get("FLINK_PYTHON").cloned().unwrap_or_default()),
        ("STATE_DIRECTORY", options.root.join("node").display().to_string()),
        ("LEASE_MS", options.spans.lease.to_string()),
        ("MARGIN_MS", options.spans.margin.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
