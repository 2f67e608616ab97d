//! Folding what came of an operation into the record. Settling twice changes nothing: the operation is open only once.
//! Must not know how the outcome came about.

use jiff::{SignedDuration, Timestamp};

use super::Patience;
use crate::claim::{Abandoned, Claim};
use crate::decision::Why;
use crate::execute::{Outcome, Refusal, RunStarted};
use crate::ids::{Digest, rollback_id, run_id};
use crate::plan::KnownRun;
use crate::record::{Deployed, Entry, OpenOperation, Record, Status, Trouble};
use crate::target::Target;

/// The record after the result of its open operation.
pub fn settle_result(
    mut record: Record,
    open: &OpenOperation,
    outcome: &Outcome,
    now: Timestamp,
    patience: Patience,
) -> Record {
    record.open = None;
    record.unsettled = false;
    let from = restored(outcome);
    fold(&mut record, open, outcome, now, patience);
    let refusal = match outcome {
        Outcome::Refused { refusal } => Some(refusal.kind()),
        Outcome::Deployed { .. }
        | Outcome::Completed { .. }
        | Outcome::Left { .. }
        | Outcome::Removed { .. }
        | Outcome::RolledBack { .. }
        | Outcome::Failed { .. } => None,
    };
    record.remember(Entry { refusal, ..entry(open, word(outcome), detail(outcome), from, now) });
    record
}

/// The record after its open operation was closed without a result.
pub fn settle_abandoned(
    mut record: Record,
    open: &OpenOperation,
    claim: Option<&Claim>,
    now: Timestamp,
    patience: Patience,
) -> Record {
    let abandoned = claim.map_or(Abandoned::Undecided { runs: Vec::new() }, Claim::outcome_without_result);
    match abandoned {
        Abandoned::Known(outcome) => return settle_result(record, open, &outcome, now, patience),
        Abandoned::RolledBack { reason, .. } => {
            down(&mut record);
            trouble(&mut record, open, &reason, true, now, patience);
            record.remember(entry(open, "abandoned", format!("closed while rolling back: {reason}"), None, now));
        }
        Abandoned::Undecided { .. } => {
            record.remember(entry(
                open,
                "abandoned",
                "closed without a result; the next operation looks first".to_owned(),
                None,
                now,
            ));
        }
    }
    record.open = None;
    record.unsettled = true;
    leave_orphans(&mut record, open, claim);
    record
}

fn fold(record: &mut Record, open: &OpenOperation, outcome: &Outcome, now: Timestamp, patience: Patience) {
    match outcome {
        Outcome::Deployed { run, unhealthy, checkpointed, .. } => {
            deploy(record, open, run, Status::Running, *checkpointed, now);
            succeeded(record, open);
            if let Some(reason) = unhealthy {
                trouble(record, open, reason, false, now, patience);
            }
        }
        Outcome::Completed { run } => {
            deploy(record, open, run, Status::Complete, true, now);
            succeeded(record, open);
        }
        Outcome::Left { why, run, epoch } => {
            let run = run.map(|job_id| RunStarted { job_id, restored_from: None, epoch: epoch.clone() });
            left(record, open, *why, run);
        }
        Outcome::Removed { savepoint } => {
            if let Some(deployed) = &mut record.deployed {
                deployed.status = Status::Stopped;
                if savepoint.is_some() {
                    deployed.restore_point.clone_from(savepoint);
                }
            } else {
                record.orphans.clear();
            }
            record.forget_troubles();
        }
        Outcome::RolledBack { reason, run, .. } => {
            if let Some(deployed) = &mut record.deployed {
                deployed.runs = vec![known(&deployed.target, deployed.meta.query_version, open, run)];
                deployed.restore_point.clone_from(&run.restored_from);
                deployed.status = Status::Running;
            }
            record.orphans.clear();
            trouble(record, open, reason, true, now, patience);
        }
        Outcome::Refused { refusal } => match refusal {
            // Nothing about the target is wrong: it is asked again for as long as it takes, and nothing is known to be
            // down.
            Refusal::EndNotProven { .. } | Refusal::NoCluster { .. } => {
                postpone(record, open, &detail(outcome), now, patience);
            }
            // What is missing outside may be there with the next try.
            Refusal::NoSecret { .. }
            | Refusal::NoCapacity { .. }
            | Refusal::NoSavepoint { .. }
            | Refusal::StaysInPassing => {
                refused(record, open, &detail(outcome), true, now, patience);
            }
            Refusal::DoesNotCompile { .. } | Refusal::ForeignJob { .. } | Refusal::NoState => {
                refused(record, open, &detail(outcome), false, now, patience);
            }
        },
        Outcome::Failed { reason, savepoint } => {
            down(record);
            if let (Some(deployed), Some(_)) = (&mut record.deployed, savepoint) {
                deployed.restore_point.clone_from(savepoint);
            }
            leave_orphans(record, open, None);
            trouble(record, open, reason, true, now, patience);
        }
    }
    if let Some(meta) = &open.meta {
        record.highest_version = record.highest_version.max(meta.query_version);
    }
    record.allows.clear();
}

