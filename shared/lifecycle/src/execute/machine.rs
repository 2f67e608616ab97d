//! The transitions of the runner's machine: which phase takes which input. A note in the claim precedes every effect
//! that changes the outside: a successor goes on from there. Must not know how an effect is carried out.

use desired::explain;

use super::checkpoint_instead::looked_for_checkpoint;
use super::observe::note_states;
use super::resume::{checked, found_own, nothing_to_work_with, reserve, resume};
use super::rollback::{find_rollback_state, found_rollback_state, roll_back};
use super::saving::{issue_savepoint, saved};
use super::starting::{
    Failure, after_end, found_latest, give_up, listed_states, note_start, slots_needed, start_failed, submit, watch,
    watched,
};
use super::stopping::{end_running, ended_by_itself, issue_stop, note_savepoint, stopped};
use super::transition::{Next, claim_of, done, failed, finish, refuse, to};
use super::{Effect, End, Input, OperationPhase, RunRole, State, SubmitEnd};
use crate::documents::claim::Verdict;
use crate::documents::outcome::Refusal;
use crate::documents::plan::Plan;
use crate::owed::Cause;

/// One transition. Any input that the phase does not expect ends the pass as unknown: the next pass looks again.
pub fn step(plan: &Plan, mut state: State, input: Input) -> Next {
    let phase = std::mem::replace(&mut state.phase, OperationPhase::Done);
    match (phase, input) {
        (_, Input::NotOurs) => done(state, End::NotOurs),
        (OperationPhase::Begin, Input::Begin) => to(state, OperationPhase::Claiming, Effect::TakeClaim),
        (OperationPhase::Claiming, Input::Claimed(claim)) => {
            state.claim = Some(claim);
            to(state, OperationPhase::Looking, Effect::Look)
        }
        (OperationPhase::Looking, Input::Looked(look)) => {
            (state.epoch, state.looked) = (Some(look.epoch.clone()), Some(look.at));
            if let Some(claim) = &mut state.claim {
                note_states(plan, &mut claim.notes, &look);
            }
            resume(plan, state, &look)
        }
        (OperationPhase::Looking, Input::NoCluster(message)) => {
            nothing_to_work_with(state, Refusal::NoCluster { message })
        }
        (OperationPhase::Looking, Input::NodeBroken(message)) => {
            nothing_to_work_with(state, Refusal::NodeBroken { message })
        }
        (OperationPhase::CheckingState(intent), Input::Found(found)) => checked(plan, state, intent, found.is_some()),
        (OperationPhase::NotingSave(run), Input::Saved(claim)) => {
            state.claim = Some(claim);
            issue_savepoint(plan, state, run)
        }
        (OperationPhase::Saving(run), Input::Stopped(end)) => saved(state, run, end),
        (OperationPhase::Preparing(intent), Input::Compiled(compiled)) => {
            state.compiled_next = Some(compiled);
            reserve(plan, state, intent)
        }
        (OperationPhase::Preparing(intent), Input::Rejected(rejection)) => {
            let told = plan.next.as_ref().map(|launch| Box::new(explain(launch, &rejection)));
            refuse(plan, state, &intent, Refusal::DoesNotCompile { rejection, told })
        }
        (OperationPhase::Preparing(intent), Input::NoSecret(message)) => {
            refuse(plan, state, &intent, Refusal::NoSecret { message })
        }
        (OperationPhase::Preparing(intent), Input::NodeBroken(message)) => {
            refuse(plan, state, &intent, Refusal::NodeBroken { message })
        }
        (OperationPhase::Reserving(intent), Input::Reserved) => end_running(plan, state, intent),
        (OperationPhase::Reserving(intent), Input::Short { free }) => {
            let needed = slots_needed(plan, &state);
            refuse(plan, state, &intent, Refusal::NoCapacity { needed, free })
        }
        (OperationPhase::NotingStop(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            issue_stop(plan, state, intent)
        }
        (OperationPhase::Stopping(intent), Input::Stopped(end)) => stopped(plan, state, intent, end),
        (OperationPhase::SearchingSavepoint(intent), Input::Found(found)) => match found {
            Some(found) => note_savepoint(state, intent, found.path),
            None => to(state, OperationPhase::LookingAtItsEnd(intent), Effect::Look),
        },
        (OperationPhase::LookingAtItsEnd(intent), Input::Looked(look)) => ended_by_itself(plan, state, *intent, &look),
        (OperationPhase::LookingForCheckpoint(intent, message), Input::Looked(look)) => {
            looked_for_checkpoint(plan, state, intent, &message, &look)
        }
        (OperationPhase::NotingSavepoint(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            after_end(plan, state, intent)
        }
        (OperationPhase::NotingCancel(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            match claim_of(&state).notes.cancel {
                Some(run) => to(state, OperationPhase::Cancelling(intent), Effect::Cancel(run)),
                None => done(state, End::Unknown),
            }
        }
        (OperationPhase::Cancelling(intent), Input::Cancelled) => after_end(plan, state, intent),
        (OperationPhase::Searching(intent), Input::Found(found)) => {
            found_latest(plan, state, &intent, found.map(|f| f.path))
        }
        (OperationPhase::Listing(intent), Input::Listed(listed)) => listed_states(plan, state, &intent, &listed),
        (OperationPhase::Compiling(begin), Input::Compiled(compiled)) => {
            match begin.role {
                RunRole::Next => state.compiled_next = Some(compiled),
                RunRole::Previous => state.compiled_previous = Some(compiled),
            }
            note_start(state, *begin)
        }
        (OperationPhase::Compiling(begin), Input::Rejected(rejection)) => match begin.role {
            RunRole::Next => {
                give_up(state, format!("it does not compile any more: {}", rejection.message), Cause::DoesNotCompile)
            }
            RunRole::Previous => {
                failed(state, format!("the previous manifest does not compile: {}", rejection.message), None)
            }
        },
        (OperationPhase::Compiling(begin), Input::NoSecret(message) | Input::NodeBroken(message)) => match begin.role {
            // Nothing is wrong with the target: what was begun goes on once the node or the store is well again.
            RunRole::Next => done(state, End::Unknown),
            RunRole::Previous => failed(state, format!("the previous manifest cannot be started: {message}"), None),
        },
        (OperationPhase::NotingStart(begin), Input::Saved(claim)) => {
            state.claim = Some(claim);
            submit(state, begin)
        }
        (OperationPhase::Submitting(begin), Input::Submitted(SubmitEnd::Known)) => watch(state, begin),
        (OperationPhase::Submitting(begin), Input::Submitted(SubmitEnd::Rejected(reason))) => {
            start_failed(plan, state, &begin, Failure { reason, alive: false, cause: Cause::DoesNotRun })
        }
        (OperationPhase::Watching(begin), Input::Watched(health)) => watched(plan, state, &begin, health),
        (OperationPhase::SearchingOwn(begin), Input::Found(found)) => {
            found_own(plan, state, *begin, found.map(|f| f.path))
        }
        (OperationPhase::NotingVerdict(verdict), Input::Saved(claim)) => {
            state.claim = Some(claim);
            match verdict {
                Verdict::Commit(outcome) => finish(state, outcome),
                Verdict::RollBack { reason, .. } => roll_back(plan, state, reason),
            }
        }
        (OperationPhase::EndingFailed(reason), Input::Cancelled) => find_rollback_state(plan, state, reason),
        (OperationPhase::SearchingRollback(reason), Input::Found(found)) => {
            found_rollback_state(plan, state, &reason, found.map(|f| f.path))
        }
        (OperationPhase::Closing(outcome), Input::Saved(_)) => {
            to(state, OperationPhase::Writing, Effect::WriteResult(outcome))
        }
        (OperationPhase::Writing, Input::Written) => done(state, End::Finished),
        (
            OperationPhase::Begin
            | OperationPhase::Claiming
            | OperationPhase::Looking
            | OperationPhase::CheckingState(_)
            | OperationPhase::NotingSave(_)
            | OperationPhase::Saving(_)
            | OperationPhase::Preparing(_)
            | OperationPhase::Reserving(_)
            | OperationPhase::NotingStop(_)
            | OperationPhase::Stopping(_)
            | OperationPhase::SearchingSavepoint(_)
            | OperationPhase::LookingAtItsEnd(_)
            | OperationPhase::LookingForCheckpoint(..)
            | OperationPhase::NotingSavepoint(_)
            | OperationPhase::NotingCancel(_)
            | OperationPhase::Cancelling(_)
            | OperationPhase::Searching(_)
            | OperationPhase::Listing(_)
            | OperationPhase::Compiling(_)
            | OperationPhase::NotingStart(_)
            | OperationPhase::Submitting(_)
            | OperationPhase::Watching(_)
            | OperationPhase::SearchingOwn(_)
            | OperationPhase::NotingVerdict(_)
            | OperationPhase::EndingFailed(_)
            | OperationPhase::SearchingRollback(_)
            | OperationPhase::Closing(_)
            | OperationPhase::Writing
            | OperationPhase::Done,
            _,
        ) => done(state, End::Unknown),
    }
}
