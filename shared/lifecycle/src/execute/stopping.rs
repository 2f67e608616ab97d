//! The end of the live run: by a stop with savepoint, tried a few times, or by a cancel.
//! Must not know why the run is to end.

use desired::manifest::OnSavepointFailure;

use super::observe::is_of_another_version;
use super::starting::after_end;
use super::transition::{Next, claim_of, done, finish, refuse_as_it_is, to};
use super::{Effect, End, Intent, JobLook, OperationPhase, State, StopEnd};
use crate::decision::{Observed, PlannedAction, Stop};
use crate::documents::claim::{Notes, StopNote};
use crate::documents::outcome::{Outcome, Refusal};
use crate::documents::plan::{LeftStop, Plan};
use crate::ids::stop_trigger;
use crate::state::StateLocation;

/// How often a stop with savepoint is tried.
const STOP_TRIES: u32 = 3;

/// Notes the first stop, or the cancel, of the live run; or goes on if none is live. A stop that an operation before may
/// have left under way is awaited under its own trigger: another one would abort it and restart the job.
pub(super) fn end_running(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    let run = intent.stop.map(|(run, _)| run);
    let left = plan.stops.iter().rev().find(|left| Some(left.run) == run).cloned();
    let n = left.as_ref().map_or(0, |left| left.n);
    end_by(plan, state, intent, n, left)
}

/// Notes the `n`th stop, or the cancel, of the live run.
pub(super) fn end_by(plan: &Plan, state: State, intent: Box<Intent>, n: u32, left: Option<LeftStop>) -> Next {
    let mut claim = claim_of(&state).clone();
    match intent.stop {
        Some((run, Stop::Savepoint)) if plan.stop_directory().is_some() => {
            claim.notes.stop = Some(StopNote { run, n, savepoint: None, left });
            to(state, OperationPhase::NotingStop(intent), Effect::SaveClaim(claim))
        }
        Some((run, Stop::Savepoint | Stop::Cancel)) => {
            claim.notes.stop = None;
            claim.notes.cancel = Some(run);
            to(state, OperationPhase::NotingCancel(intent), Effect::SaveClaim(claim))
        }
        None => after_end(plan, state, intent),
    }
}

pub(super) fn issue_stop(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    let (Some(note), Some(directory)) = (claim_of(&state).notes.stop.clone(), plan.stop_directory()) else {
        return done(state, End::Unknown);
    };
    let operation = note.left.as_ref().map_or(plan.operation, |left| left.operation);
    let directory = note.left.as_ref().map_or(directory, |left| left.directory.as_str()).to_owned();
    let effect = Effect::Stop { run: note.run, trigger: stop_trigger(operation, note.run, note.n), directory };
    to(state, OperationPhase::Stopping(intent), effect)
}

pub(super) fn stopped(plan: &Plan, mut state: State, intent: Box<Intent>, end: StopEnd) -> Next {
    match end {
        StopEnd::Savepoint(path) => note_savepoint(state, intent, path),
        StopEnd::Gone => {
            let left = claim_of(&state).notes.stop.as_ref().and_then(|note| note.left.as_ref());
            let directories = plan.stop_directory().into_iter().chain(left.map(|left| left.directory.as_str()));
            let places = directories.map(StateLocation::savepoints);
            let effect = Effect::FindState(places.collect());
            to(state, OperationPhase::SearchingSavepoint(intent), effect)
        }
        StopEnd::NotRunning => not_running(plan, state, intent),
        StopEnd::Failed(message) => {
            // The failure of an earlier operation's stop leaves all tries of this one.
            let n =
                claim_of(&state).notes.stop.as_ref().filter(|note| note.left.is_none()).map_or(0, |note| note.n + 1);
            if let Some(claim) = &mut state.claim {
                claim.notes.no_savepoint = Some(message.clone());
            }
            if n < STOP_TRIES {
                return end_by(plan, state, intent, n, None);
            }
            without_savepoint(plan, state, intent, message)
        }
    }
}

