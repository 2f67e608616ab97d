//! What an operation that did not come about leaves to be done, and when it is tried again.
//! Must not know what else of the record an outcome changes.

use jiff::Timestamp;

use crate::asked_by::AskedBy;
use crate::documents::outcome::Refusal;
use crate::documents::record::{Aim, OpenOperation, Record};
use crate::flink::Epoch;
use crate::ids::OperationId;
use crate::owed::{ApplyDebt, Cause, Debt, Patience, Purpose};

/// The operation that is settled, and when.
pub(super) struct Settling<'a> {
    pub(super) open: &'a OpenOperation,
    pub(super) now: Timestamp,
    pub(super) patience: Patience,
    /// The life of the JobManager that it met, where that is known.
    pub(super) met: Option<&'a Epoch>,
}

impl Settling<'_> {
    /// The operation that tried the same before, by what is owed: the order, the target, the run or the removal.
    pub(super) fn tried_before(&self, record: &Record) -> Option<OperationId> {
        if let Some(act) = &self.open.plan.ordered {
            let waits = record.ordered.as_ref().filter(|ordered| ordered.id == act.id);
            return waits.and_then(|ordered| ordered.debt.as_ref()).map(|debt| debt.operation);
        }
        let debt = match self.purpose(record) {
            Purpose::Apply => {
                let target = self.open.target.as_ref()?;
                record.owed.apply.as_ref().filter(|apply| apply.is_about(target)).map(|apply| &apply.debt)
            }
            Purpose::KeepRunning => record.owed.keep_running.as_ref(),
            Purpose::Remove => record.owed.remove.as_ref(),
        };
        debt.map(|debt| debt.operation)
    }

    /// What the operation was for is still to be done.
    pub(super) fn owe(&self, record: &mut Record, cause: Cause, error: &str) {
        if self.carries_out_an_act() {
            return self.owe_act(record, cause, error);
        }
        match self.purpose(record) {
            Purpose::Apply => self.owe_apply(record, cause, error),
            Purpose::KeepRunning => self.owe_keep_running(record, cause, error),
            Purpose::Remove => {
                let debt = self.debt(record.owed.remove.as_ref(), cause, error);
                record.owed.remove = Some(debt.again(self.now, self.patience));
            }
        }
    }

    /// Tried again by itself only if something outside the target is the cause: each try may cost a healthy job a stop.
    pub(super) fn owe_apply(&self, record: &mut Record, cause: Cause, error: &str) {
        if self.carries_out_an_act() {
            return self.owe_act(record, cause, error);
        }
        let Some(target) = &self.open.target else { return };
        let before = record.owed.apply.as_ref().filter(|apply| apply.is_about(target)).map(|apply| &apply.debt);
        let debt = self.debt(before, cause, error);
        let debt = if cause.is_environment() { debt.again(self.now, self.patience) } else { debt };
        record.owed.apply = Some(ApplyDebt { digest: target.digest(), target: Some(Box::new(target.clone())), debt });
        record.asked_by = Some(AskedBy::new(target, &self.open.plan.by, &self.open.plan.reason));
    }

    pub(super) fn owe_keep_running(&self, record: &mut Record, cause: Cause, error: &str) {
        let debt = self.debt(record.owed.keep_running.as_ref(), cause, error);
        record.owed.keep_running = Some(debt.again(self.now, self.patience));
    }

    /// It is alive: Flink restarts it, and nobody else does while it lives.
    pub(super) fn left_to_flink(&self, cause: Cause, error: &str) -> Debt {
        Debt { next: None, ..self.debt(None, cause, error) }
    }

    pub(super) fn debt(&self, before: Option<&Debt>, cause: Cause, error: &str) -> Debt {
        Debt::after(before, cause, error, self.open.plan.operation, self.now).met(self.met)
    }

    /// A runner took the operation and did not end it. The first time it is ordered anew at once.
    pub(super) fn interrupted(&self, record: &mut Record) {
        if self.carries_out_an_act() {
            return self.owe_act(record, Cause::NoResult, "the runner did not end the operation");
        }
        let before = record.owed.apply.as_ref().map(|apply| apply.debt.attempts);
        if self.purpose(record) == Purpose::Apply {
            self.owe_apply(record, Cause::NoResult, "the runner did not end the operation");
            if let (None, Some(apply)) = (before, &mut record.owed.apply) {
                apply.debt.next = Some(self.now);
            }
        }
    }

    /// Whatever the operation did is looked at: it adopts or ends what lives, and brings what is deployed back.
    pub(super) fn owe_a_look(&self, record: &mut Record) {
        let error = "an operation ended without a result";
        let debt = match record.deployed.as_ref().map(|deployed| deployed.aim) {
            Some(Aim::Run | Aim::Complete) => &mut record.owed.keep_running,
            Some(Aim::Stopped) | None => &mut record.owed.remove,
        };
        let next = self.debt(debt.as_ref(), Cause::NoResult, error);
        let first = next.attempts == 1;
        *debt = Some(if first { next.at_once(self.now) } else { next.again(self.now, self.patience) });
    }
}

/// Why a refusal leaves a debt.
pub(super) fn cause_of(refusal: &Refusal) -> Cause {
    match refusal {
        Refusal::DoesNotCompile { .. } => Cause::DoesNotCompile,
        Refusal::NoSecret { .. } => Cause::NoSecret,
        Refusal::NodeBroken { .. } => Cause::NodeBroken,
        Refusal::NoCapacity { needed, free } => Cause::NoCapacity { needed: *needed, free: *free },
        Refusal::ForeignJob { .. } => Cause::ForeignJob,
        Refusal::StateNotProven { .. } | Refusal::StateNotThere { .. } => Cause::NoState,
        Refusal::EndNotProven { .. } => Cause::EndNotProven,
        Refusal::NoCluster { .. } => Cause::NoCluster,
        Refusal::NoState => Cause::NoState,
        Refusal::MayBeComplete { .. } => Cause::MayBeComplete,
        Refusal::NoSavepoint { .. } => Cause::NoSavepoint,
        Refusal::StaysInPassing => Cause::StaysInPassing,
    }
}
