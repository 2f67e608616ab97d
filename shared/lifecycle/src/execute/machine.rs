//! The transitions of the runner's machine.
//! Every effect that changes the outside is preceded by a note of it in the claim, so that a successor goes on from there.

use super::observe::observe;
use super::{
    Begin, Effect, End, Health, Input, Intent, JobLook, Outcome, Phase, Refusal, Role, RunStarted, State, StopEnd,
    SubmitEnd,
};
use crate::claim::{Claim, StartNote, StopNote, Verdict};
use crate::decision::{Action, From, Stop, Why};
use crate::ids::{JobId, rollback_id, run_id, stop_trigger};
use crate::plan::Plan;
use crate::state::Place;

/// How often a stop with savepoint is tried.
const STOP_TRIES: u32 = 3;
/// How often a passing state is looked at again.
const PASSING_LOOKS: u32 = 30;

type Next = (State, Effect);

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
        (Phase::Looking, Input::Looked(look)) => resume(plan, state, &look),
        (Phase::Preparing(intent), Input::Compiled) => {
            state.compiled_next = true;
            reserve(plan, state, intent)
        }
        (Phase::Preparing(_), Input::Rejected(rejection)) => {
            finish(state, Outcome::Refused { refusal: Refusal::DoesNotCompile { rejection } })
        }
        (Phase::Reserving(intent), Input::Reserved) => end_running(plan, state, intent, 0),
        (Phase::Reserving(_), Input::Short { free }) => {
            let needed = plan.next.as_ref().map_or(0, |launch| launch.slots);
            finish(state, Outcome::Refused { refusal: Refusal::NoCapacity { needed, free } })
        }
        (Phase::NotingStop(intent), Input::Saved(claim)) => {
            state.claim = Some(claim);
            issue_stop(plan, state, intent)
        }
        (Phase::Stopping(intent), Input::Stopped(end)) => stopped(plan, state, intent, end),
        (Phase::SearchingSavepoint(intent), Input::Found(found)) => match found {
            Some(found) => note_savepoint(state, intent, found.path),
            // It ended by itself: whatever state it left counts as the newest of its lineage.
            None => after_end(plan, state, intent),
        },
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
        (Phase::Compiling(begin), Input::Compiled) => {
            match begin.role {
                Role::Next => state.compiled_next = true,
                Role::Previous => state.compiled_previous = true,
            }
            note_start(state, *begin)
        }
        (Phase::Compiling(begin), Input::Rejected(rejection)) => match begin.role {
            Role::Next => give_up(state, format!("it does not compile any more: {}", rejection.message)),
            Role::Previous => finish(
                state,
                Outcome::Failed {
                    reason: format!("the previous manifest does not compile: {}", rejection.message),
                    savepoint: None,
                },
            ),
        },
        (Phase::NotingStart(begin), Input::Saved(claim)) => {
            state.claim = Some(claim);
            submit(state, begin)
        }
        (Phase::Submitting(begin), Input::Submitted(SubmitEnd::Known)) => watch(state, begin),
        (Phase::Submitting(begin), Input::Submitted(SubmitEnd::Rejected(reason))) => {
            start_failed(plan, state, *begin, reason, false)
        }
        (Phase::Watching(begin), Input::Watched(health)) => watched(plan, state, *begin, health),
        (Phase::SearchingOwn(begin), Input::Found(found)) => {
            let restore = found.map(|f| f.path).or(begin.restore);
            begin_start(state, Begin { restore, ..*begin })
        }
        (Phase::NotingVerdict(verdict), Input::Saved(claim)) => {
            state.claim = Some(claim);
            match verdict {
                Verdict::Commit(outcome) => finish(state, outcome),
                Verdict::RollBack { reason } => roll_back(plan, state, reason),
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
            | Phase::NotingSavepoint(_)
            | Phase::NotingCancel(_)
            | Phase::Cancelling(_)
            | Phase::Searching(_)
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

fn to(mut state: State, phase: Phase, effect: Effect) -> Next {
    state.phase = phase;
    (state, effect)
}

fn done(state: State, end: End) -> Next {
    to(state, Phase::Done, Effect::Done(end))
}

/// The claim is closed with the outcome before the result is written: once a result is there, nobody acts on the
/// operation any more, and a runner that lost the claim writes none.
fn finish(state: State, outcome: Outcome) -> Next {
    let claim = Claim { closed: true, outcome: Some(outcome.clone()), ..claim_of(&state).clone() };
    to(state, Phase::Closing(outcome), Effect::SaveClaim(claim))
}

/// The claim as last written. Every phase after `Claiming` has one.
fn claim_of(state: &State) -> &Claim {
    static NONE: std::sync::LazyLock<Claim> = std::sync::LazyLock::new(|| {
        let zero = crate::ids::Hex32::from_bytes([0; 16]);
        Claim { closed: true, ..Claim::fresh(zero, zero, 0) }
    });
    state.claim.as_ref().unwrap_or(&NONE)
}

/// Where to go on: from the verdict, the last start, the last stop, or from what is observed.
fn resume(plan: &Plan, state: State, look: &JobLook) -> Next {
    let claim = claim_of(&state).clone();
    match claim.verdict {
        Some(Verdict::Commit(outcome)) => return finish(state, outcome),
        Some(Verdict::RollBack { reason }) => return resume_roll_back(plan, state, look, reason),
        None => {}
    }
    if let Some(note) = claim.notes.start {
        return resume_start(plan, state, look, Role::Next, note);
    }
    if let Some(note) = claim.notes.stop {
        let intent = Box::new(intent_of(plan, Some((note.run, Stop::Savepoint)), None));
        // The same trigger again: Flink answers for the stop that is under way or was done.
        return if note.savepoint.is_some() { after_end(plan, state, intent) } else { issue_stop(plan, state, intent) };
    }
    if let Some(run) = claim.notes.cancel {
        let intent = Box::new(intent_of(plan, Some((run, Stop::Cancel)), None));
        return to(state, Phase::Cancelling(intent), Effect::Cancel(run));
    }
    act(plan, state, look)
}

fn resume_start(plan: &Plan, state: State, look: &JobLook, role: Role, note: StartNote) -> Next {
    let begin = Begin { role, job_id: note.job_id, restore: note.restore };
    match look.job(note.job_id) {
        Some(_) => watch(state, Box::new(begin)),
        None => search_own(plan, state, begin),
    }
}

/// The newest checkpoint under a start of unknown outcome: repeated without it, it collides with its own checkpoints.
fn search_own(plan: &Plan, state: State, begin: Begin) -> Next {
    let launch = match begin.role {
        Role::Next => plan.next.as_ref(),
        Role::Previous => plan.previous.as_ref().map(|p| &p.launch),
    };
    let directory = launch.and_then(|l| l.properties.get("execution.checkpointing.dir"));
    let places = directory
        .map(|dir| Place::Checkpoints { directory: format!("{}/{}", dir.trim_end_matches('/'), begin.job_id) });
    to(state, Phase::SearchingOwn(Box::new(begin)), Effect::FindState(places.into_iter().collect()))
}

/// What an operation does with a live run, read off its change.
fn intent_of(plan: &Plan, stop: Option<(JobId, Stop)>, left_savepoint: Option<String>) -> Intent {
    let start = match plan.action(crate::decision::Observed::Running) {
        Action::Replace(_, from) => Some(from),
        // A restart whose deployed run is gone goes on from its newest state.
        Action::Leave(_) => Some(From::Latest),
        Action::Start(_) | Action::Stop(_) | Action::Refuse(_) | Action::Wait => None,
    };
    Intent { stop, start, left_savepoint }
}

fn act(plan: &Plan, mut state: State, look: &JobLook) -> Next {
    let seen = observe(plan, look);
    if let Some(orphan) = seen.run.and_then(|id| plan.orphans.iter().find(|o| o.job_id == id)) {
        let wanted =
            plan.next.as_ref().is_some_and(|next| next.target == orphan.target && next.version == orphan.version);
        if wanted {
            // The same target already runs: it is taken over and watched.
            let begin = Begin { role: Role::Next, job_id: orphan.job_id, restore: orphan.restored_from.clone() };
            return note_start(state, begin);
        }
        // A run that never was deployed is ended at once; the deployed lineage has the state.
        let intent = Intent {
            stop: Some((orphan.job_id, Stop::Cancel)),
            start: intent_of(plan, None, None).start,
            left_savepoint: None,
        };
        return prepare(plan, state, Box::new(intent));
    }
    match plan.action(seen.observed) {
        Action::Leave(why) => {
            let run = match why {
                Why::RunsAsDeployed | Why::FlinkRestartsIt | Why::IsComplete => seen.run,
                Why::NothingToStop | Why::ForeignJob => None,
            };
            let outcome = match plan.next {
                Some(_) => Outcome::Left { why, run },
                None => Outcome::Removed { savepoint: seen.savepoint },
            };
            finish(state, outcome)
        }
        Action::Refuse(why) => match seen.run {
            Some(job_id) => finish(state, Outcome::Refused { refusal: Refusal::ForeignJob { job_id } }),
            None => finish(state, Outcome::Left { why, run: None }),
        },
        Action::Wait => {
            state.waits += 1;
            if state.waits > PASSING_LOOKS {
                return finish(state, Outcome::Refused { refusal: Refusal::StaysInPassing });
            }
            to(state, Phase::Looking, Effect::LookAgain)
        }
        Action::Start(from) => {
            prepare(plan, state, Box::new(Intent { stop: None, start: Some(from), left_savepoint: seen.savepoint }))
        }
        Action::Replace(stop, from) => {
            let stop = seen.run.map(|run| (run, stop));
            prepare(plan, state, Box::new(Intent { stop, start: Some(from), left_savepoint: None }))
        }
        Action::Stop(stop) => {
            let stop = seen.run.map(|run| (run, stop));
            end_running(plan, state, Box::new(Intent { stop, start: None, left_savepoint: None }), 0)
        }
    }
}

/// Compiles before the running job is touched.
fn prepare(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    match (&plan.next, intent.start) {
        (Some(_), Some(_)) => to(state, Phase::Preparing(intent), Effect::Prepare(Role::Next)),
        (None, _) | (_, None) => end_running(plan, state, Box::new(Intent { start: None, ..*intent }), 0),
    }
}

fn reserve(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    let needed = plan.next.as_ref().map_or(0, |launch| launch.slots);
    let freed = match (&intent.stop, &plan.previous) {
        (Some(_), Some(previous)) => previous.launch.slots,
        (Some(_), None) => needed,
        (None, _) => 0,
    };
    to(state, Phase::Reserving(intent), Effect::Reserve { needed, freed })
}

/// Notes the `n`th stop, or the cancel, of the live run; or goes on if none is live.
fn end_running(plan: &Plan, state: State, intent: Box<Intent>, n: u32) -> Next {
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

fn issue_stop(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    let (Some(note), Some(directory)) = (claim_of(&state).notes.stop.clone(), plan.stop_directory()) else {
        return done(state, End::Unknown);
    };
    let trigger = stop_trigger(plan.operation, note.run, note.n);
    let effect = Effect::Stop { run: note.run, trigger, directory: directory.to_owned() };
    to(state, Phase::Stopping(intent), effect)
}

fn stopped(plan: &Plan, state: State, mut intent: Box<Intent>, end: StopEnd) -> Next {
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

fn note_savepoint(state: State, intent: Box<Intent>, path: String) -> Next {
    let mut claim = claim_of(&state).clone();
    if let Some(note) = &mut claim.notes.stop {
        note.savepoint = Some(path);
    }
    to(state, Phase::NotingSavepoint(intent), Effect::SaveClaim(claim))
}

fn savepoint_of(state: &State) -> Option<String> {
    claim_of(state).notes.stop.as_ref().and_then(|note| note.savepoint.clone())
}

/// The live run is at its end: start, or say that the job is removed.
fn after_end(plan: &Plan, state: State, intent: Box<Intent>) -> Next {
    match (intent.start, &plan.next) {
        (None, _) | (_, None) => {
            let savepoint = savepoint_of(&state);
            finish(state, Outcome::Removed { savepoint })
        }
        (Some(From::Clean), Some(_)) => {
            begin_start(state, Begin { role: Role::Next, job_id: run_id(plan.operation, 0), restore: None })
        }
        (Some(From::Latest), Some(_)) => {
            if let Some(path) = savepoint_of(&state) {
                return begin_start(
                    state,
                    Begin { role: Role::Next, job_id: run_id(plan.operation, 0), restore: Some(path) },
                );
            }
            let mut places = plan.previous.as_ref().map(|p| p.places.clone()).unwrap_or_default();
            // One candidate more: a run of an operation without a result may have gone on from it.
            places.extend(intent.left_savepoint.clone().map(|path| Place::Exactly { path }));
            to(state, Phase::Searching(intent), Effect::FindState(places))
        }
    }
}

fn found_latest(plan: &Plan, state: State, intent: &Intent, found: Option<String>) -> Next {
    let job_id = run_id(plan.operation, 0);
    match found {
        Some(path) => begin_start(state, Begin { role: Role::Next, job_id, restore: Some(path) }),
        None if may_start_over(plan) => begin_start(state, Begin { role: Role::Next, job_id, restore: None }),
        // The old run is ended already where there was one: the deployed manifest must not stay down without a word.
        None if intent.stop.is_some() => finish(
            state,
            Outcome::Failed { reason: "no state of the stopped run was found".to_owned(), savepoint: None },
        ),
        None => finish(state, Outcome::Refused { refusal: Refusal::NoState }),
    }
}

/// A run that left no checkpoint is started again from its own starting point, which was clean.
fn may_start_over(plan: &Plan) -> bool {
    plan.previous.as_ref().is_some_and(|p| !p.checkpointed && p.restore_point.is_none() && !p.runs.is_empty())
}

fn begin_start(state: State, begin: Begin) -> Next {
    let compiled = match begin.role {
        Role::Next => state.compiled_next,
        Role::Previous => state.compiled_previous,
    };
    if compiled {
        return note_start(state, begin);
    }
    let role = begin.role;
    to(state, Phase::Compiling(Box::new(begin)), Effect::Prepare(role))
}

fn note_start(state: State, begin: Begin) -> Next {
    let mut claim = claim_of(&state).clone();
    let note = Some(StartNote { job_id: begin.job_id, restore: begin.restore.clone() });
    match begin.role {
        Role::Next => claim.notes.start = note,
        Role::Previous => claim.notes.rollback = note,
    }
    to(state, Phase::NotingStart(Box::new(begin)), Effect::SaveClaim(claim))
}

fn submit(state: State, begin: Box<Begin>) -> Next {
    let compiled = match begin.role {
        Role::Next => state.compiled_next,
        Role::Previous => state.compiled_previous,
    };
    // Not compiled in this process: the run was live already and is only taken over.
    if !compiled {
        return watch(state, begin);
    }
    let effect = Effect::Submit { role: begin.role, job_id: begin.job_id, restore: begin.restore.clone() };
    to(state, Phase::Submitting(begin), effect)
}

fn watch(state: State, begin: Box<Begin>) -> Next {
    let id = begin.job_id;
    to(state, Phase::Watching(begin), Effect::Watch(id))
}

fn watched(plan: &Plan, state: State, begin: Begin, health: Health) -> Next {
    let run = RunStarted { job_id: begin.job_id, restored_from: begin.restore.clone() };
    let savepoint = savepoint_of(&state);
    match (begin.role, health) {
        (Role::Next, Health::Stable { checkpointed }) => {
            verdict(state, Verdict::Commit(Outcome::Deployed { run, savepoint, unhealthy: None, checkpointed }))
        }
        (Role::Next, Health::Complete) => verdict(state, Verdict::Commit(Outcome::Completed { run })),
        (_, Health::Unstable(reason)) => start_failed(plan, state, begin, reason, true),
        (_, Health::Ended(reason)) => start_failed(plan, state, begin, reason, false),
        (Role::Previous, Health::Stable { .. } | Health::Complete) => {
            let reason = rollback_reason(&state);
            finish(state, Outcome::RolledBack { reason, run, savepoint })
        }
    }
}

fn rollback_reason(state: &State) -> String {
    match &claim_of(state).verdict {
        Some(Verdict::RollBack { reason }) => reason.clone(),
        Some(Verdict::Commit(_)) | None => String::new(),
    }
}

fn start_failed(plan: &Plan, state: State, begin: Begin, reason: String, alive: bool) -> Next {
    let run = RunStarted { job_id: begin.job_id, restored_from: begin.restore };
    let savepoint = savepoint_of(&state);
    match (begin.role, alive) {
        // A rollback's own run has nothing to roll back to: alive counts as running.
        (Role::Previous, true) => {
            let given_up = rollback_reason(&state);
            finish(
                state,
                Outcome::RolledBack {
                    reason: format!("{given_up}; the previous manifest is not healthy: {reason}"),
                    run,
                    savepoint,
                },
            )
        }
        (Role::Previous, false) => {
            let given_up = rollback_reason(&state);
            finish(
                state,
                Outcome::Failed {
                    reason: format!("{given_up}; the previous manifest failed too: {reason}"),
                    savepoint,
                },
            )
        }
        (Role::Next, true) if plan.is_restart() => verdict(
            state,
            Verdict::Commit(Outcome::Deployed { run, savepoint, unhealthy: Some(reason), checkpointed: false }),
        ),
        (Role::Next, _) => give_up(state, reason),
    }
}

fn give_up(state: State, reason: String) -> Next {
    verdict(state, Verdict::RollBack { reason })
}

fn verdict(state: State, verdict: Verdict) -> Next {
    let mut claim = claim_of(&state).clone();
    claim.verdict = Some(verdict.clone());
    to(state, Phase::NotingVerdict(verdict), Effect::SaveClaim(claim))
}

/// Ends the failed run first, whatever it is: at most one live run.
fn roll_back(plan: &Plan, state: State, reason: String) -> Next {
    match claim_of(&state).notes.start.clone() {
        Some(note) => to(state, Phase::EndingFailed(reason), Effect::Cancel(note.job_id)),
        None => find_rollback_state(plan, state, reason),
    }
}

fn resume_roll_back(plan: &Plan, state: State, look: &JobLook, reason: String) -> Next {
    let claim = claim_of(&state).clone();
    let failed_lives = claim.notes.start.as_ref().and_then(|note| look.live(note.job_id)).is_some();
    match claim.notes.rollback {
        Some(note) if !failed_lives => resume_start(plan, state, look, Role::Previous, note),
        Some(_) | None => roll_back(plan, state, reason),
    }
}

fn find_rollback_state(plan: &Plan, state: State, reason: String) -> Next {
    let savepoint = savepoint_of(&state);
    let Some(previous) = plan.previous.as_ref().filter(|_| plan.can_roll_back()) else {
        return finish(state, Outcome::Failed { reason, savepoint });
    };
    let mut places = previous.places.clone();
    // The failed run's own checkpoints are newer, and fit only if the query is the same.
    let same_version = plan.next.as_ref().is_some_and(|next| next.version == previous.launch.version);
    if let (true, Some(next), Some(note)) = (same_version, &plan.next, &claim_of(&state).notes.start)
        && let Some(dir) = next.properties.get("execution.checkpointing.dir")
    {
        places.push(Place::Checkpoints { directory: format!("{}/{}", dir.trim_end_matches('/'), note.job_id) });
    }
    to(state, Phase::SearchingRollback(reason), Effect::FindState(places))
}

fn found_rollback_state(plan: &Plan, state: State, reason: &str, found: Option<String>) -> Next {
    let job_id = rollback_id(plan.operation, 0);
    match found {
        Some(path) => begin_start(state, Begin { role: Role::Previous, job_id, restore: Some(path) }),
        None if may_start_over(plan) => begin_start(state, Begin { role: Role::Previous, job_id, restore: None }),
        None => finish(
            state,
            Outcome::Failed {
                reason: format!("{reason}; no state to start the previous manifest from"),
                savepoint: None,
            },
        ),
    }
}
