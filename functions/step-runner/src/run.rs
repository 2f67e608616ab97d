//! One batch on this node: reads it, checks its digests, wires the ports and hands it to the runner.
//! Must not know what any operation does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control::ports::{Files, OutsideError, Store, World};
use control::runner::{BatchReport, Runner, RunnerTimes, error_chain};
use lifecycle::batch::Batch;
use lifecycle::documents::{DocumentError, read};
use lifecycle::ids::{BatchId, Digest};
use lifecycle::keys::Keys;
use lifecycle::manifest::JobName;
use lifecycle::plan::Plan;

use crate::flink_rest::{FlinkRest, Timeouts};
use crate::local_files::AnyFiles;
use crate::locks::{FileLocks, LockError};
use crate::submitter::{FlinkRunSubmitter, Options};
use crate::target::DeploymentTarget;

/// What the runner is set to on this node.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The `flink` script.
    pub flink: PathBuf,
    /// The Python with `PyFlink`, here and on the cluster's nodes.
    pub python: PathBuf,
    /// The session cluster.
    pub target: DeploymentTarget,
    /// Where locks and logs lie.
    pub state_directory: PathBuf,
    /// Arguments that are passed through to `flink run`.
    pub passthrough: Vec<String>,
    /// The runner's time spans.
    pub times: RunnerTimes,
    /// How long another process of this node is waited for.
    pub lock_wait: Duration,
}

/// What a dispatch names.
#[derive(Clone, Debug)]
pub struct BatchRef {
    /// The batch's id.
    pub id: BatchId,
    /// Its key.
    pub key: String,
    /// Its digest.
    pub digest: Digest,
}

/// Why a batch was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store or the cluster gave no usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// A document is not there: it may have expired.
    #[error("{key} is not there; the orchestrator sends a new batch")]
    Missing {
        /// Its key.
        key: String,
    },
    /// A document is not what was sent.
    #[error("{key} is not what was sent: its digest is {found}, {wanted} was announced")]
    Tampered {
        /// Its key.
        key: String,
        /// The digest that was announced.
        wanted: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A document cannot be read.
    #[error("{key} cannot be read")]
    Unreadable {
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: DocumentError,
    },
    /// A lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Carries out a batch.
pub async fn run_batch(
    store: Arc<dyn Store>,
    s3_files: Option<Arc<dyn Files>>,
    keys: Keys,
    reference: &BatchRef,
    settings: &NodeSettings,
    world: Arc<dyn World>,
) -> Result<BatchReport, RunError> {
    let batch: Batch = document(store.as_ref(), &reference.key, &reference.digest).await?;
    let mut plans = Vec::new();
    for item in &batch.items {
        // One plan that cannot be read never stops the others; the sweep finds its operation without a result.
        match document::<Plan>(store.as_ref(), &item.plan, &item.digest).await {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                tracing::error!(job = %item.job, operation = %item.operation, error = error_chain(&error), "plan refused");
            }
        }
    }
    let jobs: Vec<JobName> = plans.iter().map(|p| p.job.clone()).collect();
    let locks = FileLocks::open(&settings.state_directory, settings.lock_wait, &jobs)?;
    let endpoint = settings.target.resolve().await?;
    let cluster = FlinkRest::new(&endpoint.base_url(), Timeouts::default())?;
    let mut options = Options::new(&settings.flink, &settings.python, settings.target.clone());
    options.log = Some(settings.state_directory.join("flink-run.log"));
    options.passthrough.clone_from(&settings.passthrough);
    // A preparation of Python code runs that code; its submission compiles it once more.
    options.limits.submit = Duration::from_mins(3);
    let submitter = Arc::new(FlinkRunSubmitter::new(options));
    if plans.iter().any(|plan| plan.next.is_some()) {
        // The client takes seconds to start: it does so while claims are taken and the cluster is looked at.
        let warming = Arc::clone(&submitter);
        tokio::spawn(async move {
            if let Err(error) = warming.warm_up().await {
                tracing::warn!(error = error_chain(&error), "the Flink client did not start");
            }
        });
    }
    let runner = Runner {
        store,
        keys,
        files: Arc::new(AnyFiles::new(s3_files)),
        cluster: Arc::new(cluster),
        submitter: Arc::<FlinkRunSubmitter>::clone(&submitter),
        locks: Arc::new(locks),
        nonce: world.fresh_id(),
        world,
        times: settings.times,
    };
    let report = Arc::new(runner).run(&batch, plans).await;
    submitter.shutdown().await;
    Ok(report?)
}

async fn document<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    key: &str,
    wanted: &Digest,
) -> Result<T, RunError> {
    let object = store.get(key).await?.ok_or_else(|| RunError::Missing { key: key.to_owned() })?;
    let found = Digest::of(&object.bytes);
    if found != *wanted {
        return Err(RunError::Tampered { key: key.to_owned(), wanted: wanted.clone(), found });
    }
    read(&object.bytes).map_err(|source| RunError::Unreadable { key: key.to_owned(), source })
}
