//! A Flink cluster and the disk that holds its states, as far as the protocol can see them.
//! Must not know operations, claims or records: it does what it is asked, and forgets.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use control::ports::{Checkpoints, Child, Cluster, Files, OutsideError, StopStatus};
use control::runner::job_look;
use desired::effective::Effective;
use desired::launch::Launch;
use jiff::Timestamp;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::plan::Plan;
use lifecycle::execute::{Health, JobLook, StopEnd};
use lifecycle::flink::{Epoch, JobSeen, JobState, Look, Tasks};
use lifecycle::ids::{JobId, TriggerId};
use lifecycle::state::{StateLocation, StateRef, is_savepoint, newest};

use super::ports::carried_out;

/// How a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Healthy,
    /// Alive, restarting: no savepoint is possible.
    Sick,
    Failed,
    Canceled,
    /// By a stop with savepoint, or, a bounded one, by itself.
    Finished,
}

/// A job that the JobManager knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub(crate) shape: Shape,
    version: u32,
    /// Where its checkpoints go.
    directory: String,
    /// The last checkpoint id of its line; savepoints share the counter.
    last: u64,
    checkpointed: bool,
    /// It fails as soon as it is watched.
    doomed: bool,
    /// A stop that was asked for and is not done.
    pub(crate) stopping: Option<(TriggerId, String)>,
    /// The stop that ended it.
    stopped: Option<(TriggerId, String)>,
    /// The last savepoint that was taken while it went on.
    saved: Option<(TriggerId, String)>,
}

impl Run {
    pub(crate) fn is_live(&self) -> bool {
        match self.shape {
            Shape::Healthy | Shape::Sick => true,
            Shape::Failed | Shape::Canceled | Shape::Finished => false,
        }
    }
}

/// A complete checkpoint or savepoint, with the version whose line it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateFile {
    pub(crate) version: u32,
    pub(crate) state: StateRef,
}

/// The cluster and the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flink {
    pub(crate) runs: BTreeMap<JobId, Run>,
    pub(crate) disk: Vec<StateFile>,
    /// Which JobManager it is.
    life: u8,
    /// There is no session.
    pub(crate) away: bool,
    /// What may live under the JobManager before, which nobody can ask, until its end is proven.
    pub(crate) elsewhere: BTreeMap<JobId, Run>,
    /// No slot is free.
    pub(crate) full: bool,
    /// Versions that came to their end.
    pub(crate) done: BTreeSet<u32>,
    /// The state that a version was ordered to begin with.
    pub(crate) ordered: BTreeMap<u32, String>,
    /// Versions whose states somebody deleted.
    pub(crate) deleted: BTreeSet<u32>,
}

impl Flink {
    pub(crate) fn is_live(&self, id: JobId) -> bool {
        self.runs.get(&id).is_some_and(Run::is_live)
    }

    /// Wherever it lives.
    pub(crate) fn live(&self) -> impl Iterator<Item = JobId> {
        self.runs.iter().chain(&self.elsewhere).filter(|(_, run)| run.is_live()).map(|(id, _)| *id)
    }

    /// The newest state of a version, wherever it lies: what no start may fall behind.
    pub(crate) fn newest_of(&self, version: u32) -> Option<&StateRef> {
        self.disk.iter().filter(|file| file.version == version).map(|file| &file.state).max_by_key(|s| s.checkpoint_id)
    }

    /// The oldest state that is there.
    pub(crate) fn oldest(&self) -> Option<String> {
        let oldest = self.disk.iter().map(|file| &file.state).min_by_key(|state| state.checkpoint_id);
        oldest.map(|state| state.path.clone())
    }

    /// A new run; an id that is known already starts nothing.
    pub(crate) fn submit(&mut self, id: JobId, launch: &Launch, restore: Option<&str>, doomed: bool) {
        let directory = launch.properties.get("execution.checkpointing.dir").cloned().unwrap_or_default();
        let doomed = doomed || restore.is_some_and(|path| self.state_at(path).is_none());
        let last = restore.and_then(|path| self.state_at(path)).map_or(0, |state| state.checkpoint_id);
        let run = Run {
            shape: Shape::Healthy,
            version: launch.version,
            directory: format!("{directory}/{id}"),
            last,
            checkpointed: false,
            doomed,
            stopping: None,
            stopped: None,
            saved: None,
        };
        self.runs.entry(id).or_insert(run);
    }

    pub(crate) fn state_at(&self, path: &str) -> Option<&StateRef> {
        self.disk.iter().map(|file| &file.state).find(|state| state.path == path)
    }

