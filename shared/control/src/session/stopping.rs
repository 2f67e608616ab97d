//! Stopping the jobs of the old session, some side by side: each step is noted in the document before it is taken.
//! Must not know why they are stopped, nor what follows.

use std::sync::Arc;

use lifecycle::execute::StopEnd;
use lifecycle::ids::OperationId;
use lifecycle::session::{JobInRestart, Restart, SessionJob};

use super::{SessionAdmin, SessionCluster, SessionError};
use crate::errors::error_chain;
use crate::fan_out::FanOut;
use crate::ports::{OutsideError, StopStatus};
use crate::stop_run::{Waiting, cancel, gone, stop};

/// How a wave ended.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// Jobs whose stop failed.
    pub(super) failed: Vec<String>,
    /// Jobs of which it is not known.
    pub(super) unknown: Vec<String>,
}

impl SessionAdmin {
    /// Stops the jobs, never more than a wave at one time; one job's failure never stops another's stop.
    pub(super) async fn stop_all(
        self: &Arc<Self>,
        restart: OperationId,
        cluster: &Arc<dyn SessionCluster>,
        jobs: Vec<SessionJob>,
    ) -> Result<Stopped, SessionError> {
        let mut stops = FanOut::new(usize::from(self.wave.get()), jobs, |job: SessionJob| {
            let (this, cluster) = (Arc::clone(self), Arc::clone(cluster));
            async move { (job.name.clone(), this.stop_one(restart, cluster.as_ref(), job).await) }
        });
        let mut stopped = Stopped::default();
        while let Some(ended) = stops.next().await {
            let (name, ended) = ended.map_err(|error| OutsideError::unknown("stopping the jobs", error))?;
            match ended {
                Ok(Some(JobInRestart::Failed { error })) => stopped.failed.push(format!("{name}: {error}")),
                Ok(Some(_)) => {}
                Ok(None) => stopped.unknown.push(format!("{name}: not stopped yet")),
                Err(SessionError::Outside(error)) => stopped.unknown.push(format!("{name}: {}", error_chain(&error))),
                Err(error) => return Err(error),
            }
        }
        Ok(stopped)
    }

    /// Stops one job; nothing if how that ended is unknown.
    async fn stop_one(
        &self,
        restart: OperationId,
        cluster: &dyn SessionCluster,
        mut job: SessionJob,
    ) -> Result<Option<JobInRestart>, SessionError> {
        loop {
            let next = match &job.state {
                JobInRestart::Pending => job.clone().to_be_stopped(),
                JobInRestart::Stopping => match self.savepoint(restart, cluster, &job).await? {
                    Some(end) => job.clone().stop_ended(restart, end),
                    None => return Ok(None),
                },
                JobInRestart::Cancelling => {
                    let waiting = Waiting { limit: self.times.cancel, poll: self.times.poll };
                    if !cancel(cluster, job.job_id, waiting).await? {
                        return Ok(None);
                    }
                    job.clone().with(JobInRestart::Cancelled)
                }
                JobInRestart::Stopped
                | JobInRestart::Cancelled
                | JobInRestart::NotRunning
                | JobInRestart::Failed { .. }
                | JobInRestart::Back { .. } => {
                    self.tell(&format!("{}: {}", job.name, words(&job)));
                    return Ok(Some(job.state));
                }
            };
            if next.is_put_down() {
                self.wait_until_back(cluster, &next).await?;
            }
            let noted = next.clone();
            self.noted(restart, |restart| restart.note(noted.clone())).await?;
            job = next;
        }
    }

    /// Waits until Flink restarted it: an operation that met it before would take it for unhealthy.
    async fn wait_until_back(&self, cluster: &dyn SessionCluster, job: &SessionJob) -> Result<(), OutsideError> {
        let mut tries = Waiting { limit: self.times.cancel, poll: self.times.poll }.tries();
        loop {
            let seen = cluster.job(job.job_id).await?;
            if seen.is_none_or(|seen| seen.is_healthy() || seen.state.is_terminal()) || !tries.again().await {
                return Ok(());
            }
        }
    }

    /// Stops a job with a savepoint, or reads how a stop of before ended.
    async fn savepoint(
        &self,
        restart: OperationId,
        cluster: &dyn SessionCluster,
        job: &SessionJob,
    ) -> Result<Option<StopEnd>, OutsideError> {
        let trigger = job.trigger(restart);
        let live = cluster.job(job.job_id).await?.is_some_and(|seen| !seen.state.is_terminal());
        let end = if live {
            let waiting = Waiting { limit: self.times.stop, poll: self.times.poll };
            stop(cluster, job.job_id, trigger, &job.stop_directory(restart), waiting).await?
        } else {
            match cluster.stop_status(job.job_id, trigger).await? {
                StopStatus::Completed(path) => Some(StopEnd::Savepoint(path)),
                StopStatus::InProgress => None,
                StopStatus::Failed { .. } | StopStatus::Forgotten => Some(StopEnd::Gone),
            }
        };
        match end {
            Some(StopEnd::Gone) => gone(cluster, job.job_id).await.map(Some),
            Some(StopEnd::Savepoint(_) | StopEnd::NotRunning | StopEnd::Failed(_)) | None => Ok(end),
        }
    }

    /// Changes the restart in the document.
    pub(super) async fn noted(
        &self,
        id: OperationId,
        mut change: impl FnMut(&mut Restart) -> bool,
    ) -> Result<Restart, SessionError> {
        let changed = self.documents.change(|document, _| document.restart_mut(id).is_some_and(&mut change)).await?;
        changed.and_then(|document| document.restart).ok_or(SessionError::Overtaken)
    }
}

fn words(job: &SessionJob) -> String {
    match &job.state {
        JobInRestart::Stopped => format!("stopped with {}", job.savepoint.as_deref().unwrap_or("a savepoint")),
        JobInRestart::Cancelled => "cancelled: it could not take a savepoint".to_owned(),
        JobInRestart::NotRunning => "does not run any more".to_owned(),
        JobInRestart::Failed { error } => format!("could not be stopped: {error}"),
        JobInRestart::Back { job_id } => format!("runs as {job_id}"),
        JobInRestart::Pending | JobInRestart::Stopping | JobInRestart::Cancelling => "under way".to_owned(),
    }
}
