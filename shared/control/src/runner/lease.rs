//! The lease of one claim while a pass works under it: when it is to be renewed, and that nothing is done without it.
//! Must not know what the work is, nor how a claim is written.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Counted by this process's own clock, from before the write that renewed it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    length: Duration,
    ends: Instant,
    due: Instant,
}

impl Lease {
    /// One that nothing may be done under before it was renewed.
    pub(super) fn none(length: Duration) -> Self {
        let now = Instant::now();
        Self { length, ends: now, due: now }
    }

    /// The claim was written; `began` is when the write was sent. What the write took is gone from the lease.
    pub(super) fn renewed(&mut self, began: Instant) {
        let now = Instant::now();
        self.ends = began + self.length;
        self.due = now + self.ends.saturating_duration_since(now) / 3;
    }

    /// Whether the claim has to be renewed before anything more is done.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Whether the claim is still nobody else's to take.
    pub(super) fn holds(&self) -> bool {
        Instant::now() < self.ends
    }

    /// Goes on with `work` until it is done; nothing once the claim has to be renewed.
    pub(super) async fn until_due<F: Future>(self, mut work: Pin<&mut F>) -> Option<F::Output> {
        let mut timer = std::pin::pin!(sleep_until(self.due));
        poll_fn(|context| {
            // Asked of the clock, before every step of the work: a process that was stopped for a while may come back
            // to the answer that it waited for before the timer has gone off, and must not act on it.
            if self.is_due() || timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}
