//! What the orchestrator and the runner need from the outside: a store, a dispatcher, a cluster, a submitter, files.
//! Must not know AWS, HTTP or processes; every call has a time limit on the far side of these traits.

use async_trait::async_trait;
use desired::digest::Digest;
use desired::effective::Effective;
pub use desired::inputs::UploadNote;
use desired::launch::Launch;
use desired::secrets::{SecretReference, SecretValue};
use jiff::Timestamp;
use lifecycle::documents::claim::Saving;
use lifecycle::flink::{Epoch, JobSeen, Look};
use lifecycle::ids::{BatchId, JobId, TriggerId};

/// The version of an object, as the store names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Etag(pub String);

/// An object and the store's own clock at the time of the answer.
#[derive(Clone, Debug)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub etag: Etag,
    /// When it was written, by the store's clock.
    pub modified: Timestamp,
    /// The store's clock when it answered: only differences between the two count.
    pub now: Timestamp,
    /// What was said with it.
    pub note: UploadNote,
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The whole key.
    pub key: String,
    pub etag: Etag,
    /// How many bytes it has.
    pub size: u64,
}

/// What a write depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: last writer wins.
    Always,
    /// No object is there.
    Absent,
    /// The object still has this version.
    Unchanged(Etag),
}

impl Precondition {
    /// Whether it holds for what is there.
    pub fn holds(&self, there: Option<&Etag>) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => there.is_none(),
            Self::Unchanged(etag) => there == Some(etag),
        }
    }
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Written, with the new version.
    Written(Etag),
    /// The condition did not hold, or another write was under way: read again.
    Conflict,
}

/// A call to the outside that did not give an answer to go on with.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The outside said no, for good.
    #[error("{what}: {message}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        message: String,
    },
    /// No usable answer: whether it happened is unknown.
    #[error("{what}: outcome unknown")]
    Unknown {
        /// What was asked.
        what: String,
        /// Why there is no answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OutsideError {
    /// The outside said no.
    pub fn refused(what: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), message: message.into() }
    }
    /// The same again, for another one who waits for it.
    #[must_use]
    pub fn shared(&self) -> Self {
        match self {
            Self::Refused { what, message } => Self::refused(what, message),
            Self::Unknown { what, source } => Self::unknown(what, crate::errors::error_chain(source.as_ref())),
        }
    }
    /// No answer to rely on.
    pub fn unknown(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unknown { what: what.into(), source: source.into() }
    }
}

/// The objects of one bucket.
#[async_trait]
pub trait Store: Send + Sync {
    /// The object at `key`.
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError>;
    /// Writes the object at `key` if the condition holds.
    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError>;
    /// The same, with what is said with it; a store that keeps no notes leaves it out.
    async fn put_noted(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: Precondition,
        _: &UploadNote,
    ) -> Result<Put, OutsideError> {
        self.put(key, bytes, condition).await
    }
    /// Removes the object at `key`; absent is fine.
    async fn delete(&self, key: &str) -> Result<(), OutsideError>;
    /// Every object under `prefix`, all pages, in key order.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError>;
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Child {
    /// A directory (a common prefix), by its name without slashes.
    Directory(String),
    /// A file, by its name.
    File(String),
}

/// How large a directory is, and when it was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The bytes of the files directly in it.
    pub bytes: u64,
    pub written: Timestamp,
}

/// The file systems where state lies, by URL (`s3://`, `s3a://`, `s3p://`, `file:`).
#[async_trait]
pub trait Files: Send + Sync {
    /// The entries directly under a directory; none if it does not exist. Never what lies deeper.
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError>;
    /// The first `length` bytes of a file, if it exists.
    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError>;
    /// The extent of the files directly in a directory, by its first page; nothing where nobody tells.
    async fn extent(&self, _directory: &str) -> Result<Option<Extent>, OutsideError> {
        Ok(None)
    }
}

/// What a batch's dispatch carries to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOrder {
    /// The batch's id: its name in the step or the comment of the command.
    pub batch: BatchId,
    /// The key of the batch.
    pub key: String,
    /// The digest of the batch, which the node checks.
    pub digest: Digest,
}

/// How far the step or command of a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No step or command carries this batch's id.
    NotFound,
    /// Waiting for its turn.
    Pending(String),
    /// Being executed.
    Running(String),
    /// Over, well or not.
    Ended(String),
}

/// Brings batches to the primary node.
#[async_trait]
pub trait Dispatcher: Send + Sync {
    /// The step or command of a batch, by looking for its id.
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError>;
    /// Sends it, at most once per call: no retry hides behind this.
    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError>;
    /// The folder where the log of a step will lie, by what is known already: no call is made for it.
    fn log_of(&self, _sent_as: &str) -> Option<String> {
        None
    }
    /// The instance that a command went to, by what is known already: no call is made for it.
    fn instance_of(&self, _sent_as: &str) -> Option<String> {
        None
    }
}

/// How a stop with savepoint stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopStatus {
    /// Under way.
    InProgress,
    /// Done, with the savepoint's path.
    Completed(String),
    /// Failed: the exception's class and its first cause.
    Failed {
        /// The exception's simple class name, for example `FlinkJobNotFoundException`.
        class: String,
        /// The first readable cause.
        message: String,
    },
    /// The JobManager does not know this trigger (any more).
    Forgotten,
}

