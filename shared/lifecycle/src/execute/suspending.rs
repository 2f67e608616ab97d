//! The end of an operation after which nothing of the job is to run: it was removed, or is suspended.
//! Must not know how the run was ended.

use super::transition::{claim_of, savepoint_of};
use super::{Ending, State};
use crate::documents::outcome::Outcome;
use crate::documents::plan::Plan;

/// What came of it; `ended` says how what is deployed ended before.
pub(super) fn nothing_runs(plan: &Plan, state: &State, ended: &Ending) -> Outcome {
    let savepoint = savepoint_of(state).or(ended.savepoint().map(str::to_owned));
    if plan.suspends {
        let (epoch, checkpointed) = (state.epoch.clone(), claim_of(state).notes.checkpointed);
        let newest = claim_of(state).notes.newest.clone();
        return Outcome::Suspended { savepoint, newest, epoch, checkpointed };
    }
    Outcome::Removed { savepoint }
}
