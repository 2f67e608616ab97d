//! Where a pass goes on: from the notes of the claim, or from what is observed.
//! Must not know how a stop or a start proceeds.

use super::observe::{Observation, candidates, ended_beside, observe};
use super::rollback::roll_back;
use super::saving::{issue_savepoint, note_save};
use super::starting::{after_end, begin_start, note_start, slots_needed, stays_complete, watch};
use super::stopping::{end_running, issue_stop};
use super::suspending::nothing_runs;
use super::transition::{
    Next, claim_of, done, failed, failed_for, finish, given_up, refuse, refuse_as_it_is, savepoint_of, to,
};
use super::{Begin, Effect, End, Intent, JobLook, OperationPhase, RunRole, State};
use crate::decision::{Observed, PlannedAction, StartFrom, Stop, Why};
use crate::documents::claim::{Claim, StartNote, Verdict};
use crate::documents::outcome::{Outcome, Refusal};
use crate::documents::plan::{KnownRun, Plan, is_known};
use crate::ids::JobId;
use crate::owed::Cause;
use crate::state::{is_savepoint_at, locations_of_start};

/// How many jobs that may be this one are listed.
const OTHERS: usize = 20;
/// How often a passing state is looked at again.
const PASSING_LOOKS: u32 = 30;

/// Where to go on: from the verdict, the last start, the last stop, or from what is observed.
pub(super) fn resume(plan: &Plan, state: State, look: &JobLook) -> Next {
    let claim = claim_of(&state).clone();
    // What was begun may live elsewhere: it is left as it is until that is known.
    let elsewhere = !untouched(&claim) && may_live_elsewhere(plan, &claim, look);
    match claim.verdict {
        Some(Verdict::Commit(outcome)) => return finish(state, outcome),
        Some(Verdict::RollBack { .. }) | None if elsewhere => return done(state, End::Unknown),
        Some(Verdict::RollBack { reason, .. }) => return resume_roll_back(plan, state, look, reason),
        None => {}
    }
    if let Some(note) = claim.notes.start {
        return resume_start(plan, state, look, RunRole::Next, note);
    }
    if let Some(note) = claim.notes.stop {
        let intent = Box::new(intent_of(plan, look, (note.run, Stop::Savepoint)));
        // The same trigger again: Flink answers for the stop that is under way or was done.
        return if note.savepoint.is_some() { after_end(plan, state, intent) } else { issue_stop(plan, state, intent) };
    }
    if let Some(run) = claim.notes.cancel {
        let intent = Box::new(intent_of(plan, look, (run, Stop::Cancel)));
        return to(state, OperationPhase::Cancelling(intent), Effect::Cancel(run));
    }
    if let Some(note) = claim.notes.savepoint.filter(|note| look.live(note.run).is_some()) {
        return issue_savepoint(plan, state, note.run);
    }
    follow_plan(plan, state, look)
}

/// Without a cluster, or on a node that does not work, nothing is begun; what was begun goes on once there is one.
pub(super) fn nothing_to_work_with(state: State, refusal: Refusal) -> Next {
    if untouched(claim_of(&state)) {
        return refuse_as_it_is(state, refusal);
    }
    done(state, End::Unknown)
}

fn untouched(claim: &Claim) -> bool {
    claim.verdict.is_none() && claim.notes.is_untouched()
}

/// Whether no run of ours is live here, while one may be under a JobManager that cannot be asked.
fn may_live_elsewhere(plan: &Plan, claim: &Claim, look: &JobLook) -> bool {
    let begun = claim.notes.start.iter().chain(&claim.notes.rollback).map(|note| note.job_id);
    let mut ours = plan.known_runs().map(|run| run.job_id).chain(begun);
    !look.unproven.is_empty() && !ours.any(|id| look.live(id).is_some())
}

fn resume_roll_back(plan: &Plan, state: State, look: &JobLook, reason: String) -> Next {
    let claim = claim_of(&state).clone();
    let failed_lives = claim.notes.start.as_ref().and_then(|note| look.live(note.job_id)).is_some();
    match claim.notes.rollback {
        Some(note) if !failed_lives => resume_start(plan, state, look, RunRole::Previous, note),
        Some(_) | None => roll_back(plan, state, reason),
    }
}

fn resume_start(plan: &Plan, state: State, look: &JobLook, role: RunRole, note: StartNote) -> Next {
    let begin = Begin { role, job_id: note.job_id, restore: note.restore };
    match look.job(note.job_id) {
        Some(_) => watch(state, Box::new(begin)),
        None if plan.operation.starts(note.job_id) => search_own(plan, state, begin),
        // A run that was taken over is gone: nothing is ever started under its id.
        None => {
            let mut state = state;
            if let Some(claim) = &mut state.claim {
                claim.notes.start = None;
            }
            follow_plan(plan, state, look)
        }
    }
}

