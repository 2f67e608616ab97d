//! What would be decided about a job whose operation is under way once that ends, whether or not it did what it is for.
//! Must not know how that is shown; nothing of it is recorded.

use desired::inputs::Desired;
use desired::target::Target;
use serde::{Deserialize, Serialize};

use super::decide::decide;
use super::machine::drop_other_debts;
use super::settle::settle_result;
use super::suspending::without_suspension;
use super::{Ruling, Situation};
use crate::act::Act;
use crate::change::{Change, ChangeKind};
use crate::documents::outcome::{Compiled, Outcome, RunStarted};
use crate::documents::record::{OpenOperation, Record, Status};
use crate::ids::run_id;

/// How the operation under way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// However it ends.
    Either,
    /// It does what it is for.
    AsOrdered,
    /// It does nothing: it is refused, or what ran before runs again.
    Undone,
}

/// What would be decided after the operation under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Following {
    /// If it ends so.
    pub ends: Ends,
    /// How what is deployed stands then.
    pub status: Option<Status>,
    pub ruling: Ruling,
}

/// What would be decided about `desired` after the operation under way; nothing if none is.
pub fn following(record: &Record, desired: &Desired, situation: &Situation) -> Vec<Following> {
    let Some(open) = &record.open else { return Vec::new() };
    let decided =
        |ends, record: Record| Following { ends, status: record.status(), ruling: after(record, desired, situation) };
    let done = decided(Ends::AsOrdered, as_ordered(record, open, situation));
    // Nothing new is wanted: what the operation leaves to be done is its own matter.
    if is_for(open, desired) {
        return vec![done];
    }
    let undone = decided(Ends::Undone, undone(record));
    if come_to_the_same(&done.ruling, &undone.ruling) {
        return vec![Following { ends: Ends::Either, ..done }];
    }
    vec![done, undone]
}

fn after(record: Record, desired: &Desired, situation: &Situation) -> Ruling {
    let mut record = without_suspension(&record, desired, situation).unwrap_or(record);
    record.lapse_permissions(situation.now);
    drop_other_debts(&mut record, desired);
    decide(&record, desired, situation)
}

/// The record after the operation did what it is for.
fn as_ordered(record: &Record, open: &OpenOperation, situation: &Situation) -> Record {
    let savepoint = None;
    let ran = || RunStarted {
        job_id: run_id(open.plan.operation),
        restored_from: None,
        epoch: None,
        compiled: Compiled::default(),
    };
    let outcome = match &open.plan {
        plan if plan.ordered.as_ref().is_some_and(|ordered| ordered.act == Act::Savepoint) => return undone(record),
        plan if plan.suspends => Outcome::Suspended { savepoint, newest: None, epoch: None, checkpointed: false },
        plan if plan.next.is_none() => Outcome::Removed { savepoint },
        _ => Outcome::Deployed { run: ran(), savepoint, unhealthy: None, cause: None, checkpointed: false },
    };
    settle_result(record.clone(), open, &outcome, situation.now, situation.patience)
}

/// The record after the operation changed nothing.
fn undone(record: &Record) -> Record {
    Record { open: None, ordered: None, ..record.clone() }
}

/// Whether an operation is for what is desired now.
fn is_for(open: &OpenOperation, desired: &Desired) -> bool {
    match desired {
        Desired::Absent => open.plan.change.kind == ChangeKind::Removed,
        Desired::Target(target) => open.target.as_ref().is_some_and(|applied| {
            let suspended = |target: &Target| target.manifest.operating.state.is_suspended();
            suspended(applied) == suspended(target) && Change::between(applied, target).kind == ChangeKind::Unchanged
        }),
        Desired::Refused => false,
    }
}

/// Whether both do the same for the same reason.
fn come_to_the_same(one: &Ruling, other: &Ruling) -> bool {
    match (one, other) {
        (Ruling::Operate(one), Ruling::Operate(other)) => {
            one.plan.change == other.plan.change && one.plan.suspends == other.plan.suspends
        }
        (Ruling::Nothing { reason: one, .. }, Ruling::Nothing { reason: other, .. }) => one == other,
        (Ruling::Operate(_), Ruling::Nothing { .. }) | (Ruling::Nothing { .. }, Ruling::Operate(_)) => false,
    }
}