    pub(crate) fn checkpoint(&mut self, id: JobId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.last += 1;
        run.checkpointed = true;
        let state = StateRef { path: format!("{}/chk-{}", run.directory, run.last), checkpoint_id: run.last };
        self.disk.push(StateFile { version: run.version, state });
    }

    /// A bounded run has read all there is: Flink deletes its checkpoints.
    pub(crate) fn complete(&mut self, id: JobId) {
        self.end(id, Shape::Finished);
        self.disk.retain(|file| !file.state.path.contains(&format!("/{id}/chk-")));
        self.done.extend(self.runs.get(&id).map(|run| run.version));
    }

    /// The session ends: what lived in it may live on.
    pub(crate) fn session_ends(&mut self) {
        self.elsewhere = std::mem::take(&mut self.runs);
        self.elsewhere.retain(|_, run| run.is_live());
        self.away = true;
    }

    /// There is a session again, which knows nothing.
    pub(crate) fn session_comes(&mut self) {
        self.life += 1;
        self.away = false;
    }

    /// Somebody deletes every state.
    pub(crate) fn lose_states(&mut self) {
        self.deleted.extend(self.disk.drain(..).map(|file| file.version));
    }

    fn epoch(&self) -> Epoch {
        Epoch::Yarn { application: format!("application_1_{}", self.life), attempt: 1 }
    }

    pub(crate) fn end(&mut self, id: JobId, shape: Shape) {
        if let Some(run) = self.runs.get_mut(&id).filter(|run| run.is_live()) {
            run.shape = shape;
            run.stopping = None;
        }
    }

    /// A stop is asked for; the answer comes later, perhaps to nobody.
    pub(crate) fn ask_stop(&mut self, id: JobId, trigger: TriggerId, directory: &str) {
        if let Some(run) = self.runs.get_mut(&id).filter(|run| run.shape == Shape::Healthy) {
            run.stopping = Some((trigger, directory.to_owned()));
        }
    }

    /// The stop that was asked for is done.
    pub(crate) fn complete_stop(&mut self, id: JobId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let Some((trigger, directory)) = run.stopping.take() else { return };
        run.last += 1;
        let path = format!("{directory}/savepoint-{}-{:012x}", &id.to_string()[..6], run.last);
        run.stopped = Some((trigger, path.clone()));
        run.shape = Shape::Finished;
        self.disk.push(StateFile { version: run.version, state: StateRef { path, checkpoint_id: run.last } });
    }

    /// A stop with savepoint from the asking to the end. The same trigger again answers for what was done;
    /// `forgotten`: the JobManager knows the trigger no more.
    pub(crate) fn stop(&mut self, id: JobId, trigger: TriggerId, directory: &str, forgotten: bool) -> StopEnd {
        match self.runs.get(&id) {
            Some(run) if run.shape == Shape::Sick => return StopEnd::NotRunning,
            Some(run) if run.shape == Shape::Healthy => {
                self.ask_stop(id, trigger, directory);
                self.complete_stop(id);
            }
            Some(_) | None => {}
        }
        match self.runs.get(&id).and_then(|run| run.stopped.as_ref()) {
            Some((by, path)) if *by == trigger && !forgotten => StopEnd::Savepoint(path.clone()),
            Some(_) | None => StopEnd::Gone,
        }
    }

