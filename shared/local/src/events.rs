//! The event bus: status events of steps and commands, sent to the function as asynchronous invocations.
//! Must not know what the function makes of them.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::config::{ACCOUNT, REGION};
use crate::faults::{Fault, Faults};
use crate::lambda::Function;
use crate::tasks::Tasks;
use crate::time::iso_seconds;

/// Sends events to the one function.
#[derive(Clone)]
pub(crate) struct Events {
    function: Arc<Function>,
    faults: Arc<Faults>,
    tasks: Tasks,
}

impl Events {
    pub(crate) fn new(function: Arc<Function>, faults: Arc<Faults>, tasks: Tasks) -> Self {
        Self { function, faults, tasks }
    }

    /// Sends one event of a service; delivery is best effort, as theirs is.
    pub(crate) fn send(&self, source: &str, detail_type: &str, resources: &[String], detail: &Value) {
        let event = json!({
            "version": "0",
            "id": uuid::Uuid::now_v7().to_string(),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": iso_seconds(SystemTime::now()),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        });
        self.deliver(detail_type, event);
    }

    /// Delivers a payload as it is, after the faults ordered under this name.
    pub(crate) fn deliver(&self, name: &str, payload: Value) {
        match self.faults.take(name) {
            Some(Fault::DelayAfter(delay)) => {
                let function = self.function.clone();
                self.tasks.spawn(async move {
                    tokio::time::sleep(delay).await;
                    function.invoke_async(payload);
                });
            }
            Some(_) => tracing::info!(name, "an event was lost as ordered"),
            None => self.function.invoke_async(payload),
        }
    }
}
