//! How a job stands, in one word, and whether that is as it should be.
//! Must not know how it is shown.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use lifecycle::documents::record::Status;
use lifecycle::flink::JobSeen;
use orchestrator::actions::{JobStatus, StatusAnswer};

/// How a job stands, from what is worst to what is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Standing {
    /// Its record cannot be read.
    NotReadable,
    /// It should run, and does not.
    NotRunning,
    /// It should run; an operation ended without a result.
    Unknown,
    /// Nothing is deployed, and its upload is refused.
    Refused,
    /// It was tried, or is under way for the first time.
    NotDeployed,
    /// It was uploaded just now.
    NotJudged,
    /// It runs.
    Running,
    /// It was bounded and is done.
    Complete,
    /// Its file says so: stopped, its state kept.
    Suspended,
    /// It was removed, its state kept.
    Stopped,
    /// Nothing of it is left: shown only where it is named.
    #[value(skip)]
    Forgotten,
}

impl Standing {
    /// How a job stands.
    pub(crate) fn of(job: &JobStatus) -> Self {
        match job.status {
            Some(Status::Running) => Self::Running,
            Some(Status::NotRunning) => Self::NotRunning,
            Some(Status::Unknown) => Self::Unknown,
            Some(Status::Stopped) => Self::Stopped,
            Some(Status::Suspended) => Self::Suspended,
            Some(Status::Complete) => Self::Complete,
            None if job.forgotten.is_some() => Self::Forgotten,
            None if job.trouble.is_some() => Self::NotReadable,
            None if !job.refused.is_empty() => Self::Refused,
            None if job.decision.is_none() && job.operation.is_none() => Self::NotJudged,
            None => Self::NotDeployed,
        }
    }

    /// The one spelling: as a flag takes it, as the tables show it, as the JSON has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotReadable => "not-readable",
            Self::NotRunning => "not-running",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::NotDeployed => "not-deployed",
            Self::NotJudged => "not-judged",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Forgotten => "forgotten",
        }
    }

    /// Whether somebody has to know of it.
    fn is_wrong(self) -> bool {
        match self {
            Self::NotReadable | Self::NotRunning | Self::Unknown | Self::Refused => true,
            // What was tried and failed is owed.
            Self::NotDeployed
            | Self::NotJudged
            | Self::Running
            | Self::Complete
            | Self::Suspended
            | Self::Stopped
            | Self::Forgotten => false,
        }
    }
}

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

/// Whether a job is not as it should be: not running or failing, held, owed something, refused, or not readable.
pub(crate) fn is_job_wrong(job: &JobStatus, answer: &StatusAnswer) -> bool {
    let failing = match InFlink::of(job, answer) {
        InFlink::NotLookedFor => false,
        InFlink::NotSeen => true,
        InFlink::Seen(seen) => !seen.is_healthy(),
    };
    let waits = !job.waits_for.is_empty() || !job.owed.is_empty() || !job.refused.is_empty();
    Standing::of(job).is_wrong() || failing || waits || job.trouble.is_some()
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