    /// A savepoint of a run that goes on, from the asking to the end.
    pub(crate) fn save(&mut self, id: JobId, trigger: TriggerId, directory: &str) -> StopEnd {
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.is_live()) else { return StopEnd::Gone };
        match &run.saved {
            Some((by, path)) if *by == trigger => return StopEnd::Savepoint(path.clone()),
            Some(_) | None if run.shape == Shape::Sick => return StopEnd::NotRunning,
            Some(_) | None => {}
        }
        run.last += 1;
        run.checkpointed = true;
        let path = format!("{directory}/savepoint-{}-{:012x}", &id.to_string()[..6], run.last);
        run.saved = Some((trigger, path.clone()));
        self.disk
            .push(StateFile { version: run.version, state: StateRef { path: path.clone(), checkpoint_id: run.last } });
        StopEnd::Savepoint(path)
    }

    /// Watches a run to the end of its window; nothing if the JobManager does not know it.
    pub(crate) fn watch(&mut self, id: JobId) -> Option<Health> {
        let run = self.runs.get(&id)?;
        if run.doomed {
            self.end(id, Shape::Failed);
        }
        let run = self.runs.get(&id)?;
        Some(match run.shape {
            Shape::Healthy => Health::Stable { checkpointed: run.checkpointed },
            Shape::Sick => Health::Unstable("it restarts".to_owned()),
            Shape::Finished if run.stopped.is_none() => Health::Complete,
            Shape::Failed | Shape::Canceled | Shape::Finished => Health::Ended("it ended".to_owned()),
        })
    }

    /// What a look means for one operation, as the product's own code reads it; nothing without a session.
    pub(crate) fn look(&self, plan: &Plan, claim: Option<&Claim>) -> Option<JobLook> {
        let seen = |(id, run): (&JobId, &Run)| {
            let (state, running) = match run.shape {
                Shape::Healthy => (JobState::Running, 1),
                Shape::Sick => (JobState::Restarting, 0),
                Shape::Failed => (JobState::Failed, 0),
                Shape::Canceled => (JobState::Canceled, 0),
                Shape::Finished => (JobState::Finished, 0),
            };
            let tasks = Tasks { total: 1, running, finished: 0, waiting: 0 };
            JobSeen {
                id: *id,
                name: plan.job.to_string(),
                state,
                tasks,
                started_ms: 0,
                modified_ms: 0,
                checkpoints: None,
                restarts: None,
            }
        };
        let jobs = self.runs.iter().map(seen).collect();
        let look = Look { epoch: self.epoch(), at: Timestamp::UNIX_EPOCH, jobs, slots: None };
        if self.away { None } else { carried_out(job_look(self, &NoFiles, plan, claim, &look)).ok() }
    }

    /// The newest complete state in any of `places`.
    pub(crate) fn find(&self, places: &[StateLocation]) -> Option<StateRef> {
        let lies_in = |path: &str, place: &StateLocation| {
            let (parent, name) = path.rsplit_once('/').unwrap_or_default();
            match place {
                StateLocation::Exactly { path: exact } => path == exact,
                StateLocation::Checkpoints { directory } => parent == directory && name.starts_with("chk-"),
                StateLocation::Savepoints { directory, run, operations_since } => {
                    let of_operation = || parent.rsplit_once('/').is_some_and(|(above, _)| above == directory);
                    let lies_there = parent == directory || (operations_since.is_some() && of_operation());
                    lies_there && is_savepoint(name, run.as_deref())
                }
                StateLocation::Version { checkpoints, savepoints, .. } => {
                    path.starts_with(checkpoints) || path.starts_with(savepoints)
                }
            }
        };
        let found = self.disk.iter().map(|file| &file.state);
        newest(found.filter(|state| places.iter().any(|place| lies_in(&state.path, place))).cloned().collect())
    }
}

fn not_asked<T>() -> Result<T, OutsideError> {
    Err(OutsideError::refused("asking the model", "nobody asks that"))
}

/// What the product's own look asks beside the list of jobs.
#[async_trait]
impl Cluster for Flink {
    async fn is_over(&self, epoch: &Epoch) -> Result<bool, OutsideError> {
        Ok(*epoch != self.epoch() && self.elsewhere.is_empty())
    }

    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        let completed = self.disk.iter().filter(|file| file.state.path.contains(&format!("/{id}/chk-"))).count();
        Ok(self.runs.get(&id).map(|run| Checkpoints {
            completed: u64::try_from(completed).unwrap(),
            savepoint: run.stopped.as_ref().map(|(_, path)| path.clone()),
            ends_in_savepoint: run.stopped.is_some(),
            ..Checkpoints::default()
        }))
    }

    async fn look(&self) -> Result<Look, OutsideError> {
        not_asked()
    }

    async fn job(&self, _: JobId) -> Result<Option<JobSeen>, OutsideError> {
        not_asked()
    }

    async fn stop(&self, _: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        not_asked()
    }

    async fn savepoint(&self, _: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        not_asked()
    }

    async fn stop_status(&self, _: JobId, _: TriggerId) -> Result<StopStatus, OutsideError> {
        not_asked()
    }

    async fn cancel(&self, _: JobId) -> Result<(), OutsideError> {
        not_asked()
    }

    async fn failure(&self, _: JobId) -> Result<Option<String>, OutsideError> {
        not_asked()
    }

    async fn restarts(&self, _: JobId) -> Result<Option<u64>, OutsideError> {
        not_asked()
    }

    async fn effective(&self, _: JobId) -> Result<Option<Effective>, OutsideError> {
        not_asked()
    }
}

/// Nothing is adopted in the model.
struct NoFiles;

#[async_trait]
impl Files for NoFiles {
    async fn children(&self, _: &str) -> Result<Vec<Child>, OutsideError> {
        Ok(Vec::new())
    }

    async fn head(&self, _: &str, _: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        Ok(None)
    }
}
