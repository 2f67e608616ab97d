//! A start: from which state, its note, its submission, the watch over it and the verdict.
//! Must not know how the run before it was ended.

use super::observe::is_of_another_version;
use super::suspending::nothing_runs;
use super::transition::{Next, claim_of, failed, finish, given_up, refuse, savepoint_of, to};
use super::{Begin, Effect, Ending, Health, Intent, OperationPhase, RunRole, State};
use crate::decision::{Observed, PlannedAction, StartFrom, Why};
use crate::documents::claim::{StartNote, Verdict};
use crate::documents::outcome::{Compiled, Outcome, Refusal, RunStarted};
use crate::documents::plan::{KnownRun, Plan, Previous};
use crate::ids::run_id;
use crate::owed::Cause;
use crate::state::{StateLocation, StateRef};

/// How many states that may be another job's are listed.
const CANDIDATES: usize = 20;

/// The live run is at its end: start, or say that the job is removed.
pub(super) fn after_end(plan: &Plan, state: State, mut intent: Box<Intent>) -> Next {
    // What is deployed did not end by that stop.
    intent.stop = intent.stop.filter(|(run, _)| !is_of_another_version(plan, *run));
    if stays_complete(plan, &intent) {
        let (why, epoch) = (Why::IsComplete, state.epoch.clone());
        let run = match intent.ended {
            Ending::Complete(run) => Some(run),
            Ending::NotSeen | Ending::Savepoint(..) => None,
        };
        return finish(state, Outcome::Left { why, run, epoch, checkpointed: true, newest: None, savepoint: None });
    }
    match (intent.start, &plan.next) {
        (None, _) | (_, None) => {
            let outcome = nothing_runs(plan, &state, &intent.ended);
            finish(state, outcome)
        }
        (Some(StartFrom::Clean), Some(next)) => {
            // A run of this very target was left behind: its state counts, and it may have come to its end.
            let places: Vec<StateLocation> = plan.left_of(next).flat_map(KnownRun::places).collect();
            if may_have_ended(plan, &intent) && !places.is_empty() {
                return to(state, OperationPhase::Searching(intent), Effect::FindState(places));
            }
            begin_start(state, Begin { role: RunRole::Next, job_id: run_id(plan.operation), restore: None })
        }
        // Flink may have deleted it since it was looked for: it keeps a few checkpoints of a run only.
        (Some(StartFrom::Given), Some(_)) => {
            to(state, OperationPhase::Searching(intent), Effect::FindState(plan.given_place()))
        }
        (Some(StartFrom::Latest), Some(_)) => {
            if let Some(path) = savepoint_of(&state) {
                return begin_start(
                    state,
                    Begin { role: RunRole::Next, job_id: run_id(plan.operation), restore: Some(path) },
                );
            }
            let run = intent.stop.map(|(run, _)| run).or(claim_of(&state).notes.ended_run());
            let mut places = plan.previous.as_ref().map(|p| p.provable_places(run)).unwrap_or_default();
            let unprovable = plan.previous.iter().flat_map(|p| &p.places).filter(|place| !place.is_provable());
            let unprovable: Vec<StateLocation> = unprovable.cloned().collect();
            if run.is_none() && !unprovable.is_empty() && !plan.clean_start {
                return to(state, OperationPhase::Listing(intent), Effect::ListStates(unprovable));
            }
            // One candidate more: a run of an operation without a result may have gone on from it.
            places.extend(intent.ended.savepoint().map(|path| StateLocation::Exactly { path: path.to_owned() }));
            places.extend(claim_of(&state).notes.told_places());
            to(state, OperationPhase::Searching(intent), Effect::FindState(places))
        }
    }
}

/// Whether what is deployed is complete and stays so: what lives beside it is ended, and nothing is started.
pub(super) fn stays_complete(plan: &Plan, intent: &Intent) -> bool {
    let is_left = plan.action(Observed::Complete) == PlannedAction::Leave(Why::IsComplete);
    let was_seen = matches!(intent.ended, Ending::Complete(_)) && !plan.clean_start;
    (plan.next.is_some() || plan.suspends) && is_left && (was_seen || plan.stays_complete())
}

