//! Why nothing is done about a job, or what was ordered.
//! Must not know how that was decided.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::OperationId;
use crate::moment::moment;

/// Why nothing is done, or what was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// It is as it should be.
    Unchanged,
    /// It is bounded and done.
    Complete,
    /// Nothing of it runs, as its file says.
    Suspended,
    /// The upload was refused.
    UploadRefused,
    /// It is not desired and not deployed.
    Absent,
    /// Another operation is under way.
    Waits {
        /// That operation.
        operation: OperationId,
    },
    /// The target failed and is tried again later.
    WaitsToRetry { at: Timestamp, error: String },
    /// The target failed and is not tried again by itself.
    GivenUp { error: String },
    /// Too many removals at once.
    RemovalsHeld,
    /// More jobs than allowed would start clean because of `config/`.
    CleanStartsHeld,
    /// The job belongs to the other source.
    OtherSource,
    /// An operation was ordered.
    Ordered {
        /// That operation.
        operation: OperationId,
    },
    /// An operation would be ordered: this was only asked about.
    Planned,
}

impl Reason {
    /// Whether there is nothing to tell: no job is worth a line each minute.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Unchanged | Self::Complete | Self::Suspended | Self::Absent => true,
            Self::UploadRefused
            | Self::Waits { .. }
            | Self::WaitsToRetry { .. }
            | Self::GivenUp { .. }
            | Self::RemovalsHeld
            | Self::CleanStartsHeld
            | Self::OtherSource
            | Self::Ordered { .. }
            | Self::Planned => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged"),
            Self::Complete => f.write_str("bounded and complete"),
            Self::Suspended => f.write_str("suspended"),
            Self::UploadRefused => f.write_str("the upload was refused"),
            Self::Absent => f.write_str("not desired and not deployed"),
            Self::Waits { operation } => write!(f, "operation {} is under way", operation.short()),
            Self::WaitsToRetry { at, error } => {
                write!(f, "it failed and is tried again at {}: {error}", moment(*at))
            }
            Self::GivenUp { error } => {
                write!(f, "it failed and is tried again once it changes, or by `retry NAME`: {error}")
            }
            Self::RemovalsHeld => f.write_str("more removals at once than allowed; `allow NAME remove` approves it"),
            Self::CleanStartsHeld => f.write_str(
                "more jobs than allowed would start clean because of config/; `allow NAME clean-start` lets it start",
            ),
            Self::OtherSource => f.write_str("it is deployed from another source; `allow NAME adopt` takes it over"),
            Self::Ordered { operation } => write!(f, "operation {} was ordered", operation.short()),
            Self::Planned => f.write_str("an operation would be ordered"),
        }
    }
}
