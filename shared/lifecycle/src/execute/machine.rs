//! The transitions of the runner's machine: which phase takes which input.
//! Every effect that changes the outside is preceded by a note of it in the claim, so that a successor goes on from there.

use desired::explain;

use super::observe::newest_state;
use super::resume::{found_own, nothing_to_work_with, reserve, resume, slots_needed};
use super::rollback::{find_rollback_state, found_rollback_state, give_up, roll_back};
use super::starting::{
    Failure, after_end, found_latest, listed_states, note_start, start_failed, submit, watch, watched,
};
use super::stopping::{end_running, ended_by_itself, issue_stop, note_savepoint, stopped};
use super::transition::{Next, claim_of, done, failed, finish, refuse, to};
use super::{Effect, End, Input, Phase, Role, State, SubmitEnd};
use crate::documents::claim::Verdict;
use crate::documents::outcome::Refusal;
use crate::documents::plan::Plan;
use crate::owed::Cause;

/// One transition. Any input that the phase does not expect ends the pass as unknown: the next pass looks again.
pub fn step(plan: &Plan, mut state: State, input: Input) -> Next {
    let phase = std::mem::replace(&mut state.phase, Phase::Done);
    match (phase, input) {
        (_, Input::NotOurs) => done(state, End::NotOurs),
        (Phase::Begin, Input::Begin) => to(state, Phase::Claiming, Effect::TakeClaim),
        (Phase::Claiming, Input::Claimed(claim)) => {
            state.claim = Some(claim);
            to(state, Phase::Looking, Effect::Look)
        }
        (Phase::Looking, Input::Looked(look)) => {
            (state.epoch, state.looked) = (Some(look.epoch.clone()), Some(look.at));
            if let Some(claim) = &mut state.claim {
                claim.notes.checkpointed |= look.checkpointed;
                claim.notes.newest = newest_state(plan, &look).or(claim.notes.newest.take());
            }
            resume(plan, state, &look)
        }
        (Phase::Looking, Input::NoCluster(message)) => nothing_to_work_with(state, Refusal::NoCluster { message }),
        (Phase::Looking, Input::NodeBroken(message)) => nothing_to_work_with(state, Refusal::NodeBroken { message }),
        (Phase::Preparing(intent), Input::Compiled(compiled)) => {
            state.compiled_next = Some(compiled);
            reserve(plan, state, intent)
        }
        (Phase::Preparing(intent), Input::Rejected(rejection)) => {
            let told = plan.next.as_ref().map(|launch| Box::new(explain(launch, &rejection)));
            refuse(plan, state, &intent, Refusal::DoesNotCompile { rejection, told })
        }
        (Phase::Preparing(intent), Input::NoSecret(message)) => {
            refuse(plan, state, &intent, Refusal::NoSecret { message })
        }
        (Phase::Preparing(intent), Input::NodeBroken(message)) => {
            refuse(plan, state, &intent, Refusal::NodeBroken { message })
        }
        (Phase::Reserving(intent), Input::Reserved) => end_running(plan, state, intent),
        (Phase::Reserving(intent), Input::Short { free }) => {
            let needed = slots_needed(plan, &state);
            refuse(plan, state, &intent, Refusal::NoCapacity { needed, free })
        }
        (Phase::NotingStop(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            issue_stop(plan, state, intent)
        }
        (Phase::Stopping(intent), Input::Stopped(end)) => stopped(plan, state, intent, end),
        (Phase::SearchingSavepoint(intent), Input::Found(found)) => match found {
            Some(found) => note_savepoint(state, intent, found.path),
            None => to(state, Phase::LookingAtItsEnd(intent), Effect::Look),
        },
        (Phase::LookingAtItsEnd(intent), Input::Looked(look)) => ended_by_itself(plan, state, *intent, &look),
        (Phase::NotingSavepoint(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            after_end(plan, state, intent)
        }
        (Phase::NotingCancel(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            match claim_of(&state).notes.cancel {
                Some(run) => to(state, Phase::Cancelling(intent), Effect::Cancel(run)),
                None => done(state, End::Unknown),
            }
        }
        (Phase::Cancelling(intent), Input::Cancelled) => after_end(plan, state, intent),
        (Phase::Searching(intent), Input::Found(found)) => found_latest(plan, state, &intent, found.map(|f| f.path)),
        (Phase::Listing(intent), Input::Listed(listed)) => listed_states(plan, state, &intent, &listed),
        (Phase::Compiling(begin), Input::Compiled(compiled)) => {
            match begin.role {
                Role::Next => state.compiled_next = Some(compiled),
                Role::Previous => state.compiled_previous = Some(compiled),
            }
            note_start(state, *begin)
        }
        (Phase::Compiling(begin), Input::Rejected(rejection)) => match begin.role {
            Role::Next => {
                give_up(state, format!("it does not compile any more: {}", rejection.message), Cause::DoesNotCompile)
            }
            Role::Previous => {
                failed(state, format!("the previous manifest does not compile: {}", rejection.message), None)
            }
        },
        (Phase::Compiling(begin), Input::NoSecret(message) | Input::NodeBroken(message)) => match begin.role {
            // Nothing is wrong with the target: what was begun goes on once the node or the store is well again.
            Role::Next => done(state, End::Unknown),
            Role::Previous => failed(state, format!("the previous manifest cannot be started: {message}"), None),
        },
        (Phase::NotingStart(begin), Input::Saved(claim)) => {
            state.claim = Some(claim);
            submit(state, begin)
        }
        (Phase::Submitting(begin), Input::Submitted(SubmitEnd::Known)) => watch(state, begin),
        (Phase::Submitting(begin), Input::Submitted(SubmitEnd::Rejected(reason))) => {
            start_failed(plan, state, &begin, Failure { reason, alive: false, cause: Cause::DoesNotRun })
        }
        (Phase::Watching(begin), Input::Watched(health)) => watched(plan, state, &begin, health),
        (Phase::SearchingOwn(begin), Input::Found(found)) => found_own(plan, state, *begin, found.map(|f| f.path)),
        (Phase::NotingVerdict(verdict), Input::Saved(claim)) => {
            state.claim = Some(claim);
            match verdict {
                Verdict::Commit(outcome) => finish(state, outcome),
                Verdict::RollBack { reason, .. } => roll_back(plan, state, reason),
            }
        }
        (Phase::EndingFailed(reason), Input::Cancelled) => find_rollback_state(plan, state, reason),
        (Phase::SearchingRollback(reason), Input::Found(found)) => {
            found_rollback_state(plan, state, &reason, found.map(|f| f.path))
        }
        (Phase::Closing(outcome), Input::Saved(_)) => to(state, Phase::Writing, Effect::WriteResult(outcome)),
        (Phase::Writing, Input::Written) => done(state, End::Finished),
        (
            Phase::Begin
            | Phase::Claiming
            | Phase::Looking
            | Phase::Preparing(_)
            | Phase::Reserving(_)
            | Phase::NotingStop(_)
            | Phase::Stopping(_)
            | Phase::SearchingSavepoint(_)
            | Phase::LookingAtItsEnd(_)
            | Phase::NotingSavepoint(_)
            | Phase::NotingCancel(_)
            | Phase::Cancelling(_)
            | Phase::Searching(_)
            | Phase::Listing(_)
            | Phase::Compiling(_)
            | Phase::NotingStart(_)
            | Phase::Submitting(_)
            | Phase::Watching(_)
            | Phase::SearchingOwn(_)
            | Phase::NotingVerdict(_)
            | Phase::EndingFailed(_)
            | Phase::SearchingRollback(_)
            | Phase::Closing(_)
            | Phase::Writing
            | Phase::Done,
            _,
        ) => done(state, End::Unknown),
    }
}
