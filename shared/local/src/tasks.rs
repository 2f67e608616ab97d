//! The tasks a stack has under way, so that all of them end with it.
//! Must not know what a task does.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, JoinSet};

/// Locks a mutex; a panic of another holder leaves data that is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tasks of one stack; after [`Tasks::abort`] no new one starts.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Option<JoinSet<()>>>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(JoinSet::new()))))
    }

    /// Starts a task that ends with the stack; `None` once the stack has ended.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut set = lock(&self.0);
        let set = set.as_mut()?;
        // Finished tasks are let go here, so that a long life does not collect them.
        while set.try_join_next().is_some() {}
        Some(set.spawn(task))
    }

    /// Ends every task without waiting for it.
    pub(crate) fn abort(&self) {
        drop(lock(&self.0).take());
    }

    /// Ends every task and waits until all are gone.
    pub(crate) async fn shutdown(&self) {
        let set = lock(&self.0).take();
        if let Some(mut set) = set {
            set.shutdown().await;
        }
    }
}
