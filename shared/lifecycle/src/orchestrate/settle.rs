//! Folding what came of an operation into the record. Settling twice changes nothing: the operation is open only once.
//! Must not know how the outcome came about.

use desired::manifest::Meta;
use desired::target::Target;
use jiff::Timestamp;

use super::history::{detail, ended, entry, restored, saved};
use super::owing::{Settling, cause_of};
use crate::change::ChangeKind;
use crate::decision::Why;
use crate::documents::claim::{Abandoned, Claim};
use crate::documents::outcome::{Compiled, Outcome, RunStarted};
use crate::documents::plan::{KnownRun, LeftStop};
use crate::documents::record::{Aim, Deployed, Ended, Entry, OpenOperation, Record};
use crate::ids::{JobId, rollback_id};
use crate::owed::{ApplyDebt, Cause, Debt, Patience, Purpose};
use crate::permission::Permission;

/// How many runs that an operation may have left are remembered. Each was restored from the newest state of those before
/// it, so that forgetting the oldest loses none.
const ORPHANS: usize = 32;

/// The record after the result of its open operation.
pub fn settle_result(
    mut record: Record,
    open: &OpenOperation,
    outcome: &Outcome,
    now: Timestamp,
    patience: Patience,
) -> Record {
    record.open = None;
    let settling = Settling { open, now, patience, met: outcome.epoch() };
    let before = settling.tried_before(&record);
    let settled = entry(&record, open, ended(outcome), detail(outcome), restored(outcome), now);
    settling.fold(&mut record, outcome);
    let refusal = match outcome {
        Outcome::Refused { refusal, .. } => Some(refusal.kind()),
        Outcome::Deployed { .. }
        | Outcome::Completed { .. }
        | Outcome::Left { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. }
        | Outcome::RolledBack { .. }
        | Outcome::Failed { .. } => None,
    };
    let savepoint = saved(outcome);
    record.remember_try(Entry { refusal, savepoint, ..settled }, before);
    record
}

/// The record after its open operation was closed without a result; `claim` if a runner ever took it.
pub fn settle_abandoned(
    mut record: Record,
    open: &OpenOperation,
    claim: Option<&Claim>,
    now: Timestamp,
    patience: Patience,
) -> Record {
    let started = claim.map(Claim::started).unwrap_or_default();
    let met = started.last().and_then(|run| run.epoch.as_ref());
    let settling = Settling { open, now, patience, met };
    let Some(claim) = claim else { return settling.never_taken(record) };
    let settled = entry(&record, open, Ended::Abandoned, String::new(), None, now);
    let abandoned = match claim.outcome_without_result() {
        Abandoned::Known(outcome) => {
            let mut settled = settle_result(record, open, &outcome, now, patience);
            settled.remember_failed_savepoint(claim.notes.went_on_without_savepoint());
            return settled;
        }
        Abandoned::RolledBack { reason, cause, .. } => {
            settling.owe_apply(&mut record, cause, &reason);
            format!("closed while rolling back: {reason}")
        }
        Abandoned::Undecided { .. } => {
            settling.interrupted(&mut record);
            "closed without a result; the next operation looks first".to_owned()
        }
    };
    record.remember(Entry { detail: abandoned, ..settled });
    record.remember_failed_savepoint(claim.notes.went_on_without_savepoint());
    record.open = None;
    leave_orphans(&mut record, open, &started);
    leave_stop(&mut record, open, claim);
    if let Some(newest) = &claim.notes.newest {
        keeps_states_beside(&mut record, newest.run, &newest.path);
    }
    settling.owe_a_look(&mut record);
    record
}

