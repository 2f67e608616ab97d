//! The transitions of the orchestrator's machine. Intent first: the plan, then the record, then the dispatch; a
//! projection precedes the record that it shows. Must not know how an effect is carried out.

use desired::inputs::Desired;
use desired::manifest::{JobManifest, JobName, Meta};
use desired::target::Target;

use super::decide::decide;
use super::hurried::describe;
use super::noted::noted;
use super::ordered;
use super::settle::{settle_abandoned, settle_result};
use super::suspending::without_suspension;
use super::{Dispatched, Effect, ExpectedRun, Finding, Input, JobPhase, Ruling, Situation, State};
use crate::alert_conditions::of_record;
use crate::change::ChangeKind;
use crate::documents::claim::Claim;
use crate::documents::plan::Plan;
use crate::documents::record::{Aim, Decision, Deployed, OpenOperation, Record};
use crate::documents::result::OperationResult;
use crate::owed::{Cause, Debt};
use crate::reason::Reason;

/// How often a record that somebody else wrote is read again.
const CONFLICTS: u32 = 8;
/// How often the same operation is sent before it is closed.
const SENDS: u32 = 2;

type Next = (State, Effect);

/// One transition for the job `name`.
pub fn step(name: &JobName, situation: &Situation, mut state: State, input: Input) -> Next {
    match (state.phase, input) {
        (JobPhase::Begin, Input::Begin) => to(state, JobPhase::Record, Effect::ReadRecord),
        (JobPhase::Record, Input::Record(record)) => {
            let untouched = record.as_ref().is_none_or(|record| record.is_untouched());
            state.record = record;
            if untouched {
                return to(state, JobPhase::Deployed, Effect::ReadDeployed);
            }
            to(state, JobPhase::Desired, Effect::ReadDesired)
        }
        (JobPhase::Deployed, Input::Deployed(found)) => {
            // A record without a decision holds a permission at most: it does not make the job new.
            if let Some(deployed) = found {
                let before = state.record.take();
                state.record = Some(Box::new(taken_over(name, situation, *deployed, before.as_deref())));
            }
            to(state, JobPhase::Desired, Effect::ReadDesired)
        }
        (JobPhase::Desired, Input::Desired(desired)) => {
            state.desired = Some(desired);
            look_after(name, situation, state)
        }
        (JobPhase::Result, Input::Result(Some(result))) => settle(situation, state, &result),
        (JobPhase::Result, Input::Result(None)) => match open_of(&state) {
            Some(open) if situation.sweep => {
                let batch = open.batch;
                to(state, JobPhase::Dispatch, Effect::AskDispatch(batch))
            }
            Some(_) | None => waits(state),
        },
        (JobPhase::Dispatch, Input::Dispatched(dispatched)) => undelivered(situation, state, dispatched),
        (JobPhase::Closing, Input::Closed(claim)) => abandon(situation, state, claim.as_deref()),
        (JobPhase::Closing, Input::Held) => waits(state),
        (JobPhase::Projecting, Input::Written) => match state.draft.take() {
            Some(draft) => write_record(state, JobPhase::Settling, draft),
            None => look_after(name, situation, state),
        },
        (JobPhase::Settling, Input::Written) => {
            promote(&mut state);
            look_after(name, situation, state)
        }
        (JobPhase::Planning, Input::Written) => match state.draft.take() {
            Some(draft) => write_record(state, JobPhase::Opening, draft),
            None => waits(state),
        },
        (JobPhase::Opening | JobPhase::Resending, Input::Written) => {
            promote(&mut state);
            match open_of(&state).map(|open| open.plan.clone()) {
                Some(plan) => to(state, JobPhase::Dispatching, Effect::Dispatch(Box::new(plan))),
                None => waits(state),
            }
        }
        (JobPhase::Dispatching, Input::Written) => {
            let plan = open_of(&state).map(|open| open.plan.clone());
            let reason = plan.as_ref().map_or(Reason::Unchanged, |p| Reason::Ordered { operation: p.operation });
            let change = plan.as_ref().map(|p| p.change.kind);
            over(state, change, reason, plan)
        }
        (JobPhase::Recording, Input::Written) => {
            promote(&mut state);
            let (change, reason) = recorded(&state);
            over(state, change, reason, None)
        }
        (JobPhase::Settling | JobPhase::Opening | JobPhase::Resending | JobPhase::Recording, Input::Conflict) => {
            let conflicts = state.conflicts + 1;
            if conflicts > CONFLICTS {
                state.act = state.act.map(ordered::not_written);
                return waits(state);
            }
            // Somebody else settled meanwhile: what we projected may be older than what they did.
            let reproject = state.reproject || state.phase == JobPhase::Settling;
            to(State { conflicts, reproject, ..State::new() }, JobPhase::Record, Effect::ReadRecord)
        }
        (
            JobPhase::Begin
            | JobPhase::Record
            | JobPhase::Deployed
            | JobPhase::Desired
            | JobPhase::Result
            | JobPhase::Dispatch
            | JobPhase::Closing
            | JobPhase::Projecting
            | JobPhase::Settling
            | JobPhase::Planning
            | JobPhase::Opening
            | JobPhase::Resending
            | JobPhase::Dispatching
            | JobPhase::Recording
            | JobPhase::Done,
            _,
        ) => waits(state),
    }
}

