//! What the session's administration needs of the outside: YARN, a session's `JobManager`, whoever orders jobs.
//! Must not know how any of it is spoken to.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use desired::manifest::JobName;
use desired::session_settings::{SessionSettings, SettingsError};
use lifecycle::endpoint::Endpoint;

use crate::ports::{Cluster, OutsideError};

/// Which session on YARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSelector {
    /// The only one with exactly this name.
    Named(String),
    /// The one with this application id.
    Application(String),
}

impl fmt::Display for SessionSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "the Flink session `{name}` on YARN"),
            Self::Application(id) => write!(f, "the Flink session {id} on YARN"),
        }
    }
}

/// A session whose `JobManager` can be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningSession {
    pub application: String,
    /// Which of its attempts.
    pub attempt: u32,
    /// The `JobManager`'s REST API.
    pub endpoint: Endpoint,
}

/// What the `ResourceManager` shows of the session that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSeen {
    /// Exactly one runs.
    Running(RunningSession),
    /// Exactly one is there, but its `JobManager` is being started or has no address yet.
    Starting { application: String },
    /// There is none.
    Absent {
        /// The Flink applications that are there.
        others: Vec<String>,
    },
    /// There are several of that name.
    Several(Vec<String>),
}

/// What became of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is over.
    Over,
    /// It is not over.
    Live,
    /// The `ResourceManager` does not know it, and may have forgotten it while it lives on.
    Forgotten,
}

/// Why no session was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The program did not begin: nothing was started.
    #[error(transparent)]
    NotBegun(Box<dyn Error + Send + Sync>),
    /// The program gave no answer: whether a session comes is unknown.
    #[error(transparent)]
    NoAnswer(Box<dyn Error + Send + Sync>),
    /// The program failed: whether a session comes is unknown.
    #[error("{program} failed: {message}")]
    Failed {
        program: String,
        /// The end of what it printed.
        message: String,
    },
}

/// The `JobManager` of a session.
#[async_trait]
pub trait SessionCluster: Cluster {
    /// Every option that it was started with.
    async fn options(&self) -> Result<BTreeMap<String, String>, OutsideError>;
    /// Asks it to end itself and the session.
    async fn shut_down(&self) -> Result<(), OutsideError>;
}

/// Where sessions live: they are found, started and followed there.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session that is asked for.
    async fn seen(&self, which: &SessionSelector) -> Result<SessionSeen, OutsideError>;
    /// What became of an application.
    async fn life(&self, application: &str) -> Result<Life, OutsideError>;
    /// The `JobManager` of a session; whether it answers is not known yet.
    fn cluster(&self, session: &RunningSession) -> Result<Arc<dyn SessionCluster>, OutsideError>;
    /// Submits a session under a tag; it may come even if this fails.
    async fn start(&self, settings: &SessionSettings, tag: &str) -> Result<(), StartError>;
    /// What became of the applications with a tag, for people.
    async fn told(&self, tag: &str) -> Result<Option<String>, OutsideError>;
    /// Whether a restart of the `ResourceManager` leaves sessions alive.
    async fn recovers(&self) -> Result<bool, OutsideError>;
    /// One of the `ResourceManager`'s own settings.
    async fn setting(&self, name: &str) -> Result<Option<String>, OutsideError>;
}

/// Who brings jobs to what is desired of them.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Has every job looked at, and what is missing brought back.
    async fn redeploy(&self) -> Result<(), OutsideError>;
    /// Goes on with what was ordered for these jobs, where no event leads to it.
    async fn go_on(&self, jobs: &BTreeSet<JobName>) -> Result<(), OutsideError>;
}
