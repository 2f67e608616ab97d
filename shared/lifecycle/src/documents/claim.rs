//! The claim: who works on an operation, what was done so far, the verdict, closed or not.
//! Must not know how it is stored; only its holder and the orchestrator that closes it change it.

use serde::{Deserialize, Serialize};

use crate::documents::outcome::{Compiled, Outcome, RunStarted};
use crate::documents::plan::LeftStop;
use crate::documents::{Document, Rest};
use crate::flink::Epoch;
use crate::ids::{JobId, Nonce, OperationId};
use crate::owed::Cause;
use crate::state::{StateLocation, beside};

/// The format of claims that this version writes.
pub const FORMAT: u32 = 2;

/// A stop with savepoint that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StopNote {
    /// The run that is stopped.
    pub run: JobId,
    /// Which attempt this is; rises only after the failure of the one before was read.
    pub n: u32,
    /// The savepoint, once it is known.
    pub savepoint: Option<String>,
    /// The stop of an operation before, which is awaited under its own trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftStop>,
}

/// A savepoint without a stop that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SavepointNote {
    pub run: JobId,
    /// Which attempt this is; rises only after the failure of the one before was read.
    pub n: u32,
}

/// A start that was or will be submitted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StartNote {
    /// The Flink job id it is submitted under.
    pub job_id: JobId,
    /// The state it starts from.
    pub restore: Option<String>,
    /// The life of the JobManager that it is given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// What Flink told of it as it compiled it.
    #[serde(default)]
    pub compiled: Compiled,
}

/// The newest checkpoint of a live run, as Flink told it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewestNote {
    pub run: JobId,
    /// Where it lies: nowhere else is it written where a run that we did not start keeps its states.
    pub path: String,
}

/// How far a savepoint is that is being written, for people: nothing is decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Saving {
    /// How many tasks have written their part.
    pub done: u64,
    /// How many tasks write one.
    pub of: u64,
    /// How many bytes were written so far.
    pub bytes: u64,
}

/// The one point of decision of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The new state is accepted; what settling needs.
    Commit(Outcome),
    /// The new run is given up; the previous manifest comes back.
    RollBack {
        /// Why, for people.
        reason: String,
        /// The same, typed.
        #[serde(default, skip_serializing_if = "Cause::is_default")]
        cause: Cause,
    },
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notes {
    /// The stop with savepoint.
    pub stop: Option<StopNote>,
    /// A run that is being cancelled.
    pub cancel: Option<JobId>,
    /// The savepoint that is taken while the job runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<SavepointNote>,
    /// The start of the new run.
    pub start: Option<StartNote>,
    /// The start of the rollback run.
    pub rollback: Option<StartNote>,
    /// Whether a checkpoint of the job was seen, in whatever look: then it never starts from its own starting point.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpointed: bool,
    /// Whether what is deployed was seen to have come to its end by itself: no rollback starts it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// The newest checkpoint of the deployed run, as the last look told that found it alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<NewestNote>,
    /// Flink's words about the last stop of a healthy run whose savepoint failed, unless a later one succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_savepoint: Option<String>,
}

impl Notes {
    /// Where the states of the deployed run lie, as Flink told.
    pub fn told_places(&self) -> impl Iterator<Item = StateLocation> {
        self.newest.iter().map(|newest| beside(&newest.path))
    }

    /// The run that was ended, or was to be.
    pub fn ended_run(&self) -> Option<JobId> {
        self.stop.as_ref().map(|note| note.run).or(self.cancel)
    }

    /// Flink's words about a savepoint that failed, where the operation went on without it.
    pub fn went_on_without_savepoint(&self) -> Option<&str> {
        self.no_savepoint.as_deref().filter(|_| self.cancel.is_some() || self.start.is_some())
    }

    /// Whether nothing was begun.
    pub fn is_untouched(&self) -> bool {
        self.stop.is_none() && self.cancel.is_none() && self.start.is_none() && self.rollback.is_none()
    }
}

/// The document per operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The format of this document.
    pub format: u32,
    /// Rises with every write.
    pub revision: u64,
    /// Of the last write.
    pub nonce: Nonce,
    pub operation: OperationId,
    /// The runner that holds it.
    pub holder: Nonce,
    /// How long the holder may act after a write, in milliseconds.
    pub lease_ms: u64,
    /// Nobody takes over a closed claim.
    pub closed: bool,
    /// What was done so far.
    pub notes: Notes,
    /// How far the savepoint of the stop is, as it was when the lease was renewed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saving: Option<Saving>,
    /// The verdict, once made: never changed after.
    pub verdict: Option<Verdict>,
    /// What came of the operation, set as its runner closes the claim: the result says the same.
    pub outcome: Option<Outcome>,
    /// What a newer version noted beside all this.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Document for Claim {
    const FORMAT: u32 = FORMAT;
}

impl Claim {
    /// A fresh claim of `holder`.
    pub fn fresh(operation: OperationId, holder: Nonce, lease_ms: u64) -> Self {
        Self {
            format: FORMAT,
            revision: 0,
            nonce: holder,
            operation,
            holder,
            lease_ms,
            closed: false,
            notes: Notes::default(),
            saving: None,
            verdict: None,
            outcome: None,
            rest: Rest::default(),
        }
    }

    /// What is known of an operation that ended without a result, from its closed claim.
    pub fn outcome_without_result(&self) -> Abandoned {
        if let Some(outcome) = &self.outcome {
            return Abandoned::Known(outcome.clone());
        }
        match &self.verdict {
            Some(Verdict::Commit(outcome)) => Abandoned::Known(outcome.clone()),
            Some(Verdict::RollBack { reason, cause }) => {
                Abandoned::RolledBack { reason: reason.clone(), cause: *cause, runs: self.started() }
            }
            None => Abandoned::Undecided { runs: self.started() },
        }
    }

    /// The runs that were started, or were about to be.
    pub fn started(&self) -> Vec<RunStarted> {
        let start = |note: &StartNote| RunStarted {
            job_id: note.job_id,
            restored_from: note.restore.clone(),
            epoch: note.epoch.clone(),
            compiled: note.compiled,
        };
        self.notes.start.iter().chain(&self.notes.rollback).map(start).collect()
    }
}

/// How an operation without a result is settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Abandoned {
    /// The claim tells what came of it: as good as a result.
    Known(Outcome),
    /// Its verdict was to roll back: the previous manifest, not running.
    RolledBack {
        reason: String,
        /// The same, typed.
        cause: Cause,
        /// Runs that may live.
        runs: Vec<RunStarted>,
    },
    /// It ended before its verdict.
    Undecided {
        /// Runs that may live.
        runs: Vec<RunStarted>,
    },
}
