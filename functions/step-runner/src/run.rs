//! One batch on this node: reads it, checks its digests, wires the ports and hands it to the runner.
//! Must not know what any operation does.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control::errors::error_chain;
use control::ports::{Cluster, Files, OutsideError, Store, Submitter, World};
use control::runner::{BatchReport, Runner, RunnerTimes};
use control::secrets::SecretReader;
use desired::digest::Digest;
use desired::manifest::JobName;
use flink::flink_rest::FlinkRest;
use flink::local_files::AnyFiles;
use flink::locks::FileLocks;
use flink::no_session::NoSession;
use flink::submitter::{FlinkRunSubmitter, Options};
use flink::target::DeploymentTarget;
use lifecycle::documents::batch::Batch;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::{Document, DocumentError, read};
use lifecycle::ids::{BatchId, Nonce};
use lifecycle::keys::Keys;
use tracing::Instrument;

use crate::reached::{Attempts, NotReached, reach};

/// How many incarnations of the `JobManager` a batch goes on with, one after the other.
const INCARNATIONS: u32 = 3;

/// What the runner is set to on this node.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The `flink` script.
    pub flink: PathBuf,
    /// The Python with `PyFlink`, here and on the cluster's nodes.
    pub python: PathBuf,
    /// The session cluster.
    pub target: DeploymentTarget,
    /// The bucket and prefix of the documents, `s3://bucket/prefix/`.
    pub deployment: Option<String>,
    /// Where locks and logs lie.
    pub state_directory: PathBuf,
    /// Arguments that are passed through to `flink run`.
    pub passthrough: Vec<String>,
    /// The runner's time spans.
    pub times: RunnerTimes,
    /// How many jobs of a batch are stopped, and how many started, at one time.
    pub wave: NonZeroU16,
    /// How long another process of this node is waited for.
    pub lock_wait: Duration,
    /// How often a JobManager that does not answer is asked.
    pub attempts: Attempts,
}

/// What a dispatch names.
#[derive(Clone, Debug)]
pub struct BatchRef {
    /// The batch's id.
    pub id: BatchId,
    pub key: String,
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
    Missing { key: String },
    /// A document is not what was sent.
    #[error("{key} is not what was sent: its digest is {found}, {wanted} was expected")]
    Tampered {
        key: String,
        /// The digest that was expected.
        wanted: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// A document cannot be read.
    #[error("{key} cannot be read")]
    Unreadable {
        key: String,
        #[source]
        source: DocumentError,
    },
}

/// This node, for one batch.
pub struct Node<'a> {
    pub store: Arc<dyn Store>,
    /// Where Flink keeps state in S3; nothing where it does not.
    pub s3_files: Option<Arc<dyn Files>>,
    pub keys: Keys,
    pub settings: &'a NodeSettings,
    pub world: Arc<dyn World>,
    /// The batch's own: a value that was read is not read again.
    pub secrets: SecretReader,
}

