//! The restart: jobs stopped, the old session ended, a new one started, jobs brought back. It goes on from its notes.
//! Must not decide what comes next: the restart itself says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::session::{JobInRestart, Restart, RestartPhase, SessionJob, Step, Stranger};
use tokio::time::Instant;

use super::job_locks::HeldLocks;
use super::{RunningSession, SessionAdmin, SessionError, SessionSeen, ours_and_strangers};
use crate::documents::fetch;
use crate::errors::error_chain;
use crate::poll::{PollAnswer, poll};
use crate::ports::OutsideError;

/// What is asked of a restart.
#[derive(Clone, Debug)]
pub struct RestartOrder {
    /// Who asks.
    pub by: String,
    /// Whether jobs that no record knows may be lost.
    pub with_strangers: bool,
}

/// How far a restart came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestartEnd {
    /// To its end.
    Done,
    /// To the new session; the next deployment brings the jobs back.
    LeftToDeploy,
    /// Jobs that could not be stopped keep the old session alive.
    NotStopped(Vec<String>),
    /// It goes on when it is asked for again.
    Unknown(String),
}

/// A restart and how far it came.
#[derive(Clone, Debug)]
pub struct RestartReport {
    /// The restart with every job.
    pub restart: Restart,
    /// How far it came.
    pub end: RestartEnd,
}

/// What one step led to.
pub(super) enum Next {
    Go(Restart),
    End(RestartReport),
}

impl SessionAdmin {
    /// Replaces the session, or goes on with that.
    pub async fn restart(self: &Arc<Self>, order: &RestartOrder) -> Result<RestartReport, SessionError> {
        let mut restart = match self.documents.read().await?.restart {
            Some(restart) => {
                self.tell(&format!("going on with restart {} of {}", restart.id.short(), restart.by));
                restart
            }
            None => self.begin(order).await?,
        };
        let mut locks = HeldLocks::none(Arc::clone(&self.locks));
        loop {
            restart = match self.step(order, restart.clone(), &mut locks).await {
                Ok(Next::Go(next)) => next,
                Ok(Next::End(report)) => return Ok(report),
                // No answer to rely on: its notes tell the next call where to go on.
                Err(
                    error @ (SessionError::Outside(OutsideError::Unknown { .. })
                    | SessionError::NotThere { .. }
                    | SessionError::Busy(_)),
                ) => {
                    let restart = self.documents.read().await?.restart.unwrap_or(restart);
                    return Ok(RestartReport { restart, end: RestartEnd::Unknown(error_chain(&error)) });
                }
                Err(error) => return Err(error),
            };
        }
    }

    /// Writes down what is to be restarted; nothing was touched before.
    async fn begin(&self, order: &RestartOrder) -> Result<Restart, SessionError> {
        let records = self.records().await?;
        let (old, jobs, strangers) = match self.settled().await? {
            None => (None, lost(&records, &[]), Vec::new()),
            Some(session) => {
                let look = self.sessions.cluster(&session)?.look().await?;
                let (live, strangers) = ours_and_strangers(&look, &records);
                let mut jobs: Vec<SessionJob> = live.into_iter().map(SessionJob::live).collect();
                jobs.extend(lost(&records, &jobs));
                (Some(session.application), jobs, accepted(strangers, order, &[])?)
            }
        };
        let fresh = Restart::begin(self.world.fresh_id().into(), order.by.clone(), self.world.now(), old, jobs);
        let fresh = Restart { strangers, ..fresh };
        let written = self.documents.change(|document, _| {
            let free = document.restart.is_none();
            if free {
                document.restart = Some(fresh.clone());
            }
            free
        });
        let written = written.await?;
        // Somebody else began one at the same time: that one goes on.
        let document = if let Some(document) = written { document } else { self.documents.read().await? };
        document.restart.ok_or(SessionError::Overtaken)
    }

    /// The session that runs, once none is being started; nothing if there is none.
    async fn settled(&self) -> Result<Option<RunningSession>, SessionError> {
        let settled = poll(self.times.waiting(), async || match self.sessions.seen(&self.session).await? {
            SessionSeen::Running(session) => Ok(PollAnswer::Answer(Some(session))),
            SessionSeen::Absent { .. } => Ok(PollAnswer::Answer(None)),
            SessionSeen::Several(all) => Err(SessionError::Several(all)),
            SessionSeen::Starting { application } => Ok(PollAnswer::NotYet(format!("{application} is being started"))),
        });
        settled.await?.map_err(|last| SessionError::NotThere { waited: self.times.wait, last })
    }

