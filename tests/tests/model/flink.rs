//! A Flink cluster and the disk that holds its states, as far as the protocol can see them.
//! Must not know operations, claims or records: it does what it is asked, and forgets.

use std::collections::BTreeMap;

use lifecycle::execute::{Health, JobLook, StopEnd};
use lifecycle::flink::{Epoch, JobSeen, JobState, Tasks};
use lifecycle::ids::{JobId, TriggerId};
use lifecycle::plan::Launch;
use lifecycle::state::{Place, StateRef, is_savepoint, newest};

/// How a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Healthy,
    /// Alive, restarting: no savepoint is possible.
    Sick,
    Failed,
    Canceled,
    /// By a stop with savepoint; runs of the model are unbounded.
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
}

impl Flink {
    pub(crate) fn is_live(&self, id: JobId) -> bool {
        self.runs.get(&id).is_some_and(Run::is_live)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = JobId> {
        self.runs.iter().filter(|(_, run)| run.is_live()).map(|(id, _)| *id)
    }

    /// The newest state of a version, wherever it lies: what no start may fall behind.
    pub(crate) fn newest_of(&self, version: u32) -> Option<&StateRef> {
        self.disk.iter().filter(|file| file.version == version).map(|file| &file.state).max_by_key(|s| s.checkpoint_id)
    }

    /// A new run; an id that is known already starts nothing.
    pub(crate) fn submit(&mut self, id: JobId, launch: &Launch, restore: Option<&str>, doomed: bool) {
        let directory = launch.properties.get("execution.checkpointing.dir").cloned().unwrap_or_default();
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
        };
        self.runs.entry(id).or_insert(run);
    }

    fn state_at(&self, path: &str) -> Option<&StateRef> {
        self.disk.iter().map(|file| &file.state).find(|state| state.path == path)
    }

    pub(crate) fn checkpoint(&mut self, id: JobId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.last += 1;
        run.checkpointed = true;
        let state = StateRef { path: format!("{}/chk-{}", run.directory, run.last), checkpoint_id: run.last };
        self.disk.push(StateFile { version: run.version, state });
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
            Shape::Failed | Shape::Canceled | Shape::Finished => Health::Ended("it ended".to_owned()),
        })
    }

    /// What a look shows; `known` runs that are FINISHED are asked for their savepoint.
    pub(crate) fn look(&self, name: &str, known: impl Fn(JobId) -> bool) -> JobLook {
        let seen = |(id, run): (&JobId, &Run)| {
            let (state, running) = match run.shape {
                Shape::Healthy => (JobState::Running, 1),
                Shape::Sick => (JobState::Restarting, 0),
                Shape::Failed => (JobState::Failed, 0),
                Shape::Canceled => (JobState::Canceled, 0),
                Shape::Finished => (JobState::Finished, 0),
            };
            let tasks = Tasks { total: 1, running, finished: 0, waiting: 0 };
            JobSeen { id: *id, name: name.to_owned(), state, tasks, started_ms: 0, modified_ms: 0 }
        };
        let finished = self.runs.iter().filter(|(id, run)| run.shape == Shape::Finished && known(**id));
        let ended_with = finished.map(|(id, run)| (*id, run.stopped.as_ref().map(|(_, path)| path.clone()))).collect();
        let completed = |id: &JobId| self.disk.iter().any(|file| file.state.path.contains(&format!("/{id}/chk-")));
        let checkpointed = self.runs.iter().any(|(id, run)| known(*id) && run.shape == Shape::Healthy && completed(id));
        let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 };
        JobLook { ended_with, checkpointed, ..JobLook::of(epoch, self.runs.iter().map(seen).collect()) }
    }

    /// The newest complete state in any of `places`.
    pub(crate) fn find(&self, places: &[Place]) -> Option<StateRef> {
        let lies_in = |path: &str, place: &Place| {
            let (parent, name) = path.rsplit_once('/').unwrap_or_default();
            match place {
                Place::Exactly { path: exact } => path == exact,
                Place::Checkpoints { directory } => parent == directory && name.starts_with("chk-"),
                Place::Savepoints { directory, run, .. } => parent == directory && is_savepoint(name, run.as_deref()),
                Place::Version { checkpoints, savepoints, .. } => {
                    path.starts_with(checkpoints) || path.starts_with(savepoints)
                }
            }
        };
        let found = self.disk.iter().map(|file| &file.state);
        newest(found.filter(|state| places.iter().any(|place| lies_in(&state.path, place))).cloned().collect())
    }
}
