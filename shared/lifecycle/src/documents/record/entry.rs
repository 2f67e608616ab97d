//! What a record remembers of a settled operation.
//! Must not know how an operation is settled, nor how many are remembered.

use desired::effective::OptionDifference;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Ended;
use crate::act::ActKind;
use crate::change::ChangeKind;
use crate::documents::outcome::RefusalKind;
use crate::ids::{ActId, BatchId, OperationId};

/// What an operation did beside what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turned {
    /// It stopped the job, or checked it, as its file says `state: suspended`.
    Suspend,
    /// It started a suspended job again.
    Resume,
}

/// The tries of the same that one entry stands for, if there was more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SameTries {
    /// How many.
    pub count: u32,
    /// The first of them.
    pub first: OperationId,
    /// When that was settled.
    pub since: Timestamp,
}

/// One settled operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    pub operation: OperationId,
    /// When it was settled.
    pub at: Timestamp,
    /// The version it was about.
    pub version: u32,
    pub change: ChangeKind,
    /// The state that was restored.
    pub from: Option<String>,
    pub outcome: Ended,
    /// What came of it, for people.
    pub detail: String,
    /// What kind of refusal it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalKind>,
    /// Who or what asked for it.
    pub by: String,
    pub why: String,
    /// The batch it was sent in last: its receipt names the step or command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The act that it carried out, if a person ordered one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActId>,
    /// What kind of act that was; nothing in entries of versions that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<ActKind>,
    /// The savepoint that it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
    /// Where the run is not what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<OptionDifference>,
    /// Whether the savepoint of its stop failed, so that only a checkpoint was left to go on from: the detail says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_savepoint: bool,
    /// How often in a row an operation was sent and no runner took it, where this stands for such tries: it names the
    /// newest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untaken: Option<u32>,
    /// The tries that this stands for, where all of them waited for the same: it names the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<SameTries>,
    /// Whether it suspended or resumed the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turned>,
}

impl Entry {
    /// How many tries it stands for.
    pub fn count(&self) -> u32 {
        self.tries.map(|tries| tries.count).or(self.untaken).unwrap_or(1)
    }

    /// Whether it is about this operation: the newest or the first of the tries that it stands for.
    pub fn is_of(&self, operation: OperationId) -> bool {
        self.operation == operation || self.tries.is_some_and(|tries| tries.first == operation)
    }

    /// Whether it deployed something: what `rollback` goes back to.
    pub fn deployed(&self) -> bool {
        match self.outcome {
            Ended::Deployed | Ended::Completed | Ended::Unhealthy => true,
            Ended::Left
            | Ended::Removed
            | Ended::Suspended
            | Ended::RolledBack
            | Ended::Refused
            | Ended::Failed
            | Ended::Abandoned => false,
        }
    }

    /// Whether nothing was touched, as the operation waits for something outside the target: then it is tried again.
    pub(super) fn waits(&self) -> bool {
        self.untaken.is_some() || self.refusal.is_some_and(RefusalKind::waits)
    }

    /// Whether nothing of the job was given to Flink.
    pub fn started_nothing(&self) -> bool {
        self.untaken.is_some() || self.outcome == Ended::Refused
    }
}