fn down(record: &mut Record) {
    if let Some(deployed) = &mut record.deployed {
        deployed.status = Status::NotRunning;
    }
}

fn deploy(
    record: &mut Record,
    open: &OpenOperation,
    run: &RunStarted,
    status: Status,
    checkpointed: bool,
    now: Timestamp,
) {
    let (Some(target), Some(meta)) = (&open.target, &open.meta) else { return };
    record.deployed = Some(Deployed {
        target: target.clone(),
        meta: meta.clone(),
        status,
        runs: vec![known(target, meta.query_version, open, run)],
        restore_point: run.restored_from.clone(),
        checkpointed: checkpointed || run.restored_from.is_some(),
        since: now,
    });
    record.orphans.clear();
}

fn left(record: &mut Record, open: &OpenOperation, why: Why, run: Option<RunStarted>) {
    let Some(deployed) = &mut record.deployed else { return };
    match why {
        Why::RunsAsDeployed | Why::FlinkRestartsIt => {
            deployed.status = Status::Running;
            if let Some(run) = run.filter(|run| deployed.runs.iter().all(|known| known.job_id != run.job_id)) {
                // Taken over: its states lie under its own id and anywhere in its version.
                deployed.runs.push(known(&deployed.target, deployed.meta.query_version, open, &run));
                deployed.checkpointed = true;
            }
        }
        Why::IsComplete => {
            deployed.status = Status::Complete;
            if let Some(target) = &open.target {
                deployed.target = target.clone();
            }
        }
        Why::NothingToStop | Why::ForeignJob | Why::EndNotProven => {}
    }
    if let Some(next) = &open.plan.next {
        record.forget_trouble(&next.target);
    }
}

fn known(target: &Target, version: u32, open: &OpenOperation, run: &RunStarted) -> KnownRun {
    KnownRun::of(target, version, open.plan.operation, run.clone())
}

/// A restart clears only its own trouble: a desired target that failed keeps its count and its pause.
fn succeeded(record: &mut Record, open: &OpenOperation) {
    match &open.plan.next {
        Some(next) if open.plan.is_restart() => record.forget_trouble(&next.target),
        Some(_) | None => record.forget_troubles(),
    }
}

/// The runs that an operation may have started: ours if they live, and their states count. They stay until another
/// run is deployed: it was restored from the newest state of all of them.
fn leave_orphans(record: &mut Record, open: &OpenOperation, claim: Option<&Claim>) {
    let operation = open.plan.operation;
    let next = open.target.as_ref().zip(open.meta.as_ref()).map(|(target, meta)| (target, meta.query_version));
    let deployed = record.deployed.as_ref().map(|d| (&d.target, d.meta.query_version));
    let notes = claim.map(|claim| &claim.notes);
    let runs = [
        (run_id(operation), next, notes.and_then(|notes| notes.start.as_ref())),
        (rollback_id(operation), deployed, notes.and_then(|notes| notes.rollback.as_ref())),
    ];
    let orphans: Vec<KnownRun> = runs
        .into_iter()
        .filter_map(|(job_id, launch, note)| {
            let (target, version) = launch?;
            let note = note.filter(|note| note.job_id == job_id);
            let restored_from = note.and_then(|note| note.restore.clone());
            let epoch = note.and_then(|note| note.epoch.clone());
            Some(KnownRun::of(target, version, operation, RunStarted { job_id, restored_from, epoch }))
        })
        .collect();
    record.orphans.extend(orphans);
}

