//! A Flink whose jobs take their time to stop and to start, and which counts how many do so at one time.
//! Must not know waves.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{
    Checkpoints, Cluster, JobLock, JobLocks, OutsideError, Prepared, SecretSource, StopStatus, Submitted, Submitter,
};
use desired::effective::Effective;
use desired::launch::Launch;
use desired::manifest::JobName;
use desired::secrets::{SecretReference, SecretValue};
use jiff::Timestamp;
use lifecycle::documents::claim::Saving;
use lifecycle::flink::{Epoch, JobSeen, JobState, Look, Slots, Tasks};
use lifecycle::ids::{JobId, TriggerId};
use tokio::time::Instant;

use crate::kit::epoch;

/// How long things take.
#[derive(Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) savepoint: Duration,
    pub(crate) start: Duration,
    /// The client compiles or submits one job at a time.
    pub(crate) compilation: Duration,
    pub(crate) submission: Duration,
}

impl Default for Takes {
    fn default() -> Self {
        let takes = Duration::from_millis(150);
        Self { savepoint: takes, start: takes, compilation: Duration::ZERO, submission: Duration::ZERO }
    }
}

struct Job {
    name: String,
    submitted: Instant,
    stopping: Option<Instant>,
    /// By whom.
    trigger: Option<TriggerId>,
    /// How long its savepoint takes.
    savepoint: Duration,
}

