//! The orchestrator's protocol machine for one job: `step(situation, state, input) -> (state, effect)`.
//! Must not know I/O, clocks or randomness: time and fresh ids come in with the situation.

mod decide;
mod following;
mod history;
mod hurried;
mod machine;
mod noted;
mod ordered;
mod owing;
mod settle;
mod suspending;

pub use decide::decide;
use desired::inputs::{Desired, UploadNote};
use desired::manifest::{JobManifest, Meta};
use desired::target::Target;
use desired::written::WrittenTexts;
pub use following::{Ends, Following, following};
pub use history::{detail as in_words, restored};
use jiff::Timestamp;
pub use machine::step;
pub use ordered::why_not;
pub use settle::{settle_abandoned, settle_result};

use crate::act::{ActTaken, OrderedAct};
use crate::alert_conditions::AlertCondition;
use crate::change::ChangeKind;
use crate::documents::claim::Claim;
use crate::documents::plan::{Plan, Windows};
use crate::documents::record::{OpenOperation, Record, Source, Status};
use crate::documents::result::OperationResult;
use crate::ids::{BatchId, JobId, Nonce, OperationId};
use crate::owed::{Circumstances, Patience};
use crate::reason::Reason;

/// A run that a look did not show alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lost {
    pub job_id: JobId,
    /// The revision of the record that expected it.
    pub revision: u64,
}

/// What a look showed of a run that is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Learned {
    pub job_id: JobId,
    /// Whether every task of it runs.
    pub healthy: bool,
    /// Whether it completed a checkpoint.
    pub checkpointed: bool,
}

/// Everything that a decision depends on beside the record and what is desired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    pub now: Timestamp,
    /// A fresh operation id.
    pub operation: OperationId,
    /// A fresh nonce.
    pub nonce: Nonce,
    /// The batch of this invocation.
    pub batch: BatchId,
    /// A fresh query id.
    pub query_id: String,
    /// The creation time that a new query gets, as its rows carry it.
    pub created: String,
    /// Who or what asks.
    pub by: String,
    /// The versions of the desired files.
    pub etags: Vec<String>,
    /// Where the texts of the desired manifest stand.
    pub written: Option<WrittenTexts>,
    /// What was said with the desired manifest.
    pub note: Option<UploadNote>,
    /// The version of the configuration that they were judged with.
    pub config: Option<String>,
    /// Where desired manifests come from.
    pub source: Source,
    /// The highest version that has state directories although no record knows it.
    pub version_floor: u32,
    /// How failed targets are tried again.
    pub patience: Patience,
    /// The time spans that plans get.
    pub windows: Windows,
    /// Whether the guard against many removals holds.
    pub removals_held: bool,
    /// Whether more jobs than allowed would start clean because of `config/`.
    pub clean_starts_held: bool,
    /// Whether open operations are asked after at the control plane.
    pub sweep: bool,
    /// A run that a look did not show alive.
    pub lost: Option<Lost>,
    /// Whether what waits for the environment is due at once.
    pub urgent: bool,
    /// What a look showed of the cluster.
    pub seen: Option<Circumstances>,
    /// What a look showed of the job's run.
    pub learned: Option<Learned>,
    /// What a person orders of the job.
    pub ordered: Option<OrderedAct>,
}

/// What the decision is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// Nothing is done.
    Nothing {
        /// The change that was found.
        change: Option<ChangeKind>,
        reason: Reason,
        /// Whether the desired target is recorded as deployed all the same (a description, a complete job's options).
        record_target: bool,
    },
    /// This operation is ordered.
    Operate(Box<OpenOperation>),
}

/// How far the step or command of a batch is, as the control plane tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dispatched {
    /// Nothing carries the batch's id.
    Never,
    /// It waits for its turn.
    Waiting,
    /// It runs.
    Running,
    /// It is over.
    Over,
}

