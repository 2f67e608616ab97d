//! What a `JobManager`'s configuration tells: which incarnation of it this is, and what a TaskManager takes.
//! Must not know how it was fetched.

use std::collections::BTreeMap;

use control::session::RunningSession;
use desired::manifest::megabytes;
use desired::printable::readable;
use lifecycle::endpoint::Endpoint;
use lifecycle::flink::Epoch;
use serde::Deserialize;

use crate::yarn_rest::attempt_of_container;

/// One option of `/jobmanager/config`.
#[derive(Deserialize)]
pub(super) struct ConfigEntry {
    key: String,
    #[serde(default)]
    value: String,
}

/// A `JobManager`'s configuration.
pub(super) struct Configuration(pub(super) Vec<ConfigEntry>);

/// A `JobManager`'s own process, as `/jobmanager/environment` tells it.
#[derive(Deserialize)]
pub(super) struct Environment {
    jvm: Jvm,
}

#[derive(Deserialize)]
struct Jvm {
    options: Vec<String>,
}

/// What one TaskManager takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskManager {
    pub(super) megabytes: u64,
    pub(super) slots: u32,
}

impl Configuration {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    pub(super) fn into_options(self) -> BTreeMap<String, String> {
        self.0.into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    /// The incarnation of a standalone `JobManager`: it draws the last part of its `web.tmpdir` anew at every start.
    pub(super) fn process(&self, endpoint: &Endpoint) -> Result<Epoch, String> {
        let directory = self.get("web.tmpdir");
        match directory.and_then(|path| path.rsplit('/').next()) {
            Some(drawn) if drawn.starts_with("flink-web-") => {
                Ok(Epoch::Standalone { address: endpoint.to_string(), process: readable(drawn) })
            }
            Some(_) | None => Err(format!(
                "`web.tmpdir` is {directory:?}: a name with `flink-web-` is expected, which identifies the JobManager process"
            )),
        }
    }

    /// What a TaskManager takes and gives, where it is configured.
    pub(super) fn taskmanager(&self) -> Option<TaskManager> {
        let megabytes = megabytes(self.get("taskmanager.memory.process.size")?)?;
        let slots = self.get("taskmanager.numberOfTaskSlots").map_or(Some(1), |text| text.trim().parse().ok())?;
        Some(TaskManager { megabytes, slots })
    }
}

impl Environment {
    /// The attempt of a session on YARN, by the container that the `JobManager` itself logs in.
    pub(super) fn attempt(&self, session: &RunningSession) -> Result<Epoch, String> {
        let log = self.jvm.options.iter().find_map(|option| option.strip_prefix("-Dlog.file="));
        match log.and_then(attempt_of_container) {
            Some((application, attempt)) if application == session.application && attempt == session.attempt => {
                Ok(Epoch::Yarn { application, attempt })
            }
            Some((application, attempt)) => Err(format!(
                "attempt {attempt} of {application} answers where attempt {} of {} was expected",
                session.attempt, session.application
            )),
            None => Err("it logs in no container of YARN".to_owned()),
        }
    }
}