/// A restart that is refused leaves nothing running.
fn refused(record: &mut Record, open: &OpenOperation, error: &str, retry: bool, now: Timestamp, patience: Patience) {
    if open.plan.is_restart() {
        down(record);
    }
    trouble(record, open, error, retry, now, patience);
}

fn trouble(record: &mut Record, open: &OpenOperation, error: &str, retry: bool, now: Timestamp, patience: Patience) {
    let Some(target) = about(open) else { return };
    let attempts = attempts_of(record, &target) + 1;
    let next = (retry && attempts < patience.attempts).then(|| later(now, patience, attempts)).flatten();
    record.note_trouble(Trouble { target, attempts, next, error: error.to_owned() });
}

/// The target that an operation is about: a removal's is the deployed one.
fn about(open: &OpenOperation) -> Option<Digest> {
    let deployed = open.plan.previous.as_ref().map(|previous| &previous.launch);
    open.plan.next.as_ref().or(deployed).map(|launch| launch.target.clone())
}

/// Tries again after one pause, without counting against the target.
fn postpone(record: &mut Record, open: &OpenOperation, error: &str, now: Timestamp, patience: Patience) {
    let Some(target) = about(open) else { return };
    let attempts = attempts_of(record, &target);
    record.note_trouble(Trouble { target, attempts, next: later(now, patience, 1), error: error.to_owned() });
}

fn attempts_of(record: &Record, target: &Digest) -> u32 {
    record.trouble_of(target).map_or(0, |t| t.attempts)
}

/// The pause doubles with every attempt.
fn later(now: Timestamp, patience: Patience, attempts: u32) -> Option<Timestamp> {
    let factor = 1_u64 << (attempts - 1).min(20);
    let pause = i64::try_from(patience.pause_ms.saturating_mul(factor)).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(pause)).ok()
}

fn entry(open: &OpenOperation, outcome: &str, detail: String, from: Option<String>, now: Timestamp) -> Entry {
    let plan = &open.plan;
    let version = open
        .meta
        .as_ref()
        .map(|m| m.query_version)
        .or(plan.previous.as_ref().map(|p| p.launch.version))
        .unwrap_or_default();
    Entry {
        operation: plan.operation,
        at: now,
        version,
        change: plan.change.kind,
        from,
        outcome: outcome.to_owned(),
        detail,
        refusal: None,
        by: plan.by.clone(),
        why: plan.reason.clone(),
    }
}

fn restored(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Deployed { run, .. } | Outcome::Completed { run } | Outcome::RolledBack { run, .. } => {
            run.restored_from.clone()
        }
        Outcome::Left { .. } | Outcome::Removed { .. } | Outcome::Refused { .. } | Outcome::Failed { .. } => None,
    }
}

/// The outcome in a word.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed { unhealthy: None, .. } => "deployed",
        Outcome::Deployed { unhealthy: Some(_), .. } => "unhealthy",
        Outcome::Completed { .. } => "completed",
        Outcome::Left { .. } => "left",
        Outcome::Removed { .. } => "removed",
        Outcome::RolledBack { .. } => "rolled-back",
        Outcome::Refused { .. } => "refused",
        Outcome::Failed { .. } => "failed",
    }
}

/// The outcome for people.
pub(super) fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Deployed { run, unhealthy, .. } => match unhealthy {
            Some(reason) => format!("runs as {}, not healthy: {reason}", run.job_id),
            None => format!("runs as {}", run.job_id),
        },
        Outcome::Completed { run } => format!("ran to its end as {}", run.job_id),
        Outcome::Left { why, .. } => why.to_string(),
        Outcome::Removed { savepoint: Some(path) } => format!("stopped with {path}"),
        Outcome::Removed { savepoint: None } => "stopped".to_owned(),
        Outcome::RolledBack { reason, .. } | Outcome::Failed { reason, .. } => reason.clone(),
        Outcome::Refused { refusal } => refusal.to_string(),
    }
}
