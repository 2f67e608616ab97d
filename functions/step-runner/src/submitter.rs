//! Compiles and submits jobs in one warm `flink run`, which is started when first needed and again after it was lost.
//! Must not know plans, claims or the cluster's state.

mod protocol;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{OutsideError, Prepared, Submitted, Submitter};
use lifecycle::ids::JobId;
use lifecycle::plan::Launch;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::process::Secrets;
use crate::target::DeploymentTarget;
use protocol::Request;
use session::Session;

/// The Python side of the protocol.
const SCRIPT: &str = include_str!("../submitter/submitter.py");
/// What a submission of a job that this submitter's present process never prepared is refused with.
const NOT_PREPARED: &str = "the job is not prepared in this Flink client: prepare it again first";
/// A client that compiles a few jobs and ends: quick to start (-40 % measured), never hot.
const JVM_ARGUMENTS: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

/// How long each thing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the client's start to its first line.
    pub start: Duration,
    /// A preparation, from its turn on; a `code` job's own code may take a minute of it.
    pub prepare: Duration,
    /// A submission, the wait for its turn included: it must end within the lease that was renewed before it.
    pub submit: Duration,
    /// From the request to leave to the end of the process.
    pub exit: Duration,
}

/// How the Flink client is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `flink` script.
    pub flink: PathBuf,
    /// The Python with `PyFlink`, here and on the cluster's nodes.
    pub python: PathBuf,
    /// Where jobs are deployed.
    pub target: DeploymentTarget,
    /// An existing directory with a short path for the script and the socket.
    pub scratch: PathBuf,
    /// Where everything that the client prints is appended.
    pub log: Option<PathBuf>,
    /// The client's `JVM_ARGS`.
    pub jvm_arguments: String,
    /// Variables beside this process's own (`FLINK_CONF_DIR` is passed on anyway).
    pub environment: Vec<(String, String)>,
    /// Values that appear in nothing it prints or answers; more may be added while it runs.
    pub secrets: Secrets,
    /// The limits.
    pub limits: Limits,
}

/// The submitter of one runner: one client process, one request in flight.
///
/// A preparation is valid for the life of the client process that made it. The process is given up, and killed with
/// all it was about to do, once it ends, hangs up, answers nonsense or is late; the request under way then has an
/// unknown outcome. The next preparation starts a new one. A submission never does: starting takes longer than a
/// lease. It is refused instead, which [`is_not_prepared`] tells apart: nothing was sent.
#[derive(Debug)]
pub struct FlinkRunSubmitter {
    options: Options,
    session: Mutex<Option<Session>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(120),
            prepare: Duration::from_secs(180),
            submit: Duration::from_secs(60),
            exit: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// The client `flink` for `target`, everything else as usual.
    pub fn new(flink: impl Into<PathBuf>, python: impl Into<PathBuf>, target: DeploymentTarget) -> Self {
        Self {
            flink: flink.into(),
            python: python.into(),
            target,
            scratch: std::env::temp_dir(),
            log: None,
            jvm_arguments: JVM_ARGUMENTS.to_owned(),
            environment: Vec::new(),
            secrets: Secrets::default(),
            limits: Limits::default(),
        }
    }
}

/// Whether a submission was refused because its preparation is lost: nothing was sent, prepare and submit again.
pub fn is_not_prepared(error: &OutsideError) -> bool {
    matches!(error, OutsideError::Refused { message, .. } if message == NOT_PREPARED)
}

impl FlinkRunSubmitter {
    /// A submitter that starts nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, session: Mutex::new(None) }
    }

    /// Starts the client now, so that the first preparation need not wait for it.
    pub async fn warm_up(&self) -> Result<(), OutsideError> {
        let mut slot = self.session.lock().await;
        let session = self.alive(slot.take()).await?;
        *slot = Some(session);
        Ok(())
    }

    /// Drops what was prepared under `key`, if anything was.
    pub async fn forget(&self, key: JobId) {
        let mut slot = self.session.lock().await;
        let Some(mut session) = slot.take() else { return };
        if !session.prepared.remove(&key) {
            *slot = Some(session);
            return;
        }
        match session.ask(&Request::Forget { key }, Instant::now() + self.options.limits.submit).await {
            Ok(_) => *slot = Some(session),
            Err(error) => tracing::warn!(%error, "a prepared job could not be dropped"),
        }
    }

    /// Ends the client, politely first. The submitter can be used again afterwards.
    pub async fn shutdown(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.leave(self.options.limits.exit).await;
        }
    }

    /// The session if its process lives, else a new one.
    async fn alive(&self, session: Option<Session>) -> Result<Session, OutsideError> {
        if let Some(mut session) = session
            && session.is_alive()
        {
            return Ok(session);
        }
        let endpoint = self.options.target.resolve().await?;
        Session::start(&self.options, &endpoint).await
    }
}

#[async_trait]
impl Submitter for FlinkRunSubmitter {
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError> {
        let what = format!("prepare `{}`", launch.name);
        let mut slot = self.session.lock().await;
        // Taken out for the request: if its caller goes away in the middle, the client goes too instead of being
        // out of step with the next one.
        let mut session = self.alive(slot.take()).await?;
        session.prepared.remove(&key);
        let end = Instant::now() + self.options.limits.prepare;
        let request = Request::Prepare { key, job: protocol::job(launch) };
        let answer = session.ask(&request, end).await.map_err(|error| OutsideError::unknown(&what, error))?;
        let prepared = answer.prepared(&self.options.secrets).map_err(|error| OutsideError::unknown(&what, error));
        if matches!(prepared, Ok(Prepared::Compiled { .. })) {
            session.prepared.insert(key);
        }
        *slot = Some(session);
        prepared
    }

    async fn submit(&self, key: JobId, id: JobId, restore: Option<&str>) -> Result<Submitted, OutsideError> {
        let what = format!("submit {id}");
        let end = Instant::now() + self.options.limits.submit;
        let Ok(mut slot) = tokio::time::timeout_at(end, self.session.lock()).await else {
            return Err(OutsideError::unknown(what, "the Flink client was busy with another job: nothing was sent"));
        };
        let Some(mut session) = slot.take() else {
            return Err(OutsideError::refused(what, NOT_PREPARED));
        };
        if !session.prepared.contains(&key) || !session.is_alive() {
            *slot = Some(session);
            return Err(OutsideError::refused(what, NOT_PREPARED));
        }
        let request = Request::Submit { key, job_id: id, restore };
        let answer = session.ask(&request, end).await.map_err(|error| OutsideError::unknown(&what, error))?;
        let submitted = match answer.submitted(&self.options.secrets) {
            Err(protocol::Open::UnknownKey) => {
                session.prepared.remove(&key);
                Err(OutsideError::refused(what, NOT_PREPARED))
            }
            Err(open) => Err(OutsideError::unknown(what, open)),
            Ok(submitted) => Ok(submitted),
        };
        *slot = Some(session);
        submitted
    }
}
