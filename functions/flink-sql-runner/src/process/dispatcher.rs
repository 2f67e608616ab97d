//! The way to the node for a program that is on it: a batch is carried out right here.
//! Must not know what any operation does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use control::clock_and_ids::SystemWorld;
use control::ports::{BatchOrder, Dispatcher, Files, OutsideError, Progress, SecretSource, Store};
use control::secrets::{SecretReader, Secrets};
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use step_runner::run::{BatchRef, Node, NodeSettings, RunError};

/// Carries out batches in this process.
pub(crate) struct ProcessDispatcher {
    pub(crate) store: Arc<dyn Store>,
    /// Where state lies.
    pub(crate) files: Arc<dyn Files>,
    /// The bucket's keys.
    pub(crate) keys: Keys,
    /// What the runner is set to.
    pub(crate) node: NodeSettings,
    /// Where secret references are resolved.
    pub(crate) secrets: Arc<dyn SecretSource>,
    /// The values that this process's log does not show.
    pub(crate) hidden: Secrets,
    /// What was carried out.
    pub(crate) sent: Mutex<BTreeSet<BatchId>>,
}

/// The name of this process as a step.
fn step() -> String {
    format!("process {}", std::process::id())
}

#[async_trait]
impl Dispatcher for ProcessDispatcher {
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        // What another process sent is not known here: its claims and locks keep it safe from a second sending.
        let sent = self.sent.lock().is_ok_and(|sent| sent.contains(&batch));
        Ok(if sent { Progress::Ended(step()) } else { Progress::NotFound })
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        if let Ok(mut sent) = self.sent.lock() {
            sent.insert(order.batch);
        }
        let reference = BatchRef { id: order.batch, key: order.key.clone(), digest: order.digest.clone() };
        let node = Node {
            store: Arc::clone(&self.store),
            s3_files: Some(Arc::clone(&self.files)),
            keys: self.keys.clone(),
            settings: &self.node,
            world: Arc::new(SystemWorld),
            secrets: SecretReader::new(Arc::clone(&self.secrets), self.hidden.clone()),
        };
        match node.run_batch(&reference).await {
            Ok(report) => {
                tracing::info!(
                    finished = report.finished,
                    not_ours = report.not_ours,
                    unknown = report.unknown.len(),
                    "batch carried out"
                );
                Ok(step())
            }
            Err(RunError::Outside(error)) => Err(error),
            Err(error) => Err(OutsideError::unknown("carrying out the batch", error)),
        }
    }
}
