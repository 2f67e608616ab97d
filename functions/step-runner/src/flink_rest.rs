//! The session cluster by Flink's REST API: one look, stops, cancels, and what a job's past tells.
//! Must not know plans or claims: it asks, and says what the `JobManager` said.

mod answers;
mod http;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{Checkpoints, Cluster, OutsideError, StopStatus};
use jiff::Timestamp;
use lifecycle::flink::{Epoch, JobSeen, Look, Slots};
use lifecycle::ids::{JobId, TriggerId};
use serde_json::json;
use tokio::time::Instant;

use crate::text;
use answers::{CheckpointsAnswer, ConfigEntry, Exceptions, Metric, Overview, OverviewOfJobs, SavepointAnswer};
use http::{Answer, Http};

/// How old the `JobManager`'s answers about one job may be: its default `web.refresh-interval`, and a margin.
const REFRESH: Duration = Duration::from_millis(3300);
/// A job that ended longer ago than this is in no cache, whatever our clock's difference from the `JobManager`'s.
const LONG_AGO_MS: i64 = 60_000;
/// How much of a failure is told.
const FAILURE: usize = 1000;

/// The limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the last byte of its answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

/// A `JobManager`'s REST API.
#[derive(Debug)]
pub struct FlinkRest {
    http: Http,
    /// When a job was first seen at its end here.
    ended: Mutex<HashMap<JobId, Instant>>,
}

impl FlinkRest {
    /// The API under `base_url`, for example `http://localhost:8081`; connects to nothing yet.
    pub fn new(base_url: &str, timeouts: Timeouts) -> Result<Self, OutsideError> {
        Ok(Self { http: Http::new(base_url, timeouts)?, ended: Mutex::default() })
    }

    /// One life of a `JobManager`: it draws the last part of its `web.tmpdir` anew at every start.
    async fn epoch(&self) -> Result<Epoch, OutsideError> {
        let what = "ask the JobManager for its configuration";
        let entries: Vec<ConfigEntry> = self.http.get("/jobmanager/config").await?.json(what)?;
        let directory = entries.iter().find(|entry| entry.key == "web.tmpdir").map(|entry| entry.value.as_str());
        match directory.and_then(|path| path.rsplit('/').next()) {
            Some(drawn) if drawn.starts_with("flink-web-") => {
                Ok(Epoch(format!("standalone:{}", text::readable(drawn))))
            }
            Some(_) | None => {
                Err(OutsideError::unknown(what, format!("`web.tmpdir` is {directory:?}, which names no life of it")))
            }
        }
    }

    /// Every job, as the `JobManager` has it now: `/jobs/:id` would be up to 3 s old.
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

#[async_trait]
impl Cluster for FlinkRest {
    async fn look(&self) -> Result<Look, OutsideError> {
        let at = Timestamp::now();
        let epoch = self.epoch().await?;
        let jobs = self.jobs().await?;
        let overview: Overview = self.http.get("/overview").await?.json("ask the JobManager for its slots")?;
        let after = self.epoch().await?;
        if epoch != after {
            let message = format!("the JobManager was replaced meanwhile: {} before, {} after", epoch.0, after.0);
            return Err(OutsideError::unknown("look at the cluster", message));
        }
        Ok(Look { epoch, at, jobs, slots: Some(Slots { total: overview.slots_total, free: overview.slots_available }) })
    }

    async fn job(&self, id: JobId) -> Result<Option<JobSeen>, OutsideError> {
        Ok(self.jobs().await?.into_iter().find(|job| job.id == id))
    }

    async fn stop(&self, id: JobId, trigger: TriggerId, directory: &str) -> Result<(), OutsideError> {
        let body = json!({ "targetDirectory": directory, "drain": false, "triggerId": trigger });
        let answer = self.http.post(&format!("/jobs/{id}/stop"), &body).await?;
        match answer {
            Answer::Accepted => Ok(()),
            other => Err(other.unexpected(&format!("stop {id} with a savepoint"))),
        }
    }

    async fn stop_status(&self, id: JobId, trigger: TriggerId) -> Result<StopStatus, OutsideError> {
        let what = format!("ask for the stop {trigger} of {id}");
        let answer = self.http.get(&format!("/jobs/{id}/savepoints/{trigger}")).await?;
        if answer.is_not_found() {
            return Ok(StopStatus::Forgotten);
        }
        answer.json::<SavepointAnswer>(&what)?.status().map_err(|message| OutsideError::unknown(what, message))
    }

    async fn cancel(&self, id: JobId) -> Result<(), OutsideError> {
        let answer = self.http.patch(&format!("/jobs/{id}?mode=cancel")).await?;
        match answer {
            Answer::Accepted => Ok(()),
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
        answer.json::<CheckpointsAnswer>(&format!("ask for the checkpoints of {id}")).map(|answer| Some(answer.into()))
    }

    async fn failure(&self, id: JobId) -> Result<Option<String>, OutsideError> {
        self.past_cache(id).await;
        let answer = self.http.get(&format!("/jobs/{id}/exceptions?maxExceptions=1")).await?;
        if answer.is_not_found() {
            return Ok(None);
        }
        let exceptions: Exceptions = answer.json(&format!("ask for the failures of {id}"))?;
        Ok(exceptions.newest().map(|line| text::cut(&line, FAILURE)))
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
}
