//! The last look at the cluster, as the node wrote it.
//! Must not know what follows from it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use super::batch::Expected;
use crate::flink::{Epoch, JobSeen, Look};
use crate::ids::{BatchId, JobId};

/// Two looks that are closer to each other tell too little.
const SHORT: SignedDuration = SignedDuration::from_mins(4);

/// The newest completed checkpoint or savepoint of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpointed {
    pub job_id: JobId,
    /// When it was triggered, in milliseconds of Unix time; the run's start if it completed none yet.
    pub at_ms: i64,
    /// Whether it completed any.
    #[serde(default)]
    pub completed: bool,
    /// Why its newest one failed, if none completed since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What became of a run since an earlier look.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Since {
    pub job_id: JobId,
    /// When the earlier look was taken.
    pub at: Timestamp,
    /// How many checkpoints completed since then.
    pub completed: u64,
    /// How many checkpoints failed since then.
    pub failed: u64,
    /// How often it restarted since then.
    pub restarts: u64,
    /// Its newest failure, if anything failed since then: what happened, and in a second line its root cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Since {
    /// Nothing that an earlier look could tell.
    pub fn nothing(job_id: JobId, at: Timestamp) -> Self {
        Self { job_id, at, completed: 0, failed: 0, restarts: 0, failure: None }
    }

    /// What became of a run since the look before, or since an earlier one if that one was taken just now: nothing can be
    /// told of a minute.
    pub fn of(before: &ObservedDocument, now: Timestamp, job: &JobSeen) -> Option<Self> {
        let then = before.look.job(job.id)?;
        let checkpoints = job.checkpoints.zip(then.checkpoints);
        let restarts = job.restarts.zip(then.restarts);
        if checkpoints.is_none() && restarts.is_none() {
            return None;
        }
        let (newer, older) = checkpoints.unwrap_or_default();
        let (more, less) = restarts.unwrap_or_default();
        let is_recent = |at: Timestamp, limit| now.duration_since(at) < limit;
        let earlier = before.since.iter().find(|since| since.job_id == job.id);
        let earlier = earlier.filter(|since| is_recent(before.look.at, SHORT) && is_recent(since.at, SHORT * 2));
        let rise = |now: u64, then: u64, earlier: Option<u64>| {
            now.saturating_sub(then).saturating_add(earlier.unwrap_or_default())
        };
        Some(Self {
            job_id: job.id,
            at: earlier.map_or(before.look.at, |since| since.at),
            completed: rise(newer.completed, older.completed, earlier.map(|since| since.completed)),
            failed: rise(newer.failed, older.failed, earlier.map(|since| since.failed)),
            restarts: rise(more, less, earlier.map(|since| since.restarts)),
            failure: None,
        })
    }
}

/// The last look at the cluster, as the node wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedDocument {
    /// The format of this document.
    pub format: u32,
    /// The batch that asked for it.
    pub batch: BatchId,
    pub look: Look,
    /// What the batch said should be live.
    pub expected: Vec<Expected>,
    /// The JobManager of the look before, where nobody asked for this one: it was replaced, and what ran there is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Epoch>,
    /// The newest states of expected runs, as far as the JobManager told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<Checkpointed>,
    /// What became of expected runs since an earlier look, where both looks told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub since: Vec<Since>,
    /// Where the cluster shows its web page to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
}

impl Document for ObservedDocument {
    const FORMAT: u32 = 1;
}

impl ObservedDocument {
    /// The newest completed state of a run.
    pub fn state_of(&self, run: JobId) -> Option<&Checkpointed> {
        self.checkpoints.iter().find(|checkpoint| checkpoint.job_id == run && checkpoint.completed)
    }

    /// Why the newest checkpoint of a run failed, as far as it told.
    pub(crate) fn checkpoint_failure(&self, run: JobId) -> Option<&str> {
        self.checkpoints.iter().find(|checkpoint| checkpoint.job_id == run)?.failure.as_deref()
    }

    /// The expected runs that are not live in this look.
    pub fn missing(&self) -> impl Iterator<Item = &Expected> {
        self.expected.iter().filter(|e| self.look.job(e.job_id).is_none_or(|job| job.state.is_terminal()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::{CheckpointsSeen, JobState, Tasks};

    fn job(completed: u64, failed: u64, restarts: Option<u64>) -> JobSeen {
        JobSeen {
            id: JobId::derived(&["run"]),
            name: "orders".to_owned(),
            state: JobState::Running,
            tasks: Tasks::default(),
            started_ms: 0,
            modified_ms: 0,
            checkpoints: Some(CheckpointsSeen { completed, failed, ..CheckpointsSeen::default() }),
            restarts,
        }
    }

    /// The look at this second, after the one before it.
    fn next(before: Option<&ObservedDocument>, second: i64, job: JobSeen) -> ObservedDocument {
        let (at, batch) = (Timestamp::from_second(second).unwrap(), BatchId::derived(&["b"]));
        let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 };
        let since = before.and_then(|before| Since::of(before, at, &job)).into_iter().collect();
        let look = Look { epoch, at, jobs: vec![job], slots: None };
        ObservedDocument {
            format: 1,
            batch,
            look,
            expected: Vec::new(),
            replaced: None,
            checkpoints: Vec::new(),
            since,
            web: None,
        }
    }

    fn told(document: &ObservedDocument) -> Option<(i64, u64, u64, u64)> {
        document.since.first().map(|s| (s.at.as_second(), s.completed, s.failed, s.restarts))
    }

    #[test]
    fn what_became_of_a_run_is_told_since_the_look_before_or_an_earlier_one() {
        let first = next(None, 0, job(10, 1, Some(2)));
        assert_eq!(told(&first), None);
        let second = next(Some(&first), 300, job(15, 2, Some(5)));
        assert_eq!(told(&second), Some((0, 5, 1, 3)));
        let at_once = next(Some(&second), 310, job(15, 2, Some(5)));
        assert_eq!(told(&at_once), Some((0, 5, 1, 3)), "a look by hand ends nothing");
        let later = next(Some(&at_once), 610, job(20, 2, Some(5)));
        assert_eq!(told(&later), Some((310, 5, 0, 0)));
        let silent = next(Some(&later), 910, JobSeen { checkpoints: None, ..job(0, 0, Some(6)) });
        assert_eq!(told(&silent), Some((610, 0, 0, 1)));
        let anew = next(Some(&silent), 1_210, JobSeen { restarts: Some(0), ..job(1, 0, None) });
        assert_eq!(told(&anew), Some((910, 0, 0, 0)), "its counts began anew");
    }
}