/// Whether nobody saw how the run before ended, and nobody allowed to start it again all the same. How what is deployed
/// was stopped tells nothing of a run of another query.
fn may_have_ended(plan: &Plan, intent: &Intent) -> bool {
    let is_seen = intent.ended.savepoint().is_some() && intent.start != Some(StartFrom::Clean);
    intent.stop.is_none() && !is_seen && !plan.clean_start
}

pub(super) fn found_latest(plan: &Plan, state: State, intent: &Intent, found: Option<String>) -> Next {
    let job_id = run_id(plan.operation);
    if intent.start == Some(StartFrom::Given) {
        let path = plan.given_state().unwrap_or_default().to_owned();
        return match found {
            Some(path) => begin_start(state, Begin { role: RunRole::Next, job_id, restore: Some(path) }),
            None => give_up(state, Refusal::StateNotThere { path }.to_string(), Cause::NoState),
        };
    }
    let next = plan.next.as_ref().filter(|_| may_have_ended(plan, intent));
    let unseen = next.and_then(|next| plan.may_be_complete(next, found.as_deref(), state.seen()));
    if let Some(run) = unseen {
        return refuse(plan, state, intent, Refusal::MayBeComplete { job_id: run.job_id });
    }
    match found {
        Some(path) => begin_start(state, Begin { role: RunRole::Next, job_id, restore: Some(path) }),
        None if plan.clean_start || intent.start == Some(StartFrom::Clean) || may_start_over(plan, &state) => {
            begin_start(state, Begin { role: RunRole::Next, job_id, restore: None })
        }
        // The old run is ended already where there was one: that the deployed manifest is down must be told.
        None if intent.stop.is_some() => failed(state, "no state of the stopped run was found".to_owned(), None),
        None => refuse(plan, state, intent, Refusal::NoState),
    }
}

/// States that may be another job's are restored by nobody, and not passed over either.
pub(super) fn listed_states(plan: &Plan, state: State, intent: &Intent, listed: &[StateRef]) -> Next {
    if listed.is_empty() {
        return found_latest(plan, state, intent, None);
    }
    let candidates = listed.iter().take(CANDIDATES).map(|found| found.path.clone()).collect();
    refuse(plan, state, intent, Refusal::StateNotProven { candidates })
}

/// A run that left no checkpoint is started again from its own starting point, which was clean.
pub(super) fn may_start_over(plan: &Plan, state: &State) -> bool {
    // Of a run that we did not start nobody knows where it started.
    let started = |run: &KnownRun| run.operation.starts(run.job_id);
    let never =
        |p: &Previous| !p.checkpointed && p.restore_point.is_none() && !p.runs.is_empty() && p.runs.iter().all(started);
    !claim_of(state).notes.checkpointed && plan.previous.as_ref().is_some_and(never)
}

/// What the new launch needs: as Flink compiled it, or as its parallelism tells.
pub(super) fn slots_needed(plan: &Plan, state: &State) -> u32 {
    let compiled = state.compiled_next.and_then(|compiled| compiled.slots);
    compiled.or(plan.next.as_ref().map(|launch| launch.slots)).unwrap_or(0)
}

pub(super) fn begin_start(state: State, begin: Begin) -> Next {
    if compiled_of(&state, begin.role).is_some() {
        return note_start(state, begin);
    }
    let role = begin.role;
    to(state, OperationPhase::Compiling(Box::new(begin)), Effect::Prepare(role))
}

fn compiled_of(state: &State, role: RunRole) -> Option<Compiled> {
    match role {
        RunRole::Next => state.compiled_next,
        RunRole::Previous => state.compiled_previous,
    }
}

/// The run that a start began, with what its note says of it.
fn run_of(state: &State, begin: &Begin) -> RunStarted {
    let notes = &claim_of(state).notes;
    let note = notes.start.iter().chain(&notes.rollback).find(|note| note.job_id == begin.job_id);
    let compiled = note.map(|note| note.compiled).unwrap_or_default();
    RunStarted { job_id: begin.job_id, restored_from: begin.restore.clone(), epoch: state.epoch.clone(), compiled }
}

pub(super) fn note_start(state: State, begin: Begin) -> Next {
    let mut claim = claim_of(&state).clone();
    let kept = [&claim.notes.start, &claim.notes.rollback].into_iter().flatten().find(|n| n.job_id == begin.job_id);
    let compiled = compiled_of(&state, begin.role).or(kept.map(|note| note.compiled)).unwrap_or_default();
    let (restore, epoch) = (begin.restore.clone(), state.epoch.clone());
    let note = Some(StartNote { job_id: begin.job_id, restore, epoch, compiled });
    match begin.role {
        RunRole::Next => claim.notes.start = note,
        RunRole::Previous => claim.notes.rollback = note,
    }
    to(state, OperationPhase::NotingStart(Box::new(begin)), Effect::SaveClaim(claim))
}

