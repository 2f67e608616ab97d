//! The product on the local stack: which buckets, functions, nodes and schedules it is made of, and a real Flink beside it.
//! Must not know the command line; the end-to-end tests start the same.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::keys::Keys;
use local::{
    Delivery, LambdaConfig, NodeConfig, ParameterConfig, Ports, Principal, QueueConfig, Schedule, Stack, StackConfig,
};
use serde_json::json;

use crate::error::{StackError, io};
use crate::flink_cluster::{FlinkBeside, FlinkKind};
use crate::release::{BUCKET, PREFIX, Release, aws_on_path, write_settings};

/// The topic of alerts.
pub const ALERT_TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:flink-sql-runner-alerts";
/// The function's name.
pub const FUNCTION: &str = "flink-sql-runner";
/// The tag of the cluster and its instances, in the template's words.
pub const CLUSTER_TAG: (&str, &str) = ("flink-sql-runner", "flink-sql-runner");
/// The SSM document's name.
pub const DOCUMENT: &str = "flink-sql-runner-run";

/// The path in Parameter Store that the node may read.
pub const SECRETS_PATH: &str = "/flink-sql-runner/";

/// Time spans of the local stack, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    pub stability: u64,
    /// The runner's lease.
    pub lease: u64,
    /// How much longer a runner is left alone.
    pub margin: u64,
    /// The pause before a failed target's second try.
    pub retry: u64,
    /// How long a session on YARN is waited for.
    pub session: u64,
}

impl Default for Spans {
    fn default() -> Self {
        Self { stability: 3_000, lease: 3_000, margin: 3_000, retry: 3_000, session: 60_000 }
    }
}

/// What a local stack is started with.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The project's folder with `scripts/` and `infra/`.
    pub project: PathBuf,
    /// Where everything of this stack lies.
    pub root: PathBuf,
    /// Which Flink it has.
    pub flink: FlinkKind,
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
    /// Secret values by their names in Parameter Store.
    pub parameters: BTreeMap<String, ParameterConfig>,
    /// More of the node's environment.
    pub node: BTreeMap<String, String>,
    /// The file that every distinct AWS call is recorded in; nothing for no recording.
    pub recording: Option<PathBuf>,
}

/// The stack, running.
pub struct LocalStack {
    /// The AWS side.
    pub aws: Stack,
    /// The Flink beside it.
    pub flink: FlinkBeside,
    options: StackOptions,
    release: Release,
}

/// A port that is free now.
fn free_port() -> Result<u16, StackError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io("looking for a free port"))?;
    listener.local_addr().map(|address| address.port()).map_err(io("looking for a free port"))
}

impl LocalStack {
    /// Starts the AWS side, and a Flink whose `s3://` is that side's S3.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        std::fs::create_dir_all(options.root.join("node")).map_err(io("making the stack's folder"))?;
        let flink = FlinkBeside::new(options.flink, &options.project, options.root.join("flink"), free_port()?).await?;
        let release = Release::gather(&options.project, &options.binaries, &options.root).await?;
        let path = aws_on_path(&options.project, &options.root).await?;
        let aws =
            Stack::start(stack_config(&options, &release, node_config(&options, &flink, &release, &path)?)).await?;
        let stack = Self { aws, flink, options, release };
        let uploaded = stack.release.upload(&path.join("aws"), &stack.aws.aws_env()).await;
        // Flink acts with the node's rights, as on EMR.
        let mut environment = stack.aws.aws_env_of(Principal::Node);
        environment.insert("S3_ENDPOINT".to_owned(), stack.aws.s3_url());
        let started = match uploaded {
            Ok(()) => stack.flink.up(&environment).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(()) => Ok(stack),
            Err(error) => {
                stack.stop().await;
                Err(error)
            }
        }
    }

    /// The settings that the function and the command line share.
    pub fn settings(&self) -> BTreeMap<String, String> {
        settings(&self.options, &self.release)
    }

    /// The node's settings, as environment variables of whoever is started there by hand.
    pub fn node(&self) -> BTreeMap<String, String> {
        node(&self.options, &self.flink)
    }

    /// Ends Flink, then everything else.
    pub async fn stop(self) {
        if let Err(error) = self.flink.down().await {
            tracing::warn!(%error, "Flink could not be ended");
        }
        self.aws.shutdown().await;
        // As large as all programs; whoever reads the rest of the node's folder afterwards does not need it.
        let _ = std::fs::remove_dir_all(node_cache(&self.options));
    }
}