impl Settling<'_> {
    /// What the operation was for.
    pub(super) fn purpose(&self, record: &Record) -> Purpose {
        let stopped = record.deployed.as_ref().is_none_or(|deployed| deployed.aim == Aim::Stopped);
        match (&self.open.plan.next, self.open.plan.is_restart()) {
            _ if self.open.plan.suspends => Purpose::Apply,
            (None, _) => Purpose::Remove,
            // A job that is put back is wanted anew.
            (Some(_), true) if !stopped => Purpose::KeepRunning,
            (Some(_), _) => Purpose::Apply,
        }
    }

    /// No runner ever took the operation: nothing was done, and nothing will be. Its version was never used.
    fn never_taken(&self, mut record: Record) -> Record {
        record.open = None;
        self.give_back_its_version(&mut record);
        let error = "its step or command ended before a runner took the operation; see the step's log on the cluster";
        let entry = entry(&record, self.open, Ended::Abandoned, error.to_owned(), None, self.now);
        let before = self.tried_before(&record);
        record.remember_try(Entry { untaken: Some(1), ..entry }, before);
        self.owe(&mut record, Cause::NeverTaken, error);
        record
    }

    /// The version of an operation that started nothing under it is free again.
    fn give_back_its_version(&self, record: &mut Record) {
        let given_out = self.open.meta.as_ref().filter(|_| self.open.gives_out_a_version());
        let Some(version) = given_out.map(|meta| meta.query_version) else { return };
        let deployed = record.deployed.iter().map(|deployed| deployed.meta.query_version);
        let is_used = deployed.chain(record.orphans.iter().map(|run| run.version)).any(|used| used >= version);
        if record.highest_version == version && !is_used {
            record.highest_version -= 1;
        }
    }

    fn fold(&self, record: &mut Record, outcome: &Outcome) {
        let open = self.open;
        match outcome {
            Outcome::Deployed { run, unhealthy, cause, checkpointed, .. } => {
                self.deploy(record, run, Aim::Run, *checkpointed);
                if let Some(reason) = unhealthy {
                    record.owed.keep_running = Some(self.left_to_flink(cause.unwrap_or(Cause::NotStable), reason));
                }
            }
            Outcome::Completed { run } => self.deploy(record, run, Aim::Complete, true),
            Outcome::Left { why, run, epoch, checkpointed, newest, savepoint: _ } => {
                if let Some(deployed) = &mut record.deployed {
                    deployed.checkpointed |= checkpointed;
                }
                if let (Some(run), Some(path)) = (run, newest) {
                    keeps_states_beside(record, *run, path);
                }
                let run = run.map(|job_id| RunStarted {
                    job_id,
                    restored_from: newest.clone(),
                    epoch: epoch.clone(),
                    compiled: Compiled::default(),
                });
                self.left(record, *why, run);
            }
            Outcome::Removed { savepoint } => removed(record, savepoint.as_ref()),
            Outcome::Suspended { savepoint, newest, epoch, checkpointed } => {
                self.suspended(record, savepoint.as_ref(), newest.as_ref(), epoch.as_ref(), *checkpointed);
            }
            Outcome::RolledBack { reason, cause, run, .. } => {
                rolled_back(record, open, run);
                self.owe_apply(record, *cause, reason);
            }
            Outcome::Refused { refusal, gone, savepoint, .. } => {
                self.refused(record, cause_of(refusal), &detail(outcome), *gone);
                go_on_from(record, savepoint.as_ref());
            }
            Outcome::Failed { reason, cause, savepoint, runs } => {
                go_on_from(record, savepoint.as_ref());
                self.failed(record, *cause, reason);
                leave_orphans(record, open, runs);
            }
        }
        let given_out = [open.meta.as_ref(), record.deployed.as_ref().map(|deployed| &deployed.meta)];
        let highest = given_out.into_iter().flatten().map(|meta| meta.query_version).max();
        record.highest_version = record.highest_version.max(highest.unwrap_or_default());
        // A refusal precedes every start: no claim that notes one under this version ends as refused.
        if matches!(outcome, Outcome::Refused { .. }) {
            self.give_back_its_version(record);
        }
        // Only a suspension that is in force still, or could not be lifted, stays.
        let stays = matches!(outcome, Outcome::Suspended { .. } | Outcome::Refused { .. });
        record.suspended = record.suspended.take().filter(|_| stays);
        self.use_up_permissions(record, outcome);
        self.settle_act(record, outcome);
        if record.owed.apply.is_none() {
            record.asked_by = None;
        }
    }

    /// The target was given up. `gone` says that what is deployed does not run either.
    fn refused(&self, record: &mut Record, cause: Cause, error: &str, gone: bool) {
        let purpose = self.purpose(record);
        self.owe(record, cause, error);
        let to_run = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Run);
        if gone && to_run && purpose == Purpose::Apply && cause == Cause::MayBeComplete {
            // Neither does what is deployed come back before somebody says whether it is done.
            self.owe_keep_running(record, cause, error);
        } else if gone && to_run && record.owed.keep_running.is_none() && !self.kept_from_suspending(cause) {
            // The target waits, and what is deployed is down: it comes back meanwhile, if it can.
            let debt = self.debt(None, Cause::DoesNotRun, "it was not there as its target was tried");
            record.owed.keep_running = Some(debt.at_once(self.now));
        }
    }

    /// Nothing of the job runs.
    fn failed(&self, record: &mut Record, cause: Cause, error: &str) {
        let mut down = cause;
        if self.purpose(record) == Purpose::Apply {
            self.owe_apply(record, cause, error);
            // Why the target was given up is not why what was deployed before does not run either.
            down = if cause == Cause::MayBeComplete { cause } else { Cause::DoesNotRun };
        }
        // What came to its end before the target was tried stays at its end.
        if let Some(deployed) = record.deployed.as_mut().filter(|deployed| deployed.aim != Aim::Complete) {
            deployed.aim = Aim::Run;
            self.owe_keep_running(record, down, error);
        }
        // Nothing is left to end.
        record.owed.remove = None;
    }

    /// A permission is used up by the operation that needed it, not by one that the environment kept from using it.
    fn use_up_permissions(&self, record: &mut Record, outcome: &Outcome) {
        let kept_from = match outcome {
            Outcome::Refused { refusal, .. } => cause_of(refusal).is_environment(),
            Outcome::Deployed { .. }
            | Outcome::Completed { .. }
            | Outcome::Left { .. }
            | Outcome::Removed { .. }
            | Outcome::Suspended { .. }
            | Outcome::RolledBack { .. }
            | Outcome::Failed { .. } => false,
        };
        let plan = &self.open.plan;
        record.allows.retain(|allow| {
            let carried = match allow.permission {
                Permission::Adopt => plan.next.is_some() || plan.suspends,
                Permission::CleanStart => !plan.suspends && (plan.clean_start || plan.change.kind == ChangeKind::Query),
                Permission::Remove => plan.next.is_none() && !plan.suspends,
            };
            // One that was given after the plan was made is for another operation.
            kept_from || !carried || allow.at > plan.at
        });
    }

    fn deploy(&self, record: &mut Record, run: &RunStarted, aim: Aim, checkpointed: bool) {
        let open = self.open;
        let (Some(target), Some(meta)) = (&open.target, &open.meta) else { return };
        // A run that was taken over keeps its version, and what its rows carry.
        let left = record.orphans.iter().find(|left| left.job_id == run.job_id).cloned();
        let run_known = left.unwrap_or_else(|| known(target, meta.query_version, open, run));
        let meta = run_known.meta.clone().unwrap_or_else(|| meta.clone());
        record.deployed = Some(Deployed {
            target: target.clone(),
            meta: Meta { query_version: run_known.version, ..meta },
            aim,
            runs: vec![KnownRun { planned: None, meta: None, ..run_known }],
            restore_point: run.restored_from.clone(),
            checkpointed: checkpointed || run.restored_from.is_some(),
            since: self.now,
        });
        record.orphans.clear();
        record.stops.clear();
        record.owed.remove = None;
        record.owed.keep_running = None;
        // A restart, ordered or not, pays only its own debt: another target that failed stays failed.
        let same_target = open.plan.is_restart() || self.carries_out_an_act();
        if !same_target || record.owed.apply.as_ref().is_some_and(|apply| apply.is_about(target)) {
            record.owed.apply = None;
        }
    }

    fn left(&self, record: &mut Record, why: Why, run: Option<RunStarted>) {
        let open = self.open;
        let Some(deployed) = &mut record.deployed else { return };
        match why {
            Why::RunsAsDeployed | Why::FlinkRestartsIt => {
                deployed.aim = Aim::Run;
                if let Some(run) = run.filter(|run| deployed.runs.iter().all(|known| known.job_id != run.job_id)) {
                    // Taken over: its states lie under its own id and anywhere in its version.
                    deployed.runs.push(known(&deployed.target, deployed.meta.query_version, open, &run));
                    deployed.checkpointed = true;
                }
            }
            Why::IsComplete => {
                deployed.aim = Aim::Complete;
                if let Some(target) = &open.target {
                    deployed.target = target.clone();
                }
            }
            Why::NothingToStop | Why::ForeignJob | Why::EndNotProven => return,
        }
        record.owed.keep_running = match why {
            Why::FlinkRestartsIt => Some(match record.owed.keep_running.take() {
                Some(debt) if debt.waits_for_slots() => Debt { next: None, ..debt },
                Some(_) | None => self.left_to_flink(Cause::NotStable, &why.to_string()),
            }),
            Why::RunsAsDeployed | Why::IsComplete | Why::NothingToStop | Why::ForeignJob | Why::EndNotProven => None,
        };
        // It is to run: whoever does not want it orders its removal anew.
        record.owed.remove = None;
        // A suspension has nothing to launch, and a target all the same.
        let applied = |apply: &ApplyDebt| open.target.as_ref().is_some_and(|target| apply.is_about(target));
        if record.owed.apply.as_ref().is_some_and(applied) {
            record.owed.apply = None;
        }
    }
}