/// The newest state of a start of unknown outcome: repeated without it, it collides with its own checkpoints.
fn search_own(plan: &Plan, state: State, begin: Begin) -> Next {
    let launch = match begin.role {
        RunRole::Next => plan.next.as_ref(),
        RunRole::Previous => plan.previous.as_ref().map(|p| &p.launch),
    };
    let places = launch.map(|launch| locations_of_start(launch, begin.job_id, plan.operation)).unwrap_or_default();
    to(state, OperationPhase::SearchingOwn(Box::new(begin)), Effect::FindState(places))
}

/// Goes on from its newest state. A bounded run without a checkpoint of that start, given to another JobManager incarnation
/// or so long ago that this one may have forgotten it, may have come to its end there: it is not submitted again.
pub(super) fn found_own(plan: &Plan, state: State, begin: Begin, found: Option<String>) -> Next {
    let notes = &claim_of(&state).notes;
    let note = notes.start.iter().chain(&notes.rollback).find(|note| note.job_id == begin.job_id);
    let known = |note: &StartNote| is_known(state.seen(), note.epoch.as_ref(), plan.at);
    let unseen = note.is_some_and(|note| note.compiled.bounded == Some(true) && !known(note));
    // Flink deletes the checkpoints of one that does, but for what it was restored from; a savepoint may have been taken
    // on the way.
    let restored = note.and_then(|note| note.restore.as_deref());
    if unseen && found.as_deref().is_none_or(|path| is_savepoint_at(path) || restored == Some(path)) {
        let (reason, savepoint) = (Refusal::MayBeComplete { job_id: begin.job_id }.to_string(), savepoint_of(&state));
        return match begin.role {
            RunRole::Next => failed_for(state, Cause::MayBeComplete, reason, savepoint),
            RunRole::Previous => {
                let (given_up, _) = given_up(&state);
                failed(state, format!("{given_up}; {reason}"), savepoint)
            }
        };
    }
    begin_start(state, Begin { restore: found.or(begin.restore), ..begin })
}

/// What an operation does with a live run, read off its change.
fn intent_of(plan: &Plan, look: &JobLook, stop: (JobId, Stop)) -> Intent {
    let start = match plan.action(Observed::Running) {
        PlannedAction::Replace(_, from) => Some(from),
        // A restart whose deployed run is gone goes on from its newest state, and so does a job to take a savepoint of.
        PlannedAction::Leave(_) | PlannedAction::Savepoint => Some(StartFrom::Latest),
        PlannedAction::Start(_)
        | PlannedAction::Stop(_)
        | PlannedAction::Check
        | PlannedAction::Refuse(_)
        | PlannedAction::Wait => None,
    };
    Intent { stop: Some(stop), start, ended: ended_beside(plan, look, stop.0) }
}

/// Nothing is begun yet: a run is taken over, or the plan says what is done about what was observed.
fn follow_plan(plan: &Plan, mut state: State, look: &JobLook) -> Next {
    let seen = observe(plan, look);
    if let Some(run) = run_to_take_over(plan, look, &seen) {
        return note_start(state, run);
    }
    if let Some(orphan) = orphan_seen(plan, &seen) {
        // One of the deployed version goes on from its states: the newest is kept. Another version's are not needed.
        let same_version = plan.previous.as_ref().is_some_and(|p| p.launch.version == orphan.version);
        let stop = if same_version && seen.observed == Observed::Running { Stop::Savepoint } else { Stop::Cancel };
        return prepare(plan, state, Box::new(intent_of(plan, look, (orphan.job_id, stop))));
    }
    match plan.action(seen.observed) {
        PlannedAction::Leave(why) => leave(plan, state, look, &seen, why),
        PlannedAction::Refuse(why) => refuse_observed(plan, state, look, &seen, why),
        PlannedAction::Wait => {
            state.waits += 1;
            if state.waits > PASSING_LOOKS {
                return refuse_as_it_is(state, Refusal::StaysInPassing);
            }
            to(state, OperationPhase::Looking, Effect::LookAgain)
        }
        PlannedAction::Start(from) => {
            prepare(plan, state, Box::new(Intent { stop: None, start: Some(from), ended: seen.ended }))
        }
        PlannedAction::Replace(stop, from) => {
            let stop = seen.run.map(|run| (run, stop));
            prepare(plan, state, Box::new(Intent { stop, start: Some(from), ended: seen.ended }))
        }
        PlannedAction::Savepoint => match seen.run {
            Some(run) => note_save(state, run, 0),
            None => done(state, End::Unknown),
        },
        PlannedAction::Stop(stop) => {
            let stop = seen.run.map(|run| (run, stop));
            prepare(plan, state, Box::new(Intent { stop, start: None, ended: seen.ended }))
        }
        PlannedAction::Check => prepare(plan, state, Box::new(Intent { stop: None, start: None, ended: seen.ended })),
    }
}

/// The run of an operation without a result that was observed. One that was stopped with a savepoint is no more than a
/// state to go on from.
fn orphan_seen<'a>(plan: &'a Plan, seen: &Observation) -> Option<&'a KnownRun> {
    let run = seen.run.filter(|_| seen.observed != Observed::StoppedOutside);
    run.and_then(|id| plan.orphans.iter().find(|orphan| orphan.job_id == id))
}

