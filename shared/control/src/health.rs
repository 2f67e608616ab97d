//! The stability test of a new run: RUNNING, every task running, no restart through the window.
//! Must not know what follows from it.

use std::time::Duration;

use lifecycle::documents::plan::Windows;
use lifecycle::execute::Health;
use lifecycle::flink::{JobState, Tasks};
use lifecycle::ids::JobId;
use lifecycle::run_conditions::tells_of_slots;
use tokio::time::Instant;

use crate::ports::{Cluster, OutsideError};

/// How often in a row the cluster may fail to answer before the outcome counts as unknown.
const SILENCES: u32 = 20;
/// How far apart two sights of a healthy run may lie while nothing counts its restarts: it may have restarted in between.
const APART: Duration = Duration::from_secs(10);
const TOO_SLOW: &str = "the cluster answers too slowly to tell whether it restarts";

/// Watches a run; nothing if the cluster does not answer or does not know it. Tells `healthy` since when every task runs,
/// each time it sees that.
pub(crate) async fn watch(
    cluster: &dyn Cluster,
    id: JobId,
    windows: Windows,
    poll: Duration,
    mut healthy: impl FnMut(Instant),
) -> Result<Option<Health>, OutsideError> {
    let began = Instant::now();
    let mut healthy_since: Option<Instant> = None;
    // Restarts before the window are none of it: a run that is taken over may have had many.
    let mut before: Option<u64> = None;
    let mut seen: Option<Instant> = None;
    let mut silences = 0;
    loop {
        // What an answer tells was so when the question was put, however long the answer took.
        let asked = Instant::now();
        let job = match cluster.job(id).await {
            Ok(Some(job)) => job,
            Ok(None) => return Ok(None),
            Err(_) if silences < SILENCES => {
                silences += 1;
                tokio::time::sleep(poll).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        silences = 0;
        match job.state {
            JobState::Finished => return finished(cluster, id).await.map(Some),
            JobState::Failed => {
                let reason = reason(cluster, id, "it failed").await;
                let no_slots = healthy_since.is_none() && tells_of_slots(&reason);
                return Ok(Some(failed(reason, no_slots, false)));
            }
            JobState::Canceled => return Ok(Some(Health::Ended("it was cancelled from outside".to_owned()))),
            JobState::Running if job.is_healthy() => {
                let since = *healthy_since.get_or_insert_with(Instant::now);
                healthy(since);
                if asked.duration_since(since) >= Duration::from_millis(windows.stability_ms) {
                    return stable(cluster, id, before).await.map(Some);
                }
                if before.is_none() {
                    before = cluster.restarts(id).await.ok().flatten();
                    if seen.unwrap_or(asked).elapsed() > APART {
                        if began.elapsed() > Duration::from_millis(windows.startup_ms) {
                            return Err(OutsideError::unknown("watching the new run", TOO_SLOW));
                        }
                        healthy_since = Some(Instant::now());
                    }
                }
                seen = Some(asked);
            }
            JobState::Restarting | JobState::Failing => {
                let reason = reason(cluster, id, "it restarts").await;
                let no_slots = healthy_since.is_none() && tells_of_slots(&reason);
                return Ok(Some(failed(reason, no_slots, true)));
            }
            JobState::Initializing
            | JobState::Created
            | JobState::Running
            | JobState::Cancelling
            | JobState::Suspended
            | JobState::Reconciling => {
                if healthy_since.take().is_some() {
                    return Ok(Some(Health::Unstable(reason(cluster, id, "not all its tasks stayed running").await)));
                }
                let waited = asked.duration_since(began);
                if waited > Duration::from_millis(windows.startup_ms) {
                    return Ok(Some(never_healthy(cluster, id, job.tasks, waited).await));
                }
            }
        }
        tokio::time::sleep(poll).await;
    }
}

/// Not all tasks run after the time that a start may take.
async fn never_healthy(cluster: &dyn Cluster, id: JobId, tasks: Tasks, waited: Duration) -> Health {
    let why = format!("{} of {} tasks run after {} s", tasks.running, tasks.total, waited.as_secs());
    let reason = reason(cluster, id, &why).await;
    let no_slots = tasks.all_wait();
    let reason = if no_slots { format!("no slots came free for it: {reason}") } else { reason };
    failed(reason, no_slots, true)
}

/// A start that failed, alive or not, for want of slots or for a reason of its own.
fn failed(reason: String, no_slots: bool, alive: bool) -> Health {
    match (no_slots, alive) {
        (true, alive) => Health::NoSlots { reason, alive },
        (false, true) => Health::Unstable(reason),
        (false, false) => Health::Ended(reason),
    }
}

async fn stable(cluster: &dyn Cluster, id: JobId, before: Option<u64>) -> Result<Health, OutsideError> {
    // A new JobManager counts from nothing.
    let restarted = |(before, now): (u64, u64)| now != before && now > 0;
    if before.zip(cluster.restarts(id).await?).is_some_and(restarted) {
        return Ok(Health::Unstable(reason(cluster, id, "it restarted within the stability window").await));
    }
    let checkpoints = cluster.checkpoints(id).await?.unwrap_or_default();
    Ok(Health::Stable { checkpointed: checkpoints.completed > 0 })
}

/// FINISHED with a savepoint was stopped by somebody; without, it came to its end.
async fn finished(cluster: &dyn Cluster, id: JobId) -> Result<Health, OutsideError> {
    let checkpoints = cluster.checkpoints(id).await?.unwrap_or_default();
    Ok(if checkpoints.ends_in_savepoint {
        Health::Ended("it was stopped from outside".to_owned())
    } else {
        Health::Complete
    })
}

async fn reason(cluster: &dyn Cluster, id: JobId, what: &str) -> String {
    match cluster.failure(id).await {
        Ok(Some(failure)) => format!("{what}: {}", failure.lines().collect::<Vec<_>>().join(", ")),
        Ok(None) | Err(_) => what.to_owned(),
    }
}