#[derive(Default)]
pub(crate) struct State {
    jobs: BTreeMap<JobId, Job>,
    prepared: BTreeMap<JobId, String>,
    pub(crate) takes: Takes,
    /// The node has no locks.
    pub(crate) no_locks: bool,
    /// Every stop fails, and the job runs on.
    pub(crate) refuses_stops: bool,
    /// How long each restarted job was down before it was submitted.
    pub(crate) waits: Vec<Duration>,
    /// What was done to jobs, in order: `stop`, `cancel` or `submit`, and the name.
    pub(crate) acts: Vec<(&'static str, String)>,
    /// How often each job restarted, answer by answer, the last one again and again.
    pub(crate) restarts: Vec<Option<u64>>,
    /// What every job tells of its checkpoints; one completed one where nothing is said.
    pub(crate) checkpoints: Option<Checkpoints>,
    /// The second in which looks are taken.
    pub(crate) second: i64,
    /// The newest failure that every job tells.
    pub(crate) said: Option<&'static str>,
    /// Nobody is told of checkpoints, restarts or configurations.
    pub(crate) tells_nothing: bool,
    /// How long the next answers about restarts take.
    pub(crate) tells_late: VecDeque<Duration>,
    /// Whether the next questions after one job are answered, one by one; all later ones are.
    pub(crate) answers: VecDeque<bool>,
    /// What every job is said to run with.
    pub(crate) effective: Option<Effective>,
    /// The slots of this Flink; a job that finds none waits for one.
    pub(crate) slots: usize,
    /// No job gets a slot, whatever a look says of them.
    pub(crate) gives_no_slots: bool,
    /// How every job fails that was submitted since, alive or not: in Flink's own words.
    pub(crate) failure: Option<(JobState, &'static str)>,
    /// This job is not touched before another one starts.
    pub(crate) comes_second: Option<JobName>,
    /// No job is touched before this one.
    pub(crate) comes_first: Option<JobName>,
    /// The savepoints of jobs that run on, by their triggers.
    pub(crate) saved: Vec<TriggerId>,
    /// The most that were stopped at one time.
    pub(crate) most_stopping: usize,
    /// How many were cancelled.
    pub(crate) canceled: usize,
    /// The most that had been submitted and did not run yet.
    pub(crate) most_starting: usize,
}

/// What happens while this process is stopped.
struct Freeze {
    at: &'static str,
    length: Duration,
    meanwhile: Box<dyn Fn() + Send>,
}

#[derive(Clone, Default)]
pub(crate) struct Flink {
    state: Arc<Mutex<State>>,
    client: Arc<tokio::sync::Mutex<()>>,
    freezes: Arc<Mutex<Option<Freeze>>>,
}

impl Job {
    fn ended(&self) -> Option<Instant> {
        self.stopping.map(|since| since + self.savepoint)
    }

    fn is_over(&self) -> bool {
        self.ended().is_some_and(|at| at <= Instant::now())
    }
}

impl State {
    /// The savepoint of this job takes this long.
    pub(crate) fn slow_to_stop(&mut self, name: &JobName, takes: Duration) {
        for job in self.jobs.values_mut().filter(|job| job.name == name.as_str()) {
            job.savepoint = takes;
        }
    }

    fn is_starting(&self, job: &Job) -> bool {
        let before = self.jobs.values().filter(|other| !other.is_over() && other.submitted < job.submitted).count();
        job.submitted.elapsed() < self.takes.start || before >= self.slots || self.gives_no_slots
    }

    fn may_tell(&self) -> Result<(), OutsideError> {
        if self.tells_nothing { Err(OutsideError::unknown("asking the JobManager", "told to")) } else { Ok(()) }
    }

    fn count(&mut self) {
        let stopping = self.jobs.values().filter(|job| job.stopping.is_some() && !job.is_over()).count();
        let starting = self.jobs.values().filter(|job| job.stopping.is_none() && self.is_starting(job)).count();
        self.most_stopping = self.most_stopping.max(stopping);
        self.most_starting = self.most_starting.max(starting);
    }

    fn seen(&self, id: JobId, job: &Job) -> JobSeen {
        let state = match (job.is_over(), self.failure) {
            (true, _) => JobState::Finished,
            (false, Some((state, _))) => state,
            (false, None) => JobState::Running,
        };
        let running = u32::from(!job.is_over() && !self.is_starting(job) && self.failure.is_none());
        let waiting = u32::from(!job.is_over() && self.gives_no_slots);
        let tasks = Tasks { total: 1, running, finished: 0, waiting };
        JobSeen {
            id,
            name: job.name.clone(),
            state,
            tasks,
            started_ms: 0,
            modified_ms: 0,
            checkpoints: None,
            restarts: None,
        }
    }
}

impl Flink {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The whole process is stopped (`SIGSTOP`) for a while when it next asks this question, before it has the answer.
    pub(crate) fn freeze(&self, at: &'static str, length: Duration, meanwhile: impl Fn() + Send + 'static) {
        *self.freezes.lock().unwrap() = Some(Freeze { at, length, meanwhile: Box::new(meanwhile) });
    }

    async fn frozen(&self, at: &str) {
        let freeze = self.freezes.lock().unwrap().take_if(|freeze| freeze.at == at);
        if let Some(freeze) = freeze {
            (freeze.meanwhile)();
            tokio::time::advance(freeze.length).await;
        }
    }

    /// Somebody that nobody knows of has asked for a stop of this job.
    pub(crate) fn is_being_stopped(&self, id: JobId) {
        let mut state = self.state();
        let job = state.jobs.get_mut(&id).unwrap();
        job.stopping = Some(Instant::now());
        job.trigger = Some(lifecycle::ids::Hex32::derived(&["stranger"]).into());
    }

    /// A job that has run for a while.
    pub(crate) fn runs(&self, id: JobId, name: &JobName) {
        let submitted = Instant::now().checked_sub(Duration::from_mins(1)).unwrap();
        let mut state = self.state();
        let savepoint = state.takes.savepoint;
        state.jobs.insert(id, Job { name: name.to_string(), submitted, stopping: None, trigger: None, savepoint });
    }

    /// A job that waits for its tasks to run.
    pub(crate) fn runs_badly(&self, id: JobId) {
        self.state().jobs.get_mut(&id).unwrap().submitted = Instant::now() + Duration::from_hours(1);
    }

    /// The names of the jobs that run.
    pub(crate) fn running(&self) -> Vec<String> {
        let state = self.state();
        let jobs = state.jobs.values().filter(|job| !job.is_over() && !state.is_starting(job));
        let mut names: Vec<String> = jobs.map(|job| job.name.clone()).collect();
        names.sort();
        names
    }
}

#[async_trait]
impl Cluster for Flink {
    async fn look(&self) -> Result<Look, OutsideError> {
        let state = self.state();
        let jobs: Vec<JobSeen> = state.jobs.iter().map(|(id, job)| state.seen(*id, job)).collect();
        let total = u32::try_from(state.slots).unwrap();
        let taken = u32::try_from(jobs.iter().filter(|job| job.state == JobState::Running).count()).unwrap();
        let slots = Some(Slots { total, free: total.saturating_sub(taken) });
        Ok(Look { epoch: epoch(1), at: Timestamp::from_second(state.second).unwrap(), jobs, slots })
    }

    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        self.frozen("job").await;
        let mut state = self.state();
        if state.answers.pop_front() == Some(false) {
            return Err(OutsideError::unknown("asking the JobManager", "told to"));
        }
        state.count();
        Ok(state.jobs.get(&id).map(|job| state.seen(id, job)))
    }

    async fn is_over(&self, _: &Epoch) -> Result<bool, OutsideError> {
        Ok(false)
    }

    async fn stop(&self, id: JobId, trigger: TriggerId, _: &str) -> Result<(), OutsideError> {
        let mut state = self.state();
        let name = state.jobs[&id].name.clone();
        state.acts.push(("stop", name));
        let job = state.jobs.get_mut(&id).unwrap();
        let crossed = job.stopping.is_some() && job.trigger != Some(trigger) && !job.is_over();
        assert!(!crossed, "a stop in progress was crossed: it is aborted, and the job restarts");
        job.trigger = Some(trigger);
        if !state.refuses_stops {
            state.jobs.get_mut(&id).unwrap().stopping.get_or_insert_with(Instant::now);
        }
        state.count();
        Ok(())
    }

    async fn savepoint(&self, id: JobId, trigger: TriggerId, _: &str) -> Result<(), OutsideError> {
        let mut state = self.state();
        let job = &state.jobs[&id];
        assert!(job.stopping.is_none() || job.is_over(), "a stop in progress was crossed");
        let name = job.name.clone();
        state.acts.push(("savepoint", name));
        state.saved.push(trigger);
        Ok(())
    }

    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError> {
        self.frozen("stop status").await;
        let state = self.state();
        if state.saved.contains(&trigger) {
            return Ok(StopStatus::Completed(format!("s3://b/savepoint-{id}-{trigger}")));
        }
        let job = &state.jobs[&id];
        Ok(match job.trigger {
            Some(known) if known == trigger && state.refuses_stops => StopStatus::Failed {
                class: "CheckpointException".to_owned(),
                message: "Checkpoint expired before completing.".to_owned(),
            },
            Some(known) if known == trigger && job.is_over() => StopStatus::Completed(format!("s3://b/savepoint-{id}")),
            Some(known) if known == trigger => StopStatus::InProgress,
            Some(_) | None => StopStatus::Forgotten,
        })
    }

    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let mut state = self.state();
        let job = state.jobs.remove(&id).unwrap();
        state.acts.push(("cancel", job.name));
        state.canceled += 1;
        Ok(())
    }

    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        let state = self.state();
        state.may_tell()?;
        let Some(job) = state.jobs.get(&id) else { return Ok(None) };
        if let Some(checkpoints) = &state.checkpoints {
            return Ok(Some(checkpoints.clone()));
        }
        let savepoint = job.stopping.filter(|_| job.is_over()).map(|_| format!("s3://b/savepoint-{id}"));
        Ok(Some(Checkpoints {
            completed: 1,
            savepoint_in_progress: job.stopping.is_some() && !job.is_over(),
            ends_in_savepoint: savepoint.is_some(),
            saving: job.stopping.filter(|_| !job.is_over()).map(|_| Saving { done: 3, of: 8, bytes: 4096 }),
            savepoint,
            ..Checkpoints::default()
        }))
    }

    async fn failure(&self, _: JobId) -> Result<Option<String>, OutsideError> {
        let state = self.state();
        Ok(state.failure.map(|(_, words)| words).or(state.said).map(str::to_owned))
    }

    async fn effective(&self, _: JobId) -> Result<Option<Effective>, OutsideError> {
        Ok(self.state().effective.clone())
    }

    async fn restarts(&self, _: JobId) -> Result<Option<u64>, OutsideError> {
        let late = self.state().tells_late.pop_front().unwrap_or_default();
        tokio::time::sleep(late).await;
        let mut state = self.state();
        state.may_tell()?;
        Ok(if state.restarts.len() > 1 { state.restarts.remove(0) } else { state.restarts.first().copied().flatten() })
    }
}

