//! Starting a Flink session on YARN: its settings, and the properties that make everything else safe.
//! Must not know who may start one, nor which one runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use desired::secrets::references;
use serde::{Deserialize, Serialize};

use crate::cluster_arguments::SESSION_NAME;
use crate::process::{ProcessError, Program};

/// How many checkpoints of a job are kept where nothing else is set.
const RETAINED: &str = "3";
/// How often the session's `JobManager` is started again; YARN's own limit may be lower.
const ATTEMPTS: u32 = 10;

/// What a session is started with: `config/session.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SessionSettings {
    /// Its name, by which it is found.
    pub name: String,
    /// The memory of its JobManager's process.
    pub jobmanager_memory: String,
    /// The memory of each task manager's process.
    pub taskmanager_memory: String,
    /// The slots of each task manager.
    pub slots: u32,
    /// The queue of YARN.
    pub queue: Option<String>,
    /// Where jobs outlive a JobManager; without it they are brought back by the next schedule.
    pub high_availability: Option<HighAvailability>,
    /// More of Flink's properties.
    pub properties: BTreeMap<String, String>,
}

/// High availability by ZooKeeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HighAvailability {
    /// The addresses, as `host:port,host:port`.
    pub zookeeper: String,
    /// The directory of what the JobManager keeps, on S3.
    pub storage: String,
    /// How long ZooKeeper waits for a JobManager that is silent before another takes over, in seconds.
    #[serde(default = "session_timeout")]
    pub session_timeout_s: u32,
}

fn session_timeout() -> u32 {
    20
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            name: SESSION_NAME.to_owned(),
            jobmanager_memory: "2048m".to_owned(),
            taskmanager_memory: "4096m".to_owned(),
            slots: 4,
            queue: None,
            high_availability: None,
            properties: BTreeMap::new(),
        }
    }
}

/// Properties that cannot be set: they are what the rest relies on, or have a field of their own.
const OURS: [&str; 12] = [
    "execution.checkpointing.externalized-checkpoint-retention",
    "high-availability",
    "high-availability.type",
    "high-availability.cluster-id",
    "high-availability.storageDir",
    "high-availability.zookeeper.quorum",
    "high-availability.zookeeper.client.session-timeout",
    "job-result-store.delete-on-commit",
    "jobmanager.memory.process.size",
    "taskmanager.memory.process.size",
    "taskmanager.numberOfTaskSlots",
    "yarn.application.name",
];

/// Settings that no session can be started with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A property that is ours to set.
    #[error("properties: `{0}` is set by the runner itself")]
    Ours(String),
    /// A property name that is none.
    #[error("properties: `{0}` is no name of a property")]
    NotAProperty(String),
    /// A value that would be seen in the arguments of the session's processes.
    #[error("properties: `{0}` refers to a secret, and a session's settings are arguments of its processes")]
    Secret(String),
    /// Nothing can be started in it.
    #[error("slots: at least 1 is needed")]
    NoSlots,
}

impl SessionSettings {
    /// Everything that the session is started with.
    pub fn effective(&self) -> Result<BTreeMap<String, String>, SettingsError> {
        if self.slots == 0 {
            return Err(SettingsError::NoSlots);
        }
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
        // One that several jobs share can be honoured only here: Flink ignores it in a job's own configuration.
        set("state.checkpoints.num-retained", RETAINED);
        set("yarn.application-attempts", &ATTEMPTS.to_string());
        for (name, value) in &self.properties {
            if OURS.contains(&name.as_str()) {
                return Err(SettingsError::Ours(name.clone()));
            }
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
                return Err(SettingsError::NotAProperty(name.clone()));
            }
            if !references(value).is_empty() {
                return Err(SettingsError::Secret(name.clone()));
            }
            set(name, value);
        }
        set("jobmanager.memory.process.size", &self.jobmanager_memory);
        set("taskmanager.memory.process.size", &self.taskmanager_memory);
        set("taskmanager.numberOfTaskSlots", &self.slots.to_string());
        set("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        // A job id that was used is never free again: a late submission cannot start a run twice.
        set("job-result-store.delete-on-commit", "false");
        if let Some(ha) = &self.high_availability {
            set("high-availability.type", "zookeeper");
            set("high-availability.zookeeper.quorum", &ha.zookeeper);
            set(
                "high-availability.zookeeper.client.session-timeout",
                &(u64::from(ha.session_timeout_s) * 1000).to_string(),
            );
            set("high-availability.storageDir", &ha.storage);
        }
        Ok(all)
    }
}