/// What a job's checkpoints tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// How many were completed.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// Why the newest one failed, in one line or two; nothing if one completed since then.
    pub failure: Option<String>,
    /// The path of the last savepoint.
    pub savepoint: Option<String>,
    /// The path of the newest completed one that is no savepoint.
    pub newest: Option<String>,
    /// When that was triggered, in milliseconds of Unix time.
    pub newest_ms: Option<i64>,
    /// When the newest completed one, savepoints included, was triggered, in milliseconds of Unix time.
    pub triggered_ms: Option<i64>,
    /// When that one was complete, in milliseconds of Unix time.
    pub completed_ms: Option<i64>,
    /// How many bytes of state that one holds.
    pub size: Option<u64>,
    /// Whether that savepoint is one of a stop, and the run did not go on after it.
    pub ends_in_savepoint: bool,
    /// The path it was restored from.
    pub restored: Option<String>,
    /// Whether a savepoint is being written now, with or without a stop.
    pub savepoint_in_progress: bool,
    /// How far that one is, where it is told.
    pub saving: Option<Saving>,
}

/// The session cluster, by its REST API.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// One whole look.
    async fn look(&self) -> Result<Look, OutsideError>;
    /// One job as the JobManager has it now, never from a cache.
    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError>;
    /// Whether another JobManager incarnation is known to be dead; an answer of no proves nothing.
    async fn is_over(&self, epoch: &Epoch) -> Result<bool, OutsideError>;
    /// Asks for a stop with savepoint under a trigger; asking again under the same one changes nothing.
    async fn stop(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError>;
    /// Asks for a savepoint of a job that runs on; asking again under the same trigger changes nothing.
    async fn savepoint(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError>;
    /// How that stop, or that savepoint, stands.
    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError>;
    /// Asks for a cancel.
    async fn cancel(&self, id: JobId) -> Result<(), OutsideError>;
    /// The job's checkpoints; nothing if the JobManager does not know the job.
    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError>;
    /// The newest failure of the job: what happened, and in a second line its root cause where that says something else.
    async fn failure(&self, id: JobId) -> Result<Option<String>, OutsideError>;
    /// What the job runs with; nothing if the JobManager does not know the job.
    async fn effective(&self, id: JobId) -> Result<Option<Effective>, OutsideError>;
    /// Where it shows its web page to people, if it has one.
    fn web(&self) -> Option<String> {
        None
    }
    /// How often the job restarted, if the cluster tells.
    async fn restarts(&self, id: JobId) -> Result<Option<u64>, OutsideError>;
    /// Milliseconds between the starts of two checkpoints; nothing if the job makes none by itself.
    async fn checkpoint_interval(&self, id: JobId) -> Result<Option<u64>, OutsideError> {
        Ok(self.effective(id).await?.and_then(|effective| effective.checkpoints?.interval_ms()))
    }
}

/// Compiles and submits jobs in one warm client process.
#[async_trait]
pub trait Submitter: Send + Sync {
    /// Validates and plans the job under `key` without starting it.
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError>;
    /// Starts the prepared job as `id`.
    async fn submit(&self, key: JobId, id: JobId, restore: Option<&str>) -> Result<Submitted, OutsideError>;
}

/// How a preparation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It compiles.
    Compiled {
        /// Whether all its sources are bounded, where Flink tells.
        bounded: Option<bool>,
        /// How many slots it needs, where Flink tells.
        slots: Option<u32>,
    },
    /// It does not compile.
    Rejected(desired::launch::Rejection),
    /// A secret that it refers to cannot be had: which one, and why.
    NoSecret(String),
    /// The node's Flink client does not work: what does not, and which setting names it.
    NodeBroken(String),
}

/// Where secret values are kept.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The value of a reference; refused where there is none, or it may not be read.
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError>;
}

/// How a submission ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Accepted.
    Accepted,
    /// The JobManager has seen this id before.
    Duplicate,
    /// Refused: nothing runs under this id.
    Rejected(String),
}

/// Time and fresh names.
pub trait World: Send + Sync {
    fn now(&self) -> Timestamp;
    /// A fresh time-ordered id of 32 hexadecimal digits.
    fn fresh_id(&self) -> lifecycle::ids::Hex32;
    /// A fresh query id, as the Python tool makes them (UUID v1).
    fn query_id(&self) -> String;
    /// `now` as the Python tool writes creation times: `YYYY-MM-DD HH:MM:SS`.
    fn local_time(&self, now: Timestamp) -> String;
}

/// One lock per job on this node, which also outlives this process in its submitter.
#[async_trait]
pub trait JobLocks: Send + Sync {
    /// Waits, within a limit, until no other process on this node works on the job.
    async fn acquire(&self, job: &desired::manifest::JobName) -> Result<Box<dyn JobLock>, OutsideError>;
}

/// A held lock: dropping it leaves it with the submitter, releasing it frees the job.
pub trait JobLock: Send {
    /// Frees the job for others.
    fn release(self: Box<Self>);
}
