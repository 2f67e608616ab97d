//! How far something is, in a person's words.
//! Must not know how the documents are read.

use lifecycle::documents::batch::Receipt;
use lifecycle::documents::claim::{Claim, Verdict};
use lifecycle::documents::record::Record;
use lifecycle::ids::OperationId;

use crate::history::last_segment;

/// An upload that waits for the Lambda.
pub(super) fn before_decision(record: Option<&Record>) -> String {
    match record.and_then(|r| r.open.as_ref()) {
        Some(open) => format!("waits for the end of operation {}", open.plan.operation.short()),
        None => "uploaded, waiting for the Lambda".to_owned(),
    }
}

/// An operation that no runner took up yet.
pub(super) fn before_claim(operation: OperationId, receipt: Option<&Receipt>) -> String {
    match receipt {
        Some(receipt) => {
            format!("operation {} sent as {}, waits for the node", operation.short(), receipt.dispatched_as)
        }
        None => format!("operation {} ordered", operation.short()),
    }
}

/// An operation that a runner works on.
pub(super) fn of_claim(claim: &Claim) -> String {
    let notes = &claim.notes;
    let stopped = || notes.stop.as_ref().and_then(|stop| stop.savepoint.as_deref());
    match (&claim.verdict, &notes.start) {
        (Some(Verdict::RollBack { reason, .. }), _) => format!("rolling back: {reason}"),
        (Some(Verdict::Commit(_)), _) => "accepted".to_owned(),
        (None, Some(start)) => {
            let from = start
                .restore
                .as_deref()
                .map_or_else(|| "clean".to_owned(), |path| format!("from {}", last_segment(path)));
            format!("started {from}, watching")
        }
        (None, None) => match (stopped(), &notes.stop, &notes.cancel) {
            (Some(path), _, _) => format!("stopped with {}", last_segment(path)),
            (None, Some(_), _) => "stopping with a savepoint".to_owned(),
            (None, None, Some(_)) => "cancelling".to_owned(),
            (None, None, None) => "compiling on the node".to_owned(),
        },
    }
}
