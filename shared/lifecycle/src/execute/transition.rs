//! What every transition is made of: a phase with an effect, the end of a pass, the close of the claim.
//! Must not know which phase follows which.

use super::{Effect, End, Intent, OperationPhase, State};
use crate::documents::claim::{Claim, Verdict};
use crate::documents::outcome::{Outcome, Refusal};
use crate::documents::plan::Plan;
use crate::owed::Cause;

pub(super) type Next = (State, Effect);

pub(super) fn to(mut state: State, phase: OperationPhase, effect: Effect) -> Next {
    state.phase = phase;
    (state, effect)
}

pub(super) fn done(state: State, end: End) -> Next {
    to(state, OperationPhase::Done, Effect::Done(end))
}

/// The claim is closed with the outcome before the result is written: once a result is there, nobody acts on the
/// operation any more, and a runner that lost the claim writes none.
pub(super) fn finish(state: State, outcome: Outcome) -> Next {
    let claim = Claim { closed: true, outcome: Some(outcome.clone()), ..claim_of(&state).clone() };
    to(state, OperationPhase::Closing(outcome), Effect::SaveClaim(claim))
}

/// The target is given up before anything was touched.
pub(super) fn refuse(plan: &Plan, state: State, intent: &Intent, refusal: Refusal) -> Next {
    let gone = plan.previous.is_some() && intent.stop.is_none();
    let (savepoint, epoch) = (intent.ended.savepoint().map(str::to_owned), state.epoch.clone());
    finish(state, Outcome::Refused { refusal, gone, savepoint, epoch })
}

/// The target is given up, and whatever was observed stays as it is.
pub(super) fn refuse_as_it_is(state: State, refusal: Refusal) -> Next {
    let epoch = state.epoch.clone();
    finish(state, Outcome::Refused { refusal, gone: false, savepoint: None, epoch })
}

/// Why the target was given up, for people and typed.
pub(super) fn given_up(state: &State) -> (String, Cause) {
    match &claim_of(state).verdict {
        Some(Verdict::RollBack { reason, cause }) => (reason.clone(), *cause),
        Some(Verdict::Commit(_)) | None => (String::new(), Cause::DoesNotRun),
    }
}

/// Nothing of the job runs: every run that was started is at its end.
pub(super) fn failed(state: State, reason: String, savepoint: Option<String>) -> Next {
    let (_, cause) = given_up(&state);
    failed_for(state, cause, reason, savepoint)
}

/// The same where the cause is not the verdict's.
pub(super) fn failed_for(state: State, cause: Cause, reason: String, savepoint: Option<String>) -> Next {
    let runs = claim_of(&state).started();
    finish(state, Outcome::Failed { reason, cause, savepoint, runs })
}

/// The claim as last written. Every phase after `Claiming` has one.
pub(super) fn claim_of(state: &State) -> &Claim {
    static NONE: std::sync::LazyLock<Claim> = std::sync::LazyLock::new(|| {
        let zero = crate::ids::Hex32::from_bytes([0; 16]);
        Claim { closed: true, ..Claim::fresh(zero.into(), zero.into(), 0) }
    });
    state.claim.as_ref().unwrap_or(&NONE)
}

pub(super) fn savepoint_of(state: &State) -> Option<String> {
    claim_of(state).notes.stop.as_ref().and_then(|note| note.savepoint.clone())
}
