//! What runs tell of themselves beside a look: their checkpoints, their restarts; as many of them as tell in time.
//! Must not know what follows from it: nothing that is not told fails a look.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use desired::printable::cut;
use jiff::Timestamp;
use lifecycle::documents::batch::Expected;
use lifecycle::documents::observed::{Checkpointed, ObservedDocument, Since};
use lifecycle::flink::{CheckpointsSeen, JobSeen, JobState, Look};
use lifecycle::ids::JobId;

use crate::fan_out::FanOut;
use crate::ports::{Checkpoints, Cluster, OutsideError};

/// How many jobs are asked at one time.
const ASKED: usize = 8;
/// How long all of them may take together: a measure must not hold up a look.
const ASKING: Duration = Duration::from_secs(20);

/// How many runs that failed are asked for their failures, of how many it is kept why a checkpoint failed, and how long the
/// questions may take together.
const FAILED: usize = 32;
const FAILURES: Duration = Duration::from_secs(10);
/// How many characters of each line of a failure are kept: what happened, and its root cause.
const FAILURE: usize = 300;

/// What runs told beside a look.
pub(super) struct RunReports {
    /// Their newest states.
    pub(super) checkpoints: Vec<Checkpointed>,
    /// What became of them since the look before.
    pub(super) since: Vec<Since>,
}

/// What one run told.
struct Answer {
    checkpoints: Option<Checkpoints>,
    interval_ms: Option<u64>,
    restarts: Option<u64>,
}

/// Asks every expected run that is alive, and adds to the look what it told.
pub(super) async fn ask(
    cluster: &Arc<dyn Cluster>,
    expected: &[Expected],
    look: &mut Look,
    before: Option<&ObservedDocument>,
) -> RunReports {
    let checkpoints = ask_runs(cluster, expected, look).await;
    let is_expected = |job: &&JobSeen| expected.iter().any(|expected| expected.job_id == job.id);
    let since = look.jobs.iter().filter(is_expected).filter_map(|job| Since::of(before?, look.at, job));
    let mut since: Vec<Since> = since.collect();
    let failing: BTreeSet<JobId> =
        look.jobs.iter().filter(is_expected).filter(|job| is_failing(job.state)).map(|job| job.id).collect();
    let first_seen: Vec<JobId> =
        failing.iter().filter(|id| since.iter().all(|it| it.job_id != **id)).copied().collect();
    since.extend(first_seen.iter().map(|id| Since::nothing(*id, look.at)));
    ask_failures(cluster, &failing, &mut since).await;
    since.retain(|since| since.failure.is_some() || !first_seen.contains(&since.job_id));
    RunReports { checkpoints, since }
}

/// Whether a run failed, or is between two attempts.
fn is_failing(state: JobState) -> bool {
    match state {
        JobState::Failing | JobState::Failed | JobState::Restarting => true,
        JobState::Initializing
        | JobState::Created
        | JobState::Running
        | JobState::Cancelling
        | JobState::Canceled
        | JobState::Finished
        | JobState::Suspended
        | JobState::Reconciling => false,
    }
}