pub(super) fn known(target: &Target, version: u32, open: &OpenOperation, run: &RunStarted) -> KnownRun {
    KnownRun::of(target, version, open.plan.operation, run.clone())
}

/// Nothing of the job is to run any more, and nothing does.
fn removed(record: &mut Record, savepoint: Option<&String>) {
    if let Some(deployed) = &mut record.deployed {
        deployed.aim = Aim::Stopped;
        go_on_from(record, savepoint);
    } else {
        record.orphans.clear();
        record.stops.clear();
    }
    // A target that failed before is not tried again only because its file is put back.
    record.owed.keep_running = None;
    record.owed.remove = None;
}

/// The deployed manifest runs again.
fn rolled_back(record: &mut Record, open: &OpenOperation, run: &RunStarted) {
    if let Some(deployed) = &mut record.deployed {
        deployed.runs = vec![known(&deployed.target, deployed.meta.query_version, open, run)];
        deployed.restore_point.clone_from(&run.restored_from);
        deployed.aim = Aim::Run;
    }
    record.orphans.clear();
    record.stops.clear();
    record.owed.keep_running = None;
    record.owed.remove = None;
}

/// What is deployed is restored from this savepoint, if there is one, unless a newer state is found.
pub(super) fn go_on_from(record: &mut Record, savepoint: Option<&String>) {
    if let (Some(deployed), Some(savepoint)) = (&mut record.deployed, savepoint) {
        deployed.restore_point = Some(savepoint.clone());
    }
}

