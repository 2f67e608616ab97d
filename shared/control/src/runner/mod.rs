//! The runner's shell: drives the machine of every operation of a batch and carries out its effects over the ports.
//! Must not decide anything: which effect comes next is the machine's, what is done to a job is the plan's.

mod capacity;
pub mod holding;
mod lease;
mod observe;
mod operation;
mod progress;
mod read_back;
mod run_reports;
mod timing;
mod waves;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::documents::batch::{Batch, FORMAT};
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::{read, write};
use lifecycle::execute::End;
use lifecycle::ids::{Nonce, OperationId};
use lifecycle::keys::Keys;
pub use observe::job_look;
use tokio::task::JoinSet;
use tracing::Instrument;

use self::capacity::Capacity;
use self::run_reports::RunReports;
use self::waves::Turns;
use crate::errors::error_chain;
use crate::ports::{Cluster, Files, JobLocks, OutsideError, Precondition, Store, Submitter, World};
use crate::secrets::SecretReader;

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

/// How many jobs of a batch are stopped, and how many started, at one time, where nothing else is said.
pub const WAVE: NonZeroU16 = NonZeroU16::MIN.saturating_add(9);

/// What a runner works with.
pub struct Runner {
    /// The bucket of the documents.
    pub store: Arc<dyn Store>,
    pub keys: Keys,
    /// The bucket and prefix of the documents, `s3://bucket/prefix/`, where they are known: no state lies among them.
    pub deployment: Option<String>,
    /// Where state lies.
    pub files: Arc<dyn Files>,
    pub cluster: Arc<dyn Cluster>,
    /// Compiles and submits.
    pub submitter: Arc<dyn Submitter>,
    /// The secret values of the batch.
    pub secrets: SecretReader,
    /// One lock per job on this node.
    pub locks: Arc<dyn JobLocks>,
    /// Time and fresh ids.
    pub world: Arc<dyn World>,
    /// Its time spans.
    pub times: RunnerTimes,
    /// How many jobs of a batch are stopped, and how many started, at one time.
    pub wave: NonZeroU16,
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
    pub unknown: Vec<OperationId>,
}

impl BatchReport {
    /// What was carried out before, and now.
    #[must_use]
    pub fn and(self, now: Self) -> Self {
        Self {
            finished: self.finished + now.finished,
            not_ours: self.not_ours + now.not_ours,
            unknown: self.unknown.into_iter().chain(now.unknown).collect(),
        }
    }
}

/// What the operations of one batch share.
struct Shared {
    capacity: Capacity,
    turns: Turns,
}

impl Runner {
    /// Carries out every plan of a batch, side by side; one job's failure never stops another's.
    pub async fn run(self: Arc<Self>, plans: Vec<Plan>) -> Result<BatchReport, OutsideError> {
        // Whatever Flink says from here on may hold them, about runs of a runner before this one too.
        self.secrets.read_all(plans.iter().flat_map(Plan::secrets).collect::<BTreeSet<_>>()).await;
        let look = match self.cluster.look().await {
            Ok(look) => Some(look),
            // Every operation says so in its result.
            Err(OutsideError::Refused { .. }) => None,
            Err(error @ OutsideError::Unknown { .. }) => return Err(error),
        };
        let shared = Arc::new(Shared { capacity: Capacity::of(look.as_ref(), &plans), turns: Turns::new(self.wave) });
        let mut passes = JoinSet::new();
        let mut operations = HashMap::new();
        for plan in plans {
            let operation = plan.operation;
            let (runner, shared) = (Arc::clone(&self), Arc::clone(&shared));
            let span = tracing::info_span!("operation", job = %plan.job, operation = %operation, by = plan.by);
            let pass = async move {
                let ended = Box::pin(runner.operation(plan, &shared)).await;
                if let Err(error) = &ended {
                    tracing::warn!(
                        error = error_chain(error),
                        "outcome unknown: the operation ended without a verdict"
                    );
                }
                ended
            };
            let task = passes.spawn(pass.instrument(span));
            operations.insert(task.id(), operation);
        }
        let mut report = BatchReport::default();
        while let Some(pass) = passes.join_next_with_id().await {
            let task = match pass {
                Ok((_, Ok(End::Finished))) => {
                    report.finished += 1;
                    continue;
                }
                Ok((_, Ok(End::NotOurs))) => {
                    report.not_ours += 1;
                    continue;
                }
                Ok((task, Ok(End::Unknown) | Err(_))) => task,
                Err(error) => {
                    tracing::error!(%error, "an operation's task panicked");
                    error.id()
                }
            };
            report.unknown.extend(operations.get(&task));
        }
        Ok(report)
    }

    /// Writes one look for the orchestrator, if it asked for one or the last one was another JobManager's.
    pub async fn publish_look(&self, batch: &Batch) -> Result<(), OutsideError> {
        let before = match self.last_look().await {
            // A look that was asked for needs none before it.
            Err(_) if batch.look => None,
            last => last?,
        };
        if !batch.look && before.is_none() {
            return Ok(());
        }
        let mut look = self.cluster.look().await?;
        let last = before.as_ref().map(|before| &before.look.epoch).filter(|_| !batch.look);
        let replaced = last.filter(|last| **last != look.epoch).cloned();
        if !batch.look && replaced.is_none() {
            return Ok(());
        }
        let expected = batch.expected.clone();
        let RunReports { checkpoints, since } =
            run_reports::ask(&self.cluster, &expected, &mut look, before.as_ref()).await;
        let (batch, web) = (batch.id, self.cluster.web());
        let document = ObservedDocument { format: FORMAT, batch, look, expected, replaced, checkpoints, since, web };
        self.store.put(&self.keys.observed(), write(&document), Precondition::Always).await.map(|_| ())
    }

    /// The last look, if there was one.
    async fn last_look(&self) -> Result<Option<ObservedDocument>, OutsideError> {
        let last = self.store.get(&self.keys.observed()).await?;
        // One that cannot be read is written anew with the next look that is asked for.
        Ok(last.and_then(|object| read::<ObservedDocument>(&object.bytes).ok()))
    }
}
