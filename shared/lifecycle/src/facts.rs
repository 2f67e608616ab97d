//! Facts that are measured: settled operations, what a look showed, how long an operation has been open.
//! Must not know metrics or how they are sent.

use desired::manifest::JobName;
use jiff::Timestamp;

use crate::alert_conditions::AlertKind;
use crate::change::ChangeKind;
use crate::documents::observed::ObservedDocument;
use crate::documents::record::{Aim, Ended, Record};
use crate::documents::result::{OperationResult, PhaseTime};
use crate::flink::JobSeen;
use crate::ids::{BatchId, OperationId};

/// A fact. Gauges are told by every look; a settled operation once, by whoever settled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An operation was settled.
    Settled(Settled),
    /// Every record was looked at.
    Swept(Swept),
    /// A look at the cluster arrived.
    Looked(Looked),
    /// People were told, or could not be.
    Alert {
        /// Of what.
        kind: AlertKind,
        /// Whether they were.
        sent: bool,
    },
    /// What people were told of could not be read or noted.
    AlertsUnknown,
}

/// An operation that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub job: JobName,
    pub operation: OperationId,
    /// The batch that it was sent in last.
    pub batch: BatchId,
    /// When it was settled.
    pub at: Timestamp,
    /// What had changed.
    pub change: ChangeKind,
    /// How it ended.
    pub outcome: Ended,
    /// How long each phase took in all, in the order they began.
    pub phases: Vec<PhaseTime>,
    /// How long the job was down, in milliseconds; nothing if it was not, or is still.
    pub downtime_ms: Option<u64>,
}

impl Settled {
    /// What the write of `after` in the place of `before` settled; nothing if it settled nothing.
    pub fn between(before: Option<&Record>, after: &Record, result: Option<&OperationResult>) -> Option<Self> {
        let before = before?;
        let open = before.open.as_ref()?;
        let entry = after.history.last().filter(|entry| entry.operation == open.plan.operation)?;
        let result = result.filter(|result| result.operation == open.plan.operation);
        // What was stopped or done was not down.
        let was_to_run = before.deployed.as_ref().is_some_and(|deployed| match deployed.aim {
            Aim::Run => true,
            Aim::Stopped | Aim::Complete => false,
        });
        Some(Self {
            job: after.name.clone(),
            operation: entry.operation,
            batch: open.batch,
            at: entry.at,
            change: entry.change,
            outcome: entry.outcome,
            phases: result.map(|result| summed(&result.phases)).unwrap_or_default(),
            downtime_ms: result.and_then(|result| result.downtime_ms).filter(|_| was_to_run),
        })
    }

    /// Whether what was wanted did not come about.
    pub fn failed(&self) -> bool {
        match self.outcome {
            Ended::Failed | Ended::RolledBack | Ended::Refused => true,
            Ended::Deployed
            | Ended::Unhealthy
            | Ended::Completed
            | Ended::Left
            | Ended::Removed
            | Ended::Suspended
            | Ended::Abandoned => false,
        }
    }
}

/// A phase comes several times: notes between the others, looks that are repeated.
fn summed(phases: &[PhaseTime]) -> Vec<PhaseTime> {
    let mut sums: Vec<PhaseTime> = Vec::new();
    for one in phases {
        match sums.iter_mut().find(|sum| sum.phase == one.phase) {
            Some(sum) => sum.ms = sum.ms.saturating_add(one.ms),
            None => sums.push(one.clone()),
        }
    }
    sums
}

/// What the records said, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub at: Timestamp,
    /// The jobs that should run and are known not to.
    pub down: Vec<JobName>,
    /// The operation that has been open for longest, its job and since when.
    pub oldest: Option<(JobName, OperationId, Timestamp)>,
}

/// What a look at the cluster showed of the runs that should be alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// When it was taken.
    pub at: Timestamp,
    /// The jobs whose runs were not there, or not with every task running.
    pub down: Vec<JobName>,
    /// The healthy job whose newest completed checkpoint is the oldest, and that checkpoint's age in seconds.
    pub oldest_state: Option<(JobName, u64)>,
}

