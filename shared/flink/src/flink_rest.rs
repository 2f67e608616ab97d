//! The session cluster by Flink's REST API: one look, stops, cancels, and what a job's past tells.
//! Must not know plans or claims: it asks, and says what the `JobManager` said.

mod answers;
mod configuration;
#[cfg(test)]
mod fuzz_tests;

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use answers::{
    CheckpointsAnswer, Exceptions, JobConfig, JobDetails, Metric, Overview, OverviewOfJobs, SavepointAnswer,
};
use async_trait::async_trait;
use configuration::{Configuration, Environment};
use control::ports::{Checkpoints, Cluster, OutsideError, StopStatus};
use control::secrets::Secrets;
use control::session::{Life, RunningSession};
use desired::effective::{CheckpointSettings, Effective};
use desired::printable::cut;
use jiff::Timestamp;
use lifecycle::endpoint::Endpoint;
use lifecycle::flink::{Epoch, JobSeen, Look, Slots};
use lifecycle::ids::{JobId, TriggerId};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::endpoint::{base_url, secure_url};
use crate::http::{Http, HttpReply, Timeouts};
use crate::tls::JobManagerTls;
use crate::yarn_rest::YarnRest;

/// How old the `JobManager`'s answers about one job may be: its default `web.refresh-interval`, and a margin.
const REFRESH: Duration = Duration::from_millis(3300);
/// A job that ended longer ago than this is in no cache, whatever our clock's difference from the `JobManager`'s.
const LONG_AGO_MS: i64 = 60_000;
/// How much of each line of a failure is told.
const FAILURE: usize = 1000;

/// The lines of a failure, each as much as is told.
fn lines_cut(told: &str) -> String {
    told.lines().map(|line| cut(line, FAILURE)).collect::<Vec<_>>().join("\n")
}

/// One `JobManager`'s REST API.
#[derive(Debug)]
pub struct FlinkRest {
    http: Http,
    endpoint: Endpoint,
    tls: Option<JobManagerTls>,
    /// The session that it was found as, and who granted it.
    session: Option<(RunningSession, YarnRest)>,
    /// The incarnation that was seen first: what another one says is no answer.
    first_seen: OnceLock<Epoch>,
    /// When a job was first seen at its end here.
    ended: Mutex<HashMap<JobId, Instant>>,
    /// Values that no text of it may hold: a failed job's exception can quote its configuration.
    secrets: Secrets,
}

impl FlinkRest {
    /// The `JobManager` of a standalone cluster, in plain text; connects to nothing yet.
    pub fn new(endpoint: Endpoint, timeouts: Timeouts) -> Result<Self, OutsideError> {
        Self::at(endpoint, timeouts, None)
    }

    /// The same behind TLS, where it is.
    pub fn at(endpoint: Endpoint, timeouts: Timeouts, tls: Option<JobManagerTls>) -> Result<Self, OutsideError> {
        let url = if tls.is_some() { secure_url(&endpoint) } else { base_url(&endpoint) };
        let http = Http::new(&url, timeouts, tls.as_ref())?;
        let (first_seen, ended, secrets) = (OnceLock::new(), Mutex::default(), Secrets::default());
        Ok(Self { http, endpoint, tls, session: None, first_seen, ended, secrets })
    }

    /// With values that none of its texts may hold.
    #[must_use]
    pub fn with_secrets(self, secrets: &Secrets) -> Self {
        Self { http: self.http.with_secrets(secrets.clone()), secrets: secrets.clone(), ..self }
    }

