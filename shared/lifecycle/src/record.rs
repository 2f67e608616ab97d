//! The record: the one mutable document per job.
//! Must not know how it is stored, nor decide what happens next.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Change, Kind};
use crate::execute::RefusalKind;
use crate::ids::{BatchId, Digest, JobId, Nonce, OperationId, rollback_id, run_id};
use crate::manifest::{JobName, Meta};
use crate::plan::{KnownRun, Plan};
use crate::target::Target;

/// The format of records that this version writes.
pub const FORMAT: u32 = 1;
/// How many operations the record remembers.
const HISTORY: usize = 50;

/// Where the desired manifests of a job come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Uploaded under `queries/`.
    #[default]
    Queries,
    /// A folder on the primary node (`DISPATCH=process`).
    Process,
}

/// Whether the deployed manifest runs, as far as was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It runs.
    Running,
    /// It should run, but no run of it is live.
    NotRunning,
    /// It was removed: stopped, its state kept.
    Stopped,
    /// It was bounded and is done.
    Complete,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::NotRunning => "not running",
            Self::Stopped => "stopped",
            Self::Complete => "complete",
        })
    }
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deployed {
    /// The target, in full.
    pub target: Target,
    /// Version, id and creation of its query.
    pub meta: Meta,
    /// Whether it runs.
    pub status: Status,
    /// Its runs since the restore point, the newest last.
    pub runs: Vec<KnownRun>,
    /// The state that the first of these runs was restored from.
    pub restore_point: Option<String>,
    /// Whether a checkpoint of these runs was ever seen.
    pub checkpointed: bool,
    /// Since when it is deployed.
    pub since: Timestamp,
}

impl Deployed {
    /// The newest run.
    pub fn run(&self) -> Option<JobId> {
        self.runs.last().map(|run| run.job_id)
    }
}

/// The operation under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenOperation {
    /// Its plan, in full: what a lost document is written again from.
    pub plan: Plan,
    /// The target it applies; nothing for a removal.
    pub target: Option<Target>,
    /// The version, id and creation its query gets.
    pub meta: Option<Meta>,
    /// The batch it was put in.
    pub batch: BatchId,
    /// How often it was sent.
    pub sent: u32,
}

/// A target that failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trouble {
    /// The target.
    pub target: Digest,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; nothing if not at all.
    pub next: Option<Timestamp>,
    /// Why it failed, for people.
    pub error: String,
}

/// How the desired files were last judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// The versions of the desired files that were judged.
    pub etags: Vec<String>,
    /// The change; nothing if the file was refused.
    pub change: Option<Kind>,
    /// Why this was done, or why nothing was.
    pub reason: String,
    /// The operation, if one was ordered.
    pub operation: Option<OperationId>,
    /// Who or what asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What an operator allowed, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Take over a foreign run.
    Adopt,
    /// Start clean where no state is left.
    CleanStart,
    /// Remove although the guard holds.
    Remove,
}

/// A permission with who gave it and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allow {
    /// What is allowed.
    pub permission: Permission,
    /// The run to adopt, if several carry the name.
    pub run: Option<JobId>,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// One settled operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The operation.
    pub operation: OperationId,
    /// When it was settled.
    pub at: Timestamp,
    /// The version it was about.
    pub version: u32,
    /// What had changed.
    pub change: Kind,
    /// The state that was restored.
    pub from: Option<String>,
    /// What came of it, in a word.
    pub outcome: String,
    /// What came of it, for people.
    pub detail: String,
    /// What kind of refusal it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalKind>,
    /// Who or what asked for it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// The one mutable document per job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The format of this document.
    pub format: u32,
    /// Rises with every write.
    pub revision: u64,
    /// Of the last write.
    pub nonce: Nonce,
    /// The job.
    pub name: JobName,
    /// Where its desired manifest comes from.
    pub source: Source,
    /// The highest version ever given out, failed attempts included.
    pub highest_version: u32,
    /// What is deployed.
    pub deployed: Option<Deployed>,
    /// The operation under way.
    pub open: Option<OpenOperation>,
    /// The target that failed last.
    pub trouble: Option<Trouble>,
    /// The target that failed before it: a desired one and the deployed one can be in trouble at the same time.
    pub other_trouble: Option<Trouble>,
    /// Runs of operations that ended without a result.
    pub orphans: Vec<KnownRun>,
    /// Whether the last operation ended without a result: the next decision sends one in any case.
    pub unsettled: bool,
    /// How the desired files were last judged.
    pub decision: Option<Decision>,
    /// What an operator allowed.
    pub allows: Vec<Allow>,
    /// Settled operations, the newest last.
    pub history: Vec<Entry>,
}