#[async_trait]
impl Submitter for Flink {
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError> {
        let _client = self.client.lock().await;
        let takes = self.state().takes.compilation;
        tokio::time::sleep(takes).await;
        self.state().prepared.insert(key, launch.name.to_string());
        Ok(Prepared::Compiled { bounded: Some(false), slots: None })
    }

    async fn submit(&self, key: JobId, id: JobId, _: Option<&str>) -> Result<Submitted, OutsideError> {
        let _client = self.client.lock().await;
        self.frozen("submission").await;
        let takes = self.state().takes.submission;
        tokio::time::sleep(takes).await;
        let mut state = self.state();
        let name = state.prepared[&key].clone();
        state.acts.push(("submit", name.clone()));
        let ended = state.jobs.values().filter(|job| job.name == name).filter_map(Job::ended).max();
        state.waits.extend(ended.map(|at| at.elapsed()));
        let savepoint = state.takes.savepoint;
        state.jobs.insert(id, Job { name, submitted: Instant::now(), stopping: None, trigger: None, savepoint });
        state.count();
        Ok(Submitted::Accepted)
    }
}

/// Nobody else works here.
#[async_trait]
impl JobLocks for Flink {
    async fn acquire(&self, name: &JobName) -> Result<Box<dyn JobLock>, OutsideError> {
        if self.state().no_locks {
            return Err(OutsideError::refused("lock it", "Read-only file system (set by STATE_DIRECTORY)"));
        }
        let has_to_wait = |state: &State| state.comes_second.as_ref() == Some(name) && state.most_starting == 0;
        while has_to_wait(&self.state()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if self.state().comes_first.as_ref().is_some_and(|first| first != name) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(Box::new(Nobody))
    }
}

struct Nobody;

impl JobLock for Nobody {
    fn release(self: Box<Self>) {}
}

#[async_trait]
impl SecretSource for Flink {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        Err(OutsideError::refused("reading a secret", format!("{reference:?} is not there")))
    }
}
