//! `--fresh`: has the node look at the cluster, and waits until the look is there.
//! Must not know what it shows.

use std::time::Duration;

use control::documents::fetch;
use control::poll::Waiting;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::ids::BatchId;
use orchestrator::actions::{Action, Answer};
use serde_json::json;
use tokio::time::Instant;

use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::{Out, failure};
use crate::render::span;

/// How often the document is read.
const POLL: Duration = Duration::from_secs(2);
/// What is shown where no new look came.
const BEFORE: &str = "what follows is the look before; `status` shows the new one once it is there";

/// Orders a look and waits for one that is newer than what was there; unknown if none came in time, an error if the
/// function does not say within it that a look was ordered.
pub(super) async fn look(limit: Duration, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (store, key) = (invocation.store().await?, invocation.settings()?.keys.observed());
    let last = || async {
        let found = fetch::<ObservedDocument>(store.as_ref(), &key).await;
        // One that cannot be read is written anew, and `status` says so.
        found.ok().flatten().map(|(document, _)| document.batch)
    };
    let before = last().await;
    let begun = Instant::now();
    // A function that is silent is not asked again for the look before.
    let answer = tokio::time::timeout(limit, ask(Action::Look {}, invocation)).await;
    let ordered = match answer.unwrap_or(Err(CliError::NotInTime(limit)))? {
        Answer::Look(ordered) => ordered,
        Answer::Plan(_) | Answer::Status(_) | Answer::History(_) | Answer::States(_) => {
            return Err(CliError::other_answer());
        }
    };
    let step = &ordered.dispatched_as;
    let event = json!({"type": "look", "version": 1, "dispatched_as": step});
    out.progress(&event, || format!("a look at the cluster was sent as {step}\n"));
    let mut tries = Waiting { limit: limit.saturating_sub(begun.elapsed()), poll: POLL }.tries();
    while !is_newer(last().await, before, ordered.batch) {
        if !tries.again().await {
            return Ok(late(limit, step, out));
        }
    }
    Ok(Exit::Done)
}

fn late(limit: Duration, step: &str, out: Out) -> Exit {
    let message = format!("no newer look arrived within {}; it was sent as {step}", span(limit));
    out.note(&failure(&message, &[], Some(BEFORE)));
    Exit::Unknown
}

/// Whether the look that is there is the one that was ordered, or another one since.
fn is_newer(now: Option<BatchId>, before: Option<BatchId>, ordered: BatchId) -> bool {
    now == Some(ordered) || (now.is_some() && now != before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_look_than_the_one_before_ends_the_wait() {
        let [old, other, ours] = ["old", "other", "ours"].map(|batch| BatchId::derived(&[batch]));
        for (now, before, newer) in [
            (None, None, false),
            (None, Some(old), false),
            (Some(old), Some(old), false),
            (Some(ours), Some(old), true),
            (Some(ours), None, true),
            (Some(other), Some(old), true),
        ] {
            assert_eq!(is_newer(now, before, ours), newer, "{now:?} after {before:?}");
        }
    }
}
