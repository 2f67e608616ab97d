//! A savepoint of a run that goes on: asked for under its trigger, and awaited.
//! Must not know why it is taken.

use lifecycle::execute::StopEnd;
use lifecycle::ids::{JobId, TriggerId};
use tokio::time::Instant;

use crate::ports::{Cluster, OutsideError, StopStatus};
use crate::stop_run::{Waiting, stop_failure};

/// Asks for the savepoint and waits for it; nothing within the limit means unknown. One that somebody else asked for is
/// awaited first: it may be that of a stop, which another trigger would abort.
pub(crate) async fn save(
    cluster: &dyn Cluster,
    run: JobId,
    trigger: TriggerId,
    directory: &str,
    waiting: Waiting,
) -> Result<Option<StopEnd>, OutsideError> {
    let limit = Instant::now() + waiting.limit;
    while Instant::now() < limit {
        match cluster.stop_status(run, trigger).await? {
            StopStatus::InProgress => {}
            StopStatus::Completed(path) => return Ok(Some(StopEnd::Savepoint(path))),
            StopStatus::Failed { class, message } => return Ok(Some(stop_failure(&class, message))),
            // Not asked yet, or by a JobManager before this one.
            StopStatus::Forgotten => match cluster.job(run).await? {
                Some(job) if !job.state.is_terminal() => {
                    let checkpoints = cluster.checkpoints(run).await?.unwrap_or_default();
                    if !checkpoints.savepoint_in_progress {
                        cluster.savepoint(run, trigger, directory).await?;
                    }
                }
                Some(_) | None => return Ok(Some(StopEnd::Gone)),
            },
        }
        tokio::time::sleep(waiting.poll).await;
    }
    Ok(None)
}
