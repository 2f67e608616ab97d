//! Events of `EventBridge` and its schedules: S3's, EMR's, Systems Manager's.
//! Must not act on them.

use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use serde_json::Value;

use super::{Hint, NotUnderstood, Trigger};
use crate::actions::Action;

/// What an event of `EventBridge` asks for.
pub(super) enum Bridged {
    /// An object changed.
    Object(Hint),
    /// A step or command of a batch ended, or of some batch that the event does not name.
    Ended(Option<BatchId>),
    /// A schedule without words of ours.
    Redeploy,
    /// Nothing that concerns us.
    Nothing(&'static str),
}

impl From<Bridged> for Trigger {
    fn from(bridged: Bridged) -> Self {
        match bridged {
            Bridged::Object(hint) => Self::Objects(hint),
            Bridged::Ended(batch) => Self::Ended(batch),
            Bridged::Redeploy => Self::Action(Box::new(Action::Redeploy { by: None })),
            Bridged::Nothing(what) => Self::Nothing(what),
        }
    }
}

impl From<Bridged> for Hint {
    fn from(bridged: Bridged) -> Self {
        match bridged {
            Bridged::Object(hint) => hint,
            Bridged::Ended(Some(batch)) => Self { ended: [batch].into(), ..Self::default() },
            Bridged::Ended(None) => Self { sweep: true, ..Self::default() },
            Bridged::Redeploy => Self { redeploy: true, ..Self::default() },
            Bridged::Nothing(_) => Self::default(),
        }
    }
}

/// Reads an event of `EventBridge`.
pub(super) fn read(event: &Value, keys: &Keys) -> Result<Bridged, NotUnderstood> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match (text("/source"), text("/detail-type")) {
        // Created, deleted by somebody or by a lifecycle rule, restored, tagged: the object is read anew.
        ("aws.s3", kind) if kind.starts_with("Object ") => {
            let Some(key) = event.pointer("/detail/object/key").and_then(Value::as_str) else {
                return Err(NotUnderstood::new("an event of S3 without a key"));
            };
            let mut hint = Hint::default();
            // EventBridge carries the plain key.
            hint.add(keys, key);
            Ok(Bridged::Object(hint))
        }
        ("aws.emr", "EMR Step Status Change") => Ok(match text("/detail/state") {
            "COMPLETED" | "FAILED" | "CANCELLED" => {
                match text("/detail/name").strip_prefix("flink-sql-runner batch ") {
                    Some(batch) => Bridged::Ended(batch.parse().ok()),
                    None => Bridged::Nothing("a step that is not ours"),
                }
            }
            _ => Bridged::Nothing("a step under way"),
        }),
        ("aws.ssm", "EC2 Command Status-change Notification" | "EC2 Command Invocation Status-change Notification") => {
            Ok(match text("/detail/status") {
                "Pending" | "InProgress" | "Delayed" | "Cancelling" => Bridged::Nothing("a command under way"),
                // The event names the command, not the batch.
                _ => Bridged::Ended(None),
            })
        }
        // Of a rule, and of the Scheduler where it was given no input.
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Bridged::Redeploy),
        (source, kind) => Err(NotUnderstood::new(&format!("source `{source}`, detail type `{kind}`"))),
    }
}