impl Looked {
    /// What `document` shows.
    pub fn of(document: &ObservedDocument) -> Self {
        let look = &document.look;
        let healthy = |id| look.job(id).is_some_and(JobSeen::is_healthy);
        let age = |id| {
            let checkpoint = document.checkpoints.iter().find(|checkpoint| checkpoint.job_id == id)?;
            let ms = look.at.as_millisecond().saturating_sub(checkpoint.at_ms);
            u64::try_from(ms.max(0) / 1000).ok()
        };
        let down = document.expected.iter().filter(|expected| !healthy(expected.job_id));
        let ages = document.expected.iter().filter(|expected| healthy(expected.job_id));
        let ages = ages.filter_map(|expected| Some((expected.job.clone(), age(expected.job_id)?)));
        Self {
            at: look.at,
            down: down.map(|expected| expected.job.clone()).collect(),
            oldest_state: ages.max_by_key(|(_, age)| *age),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::batch::{Expected, FORMAT};
    use crate::documents::observed::Checkpointed;
    use crate::flink::{Epoch, JobState, Look, Tasks};
    use crate::ids::JobId;

    fn run(name: &str) -> JobId {
        JobId::derived(&[name])
    }

    fn seen(name: &str, state: JobState, running: u32) -> JobSeen {
        let tasks = Tasks { total: 2, running, finished: 0, waiting: 0 };
        JobSeen {
            id: run(name),
            name: name.to_owned(),
            state,
            tasks,
            started_ms: 0,
            modified_ms: 0,
            checkpoints: None,
            restarts: None,
        }
    }

    #[test]
    fn a_look_tells_who_is_down_and_whose_state_is_oldest() {
        let expected = |name: &str| Expected {
            job: JobName::try_from(name).unwrap(),
            job_id: run(name),
            revision: 1,
            owed: false,
            checkpointed: true,
        };
        let look = Look {
            epoch: Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 },
            at: Timestamp::from_second(1_000).unwrap(),
            jobs: vec![
                seen("fresh", JobState::Running, 2),
                seen("stale", JobState::Running, 2),
                seen("sick", JobState::Running, 1),
                seen("ended", JobState::Failed, 0),
            ],
            slots: None,
        };
        let checkpoint = |name: &str, at_ms| Checkpointed { job_id: run(name), at_ms, completed: true, failure: None };
        let document = ObservedDocument {
            format: FORMAT,
            batch: BatchId::derived(&["b"]),
            look,
            expected: ["fresh", "stale", "sick", "ended", "gone"].map(expected).into(),
            replaced: None,
            checkpoints: vec![checkpoint("fresh", 990_000), checkpoint("stale", 399_500), checkpoint("sick", 1)],
            since: Vec::new(),
            web: None,
        };
        let looked = Looked::of(&document);
        let down: Vec<&str> = looked.down.iter().map(JobName::as_str).collect();
        assert_eq!(down, ["sick", "ended", "gone"]);
        assert_eq!(looked.oldest_state.map(|(job, age)| (job.to_string(), age)), Some(("stale".to_owned(), 600)));
    }

    #[test]
    fn a_phase_that_comes_again_is_one() {
        let phase = |phase: &str, ms| PhaseTime { phase: phase.to_owned(), ms };
        let phases = [phase("note", 1), phase("look", 2), phase("note", 3)];
        assert_eq!(summed(&phases), [phase("note", 4), phase("look", 2)]);
    }

    /// The metric that alarms are set on.
    #[test]
    fn an_operation_failed_if_what_was_wanted_did_not_come_about() {
        for (outcome, failed) in [
            (Ended::Deployed, false),
            (Ended::Unhealthy, false),
            (Ended::Completed, false),
            (Ended::Left, false),
            (Ended::Removed, false),
            (Ended::Suspended, false),
            (Ended::Abandoned, false),
            (Ended::RolledBack, true),
            (Ended::Refused, true),
            (Ended::Failed, true),
        ] {
            let settled = Settled {
                job: JobName::try_from("orders").unwrap(),
                operation: OperationId::derived(&["o"]),
                batch: BatchId::derived(&["b"]),
                at: Timestamp::UNIX_EPOCH,
                change: ChangeKind::Query,
                outcome,
                phases: Vec::new(),
                downtime_ms: None,
            };
            assert_eq!(settled.failed(), failed, "{outcome:?}");
        }
    }
}
