//! What can be seen of a Flink cluster, and what a job's state means for us.
//! Must not know how it is fetched.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::JobId;

/// The state of a job as Flink names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    /// The JobManager prepares the job.
    Initializing,
    /// Created, nothing deployed yet.
    Created,
    /// Executing; says nothing about its tasks.
    Running,
    /// On its way to FAILED or RESTARTING.
    Failing,
    /// Ended by a failure.
    Failed,
    /// On its way to CANCELED.
    Cancelling,
    /// Ended by a cancel.
    Canceled,
    /// Ended by itself or by a stop with savepoint.
    Finished,
    /// Between two attempts.
    Restarting,
    /// Left by a JobManager that lost its leadership.
    Suspended,
    /// Taken up by a new JobManager.
    Reconciling,
}

impl JobState {
    /// Whether no task of the job can run any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Failed | Self::Canceled | Self::Finished => true,
            Self::Initializing
            | Self::Created
            | Self::Running
            | Self::Failing
            | Self::Cancelling
            | Self::Restarting
            | Self::Suspended
            | Self::Reconciling => false,
        }
    }
}

/// How many tasks of a job are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tasks {
    /// All tasks.
    pub total: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that came to their end.
    pub finished: u32,
    /// Tasks that have no slot yet.
    #[serde(default, skip_serializing_if = "is_none")]
    pub waiting: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Tasks {
    /// Whether not one of them ever got as far as a slot, or came to its end.
    pub fn all_wait(self) -> bool {
        self.total > 0 && self.waiting == self.total
    }
}

/// One job in a look at the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobSeen {
    /// The Flink job id: the identity of a run.
    pub id: JobId,
    /// The job's name: only a cross-check.
    pub name: String,
    pub state: JobState,
    pub tasks: Tasks,
    /// When it started, in milliseconds of Unix time.
    pub started_ms: i64,
    /// When its state last changed, in milliseconds of Unix time.
    pub modified_ms: i64,
    /// What its checkpoints told, where they were asked; nothing of a job that makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointsSeen>,
    /// How often it restarted, where the JobManager told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
}

/// The checkpoints of one run, savepoints included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointsSeen {
    pub completed: u64,
    pub failed: u64,
    /// When the last one completed; nothing if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_completed_at: Option<Timestamp>,
    /// How many bytes of state it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_size: Option<u64>,
    /// Milliseconds between the starts of two checkpoints; nothing if none are made by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
}

impl JobSeen {
    /// RUNNING with every task running or at its end.
    pub fn is_healthy(&self) -> bool {
        self.state == JobState::Running
            && self.tasks.total > 0
            && self.tasks.running + self.tasks.finished == self.tasks.total
    }
}

/// One JobManager incarnation: `standalone:<host:port>/<process>` or `yarn:<application>/<attempt>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Epoch {
    /// A process at an address.
    Standalone {
        /// Where it listens.
        address: String,
        /// What it drew at its start.
        process: String,
    },
    /// An attempt of a YARN application.
    Yarn { application: String, attempt: u32 },
}

/// A text that names no epoch.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names no JobManager incarnation")]
pub struct NotAnEpoch(String);

impl Epoch {
    /// Whether this life is over because `other` is there: another process at its address, or a later attempt.
    pub fn is_ended_by(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Standalone { address, process },
                Self::Standalone { address: other_address, process: other_process },
            ) => address == other_address && process != other_process,
            (
                Self::Yarn { application, attempt },
                Self::Yarn { application: other_application, attempt: other_attempt },
            ) => application == other_application && attempt < other_attempt,
            (Self::Standalone { .. }, Self::Yarn { .. }) | (Self::Yarn { .. }, Self::Standalone { .. }) => false,
        }
    }
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standalone { address, process } => write!(f, "standalone:{address}/{process}"),
            Self::Yarn { application, attempt } => write!(f, "yarn:{application}/{attempt}"),
        }
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

impl TryFrom<String> for Epoch {
    type Error = NotAnEpoch;

    fn try_from(text: String) -> Result<Self, NotAnEpoch> {
        let parse = || {
            let (kind, rest) = text.split_once(':')?;
            let (place, life) = rest.rsplit_once('/').filter(|(place, life)| !place.is_empty() && !life.is_empty())?;
            match kind {
                "standalone" => Some(Self::Standalone { address: place.to_owned(), process: life.to_owned() }),
                "yarn" => Some(Self::Yarn { application: place.to_owned(), attempt: life.parse().ok()? }),
                _ => None,
            }
        };
        parse().ok_or_else(|| NotAnEpoch(text.clone()))
    }
}

/// The task slots of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slots {
    /// All slots.
    pub total: u32,
    /// Slots that no task holds.
    pub free: u32,
}

/// One whole look at the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Look {
    /// Whose view this is.
    pub epoch: Epoch,
    /// When it was taken.
    pub at: Timestamp,
    /// Every job the JobManager knows, ended ones included.
    pub jobs: Vec<JobSeen>,
    /// The slots, or nothing where they come on demand.
    pub slots: Option<Slots>,
}

impl Look {
    /// The job with this id.
    pub fn job(&self, id: JobId) -> Option<&JobSeen> {
        self.jobs.iter().find(|job| job.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(text: &str) -> Epoch {
        Epoch::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn an_epoch_is_a_text_and_back() {
        for text in ["standalone:localhost:8081/flink-web-1", "standalone:[::1]:8081/a", "yarn:application_1_2/3"] {
            assert_eq!(epoch(text).to_string(), text);
        }
        for wrong in ["", "yarn:application_1_2", "yarn:a/b", "standalone:/a", "other:a/b"] {
            assert!(Epoch::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    /// Only what cannot live beside it ends an epoch: another address or application proves nothing.
    #[test]
    fn what_ends_an_epoch() {
        assert!(epoch("standalone:a:1/x").is_ended_by(&epoch("standalone:a:1/y")));
        assert!(epoch("yarn:application_1_2/1").is_ended_by(&epoch("yarn:application_1_2/2")));
        for (one, other) in [
            ("standalone:a:1/x", "standalone:a:1/x"),
            ("standalone:a:1/x", "standalone:b:1/y"),
            ("yarn:application_1_2/2", "yarn:application_1_2/1"),
            ("yarn:application_1_2/1", "yarn:application_1_3/2"),
            ("standalone:a:1/x", "yarn:application_1_3/2"),
        ] {
            assert!(!epoch(one).is_ended_by(&epoch(other)), "{one} {other}");
        }
    }
}
