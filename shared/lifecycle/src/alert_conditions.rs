//! What people must know of at once: conditions with their causes.
//! Must not know how anybody is told.

pub(crate) mod kind;

use desired::manifest::JobName;
use desired::printable::{count, cut};
pub use kind::AlertKind;
use serde::{Deserialize, Serialize};

use crate::common_cause::{in_common, of_debt, of_slots};
use crate::documents::record::{Ended, Entry, Record};
use crate::flink::{Epoch, Slots};
use crate::ids::{JobId, OperationId};
use crate::owed::{Cause, Debt, Purpose};

/// How much of a condition's detail is kept, in characters.
const DETAIL: usize = 300;

/// Something that people must know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlertCondition {
    pub kind: AlertKind,
    /// What it is about: a job, a Flink job, a JobManager.
    pub subject: String,
    /// What tells it from another one of the same kind and subject; empty where one is like the other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// What happened, in one line; of a run that fails, a second one for the root cause.
    pub detail: String,
    /// The operation that it came of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// The causes that it may have in common with conditions of other jobs: these are told of together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<String>,
    /// Who answers for the job, where it is about one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl AlertCondition {
    fn plain(kind: AlertKind, subject: String, detail: String) -> Self {
        Self { kind, subject, cause: String::new(), detail, operation: None, common: Vec::new(), owner: None }
    }

    /// A live Flink job that no record knows.
    pub fn stranger(run: JobId, name: &str) -> Self {
        Self::plain(AlertKind::Stranger, run.to_string(), first_line(&format!("named {name}")))
    }

    /// Jobs that went with their JobManager and are brought back under `epoch`.
    pub fn lost_cluster(epoch: &Epoch, jobs: &[JobName]) -> Self {
        let detail = format!("{} lost their JobManager and are restarted on this one", counted(jobs));
        Self::plain(AlertKind::LostCluster, epoch.to_string(), detail)
    }

    /// Deployed jobs without a file, more than may be removed at once.
    pub fn removals_held(jobs: &[JobName]) -> Self {
        let detail = format!("{} without a file", counted(jobs));
        Self::plain(AlertKind::RemovalsHeld, "removals".to_owned(), detail)
    }

    /// Jobs that would start clean because of `config/`, more than may at once.
    pub fn clean_starts_held(jobs: &[JobName]) -> Self {
        let detail = format!("{} would start clean", counted(jobs));
        Self::plain(AlertKind::CleanStartsHeld, "clean starts".to_owned(), detail)
    }

    /// A job of which an object cannot be read, with the cause and the way out.
    pub fn unreadable(job: &JobName, why: &str) -> Self {
        let common = vec![in_common(AlertKind::Unreadable, job, why)];
        Self { common, ..Self::plain(AlertKind::Unreadable, job.to_string(), first_line(why)) }
    }

    /// A run that is alive and does not fare well, with the newest failure that Flink tells and its root cause.
    pub(crate) fn of_run(kind: AlertKind, job: &JobName, told: &str, failure: Option<&str>) -> Self {
        let detail = failure.map_or_else(|| told.to_owned(), |failure| format!("{told}: {failure}"));
        // Jobs that only fail in the same place do not have one cause.
        let words = failure.map(|failure| failure.lines().collect::<Vec<_>>().join(", "));
        // Checkpoints that fail become none that complete: of one cause.
        let under = if kind == AlertKind::CheckpointsFail { AlertKind::NoCheckpoint } else { kind };
        let common = words.map(|words| in_common(under, job, &words)).into_iter().collect();
        let lines: Vec<String> = detail.lines().take(2).map(first_line).collect();
        Self { common, ..Self::plain(kind, job.to_string(), lines.join("\n")) }
    }

    /// Runs that are alive and find no slots, however that shows in each of them.
    pub(crate) fn runs_without_slots(jobs: &[JobName], slots: Option<Slots>) -> Self {
        let (find, restart) = if jobs.len() == 1 { ("finds", "restarts") } else { ("find", "restart") };
        let detail = format!("{} {find} no slots{} and {restart} again and again", counted(jobs), slots_told(slots));
        let (cause, common) = (OF_RUNS.to_owned(), vec![of_slots()]);
        Self { cause, common, ..Self::plain(AlertKind::NoCapacity, SLOTS.to_owned(), detail) }
    }

    /// Whether only a look at the runs tells whether it is over.
    pub(crate) fn is_of_runs(&self) -> bool {
        self.kind == AlertKind::NoCapacity && self.cause == OF_RUNS
    }

    /// Whether another condition of the same job is this one under another name: checkpoints that fail become none that
    /// complete.
    pub(crate) fn continues_as(&self, other: &Self) -> bool {
        self.kind != other.kind && self.common.iter().any(|cause| other.common.contains(cause))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.kind, &self.subject, &self.cause) == (other.kind, &other.subject, &other.cause)
    }
}

