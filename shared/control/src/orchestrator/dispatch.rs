//! Sends what was ordered as one batch: one call that is never repeated, under an id that was never used before.
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
use crate::ports::{BatchOrder, Dispatcher, OutsideError, Precondition, Store, World};

/// The id of a batch that was drawn here and that nobody sent yet. Sending uses it up, so that no step or command can
/// carry it before: nothing has to be looked for.
#[derive(Debug)]
pub struct UnsentBatch(BatchId);

impl UnsentBatch {
    /// A fresh one.
    pub fn drawn(world: &dyn World) -> Self {
        Self(world.fresh_id().into())
    }

    /// What the batch is called, for those who note it before it is sent.
    pub fn id(&self) -> BatchId {
        self.0
    }
}

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
    /// The batch, then the one call that is never repeated, then the receipt.
    pub async fn send(
        &self,
        UnsentBatch(id): UnsentBatch,
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
        let order = BatchOrder { batch: id, key: keys.batch(id), digest: Digest::of(&bytes) };
        self.store.put(&order.key, bytes, Precondition::Always).await?;
        let dispatched_as = self.dispatcher.send(&order).await?;
        let (at, log) = (self.world.now(), self.dispatcher.log_of(&dispatched_as));
        let instance = self.dispatcher.instance_of(&dispatched_as);
        let receipt = Receipt { format: FORMAT, batch: id, dispatched_as: dispatched_as.clone(), at, log, instance };
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
