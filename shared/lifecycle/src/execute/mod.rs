//! The runner's protocol machine for one operation: `step(plan, state, input) -> (state, effect)`.
//! Must not know I/O, clocks or randomness: the shell carries out each effect and answers with an input.

mod checkpoint_instead;
mod effects;
mod machine;
mod observe;
mod resume;
mod rollback;
mod saving;
mod starting;
mod stopping;
mod suspending;
mod transition;

pub use effects::{Effect, End, Health, Input, RunRole, StopEnd, SubmitEnd};
use jiff::Timestamp;
pub use machine::step;
pub use observe::{JobLook, Observation, candidates, observe};

use crate::documents::claim::{Claim, Verdict};
use crate::documents::outcome::{Compiled, Outcome};
use crate::flink::Epoch;
use crate::ids::JobId;

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The claim as last written or read.
    pub claim: Option<Claim>,
    /// Whose jobs were looked at.
    pub epoch: Option<Epoch>,
    /// When they were.
    pub looked: Option<Timestamp>,
    /// What it waits for.
    pub phase: OperationPhase,
    /// What Flink told of the new launch, once it was compiled in this process.
    pub compiled_next: Option<Compiled>,
    /// The same for the deployed launch.
    pub compiled_previous: Option<Compiled>,
    /// How often a passing state was seen.
    pub waits: u32,
}

impl State {
    /// The start of a pass.
    pub fn new() -> Self {
        Self {
            claim: None,
            epoch: None,
            looked: None,
            phase: OperationPhase::Begin,
            compiled_next: None,
            compiled_previous: None,
            waits: 0,
        }
    }

    /// Whose jobs were looked at, and when.
    pub(crate) fn seen(&self) -> Option<(&Epoch, Timestamp)> {
        self.epoch.as_ref().zip(self.looked)
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// What the machine waits for, and what it does with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OperationPhase {
    /// Nothing yet.
    Begin,
    Claiming,
    Looking,
    /// The state that was ordered, before anything is touched, then this.
    CheckingState(Box<Intent>),
    /// The note of a savepoint without a stop, then the savepoint.
    NotingSave(JobId),
    Saving(JobId),
    /// The compilation before anything is touched, then this.
    Preparing(Box<Intent>),
    /// The slots, then this.
    Reserving(Box<Intent>),
    /// The note of a stop, then the stop.
    NotingStop(Box<Intent>),
    Stopping(Box<Intent>),
    /// The savepoint of a stop whose answer is gone.
    SearchingSavepoint(Box<Intent>),
    /// A look at a run that was gone before its stop was done, and left no savepoint.
    LookingAtItsEnd(Box<Intent>),
    /// A look at a run whose savepoint failed, with Flink's words about the last try.
    LookingForCheckpoint(Box<Intent>, String),
    /// The note of the savepoint.
    NotingSavepoint(Box<Intent>),
    /// The note of a cancel.
    NotingCancel(Box<Intent>),
    Cancelling(Box<Intent>),
    /// The newest state.
    Searching(Box<Intent>),
    /// The states that may be another job's.
    Listing(Box<Intent>),
    /// The compilation before a submission.
    Compiling(Box<Begin>),
    /// The note of a start.
    NotingStart(Box<Begin>),
    Submitting(Box<Begin>),
    /// The watched run.
    Watching(Box<Begin>),
    /// The newest state of a start whose outcome is unknown.
    SearchingOwn(Box<Begin>),
    NotingVerdict(Verdict),
    /// The cancel of the failed run.
    EndingFailed(String),
    /// The newest state for the rollback.
    SearchingRollback(String),
    /// The closing of the claim with the outcome.
    Closing(Outcome),
    Writing,
    Done,
}

/// What is to be done with the live run and after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The run to end, and how.
    pub stop: Option<(JobId, crate::decision::Stop)>,
    /// The start after it; nothing for a removal.
    pub start: Option<crate::decision::StartFrom>,
    /// How what is deployed ended before.
    pub ended: Ending,
}

/// How the newest run of what is deployed ended before this operation touched anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It is live, or nobody saw its end.
    NotSeen,
    /// It was bounded and is done.
    Complete(JobId),
    /// Somebody stopped it, and left this savepoint.
    Savepoint(JobId, String),
}

impl Ending {
    /// The savepoint that somebody else's stop left.
    pub fn savepoint(&self) -> Option<&str> {
        match self {
            Self::Savepoint(_, path) => Some(path),
            Self::NotSeen | Self::Complete(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Begin {
    /// Which launch.
    pub role: RunRole,
    /// Its Flink job id.
    pub job_id: JobId,
    pub restore: Option<String>,
}
