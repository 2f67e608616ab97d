//! The end of the live run: by a stop with savepoint, tried a few times, or by a cancel.
//! Must not know why the run is to end.

use super::starting::after_end;
use super::transition::{Next, claim_of, done, finish, to};
use super::{Effect, End, Intent, Outcome, Phase, Refusal, State, StopEnd};
use crate::claim::StopNote;
use crate::decision::Stop;
use crate::ids::stop_trigger;
use crate::plan::Plan;
use crate::state::Place;

/// How often a stop with savepoint is tried.
const STOP_TRIES: u32 = 3;

/// Notes the `n`th stop, or the cancel, of the live run; or goes on if none is live.
pub(super) fn end_running(plan: &Plan, state: State, intent: Box<Intent>, n: u32) -> Next {
    let mut claim = claim_of(&state).clone();
    match intent.stop {
        Some((run, Stop::Savepoint)) if plan.stop_directory().is_some() => {
            claim.notes.stop = Some(StopNote { run, n, savepoint: None });
            to(state, Phase::NotingStop(intent), Effect::SaveClaim(claim))
        }
        Some((run, Stop::Savepoint | Stop::Cancel)) => {
            claim.notes.stop = None;
            claim.notes.cancel = Some(run);
            to(state, Phase::NotingCancel(intent), Effect::SaveClaim(claim))
        }
        None => after_end(plan, state, intent),
    }
}

pub(super) fn issue_stop(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    let (Some(note), Some(directory)) = (claim_of(&state).notes.stop.clone(), plan.stop_directory()) else {
        return done(state, End::Unknown);
    };
    let trigger = stop_trigger(plan.operation, note.run, note.n);
    let effect = Effect::Stop { run: note.run, trigger, directory: directory.to_owned() };
    to(state, Phase::Stopping(intent), effect)
}

pub(super) fn stopped(plan: &Plan, state: State, mut intent: Box<Intent>, end: StopEnd) -> Next {
    match end {
        StopEnd::Savepoint(path) => note_savepoint(state, intent, path),
        StopEnd::Gone => {
            let directory = plan.stop_directory().unwrap_or_default().to_owned();
            to(
                state,
                Phase::SearchingSavepoint(intent),
                Effect::FindState(vec![Place::Savepoints { directory, run: None }]),
            )
        }
        // No savepoint is possible: its newest checkpoint is what there is.
        StopEnd::NotRunning => {
            intent.stop = intent.stop.map(|(run, _)| (run, Stop::Cancel));
            end_running(plan, state, intent, 0)
        }
        StopEnd::Failed(message) => {
            let n = claim_of(&state).notes.stop.as_ref().map_or(0, |note| note.n) + 1;
            if n < STOP_TRIES {
                return end_running(plan, state, intent, n);
            }
            finish(state, Outcome::Refused { refusal: Refusal::NoSavepoint { message } })
        }
    }
}

pub(super) fn note_savepoint(state: State, intent: Box<Intent>, path: String) -> Next {
    let mut claim = claim_of(&state).clone();
    if let Some(note) = &mut claim.notes.stop {
        note.savepoint = Some(path);
    }
    to(state, Phase::NotingSavepoint(intent), Effect::SaveClaim(claim))
}
