//! A restart of the session as a value: its phases, the state of every job, and what comes next.
//! Must not know how a job is stopped or a session started; everything it needs was noted in it before.

use desired::launch::Launch;
use desired::manifest::JobName;
use desired::target::version_directory;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::documents::plan::KnownRun;
use crate::documents::record::{Aim, Record};
use crate::execute::StopEnd;
use crate::flink::Epoch;
use crate::ids::{JobId, OperationId, TriggerId, stop_trigger};

/// How often a stop with savepoint is tried in one go.
const TRIES: u32 = 3;

/// Told in the place of Flink's words about a job with secrets.
const UNTOLD: &str =
    "its stop failed; Flink's words are not shown, since they may hold a secret value: its web UI has them";

/// A restart that was noted before this was known.
fn may_hold() -> bool {
    true
}

/// How far a restart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPhase {
    /// The jobs are stopped.
    Stopping,
    /// The old session is ended.
    Ending,
    /// A new one is started.
    Starting,
    /// The jobs are brought back.
    Restoring,
}

/// How a job stands in a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobInRestart {
    /// It runs, nothing was asked of it.
    Pending,
    /// A stop with savepoint was or will be asked for.
    Stopping,
    /// A cancel was or will be asked for: no savepoint is possible.
    Cancelling,
    /// It was stopped with a savepoint.
    Stopped,
    /// It was cancelled and comes back from its newest checkpoint.
    Cancelled,
    /// It did not run, and comes back from its newest state.
    NotRunning,
    /// It could not be stopped, or does not come back.
    Failed {
        /// Why, for people.
        error: String,
    },
    /// It runs in the new session.
    Back {
        /// Its new run.
        job_id: JobId,
    },
}

/// One job in a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionJob {
    pub name: JobName,
    /// Its run in the old session.
    pub job_id: JobId,
    /// The directory of its version: its savepoint goes below it.
    pub directory: String,
    /// Whether Flink's words about it may hold a secret value, whose text nobody knows here.
    #[serde(default = "may_hold")]
    pub holds_secrets: bool,
    /// How many stops failed: names the next one.
    pub tries: u32,
    /// Its savepoint, once it is known.
    pub savepoint: Option<String>,
    /// What is told of a stop whose savepoint could not be written: Flink restarts the job for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_down: Option<String>,
    pub state: JobInRestart,
}

/// A live run of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LiveJob {
    pub name: JobName,
    pub job_id: JobId,
    /// Where its savepoint goes.
    pub directory: String,
    /// Whether its manifest or tables refer to secrets, as far as that is known.
    pub holds_secrets: bool,
}

/// A live job that no record knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stranger {
    /// Its Flink job id.
    pub job_id: JobId,
    pub name: String,
}

/// A restart of the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Restart {
    /// Its id: names the stops.
    pub id: OperationId,
    /// Who asked.
    pub by: String,
    pub at: Timestamp,
    /// The application that is ended, if there was one.
    pub old: Option<String>,
    pub phase: RestartPhase,
    pub jobs: Vec<SessionJob>,
    /// Jobs that are lost with the old session, knowingly.
    pub strangers: Vec<Stranger>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stop these.
    Stop(Vec<SessionJob>),
    /// Note that the old session is to be ended.
    NoteEnd,
    /// End this application.
    End(String),
    /// Start a new session.
    Start,
    /// Bring these back.
    Restore(Vec<SessionJob>),
    /// Put it where the last one is.
    Report,
}

impl LiveJob {
    /// A live run that a record knows. The search along the run's lineage finds its savepoint by the run's first digits.
    pub fn of(record: &Record, job_id: JobId) -> Option<Self> {
        let with_id = |run: &&KnownRun| run.job_id == job_id;
        let deployed = record.deployed.iter().find_map(|d| Some((d, d.runs.iter().find(with_id)?)));
        let (run, holds_secrets) = match deployed {
            Some((deployed, run)) => (run, !Launch::of(&deployed.target, &deployed.meta).secrets().is_empty()),
            // What an orphan was started with is not known any more.
            None => (record.orphans.iter().find(with_id)?, true),
        };
        let directory = version_directory(&run.savepoints, run.version);
        Some(Self { name: record.name.clone(), job_id, directory, holds_secrets })
    }
}