pub(super) fn submit(state: State, begin: Box<Begin>) -> Next {
    // Not compiled in this process: the run was live already and is only taken over.
    if compiled_of(&state, begin.role).is_none() {
        return watch(state, begin);
    }
    let effect = Effect::Submit { role: begin.role, job_id: begin.job_id, restore: begin.restore.clone() };
    to(state, OperationPhase::Submitting(begin), effect)
}

pub(super) fn watch(state: State, begin: Box<Begin>) -> Next {
    let id = begin.job_id;
    to(state, OperationPhase::Watching(begin), Effect::Watch(id))
}

/// How a start failed.
pub(super) struct Failure {
    /// Why, for people.
    pub(super) reason: String,
    /// The same, typed.
    pub(super) cause: Cause,
    /// Whether its run lives.
    pub(super) alive: bool,
}

pub(super) fn watched(plan: &Plan, state: State, begin: &Begin, health: Health) -> Next {
    let run = run_of(&state, begin);
    let savepoint = savepoint_of(&state);
    let failure = |reason, alive| Failure { reason, alive, cause: Cause::DoesNotRun };
    match (begin.role, health) {
        (RunRole::Next, Health::Stable { checkpointed }) => verdict(
            state,
            Verdict::Commit(Outcome::Deployed { run, savepoint, unhealthy: None, cause: None, checkpointed }),
        ),
        (RunRole::Next, Health::Complete) => verdict(state, Verdict::Commit(Outcome::Completed { run })),
        (_, Health::Unstable(reason)) => start_failed(plan, state, begin, failure(reason, true)),
        (_, Health::Ended(reason)) => start_failed(plan, state, begin, failure(reason, false)),
        (_, Health::NoSlots { reason, alive }) => {
            // As many as it needs seemed to be free before: only more than those promise another end.
            let needed = run.compiled.slots.unwrap_or_else(|| slots_needed(plan, &state));
            let cause = Cause::NoCapacity { needed, free: needed };
            start_failed(plan, state, begin, Failure { reason, cause, alive })
        }
        (RunRole::Previous, Health::Stable { .. } | Health::Complete) => {
            let (reason, cause) = given_up(&state);
            finish(state, Outcome::RolledBack { reason, cause, run, savepoint })
        }
    }
}

pub(super) fn start_failed(plan: &Plan, state: State, begin: &Begin, failure: Failure) -> Next {
    let Failure { reason, cause, alive } = failure;
    let run = run_of(&state, begin);
    let savepoint = savepoint_of(&state);
    match (begin.role, alive) {
        // A rollback's own run has nothing to roll back to: alive counts as running.
        (RunRole::Previous, true) => {
            let (given_up, cause) = given_up(&state);
            let reason = format!("{given_up}; the previous manifest is not healthy: {reason}");
            finish(state, Outcome::RolledBack { reason, cause, run, savepoint })
        }
        (RunRole::Previous, false) => {
            let (given_up, _) = given_up(&state);
            failed(state, format!("{given_up}; the previous manifest failed too: {reason}"), savepoint)
        }
        // One that we did not start is never ended for its health.
        (RunRole::Next, true) if plan.is_restart() || !plan.is_ours(begin.job_id) => {
            let (unhealthy, cause) = (Some(reason), Some(cause).filter(|cause| cause.is_environment()));
            verdict(state, Verdict::Commit(Outcome::Deployed { run, savepoint, unhealthy, cause, checkpointed: false }))
        }
        (RunRole::Next, _) => give_up(state, reason, cause),
    }
}

pub(super) fn verdict(state: State, verdict: Verdict) -> Next {
    let mut claim = claim_of(&state).clone();
    claim.verdict = Some(verdict.clone());
    to(state, OperationPhase::NotingVerdict(verdict), Effect::SaveClaim(claim))
}

pub(super) fn give_up(state: State, reason: String, cause: Cause) -> Next {
    verdict(state, Verdict::RollBack { reason, cause })
}
