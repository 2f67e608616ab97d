//! What whoever uploaded a manifest says of it, in the operation that comes of the upload.
//! Must not know how it was said: it proves nothing, and decides nothing.

use super::Situation;
use crate::common_cause::UPLOAD;
use crate::documents::record::{OpenOperation, Record};

/// The operation with the words of the upload that it is ordered for. They count once, for the first operation after this
/// version of the file was uploaded: what is ordered later has another reason.
pub(super) fn noted(record: &Record, situation: &Situation, mut open: OpenOperation) -> OpenOperation {
    let Some(note) = &situation.note else { return open };
    let judged = record.decision.as_ref().filter(|decision| decision.etags == situation.etags);
    if judged.is_some_and(|decision| decision.held.is_none()) {
        return open;
    }
    let plan = &mut open.plan;
    let resumes = record.suspended.is_some();
    if plan.ordered.is_some() || (plan.is_restart() && !resumes) {
        return open;
    }
    if let Some(reason) = note.reason() {
        plan.reason = format!("{}: {reason}", plan.reason);
    }
    // Who ordered it himself is known better.
    if let Some(by) = note.by().filter(|_| plan.by == UPLOAD) {
        plan.by = format!("{UPLOAD} by {by} (not verified)");
    }
    open
}
