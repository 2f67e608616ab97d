//! How far something is, in a person's words.
//! Must not know how the documents are read.

use lifecycle::documents::batch::Receipt;
use lifecycle::documents::claim::{Claim, Saving, Verdict};
use lifecycle::documents::record::Record;
use lifecycle::ids::OperationId;
use lifecycle::moment::moment;

use super::waiting;
use crate::history::last_segment;
use crate::render::bytes;

/// An upload that waits for the Lambda.
pub(super) fn before_decision(record: Option<&Record>) -> String {
    match record.and_then(|r| r.open.as_ref()) {
        Some(open) => waiting::for_end_of(open),
        None => "uploaded, waiting for the Lambda".to_owned(),
    }
}

/// An operation that no runner took up yet.
pub(super) fn before_claim(operation: OperationId, receipt: Option<&Receipt>) -> String {
    match receipt {
        Some(receipt) => {
            let (operation, at) = (operation.short(), moment(receipt.at));
            format!("operation {operation} sent as {} at {at}, waits for the node", receipt.dispatched_as)
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
            (None, Some(_), _) => claim.saving.map_or_else(|| "stopping with a savepoint".to_owned(), saving),
            (None, None, Some(_)) => "cancelling".to_owned(),
            (None, None, None) => "working on the node".to_owned(),
        },
    }
}

/// How far a savepoint was when the runner wrote it down last.
fn saving(saving: Saving) -> String {
    let Saving { done, of, bytes: size } = saving;
    format!("stopping with a savepoint: {done} of {of} tasks, {} so far", bytes(size))
}

#[cfg(test)]
mod tests {
    use lifecycle::documents::claim::StopNote;
    use lifecycle::ids::{JobId, Nonce};

    use super::*;

    #[test]
    fn a_savepoint_under_way_tells_how_far_it_is() {
        let mut claim = Claim::fresh(OperationId::derived(&["o"]), Nonce::derived(&["n"]), 60_000);
        claim.notes.stop = Some(StopNote { run: JobId::derived(&["r"]), n: 0, savepoint: None, left: None });
        assert_eq!(of_claim(&claim), "stopping with a savepoint");
        claim.saving = Some(Saving { done: 12, of: 40, bytes: 1_234_567_890 });
        assert_eq!(of_claim(&claim), "stopping with a savepoint: 12 of 40 tasks, 1.2 GB so far");
        claim.notes.stop.as_mut().unwrap().savepoint = Some("s3://b/s/savepoint-9f1c-ab".to_owned());
        assert_eq!(of_claim(&claim), "stopped with savepoint-9f1c-ab");
    }
}
