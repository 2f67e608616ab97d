//! One look at the cluster that somebody asked for: ordered, and nothing else.
//! Must not decide anything: what the look shows is judged when it arrives, as that of every look is.

use std::sync::Arc;

use lifecycle::ids::BatchId;
use lifecycle::orchestrate::ExpectedRun;

use super::Orchestrator;
use super::dispatch::{UnsentBatch, expected};
use crate::ports::OutsideError;

/// A look that was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookOrdered {
    /// The batch that asks for it: the look names it.
    pub batch: BatchId,
    /// The step or command that carries it.
    pub dispatched_as: String,
}

impl Orchestrator {
    /// Has the node look at the cluster, and tell of the runs that should be alive. A job whose record cannot be read is
    /// left out.
    pub async fn look(self: &Arc<Self>) -> Result<LookOrdered, OutsideError> {
        let records = self.records(self.all_names().await?).await?.found;
        let mut runs: Vec<_> = records
            .iter()
            .filter_map(|(name, (record, _))| Some(expected(name, ExpectedRun::of(record.as_deref()?)?)))
            .collect();
        runs.sort_by(|one, other| one.job.cmp(&other.job));
        let unsent = UnsentBatch::drawn(self.world.as_ref());
        let batch = unsent.id();
        let dispatched_as = self.batches().send(unsent, &[], runs, true).await?;
        Ok(LookOrdered { batch, dispatched_as })
    }
}