async fn ask_runs(cluster: &Arc<dyn Cluster>, expected: &[Expected], look: &mut Look) -> Vec<Checkpointed> {
    let alive = expected.iter().filter_map(|e| look.job(e.job_id)).filter(|job| !job.state.is_terminal()).cloned();
    let alive: Vec<JobSeen> = alive.collect();
    let mut found = Vec::new();
    let mut answers = FanOut::new(ASKED, alive.clone(), |job: JobSeen| {
        let cluster = Arc::clone(cluster);
        async move { (ask_one(cluster.as_ref(), &job).await, job) }
    });
    let all = async {
        // Flink answers with the metrics that it has and fetches new ones for the next who asks.
        if let Some(first) = alive.first() {
            let _stale = cluster.restarts(first.id).await;
        }
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => found.push(answer),
                Err(error) => tracing::error!(%error, "a question's task panicked"),
            }
        }
    };
    if tokio::time::timeout(ASKING, all).await.is_err() {
        tracing::warn!("not every job told of its checkpoints in time");
    }
    let mut newest = Vec::new();
    for (told, job) in found {
        if let Some(checkpoints) = &told.checkpoints {
            let at_ms = checkpoints.triggered_ms.unwrap_or(job.started_ms);
            let failure = checkpoints.failure.as_deref().map(short);
            newest.push(Checkpointed { job_id: job.id, at_ms, completed: checkpoints.completed > 0, failure });
        }
        if let Some(seen) = look.jobs.iter_mut().find(|seen| seen.id == job.id) {
            seen.restarts = told.restarts;
            seen.checkpoints = told.checkpoints.map(|checkpoints| seen_of(&checkpoints, told.interval_ms));
        }
    }
    newest.sort_by_key(|checkpoint| checkpoint.job_id);
    // The document must not grow with a trouble of all jobs.
    for checkpoint in newest.iter_mut().filter(|checkpoint| checkpoint.failure.is_some()).skip(FAILED) {
        checkpoint.failure = None;
    }
    newest
}

/// Adds the newest failure of the runs that are failing, or of which something failed.
async fn ask_failures(cluster: &Arc<dyn Cluster>, failing: &BTreeSet<JobId>, since: &mut [Since]) {
    let is_asked = |since: &&Since| since.failed > 0 || since.restarts > 0 || failing.contains(&since.job_id);
    let failed = since.iter().filter(is_asked).map(|since| since.job_id);
    let failed: Vec<JobId> = failed.take(FAILED).collect();
    let mut answers = FanOut::new(ASKED, failed, |id: JobId| {
        let cluster = Arc::clone(cluster);
        async move { (id, cluster.failure(id).await) }
    });
    let all = async {
        while let Some(answer) = answers.next().await {
            let Ok((id, Ok(Some(failure)))) = answer else { continue };
            if let Some(since) = since.iter_mut().find(|since| since.job_id == id) {
                since.failure = Some(short(&failure));
            }
        }
    };
    if tokio::time::timeout(FAILURES, all).await.is_err() {
        tracing::warn!("not every job told why it failed in time");
    }
}

/// The lines of a failure, each as much as is kept.
fn short(failure: &str) -> String {
    let lines = failure.lines().take(2).map(|line| cut(line, FAILURE));
    lines.collect::<Vec<String>>().join("\n")
}

/// One run after the other question: a JobManager that does not answer the first is not asked the rest.
async fn ask_one(cluster: &dyn Cluster, job: &JobSeen) -> Answer {
    let mut told = Answer { checkpoints: None, interval_ms: None, restarts: None };
    if let Err(error) = ask_all(cluster, job, &mut told).await {
        tracing::warn!(job = job.name, %error, "it did not tell of its checkpoints or restarts");
    }
    told
}

async fn ask_all(cluster: &dyn Cluster, job: &JobSeen, told: &mut Answer) -> Result<(), OutsideError> {
    // Without checkpoints it has no state that could be old.
    told.checkpoints = cluster.checkpoints(job.id).await?;
    // While a savepoint is written, with a stop or without, no checkpoint is missed.
    if told.checkpoints.as_ref().is_some_and(|checkpoints| !checkpoints.savepoint_in_progress) {
        told.interval_ms = cluster.checkpoint_interval(job.id).await?;
    }
    told.restarts = cluster.restarts(job.id).await?;
    Ok(())
}

fn seen_of(checkpoints: &Checkpoints, interval_ms: Option<u64>) -> CheckpointsSeen {
    CheckpointsSeen {
        completed: checkpoints.completed,
        failed: checkpoints.failed,
        last_completed_at: checkpoints.completed_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        last_size: checkpoints.size,
        interval_ms,
    }
}