    /// The `JobManager` of a session on YARN; connects to nothing yet.
    pub fn of_session(
        session: RunningSession,
        yarn: YarnRest,
        timeouts: Timeouts,
        tls: Option<JobManagerTls>,
    ) -> Result<Self, OutsideError> {
        let own = Self::at(session.endpoint.clone(), timeouts, tls)?;
        Ok(Self { session: Some((session, yarn)), ..own })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What `flink run` is told of TLS.
    pub fn client_arguments(&self) -> Vec<String> {
        self.tls.as_ref().map(JobManagerTls::client_arguments).unwrap_or_default()
    }

    /// The incarnation of the `JobManager` that answers now; an error if it is not the one that was spoken to before.
    pub async fn epoch(&self) -> Result<Epoch, OutsideError> {
        let what = "ask the JobManager who it is";
        let epoch = match &self.session {
            None => self.configuration().await?.process(&self.endpoint),
            Some((session, _)) => {
                let environment: Environment = self.http.get("/jobmanager/environment").await?.json(what)?;
                environment.attempt(session)
            }
        };
        let epoch = epoch.map_err(|message| OutsideError::unknown(what, message))?;
        let known = self.first_seen.get_or_init(|| epoch.clone());
        if *known != epoch {
            let message = format!("the JobManager was replaced meanwhile: {known} before, {epoch} after");
            return Err(OutsideError::unknown(what, message));
        }
        Ok(epoch)
    }

    /// Every option that the `JobManager` was started with; secret values are stars.
    pub async fn options(&self) -> Result<BTreeMap<String, String>, OutsideError> {
        Ok(self.configuration().await?.into_options())
    }

    /// Asks this incarnation of the `JobManager`, and no other, to end itself and all that it has on YARN.
    pub async fn shut_down(&self) -> Result<(), OutsideError> {
        self.epoch().await?;
        match self.http.delete("/cluster").await? {
            HttpReply::Content(_) | HttpReply::Accepted => Ok(()),
            other @ HttpReply::Refused(..) => Err(other.unexpected("end the session")),
        }
    }

    async fn configuration(&self) -> Result<Configuration, OutsideError> {
        let what = "ask the JobManager for its configuration";
        Ok(Configuration(self.http.get("/jobmanager/config").await?.json(what)?))
    }

    /// How a job makes checkpoints; one that cannot make any has no such page.
    async fn checkpoint_settings(&self, id: JobId) -> Result<Option<CheckpointSettings>, OutsideError> {
        let answer = self.http.get(&format!("/jobs/{id}/checkpoints/config")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        answer.json(&format!("ask how {id} makes checkpoints")).map(Some)
    }

    /// The slots that are free, and on YARN those of the task managers that can still be granted.
    async fn slots(&self) -> Result<Option<Slots>, OutsideError> {
        let overview: Overview = self.http.get("/overview").await?.json("ask the JobManager for its slots")?;
        let own = Slots { total: overview.slots_total, free: overview.slots_available };
        let Some((_, yarn)) = &self.session else { return Ok(Some(own)) };
        let Some(taskmanager) = self.configuration().await?.taskmanager() else { return Ok(None) };
        match yarn.grantable(taskmanager.megabytes).await {
            Ok(more) => {
                let more = more.saturating_mul(taskmanager.slots);
                Ok(Some(Slots { total: own.total.saturating_add(more), free: own.free.saturating_add(more) }))
            }
            // Jobs that run need no ResourceManager, and new ones wait for it in Flink: this is no reason to stop.
            Err(error) => {
                tracing::warn!(%error, "the ResourceManager does not tell what it can still grant");
                Ok(None)
            }
        }
    }

    /// Every job, as the `JobManager` has it now: `/jobs/:id` would be up to 3 s old.
    #[expect(clippy::disallowed_methods, reason = "compared with the JobManager's clock")]
    async fn jobs(&self) -> Result<Vec<JobSeen>, OutsideError> {
        let what = "ask the JobManager for its jobs";
        let overview: OverviewOfJobs = self.http.get("/jobs/overview").await?.json(what)?;
        let jobs: Vec<JobSeen> = overview
            .jobs
            .into_iter()
            .map(JobSeen::try_from)
            .collect::<Result<_, _>>()
            .map_err(|error| OutsideError::unknown(what, error))?;
        let now = Instant::now();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs.iter().filter(|job| job.state.is_terminal()) {
            ended.entry(job.id).or_insert_with(|| {
                let long_ago = Timestamp::now().as_millisecond() - job.modified_ms > LONG_AGO_MS;
                if long_ago { now.checked_sub(REFRESH).unwrap_or(now) } else { now }
            });
        }
        Ok(jobs)
    }

    /// Waits until nothing cached before the job's end can be answered: a savepoint by which a job ended is not in its
    /// checkpoints for 3 s (measured), and without it the job would look as if it had come to its own end.
    async fn past_cache(&self, id: JobId) {
        let seen = self.ended.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        if let Some(seen) = seen {
            tokio::time::sleep_until(seen + REFRESH).await;
        }
    }
}

/// Whether the process of a standalone `JobManager` at another address is gone: its host says that nobody listens
/// there, or another process answers.
async fn is_gone(address: &str, process: &str, tls: Option<JobManagerTls>) -> bool {
    let Ok(endpoint) = address.parse::<Endpoint>() else { return false };
    let limit = Timeouts::default().connect;
    let connected = tokio::time::timeout(limit, TcpStream::connect((endpoint.host.as_str(), endpoint.port))).await;
    match connected {
        Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
        Ok(Ok(_)) => {
            let Ok(other) = FlinkRest::at(endpoint, Timeouts::default(), tls) else { return false };
            other.epoch().await.is_ok_and(|epoch| match epoch {
                Epoch::Standalone { process: now, .. } => now != process,
                Epoch::Yarn { .. } => false,
            })
        }
        Err(_) => false,
    }
}

#[async_trait]
impl Cluster for FlinkRest {
    #[expect(clippy::disallowed_methods, reason = "compared with the JobManager's clock")]
    async fn look(&self) -> Result<Look, OutsideError> {
        let at = Timestamp::now();
        let epoch = self.epoch().await?;
        let jobs = self.jobs().await?;
        let slots = self.slots().await?;
        self.epoch().await?;
        Ok(Look { epoch, at, jobs, slots })
    }

    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        let job = self.jobs().await?.into_iter().find(|job| job.id == id);
        if job.is_none() {
            // A JobManager that was replaced meanwhile knows none of our jobs, which says nothing about them.
            self.epoch().await?;
        }
        Ok(job)
    }

    async fn is_over(&self, epoch: &Epoch) -> Result<bool, OutsideError> {
        let now = match self.first_seen.get() {
            Some(first) => first.clone(),
            None => self.epoch().await?,
        };
        if epoch.is_ended_by(&now) {
            return Ok(true);
        }
        match (epoch, &self.session) {
            (Epoch::Yarn { application, .. }, Some((session, yarn))) if *application != session.application => {
                Ok(yarn.life(application).await? == Life::Over)
            }
            (Epoch::Standalone { address, process }, _) if *address != self.endpoint.to_string() => {
                Ok(is_gone(address, process, self.tls.clone()).await)
            }
            (Epoch::Yarn { .. } | Epoch::Standalone { .. }, _) => Ok(false),
        }
    }

    async fn stop(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let body = json!({ "targetDirectory": directory, "drain": false, "triggerId": trigger });
        let answer = self.http.post(&format!("/jobs/{id}/stop"), &body).await?;
        match answer {
            HttpReply::Accepted => Ok(()),
            other => Err(other.unexpected(&format!("stop {id} with a savepoint"))),
        }
    }

    async fn savepoint(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let body = json!({ "target-directory": directory, "cancel-job": false, "triggerId": trigger });
        match self.http.post(&format!("/jobs/{id}/savepoints"), &body).await? {
            HttpReply::Accepted => Ok(()),
            other => Err(other.unexpected(&format!("take a savepoint of {id}"))),
        }
    }

    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError> {
        let what = format!("ask for the stop {trigger} of {id}");
        let answer = self.http.get(&format!("/jobs/{id}/savepoints/{trigger}")).await?;
        if answer.is_not_found() {
            return Ok(StopStatus::Forgotten);
        }
        answer
            .json::<SavepointAnswer>(&what)?
            .status(&self.secrets)
            .map_err(|message| OutsideError::unknown(what, message))
    }

    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let answer = self.http.patch(&format!("/jobs/{id}?mode=cancel")).await?;
        match answer {
            HttpReply::Accepted => Ok(()),
            // Unknown or at its end already: there is nothing left to cancel.
            answer if answer.is_not_found() || answer.is_conflict() => Ok(()),
            other => Err(other.unexpected(&format!("cancel {id}"))),
        }
    }

