//! A Flink whose jobs take their time to stop and to start, and which counts how many do so at one time.
//! Must not know waves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use control::ports::{
    Checkpoints, Cluster, JobLock, JobLocks, OutsideError, Prepared, SecretSource, StopStatus, Submitted, Submitter,
};
use jiff::Timestamp;
use lifecycle::flink::{Epoch, JobSeen, JobState, Look, Slots, Tasks};
use lifecycle::ids::{JobId, TriggerId};
use lifecycle::manifest::JobName;
use lifecycle::plan::Launch;
use lifecycle::secrets::{SecretReference, SecretValue};

use crate::kit::epoch;

/// How long a savepoint and a start take.
const TAKES: Duration = Duration::from_millis(150);

struct Job {
    name: String,
    submitted: Instant,
    stopping: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct State {
    jobs: BTreeMap<JobId, Job>,
    prepared: BTreeMap<JobId, String>,
    /// The slots of this Flink; a job that finds none waits for one.
    pub(crate) slots: usize,
    /// This job is not touched before another one starts.
    pub(crate) comes_second: Option<JobName>,
    /// The most that were stopped at one time.
    pub(crate) most_stopping: usize,
    /// How many were cancelled.
    pub(crate) canceled: usize,
    /// The most that had been submitted and did not run yet.
    pub(crate) most_starting: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Flink(Arc<Mutex<State>>);

impl Job {
    fn is_over(&self) -> bool {
        self.stopping.is_some_and(|since| since.elapsed() >= TAKES)
    }
}

impl State {
    fn is_starting(&self, job: &Job) -> bool {
        let before = self.jobs.values().filter(|other| !other.is_over() && other.submitted < job.submitted).count();
        job.submitted.elapsed() < TAKES || before >= self.slots
    }

    fn count(&mut self) {
        let stopping = self.jobs.values().filter(|job| job.stopping.is_some() && !job.is_over()).count();
        let starting = self.jobs.values().filter(|job| job.stopping.is_none() && self.is_starting(job)).count();
        self.most_stopping = self.most_stopping.max(stopping);
        self.most_starting = self.most_starting.max(starting);
    }

    fn seen(&self, id: JobId, job: &Job) -> JobSeen {
        let state = if job.is_over() { JobState::Finished } else { JobState::Running };
        let running = u32::from(!job.is_over() && !self.is_starting(job));
        let tasks = Tasks { total: 1, running, finished: 0 };
        JobSeen { id, name: job.name.clone(), state, tasks, started_ms: 0, modified_ms: 0 }
    }
}

impl Flink {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A job that has run for a while.
    pub(crate) fn runs(&self, id: JobId, name: &JobName) {
        let submitted = Instant::now().checked_sub(TAKES).unwrap();
        self.state().jobs.insert(id, Job { name: name.to_string(), submitted, stopping: None });
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
        Ok(Look { epoch: epoch(1), at: Timestamp::UNIX_EPOCH, jobs, slots })
    }

    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        let mut state = self.state();
        state.count();
        Ok(state.jobs.get(&id).map(|job| state.seen(id, job)))
    }

    async fn is_over(&self, _: &Epoch) -> Result<bool, OutsideError> {
        Ok(false)
    }

    async fn stop(&self, id: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        let mut state = self.state();
        state.jobs.get_mut(&id).unwrap().stopping.get_or_insert_with(Instant::now);
        state.count();
        Ok(())
    }

    async fn stop_status(&self, id: JobId, _: TriggerId) -> Result<StopStatus, OutsideError> {
        let is_over = self.state().jobs[&id].is_over();
        Ok(if is_over { StopStatus::Completed(format!("s3://b/savepoint-{id}")) } else { StopStatus::InProgress })
    }

    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let mut state = self.state();
        state.jobs.remove(&id);
        state.canceled += 1;
        Ok(())
    }

    async fn checkpoints(&self, _: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        Ok(Some(Checkpoints { completed: 1, ..Checkpoints::default() }))
    }

    async fn failure(&self, _: JobId) -> Result<Option<String>, OutsideError> {
        Ok(None)
    }

    async fn restarts(&self, _: JobId) -> Result<Option<u64>, OutsideError> {
        Ok(None)
    }
}

#[async_trait]
impl Submitter for Flink {
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError> {
        self.state().prepared.insert(key, launch.name.to_string());
        Ok(Prepared::Compiled { bounded: Some(false), slots: None })
    }

    async fn submit(&self, key: JobId, id: JobId, _: Option<&str>) -> Result<Submitted, OutsideError> {
        let mut state = self.state();
        let name = state.prepared[&key].clone();
        state.jobs.insert(id, Job { name, submitted: Instant::now(), stopping: None });
        state.count();
        Ok(Submitted::Accepted)
    }
}

/// Nobody else works here.
#[async_trait]
impl JobLocks for Flink {
    async fn acquire(&self, name: &JobName) -> Result<Box<dyn JobLock>, OutsideError> {
        let has_to_wait = |state: &State| state.comes_second.as_ref() == Some(name) && state.most_starting == 0;
        while has_to_wait(&self.state()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
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
