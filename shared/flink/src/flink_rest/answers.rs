//! The answers of Flink's REST API, as far as they are read, and what they mean in our words.
//! Must not know how they were fetched.

use control::ports::{Checkpoints, StopStatus};
use control::secrets::Secrets;
use desired::printable::{cut, readable};
use lifecycle::documents::claim::Saving;
use lifecycle::flink::{JobSeen, JobState, Tasks};
use lifecycle::ids::JobId;
use serde::Deserialize;
use serde_json::Value;

use crate::text::{causes, sentence, two_lines};

/// How much of a name or a message is kept.
const LONG: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Overview {
    pub(super) slots_total: u32,
    pub(super) slots_available: u32,
}

#[derive(Deserialize)]
pub(super) struct OverviewOfJobs {
    pub(super) jobs: Vec<JobAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct JobAnswer {
    jid: String,
    name: String,
    start_time: i64,
    last_modification: i64,
    state: String,
    /// Empty while the job is initialised.
    #[serde(default)]
    tasks: TasksAnswer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TasksAnswer {
    total: u32,
    running: u32,
    finished: u32,
    created: u32,
    scheduled: u32,
}

#[derive(Deserialize)]
pub(super) struct SavepointAnswer {
    status: SavepointProgress,
    operation: Option<SavepointOperation>,
}

#[derive(Deserialize)]
struct SavepointProgress {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SavepointOperation {
    location: Option<String>,
    failure_cause: Option<FailureCause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FailureCause {
    class: Option<String>,
    #[serde(default)]
    stack_trace: String,
}

#[derive(Deserialize)]
pub(super) struct CheckpointsAnswer {
    counts: Counts,
    latest: Latest,
    /// The newest ones; how many is the JobManager's `web.checkpoints.history`.
    #[serde(default)]
    history: Vec<Recent>,
}

#[derive(Deserialize)]
struct Counts {
    completed: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    in_progress: usize,
}

#[derive(Deserialize)]
struct Recent {
    status: String,
    is_savepoint: bool,
    #[serde(default)]
    state_size: i64,
    #[serde(default)]
    num_subtasks: u64,
    #[serde(default)]
    num_acknowledged_subtasks: u64,
}

impl Recent {
    fn saving(&self) -> Saving {
        let bytes = u64::try_from(self.state_size).unwrap_or_default();
        Saving { done: self.num_acknowledged_subtasks, of: self.num_subtasks, bytes }
    }
}

#[derive(Deserialize)]
struct Latest {
    completed: Option<Checkpoint>,
    savepoint: Option<Checkpoint>,
    failed: Option<FailedCheckpoint>,
    restored: Option<Restored>,
}

#[derive(Deserialize)]
struct FailedCheckpoint {
    id: u64,
    failure_message: Option<String>,
}

/// What a run was restored from last, at its start or as it failed.
#[derive(Deserialize)]
struct Restored {
    external_path: Option<String>,
    restore_timestamp: Option<i64>,
}

#[derive(Deserialize)]
struct Checkpoint {
    id: u64,
    #[serde(default, rename = "checkpoint_type")]
    kind: CheckpointKind,
    /// What was restored has none.
    trigger_timestamp: Option<i64>,
    external_path: Option<String>,
    end_to_end_duration: Option<i64>,
    state_size: Option<i64>,
}

/// What a checkpoint was taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CheckpointKind {
    /// A savepoint that a stop waits for.
    SyncSavepoint,
    /// A savepoint of a run that goes on.
    Savepoint,
    Checkpoint,
    UnalignedCheckpoint,
    /// Flink does not say.
    #[default]
    #[serde(other)]
    Untold,
}

impl Latest {
    /// Whether a stop with the last savepoint ended the run, if something did. As the sources of a run end, Flink triggers
    /// one more checkpoint, which may complete. A run that was restored since then, or took more than that one, went on.
    fn ends_in_savepoint(&self) -> bool {
        let Some(last) = &self.savepoint else { return false };
        // Checkpoints and savepoints draw their ids from one counter.
        let none_after = |id: u64| self.completed.as_ref().is_none_or(|other| other.id <= id);
        match last.kind {
            CheckpointKind::SyncSavepoint => !self.was_restored_after(last) && none_after(last.id.saturating_add(1)),
            CheckpointKind::Savepoint => false,
            CheckpointKind::Checkpoint | CheckpointKind::UnalignedCheckpoint | CheckpointKind::Untold => {
                none_after(last.id)
            }
        }
    }

    /// Flink restores no run from a savepoint as it fails, but from the checkpoint before: only the times tell.
    fn was_restored_after(&self, savepoint: &Checkpoint) -> bool {
        let restored = self.restored.as_ref().and_then(|restored| restored.restore_timestamp);
        restored.zip(savepoint.trigger_timestamp).is_some_and(|(restored, taken)| restored > taken)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Exceptions {
    root_exception: Option<String>,
    #[serde(default, rename = "exceptionHistory")]
    history: History,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct History {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    exception_name: String,
    #[serde(default)]
    stacktrace: String,
    timestamp: i64,
}

/// Of `/jobs/:id/config`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct JobConfig {
    #[serde(default)]
    pub(super) execution_config: ExecutionConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ExecutionConfig {
    pub(super) job_parallelism: Option<i64>,
    pub(super) object_reuse_mode: Option<bool>,
}

/// Of `/jobs/:id`.
#[derive(Deserialize)]
pub(super) struct JobDetails {
    #[serde(default)]
    pub(super) vertices: Vec<Vertex>,
}

#[derive(Deserialize)]
pub(super) struct Vertex {
    pub(super) parallelism: i64,
}

#[derive(Deserialize)]
pub(super) struct Metric {
    pub(super) id: String,
    pub(super) value: Option<String>,
}

impl TryFrom<JobAnswer> for JobSeen {
    type Error = String;

    fn try_from(job: JobAnswer) -> Result<Self, String> {
        let id: JobId = job.jid.parse().map_err(|error| readable(&format!("{error}")))?;
        let state = serde_json::from_value::<JobState>(Value::from(job.state.as_str()))
            .map_err(|_| readable(&format!("the job {id} is in the state `{}`, which is not known here", job.state)))?;
        let TasksAnswer { total, running, finished, created, scheduled } = job.tasks;
        let waiting = created.saturating_add(scheduled);
        Ok(Self {
            id,
            name: readable(&job.name),
            state,
            tasks: Tasks { total, running, finished, waiting },
            started_ms: job.start_time,
            modified_ms: job.last_modification,
            checkpoints: None,
            restarts: None,
        })
    }
}

impl SavepointAnswer {
    /// How the stop stands; a text where the answer makes no sense.
    pub(super) fn status(self, secrets: &Secrets) -> Result<StopStatus, String> {
        match (self.status.id.as_str(), self.operation) {
            ("IN_PROGRESS", _) => Ok(StopStatus::InProgress),
            ("COMPLETED", Some(SavepointOperation { location: Some(location), .. })) => {
                Ok(StopStatus::Completed(location))
            }
            ("COMPLETED", Some(SavepointOperation { failure_cause: Some(cause), .. })) => Ok(cause.status(secrets)),
            ("COMPLETED", _) => Err("completed with neither a location nor a failure".to_owned()),
            (other, _) => Err(readable(&format!("the status `{other}` is not known here"))),
        }
    }
}

impl FailureCause {
    /// Flink names the wrapper (`CompletionException`) as the class: what it carries is in the trace.
    fn status(self, secrets: &Secrets) -> StopStatus {
        let chain = causes(&secrets.scrub(&self.stack_trace));
        let named = self.class.as_deref().and_then(|class| class.rsplit('.').next()).unwrap_or("an unnamed failure");
        let Some(first) = chain.first() else {
            return StopStatus::Failed { class: readable(named), message: String::new() };
        };
        let class = if first.class.is_empty() { readable(named) } else { first.class.clone() };
        // What the job is left in and why are in two exceptions: the second says which directory, for example.
        let message = match chain.get(1) {
            Some(second) if !first.message.contains(&second.message) => {
                format!("{}, caused by {}", first.message, sentence(second))
            }
            Some(_) | None => first.message.clone(),
        };
        StopStatus::Failed { class, message: cut(&message, LONG) }
    }
}

impl CheckpointsAnswer {
    /// What the checkpoints tell, values of secrets replaced.
    pub(super) fn told(self, secrets: &Secrets) -> Checkpoints {
        let answer = self;
        let ends_in_savepoint = answer.latest.ends_in_savepoint();
        let Latest { completed, savepoint, failed, restored } = answer.latest;
        let in_progress: Vec<&Recent> = answer.history.iter().filter(|recent| recent.status == "IN_PROGRESS").collect();
        // What is under way and not among the newest was overtaken by many checkpoints: only a savepoint can be.
        let overtaken = answer.counts.in_progress > in_progress.len();
        let savepoint_in_progress = overtaken || in_progress.iter().any(|recent| recent.is_savepoint);
        let saving = in_progress.iter().find(|recent| recent.is_savepoint).map(|recent| recent.saving());
        let newest = completed.iter().chain(&savepoint).max_by_key(|checkpoint| checkpoint.id);
        // What failed before another one completed is over.
        let failed = failed.filter(|failed| newest.is_none_or(|newest| newest.id < failed.id));
        let failure = failed.and_then(|failed| failed.failure_message).map(|told| two_lines(&secrets.scrub(&told)));
        let triggered_ms = newest.and_then(|checkpoint| checkpoint.trigger_timestamp);
        // Flink writes -1 where it does not know.
        let took_ms = newest.and_then(|checkpoint| checkpoint.end_to_end_duration).filter(|took| *took >= 0);
        let size = newest.and_then(|checkpoint| checkpoint.state_size?.try_into().ok());
        let restored = restored.and_then(|restored| restored.external_path).filter(|path| is_path(path));
        let path =
            |checkpoint: Option<Checkpoint>| checkpoint.and_then(|c| c.external_path).filter(|path| is_path(path));
        Checkpoints {
            completed: answer.counts.completed,
            failed: answer.counts.failed,
            failure: failure.filter(|told| !told.is_empty()),
            savepoint: path(savepoint),
            newest_ms: completed.as_ref().and_then(|checkpoint| checkpoint.trigger_timestamp),
            newest: path(completed),
            triggered_ms,
            completed_ms: triggered_ms.zip(took_ms).map(|(triggered, took)| triggered.saturating_add(took)),
            size,
            ends_in_savepoint,
            restored,
            savepoint_in_progress,
            saving,
        }
    }
}

impl Exceptions {
    /// The newest failure: what happened, and in a second line its root where that says something else.
    pub(super) fn newest(self, secrets: &Secrets) -> Option<String> {
        let entry = self.history.entries.into_iter().max_by_key(|entry| entry.timestamp);
        match entry {
            Some(entry) if entry.stacktrace.trim().is_empty() => Some(readable(&secrets.scrub(&entry.exception_name))),
            // Before it is made short and cut, so that every value is still whole.
            Some(entry) => Some(two_lines(&secrets.scrub(&entry.stacktrace))),
            None => self.root_exception.map(|trace| two_lines(&secrets.scrub(&trace))),
        }
        .filter(|line| !line.is_empty())
    }
}

/// Flink writes a text in angle brackets where a checkpoint has no path.
fn is_path(path: &str) -> bool {
    path.contains('/') && !path.starts_with('<')
}