/// How a session is started on this node.
#[derive(Clone, Debug)]
pub struct SessionStarter {
    /// Flink's `yarn-session.sh`, or EMR's `flink-yarn-session`.
    pub program: PathBuf,
    /// Variables beside this process's own.
    pub environment: Vec<(String, String)>,
    /// Where everything that it prints is appended.
    pub log: Option<PathBuf>,
    /// How long it may take.
    pub limit: Duration,
}

/// Why no session was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The program gave no answer: whether a session comes is unknown.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The program failed: whether a session comes is unknown.
    #[error("{program} failed: {message}")]
    Failed {
        /// The program.
        program: PathBuf,
        /// The end of what it printed.
        message: String,
    },
}

impl SessionStarter {
    /// Submits a session under a tag by which it is known again; it may come even if this fails.
    pub async fn start(&self, settings: &SessionSettings, tag: &str) -> Result<(), StartError> {
        let mut arguments = vec!["-d".to_owned(), "-nm".to_owned(), settings.name.clone()];
        if let Some(queue) = &settings.queue {
            arguments.extend(["-qu".to_owned(), queue.clone()]);
        }
        arguments.push(format!("-Dyarn.tags={tag}"));
        arguments.extend(settings.effective()?.iter().map(|(name, value)| format!("-D{name}={value}")));
        let mut program = Program::new(&self.program).arguments(arguments);
        for (name, value) in &self.environment {
            program = program.variable(name, value);
        }
        if let Some(log) = &self.log {
            program = program.log(log);
        }
        let ended = program.run(self.limit).await?;
        if ended.status.success() {
            return Ok(());
        }
        let message = crate::text::cut(&crate::text::one_line(&ended.stderr), 1000);
        Err(StartError::Failed { program: self.program.clone(), message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rest_relies_on_cannot_be_taken_away() {
        let safe = SessionSettings::default().effective().unwrap();
        assert_eq!(safe["execution.checkpointing.externalized-checkpoint-retention"], "RETAIN_ON_CANCELLATION");
        assert_eq!(safe["job-result-store.delete-on-commit"], "false");
        assert_eq!(safe["state.checkpoints.num-retained"], "3");
        for name in OURS {
            let properties = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            let refused = SessionSettings { properties, ..SessionSettings::default() }.effective();
            assert!(matches!(refused, Err(SettingsError::Ours(_))), "{name}");
        }
        let secret = BTreeMap::from([("s3.secret-key".to_owned(), "${ssm:/k}".to_owned())]);
        let refused = SessionSettings { properties: secret, ..SessionSettings::default() }.effective();
        assert!(matches!(refused, Err(SettingsError::Secret(name)) if name == "s3.secret-key"));
        let more = BTreeMap::from([("state.checkpoints.num-retained".to_owned(), "5".to_owned())]);
        let settings = SessionSettings { properties: more, ..SessionSettings::default() };
        assert_eq!(settings.effective().unwrap()["state.checkpoints.num-retained"], "5");
    }

    #[test]
    fn high_availability_is_all_or_nothing() {
        let ha = HighAvailability { zookeeper: "zk:2181".into(), storage: "s3://b/ha".into(), session_timeout_s: 8 };
        let settings = SessionSettings { high_availability: Some(ha), ..SessionSettings::default() };
        let all = settings.effective().unwrap();
        assert_eq!(all["high-availability.zookeeper.client.session-timeout"], "8000");
        assert_eq!(all["high-availability.storageDir"], "s3://b/ha");
        assert!(!SessionSettings::default().effective().unwrap().keys().any(|name| name.starts_with("high-av")));
    }
}