/// What the shell is to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Read the record.
    ReadRecord,
    /// Read the deployed manifest: a job of the Python tool has one and no record.
    ReadDeployed,
    /// Read what is desired; after the record, never before.
    ReadDesired,
    /// Read the result of an operation.
    ReadResult(OperationId),
    /// Ask the control plane after a batch.
    AskDispatch(BatchId),
    /// Close the claim of an operation whose step or command is over: only where there is none or its lease has lapsed.
    CloseClaim(OperationId),
    /// Close the claim of an operation whose step or command runs on: only if its lease has lapsed, its runner hangs.
    CloseLapsedClaim(OperationId),
    /// Write the plan.
    WritePlan(Box<Plan>),
    /// Write the deployed manifest, or remove it.
    Project(Option<(Box<JobManifest>, Meta)>),
    /// Write the record by compare-and-swap on the one that was read.
    WriteRecord(Box<Record>),
    /// Put the operation into the batch of this invocation.
    Dispatch(Box<Plan>),
    Done(Box<Finding>),
}

/// A run that should be live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExpectedRun {
    pub job_id: JobId,
    /// The revision of the record that says so.
    pub revision: u64,
    /// Whether something is still to be done for the job.
    pub owed: bool,
    /// Whether a checkpoint of it was seen.
    pub checkpointed: bool,
}

impl ExpectedRun {
    /// The run that should be live by what the record says; nothing while an operation is open.
    pub fn of(record: &Record) -> Option<Self> {
        let settled = record.open.is_none().then_some(record)?;
        let checkpointed = settled.deployed.as_ref().is_some_and(|deployed| deployed.checkpointed);
        let owed = settled.owed.debts().next().is_some();
        Some(Self { job_id: settled.expected_run()?, revision: settled.revision, owed, checkpointed })
    }
}

/// What the machine found, for the answer and the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The change, if one was judged.
    pub change: Option<ChangeKind>,
    /// What was done, or why nothing was.
    pub reason: Reason,
    /// The plan, if one was ordered.
    pub plan: Option<Plan>,
    /// How what is deployed stands.
    pub status: Option<Status>,
    /// The run that should be live.
    pub expected: Option<ExpectedRun>,
    /// What people should know of about the job.
    pub conditions: Vec<AlertCondition>,
    /// The operation under way, and when it was planned.
    pub open: Option<(OperationId, Timestamp)>,
    /// Whether what is deployed should run and is known not to.
    pub down: bool,
    /// What would be decided after the operation under way, where nothing but a plan was asked for.
    pub following: Vec<Following>,
    /// What came of the act that a person ordered, if one did.
    pub act: Option<ActTaken>,
}

/// What the shell answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    Begin,
    Record(Option<Box<Record>>),
    /// The deployed manifest of the Python tool, as a target under today's table definitions.
    Deployed(Option<Box<(Target, Meta)>>),
    /// What is desired.
    Desired(Desired),
    Result(Option<Box<OperationResult>>),
    /// What the control plane says.
    Dispatched(Dispatched),
    /// The claim is closed now; nothing if there never was one.
    Closed(Option<Box<Claim>>),
    /// A live runner holds the claim.
    Held,
    Written,
    /// Somebody else wrote the record.
    Conflict,
}

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The record as read or last written.
    pub record: Option<Box<Record>>,
    /// What is desired, once read.
    pub desired: Option<Desired>,
    /// What it waits for.
    pub phase: JobPhase,
    /// How often the record was somebody else's.
    pub conflicts: u32,
    /// A record whose projection is written before it.
    pub draft: Option<Box<Record>>,
    /// The projection that a lost race may have spoilt.
    pub reproject: bool,
    /// Why nothing is done, while that is being recorded.
    pub reason: Option<Reason>,
    /// What comes of the act that a person orders, by this record.
    pub act: Option<ActTaken>,
}

impl State {
    pub fn new() -> Self {
        Self {
            record: None,
            desired: None,
            phase: JobPhase::Begin,
            conflicts: 0,
            draft: None,
            reproject: false,
            reason: None,
            act: None,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// What the machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobPhase {
    /// Nothing yet.
    Begin,
    Record,
    /// The deployed manifest of the Python tool.
    Deployed,
    /// What is desired.
    Desired,
    /// The result of the open operation.
    Result,
    /// What the control plane says of it.
    Dispatch,
    /// The closing of its claim.
    Closing,
    /// The projection before a settled record.
    Projecting,
    /// The settled record.
    Settling,
    Planning,
    /// The record of the open operation.
    Opening,
    /// The record of an operation that is sent once more.
    Resending,
    Dispatching,
    /// The record of a decision to do nothing.
    Recording,
    Done,
}
