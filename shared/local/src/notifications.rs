//! Where S3's notifications go: to the function, through EventBridge, or into the queue.
//! Must not know what a notification looks like, nor who reads it.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::NotifyVia;
use crate::events::Events;
use crate::faults::{Fault, Faults};
use crate::queue::Queue;
use crate::s3::{Change, notify};
use crate::tasks::Tasks;

/// The name under which faults of notifications are ordered.
const NOTIFICATION: &str = "S3Notification";

/// What notifications need on their way.
pub(crate) struct Notifications {
    /// What keys begin with that are notified of.
    pub(crate) prefixes: Vec<String>,
    pub(crate) via: NotifyVia,
    pub(crate) queue: Arc<Queue>,
    pub(crate) events: Events,
    pub(crate) faults: Arc<Faults>,
    pub(crate) tasks: Tasks,
}

impl Notifications {
    /// Delivers every change under the prefixes, in their order.
    pub(crate) async fn deliver(self, mut changed: mpsc::UnboundedReceiver<Change>) {
        while let Some(change) = changed.recv().await {
            if !self.prefixes.iter().any(|prefix| change.key.starts_with(prefix)) {
                continue;
            }
            match self.via {
                NotifyVia::Direct => self.events.deliver(NOTIFICATION, notify::document(&change)),
                NotifyVia::EventBridge => self.events.deliver(NOTIFICATION, notify::event(&change)),
                NotifyVia::Sqs => self.queued(&change),
            }
        }
    }

    fn queued(&self, change: &Change) {
        let body = notify::document(change).to_string();
        match self.faults.take(NOTIFICATION) {
            None => self.queue.send(body),
            Some(Fault::DelayAfter(delay)) => {
                let queue = Arc::clone(&self.queue);
                self.tasks.spawn(async move {
                    tokio::time::sleep(delay).await;
                    queue.send(body);
                });
            }
            Some(_) => tracing::info!(key = change.key, "a notification was lost as ordered"),
        }
    }
}
