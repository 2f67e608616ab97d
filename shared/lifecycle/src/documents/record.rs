//! The record: the one mutable document per job.
//! Must not know how it is stored, nor decide what happens next.

mod entry;
mod history;
mod standing;
mod stored;

use std::fmt;

use desired::manifest::{JobName, Meta};
use desired::target::Target;
pub use entry::{Entry, SameTries, Turned};
pub use history::failed_savepoint;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use standing::Status;

use crate::act::{OrderedAct, SupersededAct};
use crate::asked_by::AskedBy;
use crate::change::{Change, ChangeKind};
use crate::documents::plan::{KnownRun, LeftStop, Plan};
use crate::documents::suspension::Suspension;
use crate::documents::{Document, Rest};
use crate::forgetting::Forgotten;
use crate::ids::{BatchId, JobId, Nonce, OperationId};
use crate::noted::NotedOrder;
use crate::owed::Owed;
use crate::permission::{Allow, AllowedFor};

/// The format of records that this version writes.
pub const FORMAT: u32 = 2;
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

/// What the deployed manifest is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// It is to run; whether it does is what looks tell, and what is owed.
    Run,
    /// It was removed, or is suspended: stopped, its state kept.
    Stopped,
    /// It was bounded and is done.
    Complete,
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deployed {
    /// The target, in full.
    pub target: Target,
    /// Version, id and creation of its query.
    pub meta: Meta,
    /// What it is to do.
    pub aim: Aim,
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
    /// When it was sent the last time; nothing if it was sent only once, right after it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

impl OpenOperation {
    /// When its batch was sent last: only from then on can lists show it, and a runner take it.
    pub fn last_sent(&self) -> Timestamp {
        self.sent_at.unwrap_or(self.plan.at)
    }

    /// Whether it suspends or resumes the job of this record, which it is the open operation of.
    pub fn turns(&self, record: &Record) -> Option<Turned> {
        let resumes = record.suspended.is_some() && self.plan.next.is_some() && self.plan.ordered.is_none();
        match (self.plan.suspends, resumes) {
            (true, _) => Some(Turned::Suspend),
            (false, true) => Some(Turned::Resume),
            (false, false) => None,
        }
    }

    /// Whether its version was given out for it.
    pub fn gives_out_a_version(&self) -> bool {
        match self.plan.change.kind {
            ChangeKind::New | ChangeKind::Query => true,
            ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Removed => false,
        }
    }
}

/// How the desired files were last judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// The versions of the desired files that were judged.
    pub etags: Vec<String>,
    /// The version of the configuration that they were judged with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The change; nothing if the file was refused.
    pub change: Option<ChangeKind>,
    /// Why this was done, or why nothing was.
    pub reason: String,
    /// The operation, if one was ordered.
    pub operation: Option<OperationId>,
    /// What holds it back until it is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<AllowedFor>,
    /// Who or what asked.
    pub by: String,
    pub at: Timestamp,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The target runs.
    Deployed,
    /// It is alive, but not stable, and there is nothing to roll back to.
    Unhealthy,
    /// It was bounded and ran to its end.
    Completed,
    /// Nothing had to be done.
    Left,
    /// It was stopped and removed.
    Removed,
    /// It is in order, and nothing of it runs, as its file says.
    Suspended,
    /// The target failed, the previous manifest runs again.
    RolledBack,
    /// Nothing was touched.
    Refused,
    /// The target failed, and nothing of the job runs.
    Failed,
    /// It was closed without a result.
    Abandoned,
}

impl Ended {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Unhealthy => "unhealthy",
            Self::Completed => "completed",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Suspended => "suspended",
            Self::RolledBack => "rolled-back",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one mutable document per job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "stored::Stored")]
