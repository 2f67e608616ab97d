//! Whether a job is as it should be, by how it stands and by what the last look says of its run.
//! Must not know how it is shown.

use jiff::{SignedDuration, Timestamp};
use lifecycle::documents::record::Status;
use lifecycle::flink::JobSeen;
use orchestrator::actions::{JobStatus, StatusAnswer};

/// What the last look says of the run of a job that is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InFlink<'a> {
    /// The job has no such run, or nobody looked since it was started.
    NotLookedFor,
    /// The look did not show it.
    NotSeen,
    Seen(&'a JobSeen),
}

impl<'a> InFlink<'a> {
    /// Of a job, by the look in `answer`.
    pub(crate) fn of(job: &JobStatus, answer: &'a StatusAnswer) -> Self {
        let expected = job.run.zip(answer.observed.as_ref()).filter(|_| job.status == Some(Status::Running));
        let Some((run, observed)) = expected else { return Self::NotLookedFor };
        match observed.look.job(run) {
            Some(seen) => Self::Seen(seen),
            None if job.since.is_some_and(|since| since < observed.look.at) => Self::NotSeen,
            None => Self::NotLookedFor,
        }
    }
}

/// Whether a job is not as it should be: not running or failing, in what people are alerted of, held, owed something,
/// refused, or not readable.
pub(crate) fn is_job_wrong(job: &JobStatus, answer: &StatusAnswer) -> bool {
    let failing = match InFlink::of(job, answer) {
        InFlink::NotLookedFor => false,
        InFlink::NotSeen => true,
        InFlink::Seen(seen) => !seen.is_healthy(),
    };
    let waits = !job.waits_for.is_empty() || !job.owed.is_empty() || !job.refused.is_empty();
    let suffers = job.run_trouble.as_ref().is_some_and(|trouble| trouble.alert.is_some());
    job.standing().is_wrong() || failing || suffers || waits || job.trouble.is_some()
}

/// From this age on a look says nothing of how jobs stand: nobody looks any more.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// Whether the last look is so old that it says nothing.
pub(crate) fn is_stale(answer: &StatusAnswer, now: Timestamp) -> bool {
    answer.observed.as_ref().is_some_and(|observed| now.duration_since(observed.look.at) > STALE)
}

/// Whether anything that the answer shows is not as it should be, or cannot be read.
pub(crate) fn is_wrong(answer: &StatusAnswer, now: Timestamp) -> bool {
    is_stale(answer, now)
        || answer.jobs.iter().any(|job| is_job_wrong(job, answer))
        || answer.refused > 0
        || answer.refused_trouble.is_some()
        || answer.observed_trouble.is_some()
}
