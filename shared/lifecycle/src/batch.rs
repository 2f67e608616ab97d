//! What travels to the node and back: the batch, its receipt, an operation's result, the last look.
//! Must not know how any of it is stored or sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::documents::Document;
use crate::effective::OptionDifference;
use crate::execute::Outcome;
use crate::flink::{Epoch, Look};
use crate::ids::{BatchId, Digest, JobId, OperationId};
use crate::manifest::JobName;

/// The format of these documents that this version writes.
pub const FORMAT: u32 = 1;

/// One operation in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchItem {
    /// The job.
    pub job: JobName,
    /// The operation.
    pub operation: OperationId,
    /// The key of its plan.
    pub plan: String,
    /// The digest of its plan, which the node checks.
    pub digest: Digest,
}

/// A run that should be live.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expected {
    /// The job.
    pub job: JobName,
    /// Its run.
    pub job_id: JobId,
    /// The revision of the record that says so: absence counts only for this one.
    pub revision: u64,
    /// Whether something is still to be done for the job.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owed: bool,
    /// Whether a checkpoint of the run was seen before.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub checkpointed: bool,
}

fn yes() -> bool {
    true
}

/// The operations sent in one step or command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Batch {
    /// The format of this document.
    pub format: u32,
    /// Its id.
    pub id: BatchId,
    /// When it was made.
    pub at: Timestamp,
    /// The operations.
    pub items: Vec<BatchItem>,
    /// The runs that should be live, for the one look; empty where no look is asked for.
    pub expected: Vec<Expected>,
    /// Whether the node writes its look for the orchestrator.
    pub look: bool,
}

impl Document for Batch {
    const FORMAT: u32 = FORMAT;
}

/// That a batch was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// The format of this document.
    pub format: u32,
    /// The batch.
    pub batch: BatchId,
    /// The step or command.
    pub dispatched_as: String,
    /// When.
    pub at: Timestamp,
}

impl Document for Receipt {
    const FORMAT: u32 = FORMAT;
}

/// How long a phase took.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What the node wrote about one operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperationResult {
    /// The format of this document.
    pub format: u32,
    /// The operation.
    pub operation: OperationId,
    /// The job.
    pub job: JobName,
    /// What came of it.
    pub outcome: Outcome,
    /// When it was over.
    pub at: Timestamp,
    /// How long each phase took, in the order they began.
    pub phases: Vec<PhaseTime>,
    /// From the stop, cancel or loss of the run before until the new one was seen running, in milliseconds; nothing
    /// where no run was before it or none was seen running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
    /// Where the run is not what was asked for, as far as Flink told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<OptionDifference>,
}

impl Document for OperationResult {
    const FORMAT: u32 = FORMAT;
}

/// The newest completed checkpoint or savepoint of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpointed {
    /// The run.
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
    /// The look.
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
    const FORMAT: u32 = FORMAT;
}

impl ObservedDocument {
    /// The expected runs that are not live in this look.
    pub fn missing(&self) -> impl Iterator<Item = &Expected> {
        self.expected.iter().filter(|e| self.look.job(e.job_id).is_none_or(|job| job.state.is_terminal()))
    }
}
