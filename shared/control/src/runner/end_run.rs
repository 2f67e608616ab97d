//! Ending a run: the stop with savepoint, the cancel, and the wait until the run is at its end.
//! Must not know why it is to end.

use std::time::{Duration, Instant};

use lifecycle::execute::{Input, StopEnd};
use lifecycle::ids::{JobId, TriggerId};
use lifecycle::plan::Plan;

use super::Runner;
use crate::ports::{OutsideError, StopStatus};

/// Asks for the stop and waits for its end; a time-out means unknown.
pub(super) async fn stop(
    runner: &Runner,
    plan: &Plan,
    run: JobId,
    trigger: TriggerId,
    directory: &str,
) -> Result<Input, OutsideError> {
    let cluster = runner.cluster.as_ref();
    let limit = Instant::now() + Duration::from_millis(plan.windows.stop_ms);
    let mut asked = false;
    while Instant::now() < limit {
        if !asked {
            cluster.stop(run, trigger, directory).await?;
            asked = true;
        }
        match cluster.stop_status(run, trigger).await? {
            StopStatus::InProgress => tokio::time::sleep(runner.times.poll).await,
            StopStatus::Completed(path) => {
                // The location is known before the job has reached its end.
                return ended(runner, run, limit)
                    .await
                    .map(|over| if over { Input::Stopped(StopEnd::Savepoint(path)) } else { Input::Unknown });
            }
            StopStatus::Failed { class, message } => return Ok(Input::Stopped(stop_failure(&class, message))),
            // The JobManager restarted: if it has the job, it is asked again under the same trigger.
            StopStatus::Forgotten => match cluster.job(run).await? {
                Some(job) if !job.state.is_terminal() => {
                    asked = false;
                    tokio::time::sleep(runner.times.poll).await;
                }
                Some(_) | None => return Ok(Input::Stopped(StopEnd::Gone)),
            },
        }
    }
    Ok(Input::Unknown)
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

pub(super) async fn cancel(runner: &Runner, run: JobId) -> Result<Input, OutsideError> {
    let live = runner.cluster.job(run).await?.is_some_and(|job| !job.state.is_terminal());
    if live {
        runner.cluster.cancel(run).await?;
    }
    let over = ended(runner, run, Instant::now() + runner.times.cancel).await?;
    Ok(if over { Input::Cancelled } else { Input::Unknown })
}

async fn ended(runner: &Runner, run: JobId, limit: Instant) -> Result<bool, OutsideError> {
    loop {
        match runner.cluster.job(run).await? {
            Some(job) if !job.state.is_terminal() => {}
            Some(_) | None => return Ok(true),
        }
        if Instant::now() > limit {
            return Ok(false);
        }
        tokio::time::sleep(runner.times.poll.min(Duration::from_millis(100))).await;
    }
}
