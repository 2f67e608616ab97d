//! Savepoints of a run that ends with them or goes on, the cancel, and the wait until a run is at its end.
//! Must not know why any of it is done.

use std::time::Duration;

use lifecycle::execute::StopEnd;
use lifecycle::flink::JobState;
use lifecycle::ids::{JobId, TriggerId};
use tokio::time::Instant;

pub use crate::poll::Waiting;
use crate::ports::{Cluster, OutsideError, StopStatus};

/// How often an end that is near is looked for.
const NEAR: Duration = Duration::from_millis(100);

/// What a savepoint is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The run ends with it.
    Ends,
    /// The run goes on.
    GoesOn,
}

/// Asks for the stop and waits for its end; nothing within the limit means unknown.
pub async fn stop(
    cluster: &dyn Cluster,
    run: JobId,
    trigger: TriggerId,
    directory: &str,
    waiting: Waiting,
) -> Result<Option<StopEnd>, OutsideError> {
    savepoint(cluster, run, trigger, directory, waiting, Then::Ends).await
}

/// Asks for a savepoint of a run that goes on and waits for it; nothing within the limit means unknown.
pub(crate) async fn save(
    cluster: &dyn Cluster,
    run: JobId,
    trigger: TriggerId,
    directory: &str,
    waiting: Waiting,
) -> Result<Option<StopEnd>, OutsideError> {
    savepoint(cluster, run, trigger, directory, waiting, Then::GoesOn).await
}

/// A savepoint that somebody else asked for is awaited first: another trigger would abort that of a stop, and the job
/// would restart.
async fn savepoint(
    cluster: &dyn Cluster,
    run: JobId,
    trigger: TriggerId,
    directory: &str,
    waiting: Waiting,
    then: Then,
) -> Result<Option<StopEnd>, OutsideError> {
    // No `Tries`: the last of them is made when the time is up, and one of these may order the savepoint.
    let limit = Instant::now() + waiting.limit;
    while Instant::now() < limit {
        match cluster.stop_status(run, trigger).await? {
            StopStatus::InProgress => {}
            StopStatus::Completed(path) => {
                // The location is known before the job has reached its end.
                let over = match then {
                    Then::Ends => ended(cluster, run, limit, waiting.poll).await?,
                    Then::GoesOn => true,
                };
                return Ok(over.then_some(StopEnd::Savepoint(path)));
            }
            StopStatus::Failed { class, message } => return Ok(Some(stop_failure(&class, message))),
            // Not asked yet, or by a JobManager before this one: if it has the job, it is asked under the same trigger.
            StopStatus::Forgotten => match (cluster.job(run).await?, then) {
                (Some(job), _) if !job.state.is_terminal() => {
                    let checkpoints = cluster.checkpoints(run).await?.unwrap_or_default();
                    match then {
                        _ if checkpoints.savepoint_in_progress => {}
                        Then::Ends => cluster.stop(run, trigger, directory).await?,
                        Then::GoesOn => cluster.savepoint(run, trigger, directory).await?,
                    }
                }
                // It failed or was cancelled, whatever savepoint it wrote before.
                (Some(job), Then::Ends) if job.state != JobState::Finished => return Ok(Some(StopEnd::Gone)),
                (Some(_) | None, Then::Ends) => return gone(cluster, run).await.map(Some),
                (Some(_) | None, Then::GoesOn) => return Ok(Some(StopEnd::Gone)),
            },
        }
        tokio::time::sleep(waiting.poll).await;
    }
    Ok(None)
}

/// The end of a run that our stop did not bring about: Flink names the savepoint of another stop that did.
pub async fn gone(cluster: &dyn Cluster, run: JobId) -> Result<StopEnd, OutsideError> {
    let checkpoints = cluster.checkpoints(run).await?.unwrap_or_default();
    let savepoint = checkpoints.savepoint.filter(|_| checkpoints.ends_in_savepoint);
    Ok(savepoint.map_or(StopEnd::Gone, StopEnd::Savepoint))
}

fn stop_failure(class: &str, message: String) -> StopEnd {
    let not_running = message.contains("is not being executed at the moment")
        || message.contains("Not all required tasks are currently running");
    if class.ends_with("FlinkJobNotFoundException") || message.contains("Could not find Flink job") {
        StopEnd::Gone
    } else if not_running {
        StopEnd::NotRunning
    } else {
        StopEnd::Failed(message)
    }
}

/// Asks for the cancel and waits for its end; whether it came within the limit.
pub async fn cancel(cluster: &dyn Cluster, run: JobId, waiting: Waiting) -> Result<bool, OutsideError> {
    let live = cluster.job(run).await?.is_some_and(|job| !job.state.is_terminal());
    if live {
        cluster.cancel(run).await?;
    }
    ended(cluster, run, Instant::now() + waiting.limit, waiting.poll).await
}

async fn ended(cluster: &dyn Cluster, run: JobId, limit: Instant, poll: Duration) -> Result<bool, OutsideError> {
    let rest = limit.saturating_duration_since(Instant::now());
    let mut tries = Waiting { limit: rest, poll: poll.min(NEAR) }.tries();
    loop {
        match cluster.job(run).await? {
            Some(job) if !job.state.is_terminal() => {}
            Some(_) | None => return Ok(true),
        }
        if !tries.again().await {
            return Ok(false);
        }
    }
}