impl Record {
    /// The first record of a job.
    pub fn fresh(name: JobName, nonce: Nonce, source: Source) -> Self {
        Self {
            format: FORMAT,
            revision: 0,
            nonce,
            name,
            source,
            highest_version: 0,
            deployed: None,
            open: None,
            trouble: None,
            other_trouble: None,
            orphans: Vec::new(),
            unsettled: false,
            decision: None,
            allows: Vec::new(),
            history: Vec::new(),
        }
    }

    /// The same record as the next revision of a writer.
    #[must_use]
    pub fn revised(mut self, nonce: Nonce) -> Self {
        self.revision += 1;
        self.nonce = nonce;
        self
    }

    /// Remembers a settled operation.
    pub fn remember(&mut self, entry: Entry) {
        self.history.push(entry);
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// The trouble of `target`, if it is in any.
    pub fn trouble_of(&self, target: &Digest) -> Option<&Trouble> {
        self.trouble.iter().chain(&self.other_trouble).find(|trouble| trouble.target == *target)
    }

    /// Notes a trouble; the last one of another target is kept beside it.
    pub fn note_trouble(&mut self, trouble: Trouble) {
        match self.trouble.take() {
            Some(last) if last.target != trouble.target => self.other_trouble = Some(last),
            Some(_) | None => {}
        }
        self.trouble = Some(trouble);
    }

    /// Forgets the trouble of `target`, never that of another.
    pub fn forget_trouble(&mut self, target: &Digest) {
        let others = |trouble: &Trouble| trouble.target != *target;
        let last = self.trouble.take().filter(others);
        let other = self.other_trouble.take().filter(others);
        (self.trouble, self.other_trouble) = if last.is_some() { (last, other) } else { (other, None) };
    }

    /// Forgets every trouble.
    pub fn forget_troubles(&mut self) {
        self.trouble = None;
        self.other_trouble = None;
    }

    /// The run that should be live now.
    pub fn expected_run(&self) -> Option<JobId> {
        let deployed = self.deployed.as_ref()?;
        match deployed.status {
            Status::Running => deployed.run(),
            Status::NotRunning | Status::Stopped | Status::Complete => None,
        }
    }

    /// Whether what is deployed should run and is known not to: nothing of it runs, or it is being brought back.
    pub fn is_down(&self) -> bool {
        let restarting = self.open.as_ref().is_some_and(|open| open.plan.is_restart());
        self.deployed.as_ref().is_some_and(|deployed| match deployed.status {
            Status::NotRunning => true,
            Status::Running => restarting,
            Status::Stopped | Status::Complete => false,
        })
    }

    /// Whether a Flink job is one of this job's runs: deployed, left behind, or of an operation open or remembered.
    pub fn knows_run(&self, run: JobId) -> bool {
        // A run of the Python tool is ours under any id until it was seen.
        if self.deployed.as_ref().is_some_and(|d| d.runs.is_empty() && d.status == Status::Running) {
            return true;
        }
        let deployed = self.deployed.iter().flat_map(|deployed| &deployed.runs);
        let open = self.open.iter().flat_map(|open| open.plan.known_runs());
        let operations = self.open.iter().map(|open| open.plan.operation);
        let mut operations = operations.chain(self.history.iter().map(|entry| entry.operation));
        deployed.chain(&self.orphans).chain(open).any(|known| known.job_id == run)
            || operations.any(|operation| run == run_id(operation) || run == rollback_id(operation))
    }

    /// Whether bringing the job to `target` would start it clean although its manifest computes what it did.
    pub fn starts_over_by_configuration(&self, target: &Target) -> bool {
        let deployed = self.deployed.as_ref().filter(|deployed| match deployed.status {
            Status::Running | Status::NotRunning => true,
            Status::Stopped | Status::Complete => false,
        });
        let before = deployed.map(|deployed| &deployed.target);
        before.is_some_and(|before| Change::between(before, target).starts_over_by_configuration())
    }

    /// Whether `permission` was given and not used yet.
    pub fn allows(&self, permission: Permission) -> bool {
        self.allows.iter().any(|allow| allow.permission == permission)
    }
}