impl Node<'_> {
    /// Carries out a batch; every line of the log that is about it names it.
    #[tracing::instrument(name = "batch", skip_all, fields(batch = %reference.id))]
    pub async fn run_batch(&self, reference: &BatchRef) -> Result<BatchReport, RunError> {
        let batch: Batch = document(self.store.as_ref(), &reference.key, &reference.digest).await?;
        let mut plans = Vec::new();
        for item in &batch.items {
            // One plan that cannot be read never stops the others; the sweep finds its operation without a result.
            match document::<Plan>(self.store.as_ref(), &item.plan, &item.digest).await {
                Ok(plan) => plans.push(plan),
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::error!(job = %item.job, operation = %item.operation, error, "plan refused");
                }
            }
        }
        self.carry_out(&batch, plans).await
    }

    /// Carries out every plan against one `JobManager`. What was lost with it is begun again, from the claims, with
    /// the one that follows it.
    async fn carry_out(&self, batch: &Batch, mut plans: Vec<Plan>) -> Result<BatchReport, RunError> {
        let nonce = self.world.fresh_id().into();
        let mut report = BatchReport::default();
        for incarnation in 1..=INCARNATIONS {
            let cluster = match reach(&self.settings.target, self.settings.attempts).await {
                Ok(cluster) => Arc::new(cluster.with_secrets(self.secrets.secrets())),
                Err(NotReached { what, message, unanswered }) => {
                    // Every operation says so in its result.
                    let nothing = Arc::new(NoSession { what, message });
                    let runner = self.runner(nonce, Arc::<NoSession>::clone(&nothing), nothing, &plans);
                    let report = report.and(runner.run(plans).await?);
                    // The look that was asked for cannot be had.
                    return unanswered.filter(|_| batch.look).map_or(Ok(report), |error| Err(error.into()));
                }
            };
            let submitter = Arc::new(self.submitter(&cluster));
            let runner = self.runner(
                nonce,
                Arc::<FlinkRest>::clone(&cluster),
                Arc::<FlinkRunSubmitter>::clone(&submitter),
                &plans,
            );
            if plans.iter().any(|plan| plan.next.is_some()) {
                warm_up(&submitter);
            }
            let carried = Arc::clone(&runner).run(plans.clone()).await;
            submitter.shutdown().await;
            let carried = match carried {
                // It went since it answered: no operation was taken yet.
                Err(error @ OutsideError::Unknown { .. }) if incarnation < INCARNATIONS => {
                    tracing::warn!(error = error_chain(&error), "the JobManager was lost before anything was begun");
                    continue;
                }
                carried => carried?,
            };
            plans.retain(|plan| carried.unknown.contains(&plan.operation));
            report = report.and(carried);
            if incarnation < INCARNATIONS && !plans.is_empty() && cluster.epoch().await.is_err() {
                tracing::warn!(
                    operations = plans.len(),
                    "the JobManager was lost: the rest goes on with its successor"
                );
                report.unknown.clear();
                continue;
            }
            match runner.publish_look(batch).await {
                // Nobody asked for this one: every batch tries again.
                Err(error) if !batch.look => tracing::warn!(error = error_chain(&error), "no look was written"),
                published => published?,
            }
            break;
        }
        Ok(report)
    }

    fn submitter(&self, cluster: &FlinkRest) -> FlinkRunSubmitter {
        let jobmanager = cluster.endpoint().clone();
        let mut options = Options::new(&self.settings.flink, &self.settings.python, jobmanager, self.secrets.clone());
        options.log = Some(self.settings.state_directory.join("flink-run.log"));
        options.passthrough = cluster.client_arguments();
        options.passthrough.extend_from_slice(&self.settings.passthrough);
        // A preparation of Python code runs that code; its submission compiles it once more.
        options.limits.submit = Duration::from_mins(3);
        FlinkRunSubmitter::new(options)
    }

    fn runner(
        &self,
        nonce: Nonce,
        cluster: Arc<dyn Cluster>,
        submitter: Arc<dyn Submitter>,
        plans: &[Plan],
    ) -> Arc<Runner> {
        let jobs: Vec<JobName> = plans.iter().map(|plan| plan.job.clone()).collect();
        let locks = FileLocks::open(&self.settings.state_directory, self.settings.lock_wait, &jobs);
        Arc::new(Runner {
            store: Arc::clone(&self.store),
            keys: self.keys.clone(),
            deployment: self.settings.deployment.clone(),
            files: Arc::new(AnyFiles::new(self.s3_files.clone())),
            cluster,
            submitter,
            secrets: self.secrets.clone(),
            locks: Arc::new(locks),
            nonce,
            world: Arc::clone(&self.world),
            times: self.settings.times,
            wave: self.settings.wave,
        })
    }
}

/// The client takes seconds to start: it does so while claims are taken and the cluster is looked at.
fn warm_up(submitter: &Arc<FlinkRunSubmitter>) {
    let warming = Arc::clone(submitter);
    let warm_up = async move {
        if let Err(error) = warming.warm_up().await {
            tracing::warn!(error = error_chain(&error), "the Flink client did not start");
        }
    };
    tokio::spawn(warm_up.in_current_span());
}

async fn document<T: Document>(store: &dyn Store, key: &str, wanted: &Digest) -> Result<T, RunError> {
    let object = store.get(key).await?.ok_or_else(|| RunError::Missing { key: key.to_owned() })?;
    let found = Digest::of(&object.bytes);
    if found != *wanted {
        return Err(RunError::Tampered { key: key.to_owned(), wanted: wanted.clone(), found });
    }
    read(&object.bytes).map_err(|source| RunError::Unreadable { key: key.to_owned(), source })
}
