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
}

/// One job in a look at the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobSeen {
    /// The Flink job id: the identity of a run.
    pub id: JobId,
    /// The job's name: only a cross-check.
    pub name: String,
    /// Its state.
    pub state: JobState,
    /// Its tasks.
    pub tasks: Tasks,
    /// When it started, in milliseconds of Unix time.
    pub started_ms: i64,
    /// When its state last changed, in milliseconds of Unix time.
    pub modified_ms: i64,
}

impl JobSeen {
    /// RUNNING with every task running or at its end.
    pub fn is_healthy(&self) -> bool {
        self.state == JobState::Running
            && self.tasks.total > 0
            && self.tasks.running + self.tasks.finished == self.tasks.total
    }
}

/// One life of a JobManager.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub String);

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