    async fn checkpoints(&self, id: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        self.past_cache(id).await;
        let answer = self.http.get(&format!("/jobs/{id}/checkpoints")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        let answer: CheckpointsAnswer = answer.json(&format!("ask for the checkpoints of {id}"))?;
        let mut told = answer.told(&self.secrets);
        told.failure = told.failure.map(|failure| lines_cut(&failure));
        Ok(Some(told))
    }

    async fn failure(&self, id: JobId) -> Result<Option<String>, OutsideError> {
        self.past_cache(id).await;
        let answer = self.http.get(&format!("/jobs/{id}/exceptions?maxExceptions=1")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        let exceptions: Exceptions = answer.json(&format!("ask for the failures of {id}"))?;
        Ok(exceptions.newest(&self.secrets).map(|told| lines_cut(&told)))
    }

    async fn effective(&self, id: JobId) -> Result<Option<Effective>, OutsideError> {
        let what = format!("ask what {id} runs with");
        let answer = self.http.get(&format!("/jobs/{id}/config")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        let job = answer.json::<JobConfig>(&what)?.execution_config;
        let vertices: JobDetails = self.http.get(&format!("/jobs/{id}")).await?.json(&what)?;
        let checkpoints = self.checkpoint_settings(id).await?;
        Ok(Some(Effective {
            parallelism: job.job_parallelism,
            object_reuse: job.object_reuse_mode,
            widest: vertices.vertices.iter().map(|vertex| vertex.parallelism).max(),
            checkpoints,
        }))
    }

    async fn restarts(&self, id: JobId) -> Result<Option<u64>, OutsideError> {
        let answer = self.http.get(&format!("/jobs/{id}/metrics?get=numRestarts")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        let metrics: Vec<Metric> = answer.json(&format!("ask for the restarts of {id}"))?;
        // Metrics are fetched when first asked for: no value yet is no answer.
        Ok(metrics
            .iter()
            .find(|metric| metric.id == "numRestarts")
            .and_then(|metric| metric.value.as_deref()?.parse().ok()))
    }

    fn web(&self) -> Option<String> {
        Some(if self.tls.is_some() { secure_url(&self.endpoint) } else { base_url(&self.endpoint) })
    }

    async fn checkpoint_interval(&self, id: JobId) -> Result<Option<u64>, OutsideError> {
        Ok(self.checkpoint_settings(id).await?.and_then(|settings| settings.interval_ms()))
    }
}
