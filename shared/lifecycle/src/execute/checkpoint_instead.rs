//! The end of a run whose savepoint failed: by a cancel, where its manifest says so and its newest checkpoint is young.
//! Must not know how a savepoint is tried, nor what follows the cancel.

use desired::manifest::OnSavepointFailure;
use desired::time_span::TimeSpan;
use jiff::SignedDuration;

use super::observe::{note_states, shape};
use super::starting::after_end;
use super::stopping::{end_by, ended_by_itself};
use super::transition::{Next, done, refuse_as_it_is, to};
use super::{Effect, End, Intent, JobLook, OperationPhase, State};
use crate::decision::{Observed, Stop};
use crate::documents::outcome::Refusal;
use crate::documents::plan::Plan;
use crate::ids::JobId;

/// How often it is looked whether a run is back that its failed savepoint put down.
const LOOKS: u32 = 30;

/// Cancels the run if its newest checkpoint is young enough. What it goes on from is searched after its end, like that of
/// any cancelled run: by then there may be a newer one.
pub(super) fn looked_for_checkpoint(
    plan: &Plan,
    mut state: State,
    intent: Box<Intent>,
    message: &str,
    look: &JobLook,
) -> Next {
    let Some((run, _)) = intent.stop else { return after_end(plan, state, intent) };
    let Some(job) = look.live(run) else { return ended_by_itself(plan, state, *intent, look) };
    // It ends, or comes back: the next pass begins with what is observed then.
    if shape(job) == Observed::Passing {
        return done(state, End::Unknown);
    }
    if let Some(why) = why_not(plan, run, look) {
        // Put down by its savepoint, it is on its way back: an operation that met it there would take it for unhealthy.
        if shape(job) == Observed::Unhealthy && state.waits < LOOKS {
            state.waits += 1;
            let phase = OperationPhase::LookingForCheckpoint(intent, message.to_owned());
            return to(state, phase, Effect::LookAgain);
        }
        return refuse_as_it_is(state, Refusal::NoSavepoint { message: format!("{why}; Flink said: {message}") });
    }
    if let Some(claim) = &mut state.claim {
        note_states(plan, &mut claim.notes, look);
    }
    end_by(plan, state, Box::new(Intent { stop: Some((run, Stop::Cancel)), ..*intent }), 0, None)
}

/// Why the run is not cancelled; nothing if it may be.
fn why_not(plan: &Plan, run: JobId, look: &JobLook) -> Option<String> {
    let OnSavepointFailure::Checkpoint { max_age } = plan.on_savepoint_failure else {
        return Some("`on-savepoint-failure` is `keep-running`".to_owned());
    };
    if !plan.known_runs().any(|known| known.job_id == run && known.operation.starts(run)) {
        return Some("it was not started by us: whether its checkpoints outlive a cancel is not known".to_owned());
    }
    let Some(age) = look.newest_age(run) else { return Some("it has no completed checkpoint".to_owned()) };
    let limit = SignedDuration::try_from(std::time::Duration::from(max_age)).unwrap_or(SignedDuration::MAX);
    if age.abs() <= limit {
        return None;
    }
    Some(match u64::try_from(age.as_secs()) {
        Ok(seconds) => {
            let age = TimeSpan::of_seconds(seconds);
            format!("its newest checkpoint is {age} old, and `max-checkpoint-age` is {max_age}")
        }
        Err(_) => format!("the clocks of node and JobManager differ by more than {max_age}"),
    })
}
