//! What the control plane was asked in one invocation: once for each batch, however many jobs wait for the answer.
//! Must not know what follows from it.

use std::collections::HashMap;
use std::sync::Arc;

use lifecycle::ids::BatchId;
use tokio::sync::{Mutex, OnceCell};

use crate::ports::{Dispatcher, OutsideError, Progress};

/// The answer about one batch, which comes once.
type StateAnswer = Arc<OnceCell<Result<Progress, OutsideError>>>;

/// The answers of one invocation. A refusal is one as well: asking again would be one call more for every job.
#[derive(Default)]
pub(super) struct BatchProgress(Mutex<HashMap<BatchId, StateAnswer>>);

impl BatchProgress {
    /// How far the step or command of a batch is, as it was when it was first asked for.
    pub(super) async fn find(&self, dispatcher: &dyn Dispatcher, batch: BatchId) -> Result<Progress, OutsideError> {
        let answer = Arc::clone(self.0.lock().await.entry(batch).or_default());
        let found = answer.get_or_init(|| dispatcher.find(batch)).await;
        match found {
            Ok(progress) => Ok(progress.clone()),
            Err(error) => Err(error.shared()),
        }
    }
}