/// What the want of slots is about.
const SLOTS: &str = "slots";
/// What tells the want of slots that runs have from that of jobs which were not started for it.
const OF_RUNS: &str = "runs";

/// How many slots a look showed, for people.
pub(crate) fn slots_told(slots: Option<Slots>) -> String {
    slots.map(|slots| format!(" (the cluster has {}, {} of them free)", slots.total, slots.free)).unwrap_or_default()
}

/// How many jobs, and as many of their names as people read.
fn counted(jobs: &[JobName]) -> String {
    const NAMED: usize = 50;
    let names: Vec<&str> = jobs.iter().take(NAMED).map(JobName::as_str).collect();
    let more = jobs.len().saturating_sub(NAMED);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} ({}{rest})", count(jobs.len(), "job"), names.join(", "))
}

fn first_line(text: &str) -> String {
    cut(text.lines().next().unwrap_or_default(), DETAIL)
}

/// How many operations in a row may end without a result before people are alerted.
const TRIES_WITHOUT_ALERT: u32 = 2;

/// What people should know of about one job: what is owed, for as long as it is, and an order that came to nothing.
pub fn of_record(record: &Record) -> Vec<AlertCondition> {
    let found = record.owed.debts().filter_map(|(purpose, debt)| {
        // It was found gone and is brought back at once: there is nothing that failed yet.
        let kind = kind_of(debt).filter(|_| !(purpose == Purpose::KeepRunning && is_brought_back(debt)))?;
        // Another target is another cause; the same one that is tried again is not.
        let target = record.owed.apply.as_ref().filter(|_| purpose == Purpose::Apply);
        let cause = target.map_or_else(|| debt.cause.to_string(), |apply| apply.digest.to_string());
        let detail = format!("{}: {}", purpose.undone(debt.cause), debt.error);
        let operation = Some(debt.operation);
        let (subject, told) = (record.name.to_string(), first_line(&detail));
        let owner = record.owner().map(str::to_owned);
        let common = of_debt(kind, record, purpose, debt);
        let of_job = AlertCondition { kind, subject, cause, detail: told, operation, common, owner };
        // One cause, however many jobs it keeps from being deployed; the first one is told of.
        let shared = |subject: &str| {
            let detail = first_line(&format!("{} {detail}", record.name));
            AlertCondition { operation, ..AlertCondition::plain(kind, subject.to_owned(), detail) }
        };
        Some(match kind {
            AlertKind::NoCluster => shared("session"),
            AlertKind::NodeBroken => shared("node"),
            AlertKind::NoCapacity => {
                let words = in_common(kind, &record.name, &debt.error);
                AlertCondition { common: vec![words, of_slots()], ..shared(SLOTS) }
            }
            AlertKind::LostCluster
            | AlertKind::OperationFailed
            | AlertKind::Unhealthy
            | AlertKind::RemovalsHeld
            | AlertKind::CleanStartsHeld
            | AlertKind::EndNotProven
            | AlertKind::Stranger
            | AlertKind::CleanStartNeeded
            | AlertKind::Unreadable
            | AlertKind::RestartLoop
            | AlertKind::NoCheckpoint
            | AlertKind::CheckpointsFail => of_job,
        })
    });
    found.chain(of_order(record)).chain(of_savepoint(record)).collect()
}

