//! What comes of an operation, and the words people read about it.
//! Must not know how it came about.

use desired::diagnostics::Diagnostic;
use desired::launch::Rejection;
use serde::{Deserialize, Serialize};

use crate::decision::Why;
use crate::documents::claim::NewestNote;
use crate::flink::Epoch;
use crate::ids::JobId;
use crate::owed::Cause;

/// What Flink told of a job as it compiled it, as far as it told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compiled {
    /// Whether all its sources are bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounded: Option<bool>,
    /// How many slots it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
}

/// A run that an operation started.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunStarted {
    /// Its Flink job id.
    pub job_id: JobId,
    /// The state it was restored from.
    pub restored_from: Option<String>,
    /// The life of the JobManager that it was given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// What Flink told of it as it compiled it.
    #[serde(default)]
    pub compiled: Compiled,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The target runs.
    Deployed {
        run: RunStarted,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
        /// Alive but not stable, and nothing to roll back to.
        unhealthy: Option<String>,
        /// Why it is not stable, typed, where that is not its own doing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
        /// Whether a checkpoint of the run was seen.
        checkpointed: bool,
    },
    /// The target ran to its end: it was bounded.
    Completed { run: RunStarted },
    /// Nothing had to be done.
    Left {
        why: Why,
        /// The run that is live, if one is.
        run: Option<JobId>,
        /// The life of the JobManager that was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Whether a checkpoint of the run was seen.
        #[serde(default)]
        checkpointed: bool,
        /// The newest checkpoint of a run that we did not start: it tells where its states lie.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<String>,
        /// The savepoint that was taken because a person ordered one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        savepoint: Option<String>,
    },
    /// The job was stopped because it is not desired any more.
    Removed {
        /// The savepoint that was taken, if one was possible.
        savepoint: Option<String>,
    },
    /// The target is in order, and nothing of the job runs, as its file says.
    Suspended {
        /// The savepoint that was taken, or that somebody else's stop left.
        savepoint: Option<String>,
        /// The newest checkpoint of the run that was ended, as the last look told that found it alive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<NewestNote>,
        /// The life of the JobManager that was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Whether a checkpoint of the job was seen.
        #[serde(default)]
        checkpointed: bool,
    },
    /// The target failed and the previous manifest runs again.
    RolledBack {
        /// Why the target was given up.
        reason: String,
        /// The same, typed.
        #[serde(default, skip_serializing_if = "Cause::is_default")]
        cause: Cause,
        /// The run of the previous manifest.
        run: RunStarted,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
    },
    /// The target was given up; what ran before is as it was.
    Refused {
        refusal: Refusal,
        /// Whether no run of what is deployed was live.
        #[serde(default)]
        gone: bool,
        /// The savepoint that somebody else's stop had left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        savepoint: Option<String>,
        /// The life of the JobManager that was asked, where one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
    /// The target failed, and nothing of the job runs now.
    Failed {
        reason: String,
        /// The same, typed.
        #[serde(default, skip_serializing_if = "Cause::is_default")]
        cause: Cause,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
        /// The runs that it started: they are at their end, but their states count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        runs: Vec<RunStarted>,
    },
}

impl Outcome {
    /// A refusal while what is deployed is live, or nothing is deployed; no JobManager was asked.
    pub fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, gone: false, savepoint: None, epoch: None }
    }

    /// The life of the JobManager under which it came to this, as far as it is known.
    pub fn epoch(&self) -> Option<&Epoch> {
        match self {
            Self::Deployed { run, .. } | Self::Completed { run } | Self::RolledBack { run, .. } => run.epoch.as_ref(),
            Self::Left { epoch, .. } | Self::Suspended { epoch, .. } | Self::Refused { epoch, .. } => epoch.as_ref(),
            Self::Failed { runs, .. } => runs.last().and_then(|run| run.epoch.as_ref()),
            Self::Removed { .. } => None,
        }
    }

    /// Why the target was refused, if it was.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Deployed { .. }
            | Self::Completed { .. }
            | Self::Left { .. }
            | Self::Removed { .. }
            | Self::Suspended { .. }
            | Self::RolledBack { .. }
            | Self::Failed { .. } => None,
        }
    }
}

/// Why an operation touched nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Refusal {
    /// The target does not compile.
    DoesNotCompile {
        /// Why, as Flink said it.
        rejection: Rejection,
        /// The same in people's own files, with the way out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<Box<Diagnostic>>,
    },
    /// A secret that the target refers to cannot be had.
    NoSecret {
        /// The reference and why, never a value.
        message: String,
    },
    /// The node's Flink client, Python or disk does not work.
    NodeBroken {
        /// What does not work, and which setting names it.
        message: String,
    },
    /// There are not enough slots.
    NoCapacity {
        /// What the job needs.
        needed: u32,
        /// What is free.
        free: u32,
    },
    /// A job of that name that is not ours runs.
    ForeignJob {
        /// Its Flink job id.
        job_id: JobId,
        /// Others that may be this job as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<JobId>,
    },
    /// The JobManager that a run of ours was submitted to is unreachable: it may still run it.
    EndNotProven {
        job_id: JobId,
        /// The life of the JobManager that it was given to.
        epoch: Epoch,
    },
    /// There is no session cluster, or it cannot be told which one.
    NoCluster {
        /// What was looked for and found.
        message: String,
    },
    /// No state of the lineage was found, and a clean start is not ordered.
    NoState,
    /// States lie in a directory that other jobs use as well: whose they are cannot be told.
    StateNotProven {
        /// Their paths, the newest first.
        candidates: Vec<String>,
    },
    /// The state that a person ordered it to start from is not there, or not complete.
    StateNotThere { path: String },
    /// Its sources are all bounded, and it is gone without a state of its own: it may have come to its end.
    MayBeComplete { job_id: JobId },
    /// The running job could not be stopped with a savepoint; it runs on.
    NoSavepoint {
        /// Flink's own words.
        message: String,
    },
    /// The job stayed in a state that should pass.
    StaysInPassing,
}