/// A run that is the target already: it is not started but watched, or only written down.
fn run_to_take_over(plan: &Plan, look: &JobLook, seen: &Observation) -> Option<Begin> {
    let begun = |job_id, restore| Begin { role: RunRole::Next, job_id, restore };
    let same = |orphan: &&KnownRun| plan.next.as_ref().is_some_and(|next| next.target == orphan.target);
    if let Some(orphan) = orphan_seen(plan, seen) {
        // The same target already runs, whatever version it was given: it is taken over and watched.
        let is_target = same(&orphan) && !plan.leaves_lineage_of(orphan);
        return is_target.then(|| begun(orphan.job_id, orphan.restored_from.clone()));
    }
    let ended = |orphan: &&KnownRun| look.ending(orphan.job_id) == Some(None);
    if let Some(orphan) = plan.orphans.iter().rev().filter(same).find(ended)
        && !seen.observed.is_live()
    {
        // The same target came to its end meanwhile: there is nothing to start, only to write down.
        return Some(begun(orphan.job_id, orphan.restored_from.clone()));
    }
    // Nothing is deployed, and an operator says that this is it: it goes on as it is.
    let job_id = seen.run.filter(|run| !plan.is_ours(*run))?;
    let is_first = plan.previous.is_none() && plan.next.is_some();
    let is_adopted = is_first && seen.observed.is_live() && seen.observed != Observed::Foreign;
    is_adopted.then(|| begun(job_id, look.newest_of(job_id)))
}

/// What was observed stays as it is.
fn leave(plan: &Plan, state: State, look: &JobLook, seen: &Observation, why: Why) -> Next {
    let run = match why {
        Why::RunsAsDeployed | Why::FlinkRestartsIt | Why::IsComplete => seen.run,
        Why::NothingToStop | Why::ForeignJob | Why::EndNotProven => None,
    };
    let stays = if plan.suspends { why != Why::NothingToStop } else { plan.next.is_some() };
    let outcome = if stays {
        let newest = seen.run.and_then(|run| look.newest_of(run));
        let (epoch, checkpointed) = (state.epoch.clone(), look.checkpointed);
        Outcome::Left { why, run, epoch, checkpointed, newest, savepoint: None }
    } else {
        nothing_runs(plan, &state, &seen.ended)
    };
    finish(state, outcome)
}

/// What was observed keeps the target from being applied.
fn refuse_observed(plan: &Plan, state: State, look: &JobLook, seen: &Observation, why: Why) -> Next {
    let unproven = look.unproven.iter().find(|(id, _)| Some(*id) == seen.run);
    match (seen.run, unproven) {
        (Some(_), Some((job_id, epoch))) => {
            refuse_as_it_is(state, Refusal::EndNotProven { job_id: *job_id, epoch: epoch.clone() })
        }
        (Some(job_id), None) => {
            let others = candidates(plan, look).into_iter().filter(|id| *id != job_id).take(OTHERS).collect();
            refuse_as_it_is(state, Refusal::ForeignJob { job_id, others })
        }
        (None, _) => {
            let (epoch, checkpointed) = (state.epoch.clone(), look.checkpointed);
            finish(state, Outcome::Left { why, run: None, epoch, checkpointed, newest: None, savepoint: None })
        }
    }
}

/// Looks for the state that was ordered, and compiles, before the running job is touched.
fn prepare(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    match (&plan.next, intent.start) {
        (Some(_), Some(StartFrom::Given)) => {
            to(state, OperationPhase::CheckingState(intent), Effect::FindState(plan.given_place()))
        }
        (Some(_), _) if stays_complete(plan, &intent) => end_running(plan, state, intent),
        (Some(_), Some(_)) => to(state, OperationPhase::Preparing(intent), Effect::Prepare(RunRole::Next)),
        (Some(_), None) if plan.suspends => {
            to(state, OperationPhase::Preparing(intent), Effect::Prepare(RunRole::Next))
        }
        (None, _) | (_, None) => end_running(plan, state, Box::new(Intent { start: None, ..*intent })),
    }
}

/// A state that was ordered and is not there, or not complete, is passed over by nobody.
pub(super) fn checked(plan: &Plan, state: State, intent: Box<Intent>, is_there: bool) -> Next {
    if is_there {
        return to(state, OperationPhase::Preparing(intent), Effect::Prepare(RunRole::Next));
    }
    let path = plan.given_state().unwrap_or_default().to_owned();
    refuse(plan, state, &intent, Refusal::StateNotThere { path })
}

pub(super) fn reserve(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    // What is only checked needs none.
    if intent.start.is_none() {
        return end_running(plan, state, intent);
    }
    let needed = slots_needed(plan, &state);
    let freed = match (&intent.stop, &plan.previous) {
        (Some(_), Some(previous)) => previous.slots(),
        (Some(_), None) => needed,
        (None, _) => 0,
    };
    to(state, OperationPhase::Reserving(intent), Effect::Reserve { needed, freed })
}
