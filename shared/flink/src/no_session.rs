//! Where there is no session to deploy to: every question is refused with the reason.
//! Must not know what was asked.

use async_trait::async_trait;
use control::ports::{Checkpoints, Cluster, OutsideError, Prepared, StopStatus, Submitted, Submitter};
use desired::effective::Effective;
use desired::launch::Launch;
use lifecycle::flink::{Epoch, JobSeen, Look};
use lifecycle::ids::{JobId, TriggerId};

#[derive(Clone, Debug)]
pub struct NoSession {
    /// What was looked for.
    pub what: String,
    /// What was found.
    pub message: String,
}

impl NoSession {
    fn refuse<T>(&self) -> Result<T, OutsideError> {
        Err(OutsideError::refused(&self.what, &self.message))
    }
}

#[async_trait]
impl Cluster for NoSession {
    async fn look(&self) -> Result<Look, OutsideError> {
        self.refuse()
    }
    async fn job(&self, _: JobId) -> Result<Option<JobSeen>, OutsideError> {
        self.refuse()
    }
    async fn is_over(&self, _: &Epoch) -> Result<bool, OutsideError> {
        self.refuse()
    }
    async fn stop(&self, _: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        self.refuse()
    }
    async fn savepoint(&self, _: JobId, _: TriggerId, _: &str) -> Result<(), OutsideError> {
        self.refuse()
    }
    async fn stop_status(&self, _: JobId, _: TriggerId) -> Result<StopStatus, OutsideError> {
        self.refuse()
    }
    async fn cancel(&self, _: JobId) -> Result<(), OutsideError> {
        self.refuse()
    }
    async fn checkpoints(&self, _: JobId) -> Result<Option<Checkpoints>, OutsideError> {
        self.refuse()
    }
    async fn failure(&self, _: JobId) -> Result<Option<String>, OutsideError> {
        self.refuse()
    }
    async fn effective(&self, _: JobId) -> Result<Option<Effective>, OutsideError> {
        self.refuse()
    }
    async fn restarts(&self, _: JobId) -> Result<Option<u64>, OutsideError> {
        self.refuse()
    }
}

#[async_trait]
impl Submitter for NoSession {
    async fn prepare(&self, _: JobId, _: &Launch) -> Result<Prepared, OutsideError> {
        self.refuse()
    }
    async fn submit(&self, _: JobId, _: JobId, _: Option<&str>) -> Result<Submitted, OutsideError> {
        self.refuse()
    }
}