/// The kind of a refusal, without what it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The target does not compile.
    DoesNotCompile,
    /// A secret cannot be had.
    NoSecret,
    /// The node does not work.
    NodeBroken,
    /// There are not enough slots.
    NoCapacity,
    /// A job of that name that is not ours runs.
    ForeignJob,
    /// A run of ours may live where nobody can be asked.
    EndNotProven,
    /// There is no session cluster.
    NoCluster,
    /// No state of the lineage was found.
    NoState,
    /// States lie there that may be another job's.
    StateNotProven,
    /// The state that was ordered is not there.
    StateNotThere,
    /// It may have come to its end.
    MayBeComplete,
    /// No savepoint could be taken.
    NoSavepoint,
    /// The job stayed in a state that should pass.
    StaysInPassing,
}

impl RefusalKind {
    /// Whether something outside the target has to change: it is tried again by itself.
    pub fn waits(self) -> bool {
        match self {
            Self::NoSecret
            | Self::NodeBroken
            | Self::NoCapacity
            | Self::ForeignJob
            | Self::EndNotProven
            | Self::NoCluster
            | Self::NoSavepoint
            | Self::StaysInPassing => true,
            Self::DoesNotCompile | Self::NoState | Self::StateNotProven | Self::StateNotThere | Self::MayBeComplete => {
                false
            }
        }
    }
}

impl Refusal {
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::DoesNotCompile { .. } => RefusalKind::DoesNotCompile,
            Self::NoSecret { .. } => RefusalKind::NoSecret,
            Self::NodeBroken { .. } => RefusalKind::NodeBroken,
            Self::NoCapacity { .. } => RefusalKind::NoCapacity,
            Self::ForeignJob { .. } => RefusalKind::ForeignJob,
            Self::EndNotProven { .. } => RefusalKind::EndNotProven,
            Self::NoCluster { .. } => RefusalKind::NoCluster,
            Self::NoState => RefusalKind::NoState,
            Self::StateNotProven { .. } => RefusalKind::StateNotProven,
            Self::StateNotThere { .. } => RefusalKind::StateNotThere,
            Self::MayBeComplete { .. } => RefusalKind::MayBeComplete,
            Self::NoSavepoint { .. } => RefusalKind::NoSavepoint,
            Self::StaysInPassing => RefusalKind::StaysInPassing,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DoesNotCompile { told: Some(told), .. } => write!(f, "it does not compile: {}", told.in_lines()),
            Self::DoesNotCompile { rejection, told: None } => write!(f, "it does not compile: {rejection}"),
            Self::NoCapacity { needed, free } => write!(f, "it needs {needed} slots, {free} are free"),
            Self::ForeignJob { job_id, others } if others.is_empty() => {
                write!(f, "job {job_id} of the same name is not ours; `allow NAME adopt` takes it over")
            }
            Self::ForeignJob { job_id, others } => {
                write!(f, "several jobs may be this one: {job_id}")?;
                others.iter().try_for_each(|other| write!(f, ", {other}"))?;
                f.write_str("; `allow NAME adopt --run ID` takes one of them over")
            }
            Self::StateNotProven { candidates } => write!(
                f,
                "its state directories are not named after it, and whose states lie there cannot be told: {}; copy the \
                 right one into a directory of its own and name that in the manifest, or `allow NAME clean-start`",
                candidates.join(", ")
            ),
            Self::EndNotProven { job_id, epoch } => {
                write!(
                    f,
                    "its run {job_id} was submitted to JobManager {epoch}, which is unreachable and may still run it"
                )
            }
            Self::NoSecret { message } | Self::NoCluster { message } | Self::NodeBroken { message } => {
                f.write_str(message)
            }
            Self::NoState => {
                f.write_str("no state of its lineage was found; `allow NAME clean-start` starts it without state")
            }
            Self::StateNotThere { path } => {
                write!(f, "no complete state is at {path}; `states NAME` lists the existing ones")
            }
            Self::MayBeComplete { job_id } => write!(
                f,
                "its sources are all bounded, and its run {job_id} is gone without a checkpoint since it was started: \
                 it may have come to its end; `allow NAME clean-start` starts it again"
            ),
            Self::NoSavepoint { message } => write!(f, "no savepoint could be taken, it runs on: {message}"),
            Self::StaysInPassing => f.write_str("it is stuck in a transitional state"),
        }
    }
}
