//! How long each phase of an operation took, and how long the job was down.
//! Must not know what a phase does.

use std::time::Duration;

use desired::launch::Launch;
use desired::manifest::flink_duration;
use jiff::{SignedDuration, Timestamp};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::result::PhaseTime;
use lifecycle::execute::{Effect, JobLook};
use tokio::time::Instant;

/// The times of one pass.
#[derive(Debug, Default)]
pub(super) struct Timing {
    /// How long each phase took, in the order they began.
    pub(super) phases: Vec<PhaseTime>,
    /// When the run before was stopped, cancelled or lost.
    down: Option<Timestamp>,
    /// When the run that was watched last was first seen with every task running.
    up: Option<Timestamp>,
}

impl Timing {
    pub(super) fn note(&mut self, phase: &str, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.phases.push(PhaseTime { phase: phase.to_owned(), ms });
    }

    /// The run before is told to end. It reads nothing more from then on, however long its savepoint takes.
    pub(super) fn ending(&mut self, now: Timestamp) {
        self.down.get_or_insert(now);
    }

    /// Whether the run before was told to end, or has ended.
    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// The end of the run before, as far as the look tells. One that is not there any more was missed when it was
    /// planned to bring it back.
    pub(super) fn looked(&mut self, plan: &Plan, look: &JobLook) {
        let Some(run) = plan.previous.as_ref().and_then(|previous| previous.runs.last()) else { return };
        let ended = match look.jobs.iter().find(|job| job.id == run.job_id) {
            Some(job) if job.state.is_terminal() => Timestamp::from_millisecond(job.modified_ms).ok(),
            Some(_) => None,
            None => plan.brings_back().then_some(plan.at),
        };
        if let Some(ended) = ended {
            self.down = Some(self.down.map_or(ended, |known| known.min(ended)));
        }
    }

    /// A run was watched; nothing of an earlier one counts.
    pub(super) fn watched(&mut self, healthy: Option<Instant>, now: Timestamp) {
        let ago = healthy.and_then(|since| SignedDuration::try_from(since.elapsed()).ok());
        self.up = ago.and_then(|ago| now.checked_sub(ago).ok());
    }

    /// How long the job was down, in milliseconds; nothing if it was not, or is still.
    pub(super) fn downtime_ms(&self) -> Option<u64> {
        let (down, up) = (self.down?, self.up?);
        u64::try_from(up.duration_since(down).as_millis().max(0)).ok()
    }
}

/// How long a checkpoint of a job may take, and so a savepoint: Flink's own default where the manifest says nothing.
pub(super) fn checkpoint_timeout(launch: &Launch) -> Duration {
    let set = launch.properties.get("execution.checkpointing.timeout");
    set.and_then(|text| flink_duration(text)).unwrap_or(Duration::from_mins(10))
}

pub(super) fn phase_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::TakeClaim => "claim",
        Effect::SaveClaim(_) => "note",
        Effect::Look | Effect::LookAgain => "look",
        Effect::Prepare(_) => "compile",
        Effect::Reserve { .. } => "reserve",
        Effect::Stop { .. } => "stop",
        Effect::Savepoint { .. } => "savepoint",
        Effect::Cancel(_) => "cancel",
        Effect::FindState(_) | Effect::ListStates(_) => "find state",
        Effect::Submit { .. } => "submit",
        Effect::Watch(_) => "watch",
        Effect::WriteResult(_) => "result",
        Effect::Done(_) => "done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_down_from_its_stop_until_a_run_of_it_is_healthy() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut timing = Timing::default();
        timing.watched(Some(Instant::now()), at(5));
        assert_eq!(timing.downtime_ms(), None, "nothing was stopped");
        timing.ending(at(10));
        timing.ending(at(20));
        timing.watched(None, at(30));
        assert_eq!(timing.downtime_ms(), None, "the run was never healthy");
        timing.watched(Some(Instant::now()), at(40));
        assert!(timing.downtime_ms().is_some_and(|ms| (29_000..=30_000).contains(&ms)), "{timing:?}");
    }
}
