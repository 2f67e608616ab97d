//! What is to be done about a job whose file says `state: suspended`.
//! Must not know the cluster: the plan covers every status that the node can observe.

use desired::inputs::Desired;
use desired::target::Target;

use super::decide::{keep, not_now, nothing, operate};
use super::history::removed_while_suspended;
use super::owing::Settling;
use super::settle::{go_on_from, known};
use super::{Ruling, Situation};
use crate::change::{Change, ChangeKind};
use crate::documents::claim::NewestNote;
use crate::documents::outcome::{Compiled, RunStarted};
use crate::documents::plan::{Adopt, Plan};
use crate::documents::record::{Aim, Record};
use crate::flink::Epoch;
use crate::owed::{ApplyDebt, Cause, Owed};
use crate::reason::Reason;

/// The decision about a target that is not to run. `failed` is what an earlier try of it left.
pub(super) fn unwanted(record: &Record, target: &Target, failed: Option<&ApplyDebt>, situation: &Situation) -> Ruling {
    let change = match &record.deployed {
        Some(deployed) => Change::between(&deployed.target, target),
        None => Change::plain(ChangeKind::New),
    };
    let kind = change.kind;
    let described = !change.differences.is_empty();
    let complete = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete);
    if complete && matches!(kind, ChangeKind::Unchanged | ChangeKind::Configuration) {
        return recording(keep(record, situation, Some(kind), Reason::Complete), described);
    }
    if record.is_suspended_with(target) {
        let known = record.suspended.as_ref().and_then(|known| known.target(record.deployed.as_ref()));
        return recording(nothing(Some(kind), Reason::Suspended), known != Some(target));
    }
    match (not_now(record, failed, target, situation), failed) {
        // Nothing is started meanwhile of what is only kept from being stopped.
        (Some(reason), Some(failed)) if failed.debt.cause.is_environment() => nothing(Some(kind), reason),
        (Some(reason), _) => keep(record, situation, Some(kind), reason),
        (None, _) => suspend(record, target, change, situation),
    }
}

/// A ruling to do nothing that has the target recorded.
pub(super) fn recording(ruling: Ruling, record_target: bool) -> Ruling {
    match ruling {
        Ruling::Nothing { change, reason, .. } => Ruling::Nothing { change, reason, record_target },
        ordered @ Ruling::Operate(_) => ordered,
    }
}

/// What changed is checked, what lives is ended; no version is given out, as nothing is started.
fn suspend(record: &Record, target: &Target, change: Change, situation: &Situation) -> Ruling {
    let kind = change.kind;
    let mut ruling = operate(record, situation, change, Some(target));
    if let Ruling::Operate(open) = &mut ruling {
        open.meta = None;
        let plan = &mut open.plan;
        plan.suspends = true;
        plan.branches = Plan::branches_when_suspended(kind);
        match kind {
            // It ran: there is nothing to check.
            ChangeKind::Unchanged => {
                plan.next = None;
                "suspended".clone_into(&mut plan.reason);
            }
            // Whatever runs under its name is not taken over only to be ended.
            ChangeKind::New => {
                plan.adopt = Adopt::No;
                "first upload, suspended".clone_into(&mut plan.reason);
            }
            ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => {}
        }
    }
    ruling
}

/// The record of a suspended job whose file is gone, or of a complete one that is not suspended any more: nothing runs,
/// so that nothing but this has to be done. Nothing where there is no such thing to forget.
pub(super) fn without_suspension(record: &Record, desired: &Desired, situation: &Situation) -> Option<Record> {
    record.suspended.as_ref()?;
    let forgets = match desired {
        Desired::Absent => record.source == situation.source,
        Desired::Target(target) => {
            let complete = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete);
            complete && !target.manifest.operating.state.is_suspended()
        }
        Desired::Refused => false,
    };
    forgets.then(|| {
        let mut without = Record { suspended: None, ..record.clone() };
        if *desired == Desired::Absent {
            without.remember(removed_while_suspended(record, situation));
        }
        without
    })
}

impl Settling<'_> {
    /// Nothing of the job runs, as its file says. Runs that were left behind are remembered: their states count.
    pub(super) fn suspended(
        &self,
        record: &mut Record,
        savepoint: Option<&String>,
        newest: Option<&NewestNote>,
        epoch: Option<&Epoch>,
        checkpointed: bool,
    ) {
        let Some(target) = &self.open.target else { return };
        if let Some(deployed) = &mut record.deployed {
            deployed.checkpointed |= checkpointed;
            let unknown = newest.filter(|newest| deployed.runs.iter().all(|known| known.job_id != newest.run));
            if let Some(newest) = unknown {
                // Taken over: its states lie where its newest checkpoint does.
                let (restored_from, epoch) = (Some(newest.path.clone()), epoch.cloned());
                let run = RunStarted { job_id: newest.run, restored_from, epoch, compiled: Compiled::default() };
                deployed.runs.push(known(&deployed.target, deployed.meta.query_version, self.open, &run));
            }
        }
        go_on_from(record, savepoint);
        record.suspend(target, self.open.plan.operation, self.now);
        record.owed = Owed::default();
    }

    /// Whether what is deployed is only not ended yet: it is not brought back meanwhile.
    pub(super) fn kept_from_suspending(&self, cause: Cause) -> bool {
        self.open.plan.suspends && cause.is_environment()
    }
}