/// No savepoint is possible: its newest checkpoint is what there is. Unless it was healthy until a savepoint failed: Flink
/// restarts a run whose last part of one could not be written, and then its manifest says what is done.
fn not_running(plan: &Plan, state: State, mut intent: Box<Intent>) -> Next {
    if let Some(message) = put_down_by_savepoint(plan, &claim_of(&state).notes) {
        let phase = OperationPhase::LookingForCheckpoint(intent, message.to_owned());
        return to(state, phase, Effect::Look);
    }
    intent.stop = intent.stop.map(|(run, _)| (run, Stop::Cancel));
    end_by(plan, state, intent, 0, None)
}

/// Flink's words, where they name the folder of the savepoint: it could not be written. A run that fails by itself while one
/// is taken fails that too, and was unhealthy already.
fn put_down_by_savepoint<'a>(plan: &Plan, notes: &'a Notes) -> Option<&'a str> {
    // Also an earlier operation's, whose stop was awaited first: the note of this one's own takes its place.
    let mut folders = plan.stop_directory().into_iter().chain(plan.stops.iter().map(|left| left.directory.as_str()));
    // The last part has the operation's id; how the rest is spelled is the file system's matter.
    let names = |words: &str, folder: &str| {
        let last = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        !last.is_empty() && words.contains(last)
    };
    notes.no_savepoint.as_deref().filter(|words| folders.any(|folder| names(words, folder)))
}

/// Flink said of every try that it failed; a try without an answer is never one of them.
fn without_savepoint(plan: &Plan, state: State, intent: Box<Intent>, message: String) -> Next {
    match plan.on_savepoint_failure {
        // The last try may have put it down: then it is waited for.
        OnSavepointFailure::KeepRunning if put_down_by_savepoint(plan, &claim_of(&state).notes).is_none() => {
            refuse_as_it_is(state, Refusal::NoSavepoint { message })
        }
        OnSavepointFailure::KeepRunning | OnSavepointFailure::Checkpoint { .. } => {
            to(state, OperationPhase::LookingForCheckpoint(intent, message), Effect::Look)
        }
    }
}

/// The run was gone before its stop was done, and left no savepoint: how it ended decides what follows. A bounded job
/// that came to its end in between is complete; whatever else it left counts as the newest of its lineage.
pub(super) fn ended_by_itself(plan: &Plan, mut state: State, intent: Intent, look: &JobLook) -> Next {
    let Some((run, _)) = intent.stop else { return after_end(plan, state, Box::new(intent)) };
    // It came back, or lives where nobody can be asked: the next pass begins with what is observed then.
    if look.live(run).is_some() || !look.unproven.is_empty() {
        return done(state, End::Unknown);
    }
    if let (Some(None), Some(claim)) = (look.ending(run), &mut state.claim) {
        // It came to its end: that a savepoint failed before kept nothing from it.
        claim.notes.no_savepoint = None;
        claim.notes.complete |= !is_of_another_version(plan, run);
    }
    match look.ending(run) {
        Some(None) => match plan.action(Observed::Complete) {
            PlannedAction::Leave(why) if plan.next.is_some() || plan.suspends => {
                let (epoch, checkpointed) = (state.epoch.clone(), claim_of(&state).notes.checkpointed);
                finish(state, Outcome::Left { why, run: Some(run), epoch, checkpointed, newest: None, savepoint: None })
            }
            PlannedAction::Leave(_)
            | PlannedAction::Start(_)
            | PlannedAction::Replace(..)
            | PlannedAction::Stop(_)
            | PlannedAction::Check
            | PlannedAction::Savepoint
            | PlannedAction::Refuse(_)
            | PlannedAction::Wait => after_end(plan, state, Box::new(intent)),
        },
        Some(Some(path)) => note_savepoint(state, Box::new(intent), path.to_owned()),
        None => after_end(plan, state, Box::new(Intent { stop: None, ..intent })),
    }
}

pub(super) fn note_savepoint(state: State, intent: Box<Intent>, path: String) -> Next {
    let mut claim = claim_of(&state).clone();
    claim.notes.no_savepoint = None;
    if let Some(note) = &mut claim.notes.stop {
        note.savepoint = Some(path);
    }
    to(state, OperationPhase::NotingSavepoint(intent), Effect::SaveClaim(claim))
}
