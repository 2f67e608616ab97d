//! Leaving the old session: its jobs are stopped under their locks, then it is ended, and its end is waited for.
//! Must not know how jobs are stopped, nor what follows.

use std::sync::Arc;

use lifecycle::ids::OperationId;
use lifecycle::session::{JobInRestart, Restart, RestartPhase, SessionJob, Step};

use super::job_locks::HeldLocks;
use super::restart::{Next, RestartEnd, RestartOrder, RestartReport, accepted, to};
use super::{Life, SessionAdmin, SessionCluster, SessionError, SessionSeen, SessionSelector, ours_and_strangers};
use crate::errors::error_chain;
use crate::poll::{PollAnswer, poll};
use crate::ports::OutsideError;

impl SessionAdmin {
    /// One step with the old session: its jobs are stopped, then it is ended.
    pub(super) async fn leave_old(
        self: &Arc<Self>,
        order: &RestartOrder,
        restart: Restart,
        locks: &mut HeldLocks,
    ) -> Result<Next, SessionError> {
        let (id, old) = (restart.id, restart.old.clone().unwrap_or_default());
        if self.is_over(&old).await? {
            return self.after_old(id).await;
        }
        if !locks.are_taken() {
            self.lock_all(locks).await?;
        }
        let Some(cluster) = self.old_cluster(&old).await? else { return self.after_old(id).await };
        let records = self.records().await?;
        let (live, strangers) = ours_and_strangers(&cluster.look().await?, &records);
        let strangers = accepted(strangers, order, &restart.strangers)?;
        let reconcile = |restart: &mut Restart| {
            restart.reconcile(&live);
            for stranger in &strangers {
                if !restart.strangers.contains(stranger) {
                    restart.strangers.push(stranger.clone());
                }
            }
        };
        let mut seen = restart.clone();
        reconcile(&mut seen);
        if seen != restart {
            let changed = |restart: &mut Restart| {
                reconcile(restart);
                true
            };
            return Ok(Next::Go(self.noted(id, changed).await?));
        }
        match restart.step() {
            Step::Stop(jobs) => self.stop_jobs(restart, &cluster, jobs).await,
            Step::NoteEnd => Ok(Next::Go(self.noted(id, |restart| to(restart, RestartPhase::Ending)).await?)),
            Step::End(old) => {
                self.tell(&format!("ending {old}"));
                // A reply that is lost says nothing: the ResourceManager tells.
                if let Err(error) = cluster.shut_down().await {
                    tracing::warn!(error = error_chain(&error), "no reply to the request to end the session");
                }
                self.wait_for_end(&old).await?;
                self.after_old(id).await
            }
            Step::Start | Step::Restore(_) | Step::Report => Ok(Next::Go(restart)),
        }
    }

    async fn stop_jobs(
        self: &Arc<Self>,
        restart: Restart,
        cluster: &Arc<dyn SessionCluster>,
        jobs: Vec<SessionJob>,
    ) -> Result<Next, SessionError> {
        // What failed before is tried again, with another trigger.
        let again = |job: SessionJob| match job.state {
            JobInRestart::Failed { .. } => job.with(JobInRestart::Pending),
            JobInRestart::Pending
            | JobInRestart::Stopping
            | JobInRestart::Cancelling
            | JobInRestart::Stopped
            | JobInRestart::Cancelled
            | JobInRestart::NotRunning
            | JobInRestart::Back { .. } => job,
        };
        self.tell(&format!("stopping {} with savepoints", desired::printable::count(jobs.len(), "job")));
        let jobs = jobs.into_iter().map(again).collect();
        let stopped = self.stop_all(restart.id, cluster, jobs).await?;
        let restart = self.documents.read().await?.restart.ok_or(SessionError::Overtaken)?;
        let end = if !stopped.failed.is_empty() {
            RestartEnd::NotStopped(stopped.failed)
        } else if stopped.unknown.is_empty() {
            return Ok(Next::Go(restart));
        } else {
            RestartEnd::Unknown(stopped.unknown.join("; "))
        };
        Ok(Next::End(RestartReport { restart, end }))
    }

    async fn after_old(&self, id: OperationId) -> Result<Next, SessionError> {
        let over = |restart: &mut Restart| {
            restart.old_is_over();
            true
        };
        Ok(Next::Go(self.noted(id, over).await?))
    }

    /// Whether an application is over. One that a `ResourceManager` forgot for good, and does not show, is no session
    /// that jobs could run in again; whether their runs there are over is for their own operations to find out. One
    /// that is being started has not read its state yet, and gives no answer at all to the second question.
    async fn is_over(&self, application: &str) -> Result<bool, OutsideError> {
        Ok(match self.sessions.life(application).await? {
            Life::Over => true,
            Life::Live => false,
            Life::Forgotten => {
                let which = SessionSelector::Application(application.to_owned());
                matches!(self.sessions.seen(&which).await?, SessionSeen::Absent { .. })
            }
        })
    }

    /// The `JobManager` of the old session, once it has one; nothing if it is over.
    async fn old_cluster(&self, old: &str) -> Result<Option<Arc<dyn SessionCluster>>, SessionError> {
        let which = SessionSelector::Application(old.to_owned());
        let found = poll(self.times.waiting(), async || match self.sessions.seen(&which).await? {
            SessionSeen::Running(session) => {
                let cluster = self.sessions.cluster(&session)?;
                Ok(match cluster.look().await {
                    Ok(_) => PollAnswer::Answer(Some(cluster)),
                    Err(error) => PollAnswer::NotYet(error_chain(&error)),
                })
            }
            SessionSeen::Starting { application } => Ok(PollAnswer::NotYet(format!("{application} is being started"))),
            SessionSeen::Several(all) => Err(SessionError::Several(all)),
            SessionSeen::Absent { .. } if self.is_over(old).await? => Ok(PollAnswer::Answer(None)),
            SessionSeen::Absent { .. } => Ok(PollAnswer::NotYet(format!("{old} is not shown"))),
        });
        found.await?.map_err(|last| SessionError::NotThere { waited: self.times.wait, last })
    }

    async fn wait_for_end(&self, old: &str) -> Result<(), SessionError> {
        let over = poll(self.times.waiting(), async || {
            Ok::<_, SessionError>(if self.is_over(old).await? {
                PollAnswer::Answer(())
            } else {
                PollAnswer::NotYet(())
            })
        });
        let still = |()| OutsideError::unknown(format!("end {old}"), "YARN still shows it after the time limit");
        Ok(over.await?.map_err(still)?)
    }
}
