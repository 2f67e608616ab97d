//! Bringing jobs back after a restart of the session: a redeployment, and going on with it where no event does.
//! Must not decide anything about a job: the orchestrator does.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use control::documents::fetch;
use control::orchestrator::{Orchestrator, Scope};
use control::ports::OutsideError;
use control::session::Orders;
use desired::manifest::JobName;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::Record;
use lifecycle::ids::BatchId;
use tokio::sync::Mutex;

/// Orders through an orchestrator in this process.
pub(super) struct Redeployments {
    orchestrator: Arc<Orchestrator>,
    by: String,
    /// The batch whose look was not acted on yet.
    asked: Mutex<Option<BatchId>>,
}

impl Redeployments {
    pub(super) fn new(orchestrator: Arc<Orchestrator>, by: String) -> Self {
        Self { orchestrator, by, asked: Mutex::default() }
    }

    async fn run(&self, scope: Scope) -> Result<Option<BatchId>, OutsideError> {
        Ok(Arc::clone(&self.orchestrator).run(scope, &self.by).await?.batch)
    }

    /// The look that was asked for, once it is there; each is acted on once.
    async fn look(&self) -> Result<Option<ObservedDocument>, OutsideError> {
        let mut asked = self.asked.lock().await;
        let Some(batch) = *asked else { return Ok(None) };
        let store = self.orchestrator.store.as_ref();
        let found = fetch::<ObservedDocument>(store, &self.orchestrator.settings.keys.observed()).await?;
        let found = found.map(|(document, _)| document).filter(|document| document.batch == batch);
        if found.is_some() {
            *asked = None;
        }
        Ok(found)
    }

    /// Whether the node is done with a job and nobody took that in yet.
    async fn has_result(&self, job: &JobName) -> Result<bool, OutsideError> {
        let (store, keys) = (self.orchestrator.store.as_ref(), &self.orchestrator.settings.keys);
        let record = fetch::<Record>(store, &keys.record(job)).await?.map(|(record, _)| record);
        match record.and_then(|record| record.open) {
            Some(open) => Ok(store.get(&keys.result(job, open.plan.operation)).await?.is_some()),
            None => Ok(false),
        }
    }
}

#[async_trait]
impl Orders for Redeployments {
    async fn redeploy(&self) -> Result<(), OutsideError> {
        let batch = self.run(Scope::Redeploy).await?;
        *self.asked.lock().await = batch;
        Ok(())
    }

    async fn go_on(&self, jobs: &BTreeSet<JobName>) -> Result<(), OutsideError> {
        if let Some(look) = self.look().await? {
            self.run(Scope::Observed(Box::new(look))).await?;
        }
        let mut done = BTreeSet::new();
        for job in jobs {
            if self.has_result(job).await? {
                done.insert(job.clone());
            }
        }
        if !done.is_empty() {
            self.run(Scope::Jobs(done)).await?;
        }
        Ok(())
    }
}
