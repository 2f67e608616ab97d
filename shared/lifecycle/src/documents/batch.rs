//! What travels to the node: the batch, and the receipt of its dispatch.
//! Must not know how any of it is stored or sent.

use desired::digest::Digest;
use desired::manifest::JobName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::documents::Document;
use crate::ids::{BatchId, JobId, OperationId};

/// The format of these documents that this version writes.
pub const FORMAT: u32 = 1;

/// One operation in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchItem {
    pub job: JobName,
    pub operation: OperationId,
    /// The key of its plan.
    pub plan: String,
    /// The digest of its plan, which the node checks.
    pub digest: Digest,
}

/// A run that should be live.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expected {
    pub job: JobName,
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
    pub id: BatchId,
    /// When it was made.
    pub at: Timestamp,
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
    pub batch: BatchId,
    /// The step or command.
    pub dispatched_as: String,
    pub at: Timestamp,
    /// The folder where the step's log will lie, where the cluster says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The instance that a command went to: SSM shows its output only to who names both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Document for Receipt {
    const FORMAT: u32 = FORMAT;
}
