//! The runner's protocol machine for one operation: `step(plan, state, input) -> (state, effect)`.
//! Must not know I/O, clocks or randomness: the shell carries out each effect and answers with an input.

mod machine;
mod observe;

use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Verdict};
use crate::decision::Why;
use crate::flink::JobSeen;
use crate::ids::{JobId, TriggerId};
use crate::state::{Place, StateRef};

pub use machine::step;
pub use observe::{Observation, observe};

/// Why a job does not compile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rejection {
    /// What was rejected: `table-definition`, `query`, `insert`, `code`, `configuration`, `other`.
    pub kind: String,
    /// The statement's file and line, if it is a table definition.
    pub origin: Option<String>,
    /// Flink's own words, without its stack.
    pub message: String,
    /// The line in the rejected text.
    pub line: Option<u32>,
    /// The column in it.
    pub column: Option<u32>,
}

/// A run that an operation started.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunStarted {
    /// Its Flink job id.
    pub job_id: JobId,
    /// The state it was restored from.
    pub restored_from: Option<String>,
}

/// Which of the two launches of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The new one.
    Next,
    /// The deployed one.
    Previous,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The target runs.
    Deployed {
        /// Its run.
        run: RunStarted,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
        /// Alive but not stable, and nothing to roll back to.
        unhealthy: Option<String>,
        /// Whether a checkpoint of the run was seen.
        checkpointed: bool,
    },
    /// The target ran to its end: it was bounded.
    Completed {
        /// Its run.
        run: RunStarted,
    },
    /// Nothing had to be done.
    Left {
        /// Why.
        why: Why,
        /// The run that is live, if one is.
        run: Option<JobId>,
    },
    /// The job was stopped because it is not desired any more.
    Removed {
        /// The savepoint that was taken, if one was possible.
        savepoint: Option<String>,
    },
    /// The target failed and the previous manifest runs again.
    RolledBack {
        /// Why the target was given up.
        reason: String,
        /// The run of the previous manifest.
        run: RunStarted,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
    },
    /// The target was given up; what ran before is as it was.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The target failed, and nothing of the job runs now.
    Failed {
        /// Why.
        reason: String,
        /// The savepoint that was taken on the way.
        savepoint: Option<String>,
    },
}

/// Why an operation touched nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Refusal {
    /// The target does not compile.
    DoesNotCompile {
        /// Why.
        rejection: Rejection,
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
    },
    /// No state of the lineage was found, and a clean start is not ordered.
    NoState,
    /// The running job could not be stopped with a savepoint; it runs on.
    NoSavepoint {
        /// Flink's own words.
        message: String,
    },
    /// The job stayed in a state that should pass.
    StaysInPassing,
}

/// What the node knows of one job after a look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobLook {
    /// The jobs with a known id or the job's name.
    pub jobs: Vec<JobSeen>,
    /// For each of them that is FINISHED: the savepoint it ended with, or nothing if it came to its end.
    pub ended_with: Vec<(JobId, Option<String>)>,
}

impl JobLook {
    /// The job with this id.
    pub fn job(&self, id: JobId) -> Option<&JobSeen> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// The job with this id, if it is not at its end.
    pub fn live(&self, id: JobId) -> Option<&JobSeen> {
        self.job(id).filter(|job| !job.state.is_terminal())
    }
}

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
    Prepare(Role),
    /// Set slots aside; `freed` come free by this operation's own stop.
    Reserve {
        /// What the launch needs.
        needed: u32,
        /// What this operation's own stop gives back.
        freed: u32,
    },
    /// Stop a run with a savepoint and wait for the end.
    Stop {
        /// The run.
        run: JobId,
        /// The trigger.
        trigger: TriggerId,
        /// Where the savepoint goes.
        directory: String,
    },
    /// Cancel a run and wait until it is at its end.
    Cancel(JobId),
    /// The newest complete state in these places.
    FindState(Vec<Place>),
    /// Start a prepared launch.
    Submit {
        /// Which launch.
        role: Role,
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
    /// Begin.
    Begin,
    /// The claim is ours.
    Claimed(Claim),
    /// The claim is another's, lost, or closed.
    NotOurs,
    /// The claim is written.
    Saved(Claim),
    /// What the look showed.
    Looked(JobLook),
    /// It compiles.
    Compiled,
    /// It does not.
    Rejected(Rejection),
    /// The slots are set aside.
    Reserved,
    /// There are not enough.
    Short {
        /// What is free.
        free: u32,
    },
    /// How the stop ended.
    Stopped(StopEnd),
    /// The cancelled run is at its end.
    Cancelled,
    /// The newest state.
    Found(Option<StateRef>),
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
    /// Came to its end: it was bounded.
    Complete,
}

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The claim as last written or read.
    pub claim: Option<Claim>,
    /// What it waits for.
    pub phase: Phase,
    /// Which launches are compiled in this process.
    pub compiled_next: bool,
    /// The same for the deployed launch.
    pub compiled_previous: bool,
    /// How often a passing state was seen.
    pub waits: u32,
}

