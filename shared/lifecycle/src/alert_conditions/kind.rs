//! The kinds of conditions that people are alerted of, and which of them wait for somebody.
//! Must not know when a job is in one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of conditions; one alert is raised for all that are new of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// A JobManager is gone with the jobs that ran under it.
    LostCluster,
    /// Operations found no session cluster, or more than one.
    NoCluster,
    /// An operation failed, was rolled back or was refused.
    // What format 1 called given up is one of these now.
    #[serde(alias = "retries-used-up")]
    OperationFailed,
    /// A restarted job is alive but not stable, and there is nothing to roll back to.
    Unhealthy,
    /// More jobs lack a file than may be removed at once.
    RemovalsHeld,
    /// More jobs would start clean because of `config/` than may at once.
    CleanStartsHeld,
    /// A job is left alone: its old run may live where nobody can be asked.
    EndNotProven,
    /// A live Flink job that no record knows.
    Stranger,
    /// A job without state to go on from waits for a permission.
    CleanStartNeeded,
    /// Operations are not carried out on the node.
    NodeBroken,
    /// The session has too few slots for the jobs.
    NoCapacity,
    /// A job is not reconciled: an object of it cannot be read.
    Unreadable,
    /// A job runs, and restarts again and again.
    RestartLoop,
    /// A job runs, and completes no checkpoint.
    NoCheckpoint,
    /// A job runs, and most of its checkpoints fail.
    CheckpointsFail,
}

impl AlertKind {
    /// Its name, in metrics and in the runbook.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LostCluster => "lost-cluster",
            Self::NoCluster => "no-cluster",
            Self::OperationFailed => "operation-failed",
            Self::Unhealthy => "unhealthy",
            Self::RemovalsHeld => "removals-held",
            Self::CleanStartsHeld => "clean-starts-held",
            Self::EndNotProven => "end-not-proven",
            Self::Stranger => "stranger",
            Self::CleanStartNeeded => "clean-start-needed",
            Self::NodeBroken => "node-broken",
            Self::NoCapacity => "no-capacity",
            Self::Unreadable => "unreadable",
            Self::RestartLoop => "restart-loop",
            Self::NoCheckpoint => "no-checkpoint",
            Self::CheckpointsFail => "checkpoints-fail",
        }
    }

    /// Whether it waits for somebody, so that it is told of again after a day; the others happened once.
    pub(crate) fn waits(self) -> bool {
        match self {
            Self::NoCluster
            | Self::RemovalsHeld
            | Self::CleanStartsHeld
            | Self::EndNotProven
            | Self::Stranger
            | Self::CleanStartNeeded
            | Self::NodeBroken
            | Self::NoCapacity
            | Self::Unreadable
            | Self::RestartLoop
            | Self::NoCheckpoint
            | Self::CheckpointsFail => true,
            Self::LostCluster | Self::OperationFailed | Self::Unhealthy => false,
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
