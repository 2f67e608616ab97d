//! The runner's shell: drives the machine of every operation of a batch and carries out its effects over the ports.
//! Must not decide anything: which effect comes next is the machine's, what is done to a job is the plan's.

mod end_run;
mod pass;

use std::sync::Arc;
use std::time::Duration;

use lifecycle::batch::{Batch, FORMAT, ObservedDocument};
use lifecycle::documents::write;
use lifecycle::execute::End;
use lifecycle::ids::Nonce;
use lifecycle::keys::Keys;
use lifecycle::plan::Plan;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::ports::{Cluster, Condition, Files, JobLocks, OutsideError, Store, Submitter, World};

/// Time spans of a runner.
#[derive(Clone, Copy, Debug)]
pub struct RunnerTimes {
    /// How long it may act after a write of its claim.
    pub lease: Duration,
    /// How much longer others leave it alone.
    pub margin: Duration,
    /// How often states are polled.
    pub poll: Duration,
    /// How long a cancel may take.
    pub cancel: Duration,
}

impl Default for RunnerTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_mins(1),
            margin: Duration::from_mins(1),
            poll: Duration::from_millis(300),
            cancel: Duration::from_mins(2),
        }
    }
}

/// What a runner works with.
pub struct Runner {
    /// The bucket of the documents.
    pub store: Arc<dyn Store>,
    /// Their keys.
    pub keys: Keys,
    /// Where state lies.
    pub files: Arc<dyn Files>,
    /// The session cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Compiles and submits.
    pub submitter: Arc<dyn Submitter>,
    /// One lock per job on this node.
    pub locks: Arc<dyn JobLocks>,
    /// Time and fresh ids.
    pub world: Arc<dyn World>,
    /// Its time spans.
    pub times: RunnerTimes,
    /// Its name in claims.
    pub nonce: Nonce,
}

/// How the operations of a batch ended for this runner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// Operations with a result now.
    pub finished: u32,
    /// Operations that another runner has or that are closed.
    pub not_ours: u32,
    /// Operations whose outcome is unknown.
    pub unknown: u32,
}

/// Slots that are still to be had, counted down by the operations of one batch.
struct Capacity(Mutex<Option<u32>>);

impl Capacity {
    async fn reserve(&self, needed: u32, freed: u32) -> Result<(), u32> {
        let mut free = self.0.lock().await;
        let Some(count) = *free else { return Ok(()) };
        let offered = count.saturating_add(freed);
        if needed > offered {
            return Err(offered);
        }
        *free = Some(offered - needed);
        Ok(())
    }
}

impl Runner {
    /// Carries out every plan of a batch, side by side; one job's failure never stops another's.
    pub async fn run(self: Arc<Self>, batch: &Batch, plans: Vec<Plan>) -> Result<BatchReport, OutsideError> {
        let look = self.cluster.look().await?;
        let capacity = Arc::new(Capacity(Mutex::new(look.slots.map(|slots| slots.free))));
        let mut passes = JoinSet::new();
        for plan in plans {
            let (runner, capacity) = (Arc::clone(&self), Arc::clone(&capacity));
            passes.spawn(async move { runner.operation(plan, &capacity).await });
        }
        let mut report = BatchReport::default();
        while let Some(pass) = passes.join_next().await {
            match pass {
                Ok(Ok(End::Finished)) => report.finished += 1,
                Ok(Ok(End::NotOurs)) => report.not_ours += 1,
                Ok(Ok(End::Unknown)) => report.unknown += 1,
                Ok(Err(error)) => {
                    tracing::warn!(error = error_chain(&error), "an operation ended without an answer to rely on");
                    report.unknown += 1;
                }
                Err(error) => {
                    tracing::error!(%error, "an operation's task broke");
                    report.unknown += 1;
                }
            }
        }
        if batch.look {
            self.publish_look(batch).await?;
        }
        Ok(report)
    }

    async fn publish_look(&self, batch: &Batch) -> Result<(), OutsideError> {
        let look = self.cluster.look().await?;
        let document = ObservedDocument { format: FORMAT, batch: batch.id, look, expected: batch.expected.clone() };
        self.store.put(&self.keys.observed(), write(&document), Condition::Always).await.map(|_| ())
    }
}

/// An error and its causes in one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
