//! What the node wrote about one operation.
//! Must not know how it is stored or sent.

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Document;
use super::outcome::Outcome;
use crate::ids::OperationId;

/// How long a phase took.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PhaseTime {
    pub phase: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What the node wrote about one operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperationResult {
    /// The format of this document.
    pub format: u32,
    pub operation: OperationId,
    pub job: JobName,
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
    /// Flink's words about a savepoint that failed, where the operation went on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_savepoint: Option<String>,
}

impl Document for OperationResult {
    const FORMAT: u32 = 1;
}