impl State {
    /// The start of a pass.
    pub fn new() -> Self {
        Self { claim: None, phase: Phase::Begin, compiled_next: false, compiled_previous: false, waits: 0 }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// What the machine waits for, and what it does with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing yet.
    Begin,
    /// The claim.
    Claiming,
    /// A look.
    Looking,
    /// The compilation before anything is touched, then this.
    Preparing(Box<Intent>),
    /// The slots, then this.
    Reserving(Box<Intent>),
    /// The note of a stop, then the stop.
    NotingStop(Box<Intent>),
    /// The stop.
    Stopping(Box<Intent>),
    /// The savepoint of a stop whose answer is gone.
    SearchingSavepoint(Box<Intent>),
    /// The note of the savepoint.
    NotingSavepoint(Box<Intent>),
    /// The note of a cancel.
    NotingCancel(Box<Intent>),
    /// The cancel.
    Cancelling(Box<Intent>),
    /// The newest state.
    Searching(Box<Intent>),
    /// The compilation before a submission.
    Compiling(Box<Begin>),
    /// The note of a start.
    NotingStart(Box<Begin>),
    /// The submission.
    Submitting(Box<Begin>),
    /// The watched run.
    Watching(Box<Begin>),
    /// The newest state of a start whose outcome is unknown.
    SearchingOwn(Box<Begin>),
    /// The verdict.
    NotingVerdict(Verdict),
    /// The cancel of the failed run.
    EndingFailed(String),
    /// The newest state for the rollback.
    SearchingRollback(String),
    /// The closing of the claim with the outcome.
    Closing(Outcome),
    /// The result.
    Writing,
    /// Over.
    Done,
}

/// What is to be done with the live run and after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The run to end, and how.
    pub stop: Option<(JobId, crate::decision::Stop)>,
    /// The start after it; nothing for a removal.
    pub start: Option<crate::decision::From>,
    /// A savepoint that somebody else's stop left.
    pub left_savepoint: Option<String>,
}

/// A start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Begin {
    /// Which launch.
    pub role: Role,
    /// Its Flink job id.
    pub job_id: JobId,
    /// Its state.
    pub restore: Option<String>,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.origin, self.line, self.column) {
            (Some(origin), _, _) => write!(f, "{origin}: {}", self.message),
            (None, Some(line), Some(column)) => {
                write!(f, "{} line {line}, column {column}: {}", self.kind, self.message)
            }
            (None, _, _) => write!(f, "{}: {}", self.kind, self.message),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DoesNotCompile { rejection } => write!(f, "it does not compile: {rejection}"),
            Self::NoCapacity { needed, free } => write!(f, "it needs {needed} slots, {free} are free"),
            Self::ForeignJob { job_id } => {
                write!(f, "job {job_id} of the same name is not ours; `allow NAME adopt` takes it over")
            }
            Self::NoState => {
                f.write_str("no state of its lineage was found; `allow NAME clean-start` starts it without")
            }
            Self::NoSavepoint { message } => write!(f, "no savepoint could be taken, it runs on: {message}"),
            Self::StaysInPassing => f.write_str("it stays in a state that should pass"),
        }
    }
}
