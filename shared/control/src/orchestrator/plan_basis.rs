//! What a plan rests on: the records as they were when it was made.
//! Must not decide anything, nor know how a plan is shown or kept.

use std::collections::BTreeMap;

use desired::inputs::{Desired, Inputs};
use desired::manifest::JobName;
use lifecycle::change::Change;
use lifecycle::documents::record::{Ended, Entry, Record, Status};
use lifecycle::ids::OperationId;

use super::records::Versioned;

/// In how many operations a measured downtime is looked for.
const OPERATIONS: usize = 3;

/// What a record said when a plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSeen {
    pub revision: u64,
    /// How what is deployed stands.
    pub status: Option<Status>,
    /// The last operations that put a run in the place of another, the newest first.
    pub replacements: Vec<OperationId>,
    /// The change that the guard against clean starts holds.
    pub held: Option<Change>,
    /// What differs from what is known, where nothing is ordered: it is only recorded.
    pub recorded: Option<Change>,
}

/// What each record said; a job without one is left out.
pub(super) fn seen(
    records: &[(JobName, Versioned)],
    inputs: &Inputs,
    clean_starts_held: bool,
) -> BTreeMap<JobName, RecordSeen> {
    let of = |(name, (record, _)): &(JobName, Versioned)| {
        let record = record.as_deref()?;
        let desired = inputs.desired(name).0;
        let held = if clean_starts_held { clean_start(record, &desired) } else { None };
        let (revision, status, recorded) = (record.revision, record.status(), differing(record, &desired));
        Some((name.clone(), RecordSeen { revision, status, replacements: replacements(record), held, recorded }))
    };
    records.iter().filter_map(of).collect()
}

/// The change by which a job would start clean although its manifest computes what it did.
fn clean_start(record: &Record, desired: &Desired) -> Option<Change> {
    let Desired::Target(target) = desired else { return None };
    let deployed = record.deployed.as_ref().filter(|_| record.starts_over_by_configuration(target))?;
    Some(Change::between(&deployed.target, target))
}

/// The change from what the record knows of the job, what was checked of a suspended one included.
fn differing(record: &Record, desired: &Desired) -> Option<Change> {
    let Desired::Target(target) = desired else { return None };
    let deployed = record.deployed.as_ref();
    let known = match &record.suspended {
        Some(suspension) => suspension.target(deployed)?,
        None => &deployed?.target,
    };
    let change = (*known != **target).then(|| Change::between(known, target));
    change.filter(|change| !change.differences.is_empty())
}

fn replacements(record: &Record) -> Vec<OperationId> {
    let replaced = |entry: &&Entry| match entry.outcome {
        Ended::Deployed | Ended::Unhealthy | Ended::RolledBack => true,
        Ended::Completed
        | Ended::Suspended
        | Ended::Left
        | Ended::Removed
        | Ended::Refused
        | Ended::Failed
        | Ended::Abandoned => false,
    };
    record.history.iter().rev().filter(replaced).map(|entry| entry.operation).take(OPERATIONS).collect()
}