pub struct Record {
    /// The format of this document.
    pub format: u32,
    /// Rises with every write.
    pub revision: u64,
    /// Of the last write.
    pub nonce: Nonce,
    pub name: JobName,
    /// Where its desired manifest comes from.
    pub source: Source,
    /// The highest version ever given out, failed attempts included.
    pub highest_version: u32,
    /// What is deployed.
    pub deployed: Option<Deployed>,
    /// That nothing of it runs, as its file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// The operation under way.
    pub open: Option<OpenOperation>,
    /// What is still to be done.
    pub owed: Owed,
    /// Who asked for the target that is owed, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<AskedBy>,
    /// Runs of operations that ended without a result.
    pub orphans: Vec<KnownRun>,
    /// Stops of operations that ended without a result, the newest last.
    pub stops: Vec<LeftStop>,
    /// How the desired files were last judged.
    pub decision: Option<Decision>,
    /// What an operator allowed.
    pub allows: Vec<Allow>,
    /// What a person ordered and is still to be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<OrderedAct>,
    /// What a person ordered and will not be carried out, as something else came before it, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<SupersededAct>,
    /// What a person ordered and was noted here, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<NotedOrder>,
    /// That the name was forgotten, and no file of it was there since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Forgotten>,
    /// Settled operations, the newest last.
    pub history: Vec<Entry>,
    /// What a newer version noted beside all this.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Document for Record {
    const FORMAT: u32 = FORMAT;
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
            suspended: None,
            open: None,
            owed: Owed::default(),
            asked_by: None,
            orphans: Vec::new(),
            stops: Vec::new(),
            decision: None,
            allows: Vec::new(),
            ordered: None,
            superseded: Vec::new(),
            noted: Vec::new(),
            forgotten: None,
            history: Vec::new(),
            rest: Rest::default(),
        }
    }

    /// The same record as the next revision of a writer.
    #[must_use]
    pub fn revised(mut self, nonce: Nonce) -> Self {
        self.revision += 1;
        self.nonce = nonce;
        self
    }

    /// The run that is live, if the job is as it should be.
    pub fn expected_run(&self) -> Option<JobId> {
        let deployed = self.deployed.as_ref()?;
        match deployed.aim {
            Aim::Run => deployed.run(),
            Aim::Stopped | Aim::Complete => None,
        }
    }

    /// Whether nothing was ever decided about the job, or nothing of that counts.
    pub fn is_untouched(&self) -> bool {
        let never = self.history.is_empty() || self.forgotten.is_some();
        self.deployed.is_none() && self.open.is_none() && self.decision.is_none() && never
    }

    /// Whether a Flink job is one of this job's runs: deployed, left behind, or of an operation open or remembered.
    pub fn knows_run(&self, run: JobId) -> bool {
        // A run of the Python tool is ours under any id until it was seen.
        if self.deployed.as_ref().is_some_and(|d| d.runs.is_empty() && d.aim == Aim::Run) {
            return true;
        }
        let deployed = self.deployed.iter().flat_map(|deployed| &deployed.runs);
        let open = self.open.iter().flat_map(|open| open.plan.known_runs());
        let operations = self.open.iter().map(|open| open.plan.operation);
        let mut operations = operations.chain(self.history.iter().map(|entry| entry.operation));
        deployed.chain(&self.orphans).chain(open).any(|known| known.job_id == run)
            || operations.any(|operation| operation.starts(run))
    }

    /// Whether bringing the job to `target` would start it clean although its manifest computes what it did.
    pub fn starts_over_by_configuration(&self, target: &Target) -> bool {
        let deployed = self.deployed.as_ref().filter(|deployed| match deployed.aim {
            Aim::Run => true,
            Aim::Stopped | Aim::Complete => false,
        });
        let before = deployed.map(|deployed| &deployed.target);
        before.is_some_and(|before| Change::between(before, target).starts_over_by_configuration())
    }
}

#[cfg(test)]
mod tests {
    use desired::effective::OptionDifference;

    use super::*;
    use crate::documents::write;

    #[test]
    fn a_record_stays_small_however_often_something_fails_and_with_however_many_words() {
        let name = JobName::try_from("orders").unwrap();
        let mut record = Record::fresh(name, Nonce::derived(&["n"]), Source::Queries);
        for n in 0..1000 {
            record.remember(Entry {
                operation: OperationId::derived(&[&n.to_string()]),
                at: Timestamp::UNIX_EPOCH,
                version: n,
                change: ChangeKind::Query,
                from: None,
                outcome: Ended::Refused,
                detail: "ä".repeat(100_000),
                refusal: None,
                by: "upload".to_owned(),
                why: "sql, ".repeat(10_000),
                act: None,
                acted: None,
                savepoint: None,
                batch: None,
                differences: vec![
                    OptionDifference {
                        option: "o".repeat(100),
                        asked: "a".repeat(10_000),
                        effective: "e".repeat(10_000)
                    };
                    100
                ],
                without_savepoint: false,
                untaken: None,
                tries: None,
                turned: None,
            });
            record.remember_failed_savepoint(Some(&"ä".repeat(10_000)));
        }
        assert_eq!(record.history.last().map(|entry| entry.version), Some(999));
        assert!(write(&record).len() < 128_000, "{}", write(&record).len());
    }
}