/// Keeps the record that is being written, so that a success makes it the one that was read.
fn write_record(mut state: State, phase: JobPhase, record: Box<Record>) -> Next {
    state.draft = Some(record.clone());
    to(state, phase, Effect::WriteRecord(record))
}

fn promote(state: &mut State) {
    if let Some(draft) = state.draft.take() {
        state.record = Some(draft);
    }
}

fn to(mut state: State, phase: JobPhase, effect: Effect) -> Next {
    state.phase = phase;
    (state, effect)
}

fn over(state: State, change: Option<ChangeKind>, reason: Reason, plan: Option<Plan>) -> Next {
    let record = state.record.as_deref();
    let expected = record.and_then(ExpectedRun::of);
    let conditions = record.map(of_record).unwrap_or_default();
    let open = record.and_then(|r| r.open.as_ref()).map(|open| (open.plan.operation, open.plan.at));
    let (down, status) = (record.is_some_and(Record::is_down), record.and_then(Record::status));
    let (following, act) = (Vec::new(), state.act);
    let finding = Finding { change, reason, plan, status, expected, conditions, open, down, following, act };
    to(state, JobPhase::Done, Effect::Done(Box::new(finding)))
}

fn waits(state: State) -> Next {
    let reason = match open_of(&state) {
        Some(open) => Reason::Waits { operation: open.plan.operation },
        None => Reason::Unchanged,
    };
    over(state, None, reason, None)
}

fn open_of(state: &State) -> Option<&OpenOperation> {
    state.record.as_ref().and_then(|record| record.open.as_ref())
}

/// A job of the Python tool: its deployed manifest counts, its run is found by the first look.
fn taken_over(
    name: &JobName,
    situation: &Situation,
    (target, meta): (Target, Meta),
    before: Option<&Record>,
) -> Record {
    let fresh = || Record::fresh(name.clone(), situation.nonce, situation.source);
    let mut record = before.cloned().unwrap_or_else(fresh);
    record.highest_version = record.highest_version.max(meta.query_version);
    record.forgotten = None;
    let look = "taken over from the Python tool: its run is looked for";
    let debt = Debt::after(None, Cause::NoResult, look, situation.operation, situation.now);
    record.owed.keep_running = Some(debt.at_once(situation.now));
    record.deployed = Some(Deployed {
        target,
        meta,
        aim: Aim::Run,
        runs: Vec::new(),
        restore_point: None,
        checkpointed: true,
        since: situation.now,
    });
    record
}