fn settings(options: &StackOptions, release: &Release) -> BTreeMap<String, String> {
    let Spans { stability, margin, retry, .. } = options.spans;
    // Both ways to name the cluster are gone: with steps by its id, with commands by its tag.
    let cluster = match options.dispatch.as_str() {
        "ssm" => format!("{}={}", CLUSTER_TAG.0, CLUSTER_TAG.1),
        _ => StackConfig::default().cluster_id,
    };
    [
        ("BUCKET", BUCKET.to_owned()),
        ("PREFIX", PREFIX.to_owned()),
        ("DISPATCH", options.dispatch.clone()),
        ("CLUSTER", cluster),
        ("SSM_DOCUMENT", DOCUMENT.to_owned()),
        ("FUNCTION", FUNCTION.to_owned()),
        ("NODE_RELEASE", release.url()),
        ("ALLOW_CODE", "true".to_owned()),
        ("ALLOW_FILES", "true".to_owned()),
        ("ALERT_TOPIC", ALERT_TOPIC.to_owned()),
        ("STABILITY_MS", stability.to_string()),
        ("STARTUP_MS", "90000".to_owned()),
        ("MARGIN_MS", margin.to_string()),
        ("RETRY_PAUSE_MS", retry.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn stack_config(options: &StackOptions, release: &Release, node: NodeConfig) -> StackConfig {
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
            name: FUNCTION.to_owned(),
            delivery: options.delivery.clone(),
            env: settings(options, release),
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
        node,
        step_concurrency: 4,
        schedules,
        parameters: options.parameters.clone(),
        parameters_path: SECRETS_PATH.to_owned(),
        topics: vec![ALERT_TOPIC.to_owned()],
        messages: Some(options.root.join("alerts.log")),
        cluster_tags: [(CLUSTER_TAG.0.to_owned(), CLUSTER_TAG.1.to_owned())].into(),
        recording: options.recording.clone(),
        ..StackConfig::default()
    }
}

/// A node that has the AWS command line and its settings, and everything else from the release.
fn node_config(
    options: &StackOptions,
    flink: &FlinkBeside,
    release: &Release,
    path: &Path,
) -> Result<NodeConfig, StackError> {
    let mut settings = node(options, flink);
    // Whoever started the stack is the node's user, root too.
    settings.insert("RUN_AS".to_owned(), "root".to_owned());
    let file = options.root.join("node.env");
    write_settings(&file, &settings)?;
    let document = options.project.join(format!("infra/{DOCUMENT}.json"));
    Ok(NodeConfig {
        env: [("FLINK_SQL_RUNNER_ENV", file), ("XDG_CACHE_HOME", node_cache(options))]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()))
            .into(),
        path: vec![path.to_owned()],
        work_dir: options.root.join("node"),
        documents: vec![release.render_document(&document, &options.root)?],
    })
}

fn node_cache(options: &StackOptions) -> PathBuf {
    options.root.join("node/cache")
}

fn node(options: &StackOptions, flink: &FlinkBeside) -> BTreeMap<String, String> {
    let own = [
        ("STATE_DIRECTORY", options.root.join("node").display().to_string()),
        ("LEASE_MS", options.spans.lease.to_string()),
        ("MARGIN_MS", options.spans.margin.to_string()),
        ("SESSION_WAIT_MS", options.spans.session.to_string()),
    ];
    let mut node = flink.node();
    node.extend(options.node.clone());
    node.extend(own.map(|(name, value)| (name.to_owned(), value)));
    node
}
