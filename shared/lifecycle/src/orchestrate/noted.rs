//! Who asks for an operation and why, where whoever orders it only carries on what was asked before: what was said with an
//! upload, or what the first try of a target was ordered with. Must not know how it was said: it proves nothing, and
//! decides nothing.

use super::Situation;
use crate::asked_by::{UPLOAD, is_event};
use crate::change::ChangeKind;
use crate::documents::record::{Aim, OpenOperation, Record};

/// The operation with the words of the upload that it is ordered for. They count once, for the first operation after this
/// version of the file was uploaded; those that try the same again have the reason of the first.
pub(super) fn noted(record: &Record, situation: &Situation, open: OpenOperation) -> OpenOperation {
    if !applies(record, &open) {
        return open;
    }
    let judged = record.decision.as_ref().filter(|decision| decision.etags == situation.etags);
    if judged.is_some_and(|decision| decision.held.is_none()) {
        tried_again(record, open)
    } else {
        first(situation, open)
    }
}

/// Whether it brings the job to what is uploaded. What only brings a run back has a reason of its own.
fn applies(record: &Record, open: &OpenOperation) -> bool {
    let stopped = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Stopped);
    let is_wanted_anew = record.suspended.is_some() || stopped;
    let plan = &open.plan;
    plan.ordered.is_none() && plan.change.kind != ChangeKind::Removed && (!plan.is_restart() || is_wanted_anew)
}

fn first(situation: &Situation, mut open: OpenOperation) -> OpenOperation {
    let Some(note) = &situation.note else { return open };
    let plan = &mut open.plan;
    if let Some(reason) = note.reason() {
        plan.reason = format!("{}: {reason}", plan.reason);
    }
    // Who ordered it himself is known better.
    if let Some(by) = note.by().filter(|_| plan.by == UPLOAD) {
        plan.by = format!("{UPLOAD} by {by} (not verified)");
    }
    open
}

fn tried_again(record: &Record, mut open: OpenOperation) -> OpenOperation {
    let owed = record.owed.apply.as_ref().zip(open.target.as_ref());
    let Some((debt, _)) = owed.filter(|(debt, target)| debt.is_about(target)) else { return open };
    let Some(asked) = record.asked_by.as_ref().filter(|asked| asked.is_of(debt)) else { return open };
    let plan = &mut open.plan;
    plan.reason.clone_from(&asked.why);
    // Whoever orders another try is who asks for that one.
    if is_event(&plan.by) {
        plan.by.clone_from(&asked.by);
    }
    open
}
