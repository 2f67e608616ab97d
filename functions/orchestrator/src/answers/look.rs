//! The answer to an order of a look at the cluster.
//! Must not know how a look is taken, nor what it shows.

use control::orchestrator::LookOrdered;
use lifecycle::ids::BatchId;
use serde::{Deserialize, Serialize};

/// The answer to look.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookAnswer {
    /// `flink-sql-runner/look`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    /// The batch that asks for the look: `cluster/observed.json` names it once it was taken.
    pub batch: BatchId,
    /// The step or command that carries it.
    pub dispatched_as: String,
}

impl From<LookOrdered> for LookAnswer {
    fn from(LookOrdered { batch, dispatched_as }: LookOrdered) -> Self {
        Self { format: "flink-sql-runner/look".to_owned(), version: 1, batch, dispatched_as }
    }
}
