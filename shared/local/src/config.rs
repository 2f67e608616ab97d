//! What a stack is told at start: addresses, limits, the function, the node.
//! Must not know how any part uses it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::authority::Authority;

/// The region that every part answers for.
pub const REGION: &str = "us-east-1";
/// The account that owns everything in the stack.
pub const ACCOUNT: &str = "123456789012";
/// The access key id of the account's owner; every other principal has one of its own.
pub const ACCESS_KEY: &str = "AKIALOCALLOCALLOCALX";
/// The secret key of every principal.
pub const SECRET_KEY: &str = "local/secret/key/of/the/local/stack/only";

/// The bucket of the cluster's logs, made at start.
pub(crate) const LOG_BUCKET: &str = "emr-logs";
/// What all keys of the cluster's logs begin with.
pub(crate) const LOG_PREFIX: &str = "elasticmapreduce/";

/// The whole stack.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// The address that every server listens on.
    pub bind: IpAddr,
    /// The ports of the servers.
    pub ports: Ports,
    /// The bucket made at start; others are made by `CreateBucket`.
    pub bucket: String,
    /// Where objects are also kept on disk; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// The key prefixes whose writes and deletions are notified.
    pub notify_prefixes: Vec<String>,
    /// How notifications reach the function.
    pub notify_via: NotifyVia,
    pub lambda: LambdaConfig,
    /// The queue between S3 and the function, and its event source mapping.
    pub queue: QueueConfig,
    /// The primary node, where steps and commands run.
    pub node: NodeConfig,
    /// The cluster's id, `j-…`.
    pub cluster_id: String,
    /// The primary node's instance id, `i-…`.
    pub instance_id: String,
    pub cluster_tags: BTreeMap<String, String>,
    /// How many steps run at a time.
    pub step_concurrency: usize,
    /// How many looks at a new command answer `InvocationDoesNotExist`.
    pub invisible_looks: u32,
    /// What is fired by the clock.
    pub schedules: Vec<Schedule>,
    /// The parameters of Parameter Store by name.
    pub parameters: BTreeMap<String, ParameterConfig>,
    /// The path under which parameters may be read.
    pub parameters_path: String,
    /// The ARNs of the topics there are.
    pub topics: Vec<String>,
    /// Where published messages are also written for people; `None` keeps them in memory only.
    pub messages: Option<PathBuf>,
    /// The file that gets one JSON line for every distinct call; `None` records nothing.
    pub recording: Option<PathBuf>,
    /// Who may do what.
    pub authority: Authority,
}

impl Default for StackConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: Ports::default(),
            bucket: "local".into(),
            data_dir: None,
            notify_prefixes: Vec::new(),
            notify_via: NotifyVia::Sqs,
            lambda: LambdaConfig::default(),
            queue: QueueConfig::default(),
            node: NodeConfig::default(),
            cluster_id: "j-LOCAL00000000".into(),
            instance_id: "i-0123456789abcdef0".into(),
            cluster_tags: BTreeMap::new(),
            step_concurrency: 1,
            invisible_looks: 1,
            schedules: Vec::new(),
            parameters: BTreeMap::new(),
            parameters_path: "/".into(),
            topics: Vec::new(),
            messages: None,
            recording: None,
            authority: Authority::default(),
        }
    }
}

/// A parameter of Parameter Store.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterConfig {
    pub value: String,
    /// Whether it is a `SecureString`.
    pub secure: bool,
}

impl ParameterConfig {
    /// A `SecureString` of this value.
    pub fn secure(value: impl Into<String>) -> Self {
        Self { value: value.into(), secure: true }
    }
}

impl std::fmt::Debug for ParameterConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParameterConfig").field("secure", &self.secure).finish_non_exhaustive()
    }
}

/// The ports of the servers; 0 takes any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub s3: u16,
    /// EMR, SSM, SNS, STS and CloudWatch Logs.
    pub control: u16,
    /// Lambda's Invoke API.
    pub lambda: u16,
}

/// How S3's notifications reach the function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyVia {
    /// Into the queue, delivered in batches.
    #[default]
    Sqs,
    /// Straight to the function, one asynchronous invocation each.
    Direct,
    /// As `EventBridge` events, one asynchronous invocation each.
    EventBridge,
}

/// The function and its host.
#[derive(Clone, Debug)]
pub struct LambdaConfig {
    /// The function's name in its ARN and in the Invoke API.
    pub name: String,
    /// Where an invocation goes.
    pub delivery: Delivery,
    /// The function's environment, over Lambda's own and the stack's endpoints.
    pub env: BTreeMap<String, String>,
    /// After this long an invocation is ended with its sandbox.
    pub timeout: Duration,
    /// What the function is told it has.
    pub memory_mb: u32,
    /// How many sandboxes run at a time.
    pub concurrency: usize,
    /// The pauses before an asynchronous invocation is tried again.
    pub async_retry_delays: Vec<Duration>,
    /// Where the sandboxes' output goes; `None` drops it.
    pub log: Option<PathBuf>,
    /// How long after it was written a line of the log is found.
    pub log_delay: Duration,
}

impl Default for LambdaConfig {
    fn default() -> Self {
        Self {
            name: "function".into(),
            delivery: Delivery::Host { bootstrap: PathBuf::from("bootstrap") },
            env: BTreeMap::new(),
            timeout: Duration::from_mins(1),
            memory_mb: 256,
            concurrency: 2,
            async_retry_delays: vec![Duration::from_mins(1), Duration::from_mins(2)],
            log: None,
            log_delay: Duration::ZERO,
        }
    }
}

/// Where an invocation goes.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// To this executable, under the stack's own Runtime API.
    Host {
        /// The executable that speaks the Runtime API.
        bootstrap: PathBuf,
    },
    /// To a server that hosts the function itself.
    Endpoint {
        /// Its Invoke URL, `http://…/2015-03-31/functions/<name>/invocations`.
        url: String,
    },
}

/// The queue and its event source mapping.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// The most messages in one invocation.
    pub batch_size: usize,
    /// How long a batch that is not full waits for more.
    pub window: Duration,
    /// How long a delivered message stays hidden.
    pub visibility: Duration,
    /// After this many deliveries a message is a dead letter.
    pub max_receive: u32,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { batch_size: 10, window: Duration::ZERO, visibility: Duration::from_mins(6), max_receive: 5 }
    }
}

/// The primary node.
#[derive(Clone, Debug, Default)]
pub struct NodeConfig {
    /// The environment of steps and commands, over the stack's own without its `AWS_*` and the stack's endpoints.
    pub env: BTreeMap<String, String>,
    /// Folders put before `PATH`.
    pub path: Vec<PathBuf>,
    /// Where steps and commands leave their output.
    pub work_dir: PathBuf,
    /// SSM documents (schema version 2.2) as JSON files, named by their stems.
    pub documents: Vec<PathBuf>,
}

/// An input sent to the function again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub name: String,
    pub every: Duration,
    /// The exact input of the invocation.
    pub input: Value,
}