/// Settles what is open, or decides.
fn look_after(name: &JobName, situation: &Situation, mut state: State) -> Next {
    let desired = state.desired.as_ref();
    state.act = desired.and_then(|desired| ordered::taken(state.record.as_deref(), desired, situation));
    if let Some(open) = open_of(&state) {
        let operation = open.plan.operation;
        return to(state, JobPhase::Result, Effect::ReadResult(operation));
    }
    if state.reproject {
        state.reproject = false;
        let projection = state.record.as_ref().and_then(|r| projection(r));
        return to(state, JobPhase::Projecting, Effect::Project(projection));
    }
    let Some(desired) = state.desired.clone() else { return waits(state) };
    let known = state.record.is_some();
    let counts = state.record.as_ref().is_some_and(|record| record.forgotten.is_none());
    if !counts && desired == Desired::Absent {
        return over(state, None, Reason::Absent, None);
    }
    let mut record = match state.record.take() {
        Some(record) => *record,
        None => Record::fresh(name.clone(), situation.nonce, situation.source),
    };
    if let Some(without) = without_suspension(&record, &desired, situation) {
        let projection = projection(&without);
        state.draft = Some(Box::new(without.revised(situation.nonce)));
        return to(state, JobPhase::Projecting, Effect::Project(projection));
    }
    record.lapse_permissions(situation.now);
    let learned = learn(&mut record, situation)
        | record.recall(&desired)
        | drop_other_debts(&mut record, &desired)
        | ordered::drop_unwanted(&mut record, &desired, situation.now)
        | ordered::note(&mut record, &desired, situation);
    match decide(&record, &desired, situation) {
        Ruling::Operate(open) => {
            let open = noted(&record, situation, *open);
            order(situation, state, record, known, open)
        }
        Ruling::Nothing { change, reason, record_target } => {
            leave(situation, state, record, known, &desired, Left { change, reason, record_target, learned })
        }
    }
}

/// A decision to do nothing.
struct Left {
    change: Option<ChangeKind>,
    reason: Reason,
    record_target: bool,
    /// A look told something that is recorded in any case.
    learned: bool,
}

/// Takes in what a look showed of the run: a healthy one owes nothing. Says whether that is news.
fn learn(record: &mut Record, situation: &Situation) -> bool {
    let Some(learned) = situation.learned else { return false };
    let Some(deployed) = record.deployed.as_mut().filter(|deployed| deployed.run() == Some(learned.job_id)) else {
        return false;
    };
    let checkpointed = learned.checkpointed && !deployed.checkpointed;
    deployed.checkpointed |= learned.checkpointed;
    let paid = learned.healthy && record.owed.keep_running.take().is_some();
    checkpointed || paid
}

/// Debts of a wish that is gone or was replaced are nobody's. Says whether there were any. A refused file is no new wish.
pub(super) fn drop_other_debts(record: &mut Record, desired: &Desired) -> bool {
    let runs = record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Run);
    let (apply, remove) = match desired {
        Desired::Refused => (false, false),
        Desired::Absent => (true, false),
        Desired::Target(target) => (record.owed.apply.as_ref().is_some_and(|apply| !apply.is_about(target)), runs),
    };
    let apply = apply && record.owed.apply.take().is_some();
    let remove = remove && record.owed.remove.take().is_some();
    apply || remove
}

fn order(situation: &Situation, mut state: State, record: Record, known: bool, open: OpenOperation) -> Next {
    state.record = known.then(|| Box::new(record.clone()));
    let plan = open.plan.clone();
    let mut draft = record;
    if known {
        draft = draft.revised(situation.nonce);
    }
    if let Some(meta) = &open.meta {
        // Given out now, whatever comes of it: a version is never reused.
        draft.highest_version = draft.highest_version.max(meta.query_version);
    }
    // A record that was lost knew of versions that only their directories tell now.
    draft.highest_version = draft.highest_version.max(situation.version_floor);
    draft.source = situation.source;
    draft.decision =
        Some(decision(situation, Some(plan.change.kind), &Reason::Ordered { operation: plan.operation }, Some(&plan)));
    draft.open = Some(open);
    state.draft = Some(Box::new(draft));
    to(state, JobPhase::Planning, Effect::WritePlan(Box::new(plan)))
}

fn decision(situation: &Situation, change: Option<ChangeKind>, reason: &Reason, plan: Option<&Plan>) -> Decision {
    Decision {
        etags: situation.etags.clone(),
        config: situation.config.clone(),
        change,
        reason: reason.to_string(),
        held: reason.held(),
        operation: plan.map(|p| p.operation),
        by: plan.map_or(&situation.by, |p| &p.by).clone(),
        at: situation.now,
    }
}

