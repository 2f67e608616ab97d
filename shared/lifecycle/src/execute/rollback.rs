//! The rollback: the failed run is ended, and the previous manifest started from the newest state that fits it.
//! Must not know why the target was given up, but for telling it.

use super::observe::is_of_another_version;
use super::starting::{begin_start, may_start_over};
use super::transition::{Next, claim_of, failed, savepoint_of, to};
use super::{Begin, Effect, OperationPhase, RunRole, State};
use crate::documents::plan::Plan;
use crate::ids::rollback_id;
use crate::state::locations_of_start;

/// Ends the failed run first, whatever it is: at most one live run.
pub(super) fn roll_back(plan: &Plan, state: State, reason: String) -> Next {
    match claim_of(&state).notes.start.clone() {
        Some(note) => to(state, OperationPhase::EndingFailed(reason), Effect::Cancel(note.job_id)),
        None => find_rollback_state(plan, state, reason),
    }
}

pub(super) fn find_rollback_state(plan: &Plan, state: State, reason: String) -> Next {
    let savepoint = savepoint_of(&state);
    let Some(previous) = plan.previous.as_ref().filter(|_| plan.can_roll_back()) else {
        return failed(state, reason, savepoint);
    };
    let mut places = previous.provable_places(claim_of(&state).notes.ended_run());
    // The failed run's own states are newer, and fit only if the query is the same.
    let same_version = plan.next.as_ref().is_some_and(|next| next.version == previous.launch.version);
    if let (true, Some(next), Some(note)) = (same_version, &plan.next, &claim_of(&state).notes.start) {
        places.extend(locations_of_start(next, note.job_id, plan.operation));
    }
    places.extend(claim_of(&state).notes.told_places());
    to(state, OperationPhase::SearchingRollback(reason), Effect::FindState(places))
}

pub(super) fn found_rollback_state(plan: &Plan, state: State, reason: &str, found: Option<String>) -> Next {
    let job_id = rollback_id(plan.operation);
    // What came to its end, or may have without being seen, is not started again.
    let complete = plan.stays_complete() || claim_of(&state).notes.complete;
    let seen = claim_of(&state).notes.ended_run().is_some_and(|run| !is_of_another_version(plan, run));
    let unseen = || {
        let previous = plan.previous.as_ref()?;
        plan.may_be_complete(&previous.launch, found.as_deref(), state.seen())
    };
    if complete || (!seen && unseen().is_some()) {
        return failed(state, reason.to_owned(), None);
    }
    match found {
        Some(path) => begin_start(state, Begin { role: RunRole::Previous, job_id, restore: Some(path) }),
        None if may_start_over(plan, &state) => {
            begin_start(state, Begin { role: RunRole::Previous, job_id, restore: None })
        }
        None => failed(state, format!("{reason}; no state to start the previous manifest from"), None),
    }
}