/// A look told where a deployed run keeps its states.
fn keeps_states_beside(record: &mut Record, run: JobId, path: &str) {
    let runs = record.deployed.iter_mut().flat_map(|deployed| &mut deployed.runs);
    runs.filter(|known| known.job_id == run).for_each(|known| known.keeps_states_beside(path));
}

/// The runs that an operation started, or was about to: ours if they live, and their states count. They stay until
/// another run is deployed: it was restored from the newest state of all of them.
fn leave_orphans(record: &mut Record, open: &OpenOperation, runs: &[RunStarted]) {
    let operation = open.plan.operation;
    let deployed = record.deployed.as_ref().map(|d| (&d.target, &d.meta));
    let next = open.target.as_ref().zip(open.meta.as_ref());
    let left = runs.iter().filter_map(|run| {
        let (target, meta) = if run.job_id == rollback_id(operation) { deployed? } else { next? };
        let known = KnownRun::of(target, meta.query_version, operation, run.clone());
        let meta = Some(Meta { query_version: known.version, ..meta.clone() });
        Some(KnownRun { planned: Some(open.plan.at), meta, ..known })
    });
    let known = |run: &KnownRun| record.orphans.iter().any(|known| known.job_id == run.job_id);
    let left: Vec<KnownRun> = left.filter(|run| !known(run)).collect();
    record.orphans.extend(left);
    let surplus = record.orphans.len().saturating_sub(ORPHANS);
    record.orphans.drain(..surplus);
}

/// A stop that the operation asked for, and whose savepoint it did not go on from.
fn leave_stop(record: &mut Record, open: &OpenOperation, claim: &Claim) {
    let (Some(note), Some(directory)) = (&claim.notes.stop, open.plan.stop_directory()) else { return };
    go_on_from(record, note.savepoint.as_ref());
    let left = note.left.clone().unwrap_or_else(|| LeftStop {
        operation: open.plan.operation,
        run: note.run,
        n: note.n,
        directory: directory.to_owned(),
    });
    if !record.stops.contains(&left) {
        record.stops.push(left);
    }
    let surplus = record.stops.len().saturating_sub(ORPHANS);
    record.stops.drain(..surplus);
}
