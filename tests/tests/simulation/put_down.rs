//! Runs that the failed savepoint of a stop put down: whoever cancels one for that goes against its manifest.
//! Must not know how a stop is tried, nor what follows a cancel.

use desired::manifest::OnSavepointFailure;
use lifecycle::decision::{Observed, PlannedAction, Stop};
use lifecycle::documents::claim::Claim;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::read;
use lifecycle::ids::JobId;

use crate::faults::Actor;
use crate::rules::plan_of;
use crate::sim::State;

/// A cancel, as it happens: what was healthy until our own stop is not cancelled as an unhealthy job would be, unless its
/// manifest has it go on from a checkpoint.
pub(crate) fn judge_cancel(state: &mut State, actor: &Actor, run: JobId) {
    let is_one = |job: &&crate::flink::Job| job.id == run && job.put_down && !job.disturbed;
    let Some(name) = state.flink.jobs.iter().find(is_one).map(|job| job.name.clone()) else { return };
    if plan_of_cancel(state, actor, run).is_some_and(|plan| keeps_it_running(&plan)) {
        state.broken(&format!("{name} was cancelled because its own savepoint put it down"));
    }
}

/// Whether the plan ends a healthy run with a savepoint only, and lets it run on where none can be taken.
fn keeps_it_running(plan: &Plan) -> bool {
    let saves = matches!(
        plan.action(Observed::Running),
        PlannedAction::Replace(Stop::Savepoint, _) | PlannedAction::Stop(Stop::Savepoint)
    );
    saves && plan.on_savepoint_failure == OnSavepointFailure::KeepRunning
}

fn plan_of_cancel(state: &State, actor: &Actor, run: JobId) -> Option<Plan> {
    let claims = state.bucket.all().filter(|(key, _)| key.starts_with("p/claims/"));
    let mut claims = claims.filter_map(|(_, stored)| read::<Claim>(&stored.bytes).ok());
    let claim = claims.find(|claim| claim.holder == actor.nonce && claim.notes.cancel == Some(run))?;
    plan_of(state, claim.operation)
}