impl SessionJob {
    /// A job that runs.
    pub fn live(job: LiveJob) -> Self {
        let LiveJob { name, job_id, directory, holds_secrets } = job;
        let (savepoint, put_down, state) = (None, None, JobInRestart::Pending);
        Self { name, job_id, directory, holds_secrets, tries: 0, savepoint, put_down, state }
    }

    /// A job that should run and does not.
    pub fn lost(name: JobName, job_id: JobId) -> Self {
        Self::live(LiveJob { name, job_id, directory: String::new(), holds_secrets: true })
            .with(JobInRestart::NotRunning)
    }

    /// Where its savepoint goes: a directory of this restart's own, so that it is nobody else's.
    pub fn stop_directory(&self, restart: OperationId) -> String {
        format!("{}/{restart}", self.directory)
    }

    /// The trigger of its next stop, the same until a failure of it was read.
    pub fn trigger(&self, restart: OperationId) -> TriggerId {
        stop_trigger(restart, self.job_id, self.tries)
    }

    /// The same job in another state.
    #[must_use]
    pub fn with(self, state: JobInRestart) -> Self {
        Self { state, ..self }
    }

    /// Before its first stop in one go: what an earlier one did to it is over.
    #[must_use]
    pub fn to_be_stopped(self) -> Self {
        Self { put_down: None, ..self }.with(JobInRestart::Stopping)
    }

    /// After its stop by `restart`. What was healthy until its own savepoint could not be written is not cancelled for that.
    #[must_use]
    pub fn stop_ended(self, restart: OperationId, end: StopEnd) -> Self {
        match (end, self.put_down.clone()) {
            (StopEnd::Savepoint(path), _) => {
                Self { savepoint: Some(path), put_down: None, ..self }.with(JobInRestart::Stopped)
            }
            (StopEnd::Gone, _) => self.with(JobInRestart::NotRunning),
            (StopEnd::NotRunning, None) => self.with(JobInRestart::Cancelling),
            (StopEnd::NotRunning, Some(error)) => {
                // The next go has all of its tries.
                let tries = (self.tries + 1).next_multiple_of(TRIES);
                Self { tries, ..self }.with(JobInRestart::Failed { error })
            }
            (StopEnd::Failed(words), _) => {
                let tries = self.tries + 1;
                // Flink names the file; its folder is named after the restart.
                let is_named = words.contains(&restart.to_string());
                let error = if self.holds_secrets { UNTOLD.to_owned() } else { words };
                let put_down = is_named.then(|| error.clone());
                let state =
                    if tries.is_multiple_of(TRIES) { JobInRestart::Failed { error } } else { JobInRestart::Stopping };
                Self { tries, put_down, ..self }.with(state)
            }
        }
    }

    /// Whether it keeps the session because its own savepoint put it down: Flink is restarting it.
    pub fn is_put_down(&self) -> bool {
        self.put_down.is_some() && matches!(self.state, JobInRestart::Failed { .. })
    }

    fn is_ended(&self) -> bool {
        match self.state {
            JobInRestart::Stopped | JobInRestart::Cancelled | JobInRestart::NotRunning | JobInRestart::Back { .. } => {
                true
            }
            JobInRestart::Pending | JobInRestart::Stopping | JobInRestart::Cancelling | JobInRestart::Failed { .. } => {
                false
            }
        }
    }

    fn is_over(&self) -> bool {
        match self.state {
            JobInRestart::Back { .. } | JobInRestart::Failed { .. } => true,
            JobInRestart::Pending
            | JobInRestart::Stopping
            | JobInRestart::Cancelling
            | JobInRestart::Stopped
            | JobInRestart::Cancelled
            | JobInRestart::NotRunning => false,
        }
    }
}

impl Restart {
    /// A restart that begins: without a session there is nothing to stop.
    pub fn begin(id: OperationId, by: String, at: Timestamp, old: Option<String>, jobs: Vec<SessionJob>) -> Self {
        let phase = if old.is_some() { RestartPhase::Stopping } else { RestartPhase::Starting };
        Self { id, by, at, old, phase, jobs, strangers: Vec::new() }
    }

