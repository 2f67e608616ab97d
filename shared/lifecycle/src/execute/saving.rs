//! A savepoint of a job that runs on: its note, its trigger, a few tries.
//! Must not know why it is taken.

use super::transition::{Next, claim_of, done, finish, refuse_as_it_is, to};
use super::{Effect, End, OperationPhase, State, StopEnd};
use crate::decision::Why;
use crate::documents::claim::SavepointNote;
use crate::documents::outcome::{Outcome, Refusal};
use crate::documents::plan::Plan;
use crate::ids::{JobId, savepoint_trigger};

/// How often a savepoint is tried.
const TRIES: u32 = 3;
/// How often one that the end of its run overtook is begun anew with another look.
const LOOKS: u32 = 30;

/// Notes the `n`th savepoint.
pub(super) fn note_save(state: State, run: JobId, n: u32) -> Next {
    let mut claim = claim_of(&state).clone();
    claim.notes.savepoint = Some(SavepointNote { run, n });
    to(state, OperationPhase::NotingSave(run), Effect::SaveClaim(claim))
}

/// Asks under the noted trigger. Asked again after a crash, Flink answers for the savepoint that is under way or was taken.
pub(super) fn issue_savepoint(plan: &Plan, state: State, run: JobId) -> Next {
    let (Some(note), Some(directory)) = (claim_of(&state).notes.savepoint, plan.stop_directory()) else {
        return done(state, End::Unknown);
    };
    let trigger = savepoint_trigger(plan.operation, run, note.n);
    let directory = directory.to_owned();
    to(state, OperationPhase::Saving(run), Effect::Savepoint { run, trigger, directory })
}

pub(super) fn saved(mut state: State, run: JobId, end: StopEnd) -> Next {
    match end {
        StopEnd::Savepoint(path) => {
            let (why, epoch) = (Why::RunsAsDeployed, state.epoch.clone());
            // A savepoint is a state of its run like any checkpoint.
            let (checkpointed, newest) = (true, None);
            finish(state, Outcome::Left { why, run: Some(run), epoch, checkpointed, newest, savepoint: Some(path) })
        }
        // It ended meanwhile: another look tells what is to be done about it.
        StopEnd::Gone => {
            state.waits += 1;
            if state.waits > LOOKS {
                return refuse_as_it_is(state, Refusal::NoSavepoint { message: "its run ended".to_owned() });
            }
            to(state, OperationPhase::Looking, Effect::LookAgain)
        }
        StopEnd::NotRunning => {
            let message = "not all of its tasks run".to_owned();
            refuse_as_it_is(state, Refusal::NoSavepoint { message })
        }
        StopEnd::Failed(message) => {
            let n = claim_of(&state).notes.savepoint.map_or(0, |note| note.n + 1);
            if n < TRIES {
                return note_save(state, run, n);
            }
            refuse_as_it_is(state, Refusal::NoSavepoint { message })
        }
    }
}
