//! Compiles and submits jobs in one warm `flink run`, which is started when first needed and again after it was lost.
//! Must not know plans, claims or the cluster's state.

mod client;
#[cfg(test)]
mod fuzz_tests;
mod protocol;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use client::{FlinkClient, Lost, NodeBroken};
use control::ports::{OutsideError, Prepared, Submitted, Submitter};
use control::secrets::{NoValues, SecretReader};
use desired::launch::Launch;
use lifecycle::endpoint::Endpoint;
use lifecycle::ids::JobId;
use protocol::{Job, Reply, Request};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The Python that `flink run` is given.
const SCRIPT: &str = "submitter.py";
/// The script and its modules. Python finds them beside the script; `-pyfs` would give them to every job as well. The
/// prefix of their names keeps them apart from the modules that jobs import.
const SOURCES: [(&str, &str); 3] = [
    (SCRIPT, include_str!("../submitter/submitter.py")),
    ("flink_sql_runner_errors.py", include_str!("../submitter/flink_sql_runner_errors.py")),
    ("flink_sql_runner_job.py", include_str!("../submitter/flink_sql_runner_job.py")),
];
/// A client that compiles a few jobs and ends: quick to start (-40 % measured), never hot.
const JVM_ARGUMENTS: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

/// How long each thing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the client's start to its first line.
    pub start: Duration,
    /// A preparation, from its turn on; a `code` job's own code may take a minute of it.
    pub prepare: Duration,
    /// A submission, from its turn on.
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
    /// The `JobManager` that jobs are given to: the one that was observed, and no other.
    pub jobmanager: Endpoint,
    /// More arguments for `flink run`, after ours.
    pub passthrough: Vec<String>,
    /// An existing directory with a short path for the script and the socket.
    pub scratch: PathBuf,
    /// Where everything that the client prints is appended.
    pub log: Option<PathBuf>,
    /// The client's `JVM_ARGS`.
    pub jvm_arguments: String,
    /// Variables beside those of this process that are for Flink (`FLINK_CONF_DIR` is passed on anyway).
    pub environment: Vec<(String, String)>,
    /// Resolves the secret references of jobs; the values appear in nothing that the client prints or answers.
    pub secrets: SecretReader,
    pub limits: Limits,
}

/// The submitter of one runner: one client process, one request in flight.
///
/// The process is given up, and killed with all it was about to do, once it ends, hangs up, answers nonsense, is late,
/// or its caller goes away in the middle of a request; the request under way then has an unknown outcome. The next
/// request starts a new one. What one job does to the process costs the others nothing but time: a submission whose
/// preparation was lost with it prepares again first. A submission under a key that was never prepared here is
/// [`NotPrepared`], of unknown outcome too, since a runner before this one may have sent it.
#[derive(Debug)]
pub struct FlinkRunSubmitter {
    options: Options,
    client: Mutex<Client>,
}

/// A submission under a key that was not prepared, or is not accepted any more: nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NotPrepared {
    /// Never prepared by this submitter, or forgotten.
    #[error("the job was not prepared here: nothing was sent")]
    Never,
    /// The Flink client was replaced, and the new one does not take the job.
    #[error("the job was prepared, but not again after the Flink client was lost, nothing was sent: {0}")]
    NotAgain(String),
}

#[derive(Debug, Default)]
struct Client {
    flink: Option<FlinkClient>,
    /// What was prepared, to prepare it again if the process is lost before the submission.
    prepared: HashMap<JobId, Job>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(2),
            prepare: Duration::from_mins(3),
            submit: Duration::from_mins(1),
            exit: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// The client `flink` for `jobmanager`, everything else as usual.
    pub fn new(
        flink: impl Into<PathBuf>,
        python: impl Into<PathBuf>,
        jobmanager: Endpoint,
        secrets: SecretReader,
    ) -> Self {
        Self {
            flink: flink.into(),
            python: python.into(),
            jobmanager,
            passthrough: Vec::new(),
            scratch: std::env::temp_dir(),
            log: None,
            jvm_arguments: JVM_ARGUMENTS.to_owned(),
            environment: Vec::new(),
            secrets,
            limits: Limits::default(),
        }
    }
}