    /// What comes next.
    pub fn step(&self) -> Step {
        let left = |done: fn(&SessionJob) -> bool| -> Vec<SessionJob> {
            self.jobs.iter().filter(|job| !done(job)).cloned().collect()
        };
        match (self.phase, &self.old) {
            (RestartPhase::Stopping, Some(_)) => match left(SessionJob::is_ended) {
                jobs if jobs.is_empty() => Step::NoteEnd,
                jobs => Step::Stop(jobs),
            },
            (RestartPhase::Ending, Some(old)) => Step::End(old.clone()),
            (RestartPhase::Stopping | RestartPhase::Ending, None) | (RestartPhase::Starting, _) => Step::Start,
            (RestartPhase::Restoring, _) => match left(SessionJob::is_over) {
                jobs if jobs.is_empty() => Step::Report,
                jobs => Step::Restore(jobs),
            },
        }
    }

    /// Takes in what runs in the old session now: what came or came back meanwhile is to be stopped as well.
    pub fn reconcile(&mut self, live: &[LiveJob]) {
        let is_live = |known: &SessionJob| live.iter().any(|live| live.job_id == known.job_id);
        // Of a job that was brought back meanwhile only its new run counts.
        self.jobs.retain(|known| is_live(known) || live.iter().all(|live| live.name != known.name));
        for known in &mut self.jobs {
            known.state = match (is_live(known), known.state.clone()) {
                (
                    true,
                    JobInRestart::Stopped
                    | JobInRestart::Cancelled
                    | JobInRestart::NotRunning
                    | JobInRestart::Back { .. },
                ) => {
                    known.tries += 1;
                    JobInRestart::Pending
                }
                (false, JobInRestart::Pending | JobInRestart::Failed { .. }) => JobInRestart::NotRunning,
                (false, JobInRestart::Cancelling) => JobInRestart::Cancelled,
                // Whoever asked for its stop reads how that ended.
                (_, state) => state,
            };
        }
        for job in live {
            if self.jobs.iter().all(|known| known.job_id != job.job_id) {
                self.jobs.push(SessionJob::live(job.clone()));
            }
        }
        let to_stop = self.jobs.iter().any(|job| !job.is_ended());
        if to_stop && self.phase == RestartPhase::Ending {
            self.phase = RestartPhase::Stopping;
        }
    }

    /// The old session is over, whatever ended it: what was not stopped before comes back from its newest state.
    pub fn old_is_over(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| !job.is_ended()) {
            job.state = JobInRestart::NotRunning;
        }
        self.phase = RestartPhase::Starting;
    }

    /// Notes how a job stands; false if it is not in here any more.
    #[must_use]
    pub fn note(&mut self, job: SessionJob) -> bool {
        let known = self.jobs.iter_mut().find(|known| known.job_id == job.job_id);
        let is_known = known.is_some();
        if let Some(known) = known {
            *known = job;
        }
        is_known
    }

    /// How `job` stands by its record, once that tells: back, not to come back, or nothing yet.
    pub fn restored(&self, job: &SessionJob, record: Option<&Record>) -> Option<JobInRestart> {
        let Some(deployed) = record.and_then(|record| record.deployed.as_ref()) else {
            return Some(JobInRestart::Failed { error: "its record says nothing about it any more".to_owned() });
        };
        let removed = |what: &str| Some(JobInRestart::Failed { error: format!("it {what} meanwhile") });
        match deployed.aim {
            Aim::Run => {
                let run = deployed.runs.last().filter(|run| run.job_id != job.job_id && !self.is_old(run));
                run.map(|run| JobInRestart::Back { job_id: run.job_id }).or_else(|| given_up(record, false))
            }
            Aim::Stopped => removed("was removed"),
            Aim::Complete => removed("came to its end"),
        }
    }

    /// How `job` stands once it was waited for long enough: failed if its record says why, else still unknown.
    pub fn overdue(record: Option<&Record>) -> Option<JobInRestart> {
        given_up(record, true)
    }

    fn is_old(&self, run: &KnownRun) -> bool {
        match (&run.epoch, &self.old) {
            (Some(Epoch::Yarn { application, .. }), Some(old)) => application == old,
            (Some(Epoch::Yarn { .. }), None) | (Some(Epoch::Standalone { .. }) | None, _) => false,
        }
    }
}

/// Why the deployed manifest does not run, if that lies in the job itself, or `even_if` it does not: while the
/// environment is waited for, nobody knows.
fn given_up(record: Option<&Record>, even_if: bool) -> Option<JobInRestart> {
    let record = record.filter(|record| record.open.is_none())?;
    let debt = record.owed.keep_running.as_ref().filter(|debt| debt.cause.is_down())?;
    (even_if || !debt.cause.is_environment()).then(|| JobInRestart::Failed { error: debt.error.clone() })
}
