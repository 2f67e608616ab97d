//! Sessions: lives of JobManagers, with high availability or without, their ends and their TaskManagers.
//! Must not know what the product makes of an epoch.

use lifecycle::flink::{Epoch, JobState};

use super::{Flink, RunPhase};

/// Whether anybody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// It answers.
    Up,
    /// Its next JobManager answers then.
    Restarting { until: i64 },
    /// It ended, and the ResourceManager says so.
    Ended,
    /// It goes on, but nobody can ask it, and the ResourceManager does not know it.
    Cut,
}

/// A YARN application with its attempts.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) application: String,
    pub(crate) attempt: u32,
    pub(crate) state: SessionState,
    pub(crate) ha: bool,
    pub(crate) slots: u32,
}

impl Session {
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch::Yarn { application: self.application.clone(), attempt: self.attempt }
    }
}

impl Flink {
    pub(crate) fn start_session(&mut self, ha: bool, slots: u32) {
        let application = format!("application_1_{:04}", self.sessions.len() + 1);
        self.sessions.push(Session { application, attempt: 1, state: SessionState::Up, ha, slots });
    }

    /// The session that the node finds; of two of one name it takes none.
    pub(crate) fn present(&self) -> Option<usize> {
        let answers = |session: &Session| session.state == SessionState::Up;
        let (first, last) = (self.sessions.iter().position(answers), self.sessions.iter().rposition(answers));
        first.filter(|_| first == last)
    }

    /// The session that is there, whether its JobManager answers now or not.
    pub(crate) fn standing(&self) -> Option<usize> {
        self.sessions.iter().rposition(|session| match session.state {
            SessionState::Up | SessionState::Restarting { .. } => true,
            SessionState::Ended | SessionState::Cut => false,
        })
    }

    pub(crate) fn answers(&self, session: usize, attempt: u32) -> bool {
        let session = &self.sessions[session];
        session.state == SessionState::Up && session.attempt == attempt
    }

    /// What the ResourceManager says of another application, and a later attempt of an earlier one of its own. A later
    /// attempt of another application proves nothing: with high availability its jobs went on under it.
    pub(crate) fn is_over(&self, epoch: &Epoch) -> bool {
        let Epoch::Yarn { application, attempt } = epoch else { return false };
        self.sessions.iter().enumerate().any(|(at, session)| {
            let followed = session.attempt > *attempt && self.present() == Some(at);
            session.application == *application && (session.state == SessionState::Ended || followed)
        })
    }

    /// The JobManager of the present session dies; its successor comes.
    pub(crate) fn job_manager_dies(&mut self) {
        let Some(at) = self.present() else { return };
        let now = self.now;
        let session = &mut self.sessions[at];
        session.attempt += 1;
        session.state = SessionState::Restarting { until: now + if session.ha { 15_000 } else { 8_000 } };
        let ha = session.ha;
        self.stops.retain(|stop| stop.session != at);
        for job in self.jobs.iter_mut().filter(|job| job.session == at) {
            if job.is_over() || !ha {
                // Forgotten, and without high availability its tasks end with it.
                job.known = false;
            }
            if !job.is_over() {
                job.disturbed = true;
                if ha {
                    job.to(RunPhase::Initializing { until: now + 17_000 }, now);
                    job.holds_slots = false;
                } else {
                    job.over(JobState::Failed, now);
                }
            }
        }
    }

    /// The session ends for good, with all its jobs.
    pub(crate) fn session_ends(&mut self, at: usize) {
        let now = self.now;
        self.sessions[at].state = SessionState::Ended;
        self.stops.retain(|stop| stop.session != at);
        for job in self.jobs.iter_mut().filter(|job| job.session == at) {
            job.known = false;
            if !job.is_over() {
                job.disturbed = true;
                job.over(JobState::Failed, now);
            }
        }
    }

    /// TaskManagers are gone, and what ran there restarts; or more have come.
    pub(crate) fn slots(&mut self, slots: u32) {
        let Some(at) = self.present() else { return };
        let now = self.now;
        let before = std::mem::replace(&mut self.sessions[at].slots, slots);
        if before <= slots {
            return;
        }
        for job in self.jobs.iter_mut().filter(|job| job.session == at && job.holds_slots) {
            job.disturbed = true;
            job.holds_slots = false;
            if job.all_run() || matches!(job.phase, RunPhase::Deploying { .. }) {
                job.restart(now, "the TaskManager was lost");
            }
        }
        for stop in self.stops.iter_mut().filter(|stop| stop.session == at && stop.is_under_way()) {
            stop.fails(now, "CheckpointException", "Checkpoint Coordinator is suspending.");
        }
    }

    pub(super) fn advance_sessions(&mut self) {
        let now = self.now;
        for session in &mut self.sessions {
            match session.state {
                SessionState::Restarting { until } if until <= now => session.state = SessionState::Up,
                SessionState::Restarting { .. } | SessionState::Up | SessionState::Ended | SessionState::Cut => {}
            }
        }
    }
}