/// Records why nothing is done, where that is news.
fn leave(situation: &Situation, mut state: State, record: Record, known: bool, desired: &Desired, left: Left) -> Next {
    let told = record.decision.as_ref().is_some_and(|d| {
        let same_files = d.etags == situation.etags && d.config == situation.config;
        same_files && d.reason == left.reason.to_string() && d.held == left.reason.held()
    });
    if !known || (told && !left.record_target && !left.learned) {
        state.record = known.then(|| Box::new(record));
        return over(state, left.change, left.reason, None);
    }
    let mut draft = record.revised(situation.nonce);
    draft.decision = Some(decision(situation, left.change, &left.reason, None));
    match (left.record_target, desired) {
        (true, Desired::Target(target)) if draft.suspended.is_some() => draft.note_suspended(target),
        (true, Desired::Target(target)) => describe(&mut draft, target, situation.now),
        (_, Desired::Target(_) | Desired::Absent | Desired::Refused) => {}
    }
    state.record = None;
    state.reason = Some(left.reason);
    write_record(state, JobPhase::Recording, Box::new(draft))
}

fn recorded(state: &State) -> (Option<ChangeKind>, Reason) {
    let decision = state.record.as_ref().and_then(|r| r.decision.as_ref());
    let change = decision.and_then(|d| d.change);
    (change, state.reason.clone().unwrap_or(Reason::Unchanged))
}

fn settle(situation: &Situation, mut state: State, result: &OperationResult) -> Next {
    let (Some(record), Some(open)) = (state.record.clone(), open_of(&state).cloned()) else { return waits(state) };
    if result.operation != open.plan.operation {
        return waits(state);
    }
    let mut settled =
        settle_result((*record).revised(situation.nonce), &open, &result.outcome, situation.now, situation.patience);
    settled.remember_differences(&result.differences);
    settled.remember_failed_savepoint(result.no_savepoint.as_deref());
    let projection = projection(&settled);
    state.draft = Some(Box::new(settled));
    to(state, JobPhase::Projecting, Effect::Project(projection))
}

/// Exactly what the Python tool would have written, and nothing for a job that was removed. A suspended one has it: who
/// goes back to the Python tool goes on from its state.
fn projection(record: &Record) -> Option<(Box<JobManifest>, Meta)> {
    let deployed = record.deployed.as_ref()?;
    match deployed.aim {
        Aim::Stopped if record.suspended.is_none() => None,
        Aim::Run | Aim::Stopped | Aim::Complete => {
            Some((Box::new(deployed.target.manifest.clone()), deployed.meta.clone()))
        }
    }
}

/// How often an operation is sent. What was never taken before is not sent twice each time: its debt tries again.
fn sends(state: &State) -> u32 {
    let never_taken = |record: &Record| record.owed.debts().any(|(_, debt)| debt.cause == Cause::NeverTaken);
    if state.record.as_deref().is_some_and(never_taken) { 1 } else { SENDS }
}

/// No result: wait, send once more, or close.
fn undelivered(situation: &Situation, state: State, dispatched: Dispatched) -> Next {
    let Some(open) = open_of(&state).cloned() else { return waits(state) };
    match dispatched {
        Dispatched::Waiting => waits(state),
        // A hung runner blocks nobody: once its lease has lapsed it may not act any more.
        Dispatched::Running => to(state, JobPhase::Closing, Effect::CloseLapsedClaim(open.plan.operation)),
        Dispatched::Never | Dispatched::Over if open.sent < sends(&state) => {
            let Some(record) = state.record.clone() else { return waits(state) };
            let mut draft = (*record).revised(situation.nonce);
            let (sent, sent_at) = (open.sent + 1, Some(situation.now));
            draft.open = Some(OpenOperation { batch: situation.batch, sent, sent_at, ..open });
            write_record(state, JobPhase::Resending, Box::new(draft))
        }
        Dispatched::Never | Dispatched::Over => to(state, JobPhase::Closing, Effect::CloseClaim(open.plan.operation)),
    }
}

fn abandon(situation: &Situation, mut state: State, claim: Option<&Claim>) -> Next {
    let (Some(record), Some(open)) = (state.record.clone(), open_of(&state).cloned()) else { return waits(state) };
    let settled = settle_abandoned((*record).revised(situation.nonce), &open, claim, situation.now, situation.patience);
    let projection = projection(&settled);
    state.draft = Some(Box::new(settled));
    to(state, JobPhase::Projecting, Effect::Project(projection))
}
