//! Who asks for an operation and why, where whoever orders it only carries on what was asked before: what was said with an
//! upload, or what the first try of a target was ordered with. Must not know how it was said: it proves nothing, and
//! decides nothing.

use super::Situation;
use crate::asked_by::{CONFIGURATION_UPLOAD, LOST_RUN, STEP_ENDED, SWEEP, UPLOAD, is_event};
use crate::change::ChangeKind;
use crate::documents::record::{Aim, OpenOperation, Record};

/// The operation with the words of the upload that it is ordered for. They count once, for the first operation after this
/// version of the file was uploaded; those that try the same again have the reason of the first.
pub(super) fn noted(record: &Record, situation: &Situation, open: OpenOperation) -> OpenOperation {
    let judged = record.decision.as_ref().filter(|decision| decision.etags == situation.etags);
    let is_new = judged.is_none_or(|decision| decision.held.is_some());
    let mut open = match (applies(record, &open), is_new) {
        (false, _) => open,
        (true, true) => first(situation, open),
        (true, false) => tried_again(record, open),
    };
    let is_configured_anew = judged.is_some_and(|decision| decision.config != situation.config);
    let cause = cause(record, &open, is_new, is_configured_anew);
    if let Some(cause) = cause.filter(|_| is_by_chance(&open.plan.by)) {
        cause.clone_into(&mut open.plan.by);
    }
    open
}

/// What an operation comes from, whichever event it was first seen at; nothing where that event tells it best.
fn cause(record: &Record, open: &OpenOperation, is_new: bool, is_configured_anew: bool) -> Option<&'static str> {
    let plan = &open.plan;
    if plan.change.kind == ChangeKind::Removed {
        return Some(UPLOAD);
    }
    if !applies(record, open) {
        return plan.brings_back().then_some(LOST_RUN);
    }
    match (is_new, is_configured_anew) {
        (true, _) => Some(UPLOAD),
        (false, true) => Some(CONFIGURATION_UPLOAD),
        (false, false) => None,
    }
}

/// Whether this event says nothing of a cause: what was waiting for it is dealt with as well.
fn is_by_chance(by: &str) -> bool {
    [UPLOAD, LOST_RUN, STEP_ENDED, SWEEP].contains(&by)
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
    // Who ordered it himself is known better; a configuration concerns more than this file.
    if let Some(by) = note.by().filter(|_| is_event(&plan.by) && plan.by != CONFIGURATION_UPLOAD) {
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
