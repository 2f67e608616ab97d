//! The last look at the cluster, as the node wrote it.
//! Must not know what follows from it.

use serde::{Deserialize, Serialize};

use super::Document;
use super::batch::Expected;
use crate::flink::{Epoch, Look};
use crate::ids::{BatchId, JobId};

/// The newest completed checkpoint or savepoint of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpointed {
    pub job_id: JobId,
    /// When it was triggered, in milliseconds of Unix time; the run's start if it completed none yet.
    pub at_ms: i64,
    /// Whether it completed any.
    #[serde(default)]
    pub completed: bool,
}

/// The last look at the cluster, as the node wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedDocument {
    /// The format of this document.
    pub format: u32,
    /// The batch that asked for it.
    pub batch: BatchId,
    pub look: Look,
    /// What the batch said should be live.
    pub expected: Vec<Expected>,
    /// The JobManager of the look before, where nobody asked for this one: it was replaced, and what ran there is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Epoch>,
    /// The newest states of expected runs, as far as the JobManager told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<Checkpointed>,
}

impl Document for ObservedDocument {
    const FORMAT: u32 = 1;
}

impl ObservedDocument {
    /// The expected runs that are not live in this look.
    pub fn missing(&self) -> impl Iterator<Item = &Expected> {
        self.expected.iter().filter(|e| self.look.job(e.job_id).is_none_or(|job| job.state.is_terminal()))
    }
}