    async fn step(
        self: &Arc<Self>,
        order: &RestartOrder,
        restart: Restart,
        locks: &mut HeldLocks,
    ) -> Result<Next, SessionError> {
        let id = restart.id;
        match restart.step() {
            Step::Stop(_) | Step::NoteEnd | Step::End(_) => self.leave_old(order, restart, locks).await,
            Step::Start => {
                let ensured = self.ensure().await?;
                self.tell(&format!("{} is there", ensured.session.application));
                locks.release();
                let noted = self.noted(id, |restart| to(restart, RestartPhase::Restoring)).await?;
                Ok(Next::Go(noted))
            }
            Step::Restore(jobs) => {
                // Whoever goes on here holds none; a batch for these jobs needs them.
                locks.release();
                self.bring_back(restart, jobs).await
            }
            Step::Report => self.report(restart, RestartEnd::Done).await,
        }
    }

    /// Has the jobs brought back, and follows their records until each is, or does not come, or the time is up.
    async fn bring_back(&self, restart: Restart, jobs: Vec<SessionJob>) -> Result<Next, SessionError> {
        let Some(orders) = &self.orders else {
            return self.report(restart, RestartEnd::LeftToDeploy).await;
        };
        self.tell(&format!("bringing {} back", desired::printable::count(jobs.len(), "job")));
        orders.redeploy().await?;
        // No `Tries`: when the time is up, the records are judged otherwise than before.
        let end = Instant::now() + self.times.wait;
        let (mut restart, mut left) = (restart, jobs);
        loop {
            let over = Instant::now() >= end;
            let mut rest = Vec::new();
            for job in left {
                let record = self.record(&job.name).await?;
                let stands = restart.restored(&job, record.as_ref());
                let stands = stands.or_else(|| Restart::overdue(record.as_ref()).filter(|_| over));
                let Some(state) = stands else {
                    rest.push(job);
                    continue;
                };
                let job = job.with(state);
                self.tell(&format!("{}: {}", job.name, outcome(&job.state)));
                restart = self.noted(restart.id, |restart| restart.note(job.clone())).await?;
            }
            left = rest;
            if left.is_empty() {
                return Ok(Next::Go(restart));
            }
            let names: BTreeSet<JobName> = left.iter().map(|job| job.name.clone()).collect();
            if over {
                let names: Vec<&str> = names.iter().map(JobName::as_str).collect();
                let end = RestartEnd::Unknown(format!("not back yet: {}", names.join(", ")));
                return Ok(Next::End(RestartReport { restart, end }));
            }
            orders.go_on(&names).await?;
            tokio::time::sleep(self.times.poll).await;
        }
    }

    async fn record(&self, name: &JobName) -> Result<Option<Record>, OutsideError> {
        Ok(fetch(self.store.as_ref(), &self.keys.record(name)).await?.map(|(record, _)| record))
    }

    async fn report(&self, restart: Restart, end: RestartEnd) -> Result<Next, SessionError> {
        let id = restart.id;
        self.documents.change(|document, _| document.end_restart(id)).await?;
        Ok(Next::End(RestartReport { restart, end }))
    }
}

pub(super) fn to(restart: &mut Restart, phase: RestartPhase) -> bool {
    restart.phase = phase;
    true
}

/// The jobs that should run and are not among the live ones.
fn lost(records: &[Record], live: &[SessionJob]) -> Vec<SessionJob> {
    let expected = records.iter().filter_map(|record| Some((record.name.clone(), record.expected_run()?)));
    let expected = expected.filter(|(name, _)| live.iter().all(|job| job.name != *name));
    expected.map(|(name, run)| SessionJob::lost(name, run)).collect()
}

/// Strangers that may be lost: all with the word of who asks, else those that were accepted before.
pub(super) fn accepted(
    strangers: Vec<Stranger>,
    order: &RestartOrder,
    before: &[Stranger],
) -> Result<Vec<Stranger>, SessionError> {
    let fresh: Vec<Stranger> = strangers.iter().filter(|s| !before.contains(s)).cloned().collect();
    if order.with_strangers || fresh.is_empty() { Ok(strangers) } else { Err(SessionError::Strangers(fresh)) }
}

fn outcome(state: &JobInRestart) -> String {
    match state {
        JobInRestart::Back { job_id } => format!("back as {job_id}"),
        JobInRestart::Failed { error } => format!("does not come back: {error}"),
        JobInRestart::Pending
        | JobInRestart::Stopping
        | JobInRestart::Cancelling
        | JobInRestart::Stopped
        | JobInRestart::Cancelled
        | JobInRestart::NotRunning => "not back yet".to_owned(),
    }
}
