//! Tasks side by side, never more than a limit at one time; dropping it ends those that still run.
//! Must not know what they do.

use tokio::task::{JoinError, JoinSet};

/// One task for each item, whose answers come in the order in which they end.
pub struct FanOut<I, F, T> {
    limit: usize,
    rest: I,
    task: F,
    running: JoinSet<T>,
}

impl<I, F, T> FanOut<I, F, T>
where
    I: Iterator,
    T: Send + 'static,
{
    /// Nothing runs before the first `next`.
    pub fn new<W>(limit: usize, items: impl IntoIterator<IntoIter = I>, task: F) -> Self
    where
        F: Fn(I::Item) -> W,
        W: Future<Output = T> + Send + 'static,
    {
        Self { limit, rest: items.into_iter(), task, running: JoinSet::new() }
    }

    /// The next answer, or why its task panicked; nothing once all items are done.
    pub async fn next<W>(&mut self) -> Option<Result<T, JoinError>>
    where
        F: Fn(I::Item) -> W,
        W: Future<Output = T> + Send + 'static,
    {
        while self.running.len() < self.limit {
            let Some(item) = self.rest.next() else { break };
            self.running.spawn((self.task)(item));
        }
        self.running.join_next().await
    }
}