impl FlinkRunSubmitter {
    /// A submitter that starts nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, client: Mutex::default() }
    }

    /// Starts the Flink client now, so that the first preparation need not wait for it.
    pub async fn warm_up(&self) -> Result<(), OutsideError> {
        let mut client = self.client.lock().await;
        let flink = self.alive(&mut client).await;
        client.flink = Some(flink.map_err(|broken| OutsideError::unknown("start the Flink client", broken))?);
        Ok(())
    }

    /// Drops what was prepared under `key`, if anything was.
    pub async fn forget(&self, key: JobId) {
        let mut client = self.client.lock().await;
        client.prepared.remove(&key);
        let Some(mut flink) = client.flink.take() else { return };
        if flink.prepared.remove(&key)
            && let Err(error) = flink.ask(&Request::Forget { key }, Instant::now() + self.options.limits.submit).await
        {
            tracing::warn!(%error, "a prepared job could not be dropped");
            return;
        }
        client.flink = Some(flink);
    }

    /// Ends the Flink client, politely first; the submitter can still be used afterwards.
    pub async fn shutdown(&self) {
        let flink = self.client.lock().await.flink.take();
        if let Some(flink) = flink {
            flink.leave(self.options.limits.exit).await;
        }
    }

    /// The Flink client, taken out of its place until its next answer is read: whoever stops waiting for that answer drops
    /// the client with its process, and no later request reads an answer that was not meant for it.
    async fn alive(&self, client: &mut Client) -> Result<FlinkClient, NodeBroken> {
        if let Some(mut flink) = client.flink.take()
            && flink.is_alive()
        {
            return Ok(flink);
        }
        FlinkClient::start(&self.options).await
    }

    async fn prepare_in(&self, flink: &mut FlinkClient, key: JobId, job: &Job) -> Result<Reply, Lost> {
        flink.prepared.remove(&key);
        flink.ask(&Request::Prepare { key, job }, Instant::now() + self.options.limits.prepare).await
    }

    /// Prepares again in `flink` what was prepared in one that is gone; a refusal is no answer about the submission.
    async fn prepare_again(
        &self,
        flink: &mut FlinkClient,
        key: JobId,
        job: &Job,
    ) -> Result<Result<(), NotPrepared>, Lost> {
        let again = self.prepare_in(flink, key, job).await?.prepared(self.options.secrets.secrets());
        Ok(match again {
            Ok(Prepared::Compiled { .. }) => {
                flink.prepared.insert(key);
                Ok(())
            }
            Ok(Prepared::Rejected(rejection)) => Err(NotPrepared::NotAgain(rejection.message)),
            Ok(Prepared::NoSecret(message) | Prepared::NodeBroken(message)) => Err(NotPrepared::NotAgain(message)),
            Err(open) => Err(NotPrepared::NotAgain(open.to_string())),
        })
    }
}

#[async_trait]
impl Submitter for FlinkRunSubmitter {
    async fn prepare(&self, key: JobId, launch: &Launch) -> Result<Prepared, OutsideError> {
        let what = format!("prepare `{}`", launch.name);
        let values = match self.options.secrets.values(&launch.secrets()).await {
            Ok(values) => values,
            Err(NoValues::Refused(why)) => return Ok(Prepared::NoSecret(why)),
            Err(NoValues::Unknown(error)) => return Err(error),
        };
        let job = match protocol::job(launch, &values) {
            Ok(job) => job,
            Err(missing) => return Ok(Prepared::NoSecret(format!("{missing} has no value"))),
        };
        let mut client = self.client.lock().await;
        client.prepared.remove(&key);
        let mut flink = match self.alive(&mut client).await {
            Ok(flink) => flink,
            Err(NodeBroken(why)) => return Ok(Prepared::NodeBroken(why)),
        };
        let answer = self.prepare_in(&mut flink, key, &job).await.map_err(|lost| OutsideError::unknown(&what, lost))?;
        let prepared =
            answer.prepared(self.options.secrets.secrets()).map_err(|open| OutsideError::unknown(&what, open));
        if matches!(prepared, Ok(Prepared::Compiled { .. })) {
            flink.prepared.insert(key);
            client.prepared.insert(key, job);
        }
        client.flink = Some(flink);
        match prepared? {
            Prepared::NodeBroken(why) => Ok(Prepared::NodeBroken(NodeBroken::said(&self.options, &why).0)),
            told @ (Prepared::Compiled { .. } | Prepared::Rejected(_) | Prepared::NoSecret(_)) => Ok(told),
        }
    }

    async fn submit(&self, key: JobId, id: JobId, restore: Option<&str>) -> Result<Submitted, OutsideError> {
        let what = format!("submit {id}");
        let mut client = self.client.lock().await;
        let Some(job) = client.prepared.get(&key).cloned() else {
            return Err(OutsideError::unknown(what, NotPrepared::Never));
        };
        // A client that cannot be started says nothing about an earlier submission under this id.
        let mut flink = self.alive(&mut client).await.map_err(|error| OutsideError::unknown(&what, error))?;
        if !flink.prepared.contains(&key) {
            let again =
                self.prepare_again(&mut flink, key, &job).await.map_err(|lost| OutsideError::unknown(&what, lost))?;
            if let Err(not_again) = again {
                client.flink = Some(flink);
                return Err(OutsideError::unknown(what, not_again));
            }
        }
        let request = Request::Submit { key, job_id: id, restore };
        let end = Instant::now() + self.options.limits.submit;
        let answer = flink.ask(&request, end).await.map_err(|lost| OutsideError::unknown(&what, lost))?;
        let submitted =
            answer.submitted(self.options.secrets.secrets()).map_err(|open| OutsideError::unknown(&what, open));
        client.flink = Some(flink);
        submitted
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_source_of_the_submitter_is_given_to_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("submitter");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let python = files.filter(|file| file.extension().is_some_and(|end| end == "py"));
        let mut there: Vec<String> =
            python.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let mut given: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
        there.sort_unstable();
        given.sort_unstable();
        assert_eq!(there, given);
    }
}
