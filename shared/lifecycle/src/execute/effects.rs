//! What the machine asks of the shell, and what the shell answers.
//! Must not know in which order.

use desired::launch::Rejection;
use serde::{Deserialize, Serialize};

use super::JobLook;
use crate::documents::claim::Claim;
use crate::documents::outcome::{Compiled, Outcome};
use crate::ids::{JobId, TriggerId};
use crate::state::{StateLocation, StateRef};

/// What the shell is to do next.
#[expect(clippy::large_enum_variant, reason = "one effect lives at a time, and most write the claim")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Create the claim, or take it over after its lease and the margin.
    TakeClaim,
    /// Write the claim by compare-and-swap: notes an intent and renews the lease.
    SaveClaim(Claim),
    /// One look at the cluster.
    Look,
    /// Wait a moment, then look again.
    LookAgain,
    /// Compile a launch without starting it.
    Prepare(RunRole),
    /// Set slots aside; `freed` come free by this operation's own stop.
    Reserve {
        /// What the launch needs.
        needed: u32,
        /// What this operation's own stop gives back.
        freed: u32,
    },
    /// Stop a run with a savepoint and wait for the end.
    Stop {
        run: JobId,
        trigger: TriggerId,
        /// Where the savepoint goes.
        directory: String,
    },
    /// Take a savepoint of a run that goes on, and wait for it.
    Savepoint {
        run: JobId,
        trigger: TriggerId,
        /// Where the savepoint goes.
        directory: String,
    },
    /// Cancel a run and wait until it is at its end.
    Cancel(JobId),
    /// The newest complete state in these places.
    FindState(Vec<StateLocation>),
    /// Every complete state in these places, the newest first.
    ListStates(Vec<StateLocation>),
    /// Start a prepared launch.
    Submit {
        /// Which launch.
        role: RunRole,
        /// The Flink job id.
        job_id: JobId,
        /// The state to start from.
        restore: Option<String>,
    },
    /// Watch a run through startup and the stability window.
    Watch(JobId),
    /// Write the result.
    WriteResult(Outcome),
    /// The operation is over for this runner.
    Done(End),
}

/// Which of the two launches of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunRole {
    /// The new one.
    Next,
    /// The deployed one.
    Previous,
}

/// How a pass ended for this runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The result is written and the claim closed.
    Finished,
    /// Another runner has the operation, or it is closed.
    NotOurs,
    /// An outcome is unknown: the next pass looks again.
    Unknown,
}

/// What the shell answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    Begin,
    /// The claim is ours.
    Claimed(Claim),
    /// The claim is another's, lost, or closed.
    NotOurs,
    /// The claim is written.
    Saved(Claim),
    /// What the look showed.
    Looked(JobLook),
    /// There is no cluster to look at, or it cannot be told which one.
    NoCluster(String),
    /// It compiles.
    Compiled(Compiled),
    /// It does not.
    Rejected(Rejection),
    /// A secret that it refers to cannot be had: which one, and why.
    NoSecret(String),
    /// The node does not work: what does not, and which setting names it.
    NodeBroken(String),
    /// The slots are set aside.
    Reserved,
    /// There are not enough.
    Short {
        /// What is free.
        free: u32,
    },
    /// How the stop, or the savepoint without one, ended.
    Stopped(StopEnd),
    /// The cancelled run is at its end.
    Cancelled,
    /// The newest state.
    Found(Option<StateRef>),
    /// Every complete state, the newest first.
    Listed(Vec<StateRef>),
    /// How the submission ended.
    Submitted(SubmitEnd),
    /// How the watched run did.
    Watched(Health),
    /// The result is written.
    Written,
    /// No answer to rely on within the limits.
    Unknown,
}

/// How a stop with savepoint ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StopEnd {
    /// With a savepoint.
    Savepoint(String),
    /// The run is at its end, or the JobManager does not know it: its savepoint, if any, lies in the directory.
    Gone,
    /// No savepoint is possible: not all tasks run.
    NotRunning,
    /// It failed; the job runs on.
    Failed(String),
}

/// How a submission ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubmitEnd {
    /// Accepted, or refused as a duplicate: this id is known now, look at it.
    Known,
    /// Nothing runs under this id.
    Rejected(String),
}

/// How a watched run did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// Stable through the window.
    Stable {
        /// Whether it completed a checkpoint.
        checkpointed: bool,
    },
    /// Alive, but not stable.
    Unstable(String),
    /// At its end by a failure or a cancel.
    Ended(String),
    /// It never got the slots for its tasks.
    NoSlots {
        /// What was seen.
        reason: String,
        /// Whether it still waits for them.
        alive: bool,
    },
    /// Came to its end: it was bounded.
    Complete,
}
