//! How a settled operation is remembered, and the words for its outcome.
//! Must not know what follows from it.

use jiff::Timestamp;

use super::Situation;
use crate::asked_by::{UPLOAD, is_event};
use crate::change::ChangeKind;
use crate::documents::outcome::Outcome;
use crate::documents::record::{Ended, Entry, OpenOperation, Record};
use crate::ids::OperationId;

/// Of the open operation of `record`, as it was before anything was folded into it.
pub(super) fn entry(
    record: &Record,
    open: &OpenOperation,
    outcome: Ended,
    detail: String,
    from: Option<String>,
    now: Timestamp,
) -> Entry {
    let plan = &open.plan;
    let version = open
        .meta
        .as_ref()
        .map(|m| m.query_version)
        .or(plan.next.as_ref().map(|next| next.version))
        .or(plan.previous.as_ref().map(|p| p.launch.version))
        .unwrap_or_default();
    Entry {
        operation: plan.operation,
        at: now,
        version,
        change: plan.change.kind,
        from,
        outcome,
        detail,
        refusal: None,
        by: plan.by.clone(),
        why: plan.reason.clone(),
        act: plan.ordered.as_ref().map(|ordered| ordered.id),
        acted: plan.ordered.as_ref().map(|ordered| ordered.act.kind()),
        savepoint: None,
        batch: Some(open.batch),
        differences: Vec::new(),
        without_savepoint: false,
        untaken: None,
        tries: None,
        turned: open.turns(record),
    }
}

/// The removal of a suspended job: nothing of it ran, so that nothing was sent, and there is no plan.
pub(super) fn removed_while_suspended(record: &Record, situation: &Situation) -> Entry {
    let by = if is_event(&situation.by) { UPLOAD } else { &situation.by };
    Entry {
        // The round may order an operation of its own under its id.
        operation: OperationId::derived(&["removed", &situation.operation.to_string()]),
        at: situation.now,
        version: record.deployed.as_ref().map(|deployed| deployed.meta.query_version).unwrap_or_default(),
        change: ChangeKind::Removed,
        from: None,
        outcome: Ended::Removed,
        detail: "it was suspended: nothing of it ran".to_owned(),
        refusal: None,
        by: by.to_owned(),
        why: "no file carries its name".to_owned(),
        batch: None,
        act: None,
        acted: None,
        savepoint: None,
        differences: Vec::new(),
        without_savepoint: false,
        untaken: None,
        tries: None,
        turned: None,
    }
}

/// The state that its run was restored from.
pub fn restored(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Deployed { run, .. } | Outcome::Completed { run } | Outcome::RolledBack { run, .. } => {
            run.restored_from.clone()
        }
        Outcome::Left { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. }
        | Outcome::Refused { .. }
        | Outcome::Failed { .. } => None,
    }
}

/// The savepoint that the operation took.
pub(super) fn saved(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Deployed { savepoint, .. }
        | Outcome::Left { savepoint, .. }
        | Outcome::Removed { savepoint }
        | Outcome::Suspended { savepoint, .. }
        | Outcome::RolledBack { savepoint, .. }
        | Outcome::Failed { savepoint, .. } => savepoint.clone(),
        Outcome::Completed { .. } | Outcome::Refused { .. } => None,
    }
}

/// How an operation with this outcome ended.
pub(super) fn ended(outcome: &Outcome) -> Ended {
    match outcome {
        Outcome::Deployed { unhealthy: None, .. } => Ended::Deployed,
        Outcome::Deployed { unhealthy: Some(_), .. } => Ended::Unhealthy,
        Outcome::Completed { .. } => Ended::Completed,
        Outcome::Left { .. } => Ended::Left,
        Outcome::Removed { .. } => Ended::Removed,
        Outcome::Suspended { .. } => Ended::Suspended,
        Outcome::RolledBack { .. } => Ended::RolledBack,
        Outcome::Refused { .. } => Ended::Refused,
        Outcome::Failed { .. } => Ended::Failed,
    }
}

/// The outcome for people.
pub fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Deployed { run, unhealthy, .. } => match unhealthy {
            Some(reason) => format!("runs as {}, not healthy: {reason}", run.job_id),
            None => format!("runs as {}", run.job_id),
        },
        Outcome::Completed { run } => format!("ran to its end as {}", run.job_id),
        Outcome::Left { savepoint: Some(path), .. } => format!("savepoint {path}"),
        Outcome::Left { why, savepoint: None, .. } => why.to_string(),
        Outcome::Removed { savepoint: Some(path) } => format!("stopped with {path}"),
        Outcome::Removed { savepoint: None } => "stopped".to_owned(),
        Outcome::Suspended { savepoint: Some(path), .. } => format!("suspended with {path}"),
        Outcome::Suspended { savepoint: None, .. } => "suspended".to_owned(),
        Outcome::RolledBack { reason, .. } | Outcome::Failed { reason, .. } => reason.clone(),
        Outcome::Refused { refusal, .. } => refusal.to_string(),
    }
}