/// What a person ordered last, if it was rolled back, failed or was refused and is not tried again: told until an
/// operation of the job succeeds.
fn of_order(record: &Record) -> Option<AlertCondition> {
    let mut since_success = record.history.iter().rev().take_while(|entry| !is_success(entry.outcome));
    // What no runner took says nothing of the order before it.
    let (entry, act) = since_success.find_map(|entry| Some((entry, entry.act.filter(|_| entry.untaken.is_none())?)))?;
    let waits = record.ordered.as_ref().is_some_and(|ordered| ordered.id == act);
    let ended = match entry.outcome {
        Ended::RolledBack | Ended::Refused => !waits,
        // That the job does not run is told as what is owed.
        Ended::Failed => !waits && record.owed.keep_running.is_none(),
        // It is told as what is owed, goes on, or succeeded.
        Ended::Unhealthy
        | Ended::Abandoned
        | Ended::Deployed
        | Ended::Completed
        | Ended::Left
        | Ended::Removed
        | Ended::Suspended => false,
    };
    let kind = AlertKind::OperationFailed;
    let detail = format!("not done, {}: {} ({})", entry.outcome, entry.detail, entry.why);
    ended.then(|| AlertCondition {
        kind,
        subject: record.name.to_string(),
        cause: format!("order {act}"),
        detail: first_line(&detail),
        operation: Some(entry.operation),
        common: vec![in_common(kind, &record.name, &entry.detail)],
        owner: record.owner().map(str::to_owned),
    })
}

/// The newest operation whose savepoint failed, so that the job goes on from a checkpoint: told until another one
/// succeeds with its own.
fn of_savepoint(record: &Record) -> Option<AlertCondition> {
    let kept = |entry: &&Entry| is_success(entry.outcome) && !entry.without_savepoint;
    let mut since_kept = record.history.iter().rev().take_while(|entry| !kept(entry));
    let entry = since_kept.find(|entry| entry.without_savepoint)?;
    let kind = AlertKind::OperationFailed;
    Some(AlertCondition {
        kind,
        subject: record.name.to_string(),
        cause: format!("savepoint of {}", entry.operation),
        detail: first_line(&format!("{}, {} ({})", entry.outcome, entry.detail, entry.why)),
        operation: Some(entry.operation),
        common: vec![in_common(kind, &record.name, &entry.detail)],
        owner: record.owner().map(str::to_owned),
    })
}

fn is_success(outcome: Ended) -> bool {
    match outcome {
        Ended::Deployed | Ended::Completed | Ended::Left | Ended::Removed | Ended::Suspended => true,
        Ended::Unhealthy | Ended::RolledBack | Ended::Refused | Ended::Failed | Ended::Abandoned => false,
    }
}

/// Whether a job was only found gone, and no try to bring it back ended since then.
fn is_brought_back(debt: &Debt) -> bool {
    debt.cause == Cause::DoesNotRun && debt.is_untried()
}

fn kind_of(debt: &Debt) -> Option<AlertKind> {
    match debt.cause {
        Cause::NoCluster => Some(AlertKind::NoCluster),
        Cause::EndNotProven => Some(AlertKind::EndNotProven),
        Cause::NodeBroken => Some(AlertKind::NodeBroken),
        Cause::NeverTaken => (debt.attempts >= TRIES_WITHOUT_ALERT).then_some(AlertKind::NodeBroken),
        Cause::NoResult => (debt.attempts > TRIES_WITHOUT_ALERT).then_some(AlertKind::OperationFailed),
        Cause::NoState | Cause::MayBeComplete => Some(AlertKind::CleanStartNeeded),
        Cause::NotStable => Some(AlertKind::Unhealthy),
        Cause::NoCapacity { .. } => Some(AlertKind::NoCapacity),
        Cause::NoSecret
        | Cause::StaysInPassing
        | Cause::NoSavepoint
        | Cause::DoesNotCompile
        | Cause::DoesNotRun
        | Cause::ForeignJob => Some(AlertKind::OperationFailed),
    }
}
