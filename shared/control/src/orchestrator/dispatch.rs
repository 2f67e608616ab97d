//! Sends what was ordered as one batch, in one call that is never repeated.
//! Must not know how a plan came about.

use desired::digest::Digest;
use desired::manifest::JobName;
use lifecycle::documents::batch::{Batch, BatchItem, Expected, FORMAT, Receipt};
use lifecycle::documents::plan::Plan;
use lifecycle::documents::write;
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use lifecycle::orchestrate::{ExpectedRun, Finding};

use super::Report;
use crate::ports::{Dispatcher, Order, OutsideError, Precondition, Progress, Store, World};

/// The way of batches to the node.
pub struct Batches<'a> {
    /// Where they lie.
    pub store: &'a dyn Store,
    pub keys: &'a Keys,
    /// What carries them to the node.
    pub dispatcher: &'a dyn Dispatcher,
    pub world: &'a dyn World,
}

impl Batches<'_> {
    /// The batch, then the look for its id, then the one call that is never repeated, then the receipt.
    pub async fn send(
        &self,
        id: BatchId,
        plans: &[Plan],
        expected: Vec<Expected>,
        look: bool,
    ) -> Result<String, OutsideError> {
        let keys = self.keys;
        let item = |plan: &Plan| BatchItem {
            job: plan.job.clone(),
            operation: plan.operation,
            plan: keys.plan(plan.operation),
            digest: Digest::of(&write(plan)),
        };
        let batch =
            Batch { format: FORMAT, id, at: self.world.now(), items: plans.iter().map(item).collect(), expected, look };
        let bytes = write(&batch);
        let order = Order { batch: id, key: keys.batch(id), digest: Digest::of(&bytes) };
        self.store.put(&order.key, bytes, Precondition::Always).await?;
        let dispatched_as = match self.dispatcher.find(id).await? {
            Progress::NotFound => self.dispatcher.send(&order).await?,
            Progress::Pending(step) | Progress::Running(step) | Progress::Ended(step) => step,
        };
        let (at, log) = (self.world.now(), self.dispatcher.log_of(&dispatched_as));
        let receipt = Receipt { format: FORMAT, batch: id, dispatched_as: dispatched_as.clone(), at, log };
        self.store.put(&keys.receipt(id), write(&receipt), Precondition::Always).await?;
        Ok(dispatched_as)
    }
}

impl Report {
    /// The runs that a look should find alive.
    pub fn expected(&self) -> Vec<Expected> {
        let run = |(name, finding): (&JobName, &Finding)| Some(expected(name, finding.expected?));
        self.findings.iter().filter_map(run).collect()
    }
}

/// A run of a job that a look should find alive.
pub(super) fn expected(job: &JobName, run: ExpectedRun) -> Expected {
    let ExpectedRun { job_id, revision, owed, checkpointed } = run;
    Expected { job: job.clone(), job_id, revision, owed, checkpointed }
}
