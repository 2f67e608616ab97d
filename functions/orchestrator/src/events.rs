//! Events as hints: which jobs an event is about. Duplicates and late ones need nothing more, since every job is read anew.
//! Must not act on them.

use std::collections::BTreeSet;

use aws_lambda_events::event::s3::S3Event;
use aws_lambda_events::event::sqs::SqsEvent;
use desired::manifest::JobName;
use lifecycle::ids::BatchId;
use lifecycle::keys::{Keys, ObjectKind};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::actions::Action;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Objects changed.
    Objects(Hint),
    /// Objects changed, as messages that are answered for one by one.
    Messages(Vec<Message>),
    /// A step or command of a batch ended, or of some batch that the event does not name.
    Ended(Option<BatchId>),
    /// A schedule or a person asks.
    Action(Box<Action>),
    /// Nothing that concerns us.
    Nothing(&'static str),
}

/// One message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, which a partial batch response names.
    pub id: String,
    /// What it says; nothing if it is no notification of ours.
    pub hint: Option<Hint>,
}

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Jobs whose manifest or result changed.
    pub jobs: BTreeSet<JobName>,
    /// Whether the configuration changed: it concerns every job.
    pub config: bool,
    /// Whether a look at the cluster arrived.
    pub observed: bool,
    /// Whether a file changed whose stem is no name: only its refusal is told.
    pub unnamed: bool,
}

impl Hint {
    /// What both say.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.jobs.extend(other.jobs);
        self.config |= other.config;
        self.observed |= other.observed;
        self.unnamed |= other.unnamed;
        self
    }

    fn add(&mut self, keys: &Keys, key: &str) {
        match keys.kind_of(key) {
            ObjectKind::Query { stem } => match JobName::try_from(stem.as_str()) {
                Ok(name) => {
                    self.jobs.insert(name);
                }
                Err(_) => self.unnamed = true,
            },
            ObjectKind::Result { job } => self.jobs.extend(JobName::try_from(job.as_str()).ok()),
            ObjectKind::Config => self.config = true,
            ObjectKind::Observed => self.observed = true,
            ObjectKind::Other => {}
        }
    }
}

/// An event that is none of those that reach us.
#[derive(Debug, thiserror::Error)]
#[error("the event is not understood: {0}")]
pub struct NotUnderstood(String);

/// Reads an event.
pub fn read(event: Value, keys: &Keys) -> Result<Trigger, NotUnderstood> {
    if event.get("action").is_some() {
        let action = serde_json::from_value(event).map_err(|error| NotUnderstood(format!("not an action: {error}")))?;
        return Ok(Trigger::Action(Box::new(action)));
    }
    if let Some(record) = event.get("Records").and_then(|r| r.get(0)) {
        return match record.get("eventSource").and_then(Value::as_str) {
            Some("aws:sqs") => messages(event, keys),
            Some("aws:s3") => Ok(Trigger::Objects(notification(event, keys)?)),
            other => Err(NotUnderstood(format!("records of {}", other.unwrap_or("an unknown source")))),
        };
    }
    if is_test(&event) {
        return Ok(Trigger::Nothing("s3:TestEvent"));
    }
    bridge(&event, keys)
}

/// What S3 sends when a notification is configured; it has no records.
fn is_test(event: &Value) -> bool {
    event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

fn messages(event: Value, keys: &Keys) -> Result<Trigger, NotUnderstood> {
    let event: SqsEvent = serde_json::from_value(event).map_err(|error| NotUnderstood(error.to_string()))?;
    let read = |body: &str| -> Option<Hint> {
        let body: Value = serde_json::from_str(body).ok()?;
        if is_test(&body) { Some(Hint::default()) } else { notification(body, keys).ok() }
    };
    let messages = event.records.into_iter().map(|message| Message {
        hint: message.body.as_deref().and_then(read),
        id: message.message_id.unwrap_or_default(),
    });
    Ok(Trigger::Messages(messages.collect()))
}

/// Keys in S3 notifications are form-encoded: `+` is a space.
fn notification(event: Value, keys: &Keys) -> Result<Hint, NotUnderstood> {
    let event: S3Event = serde_json::from_value(event).map_err(|error| NotUnderstood(error.to_string()))?;
    let mut hint = Hint::default();
    for record in event.records {
        if let Some(key) = record.s3.object.key {
            hint.add(keys, &form_decoded(&key));
        }
    }
    Ok(hint)
}

fn form_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn bridge(event: &Value, keys: &Keys) -> Result<Trigger, NotUnderstood> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match (text("/source"), text("/detail-type")) {
        ("aws.s3", "Object Created" | "Object Deleted") => {
            let mut hint = Hint::default();
            // EventBridge carries the plain key.
            hint.add(keys, text("/detail/object/key"));
            Ok(Trigger::Objects(hint))
        }
        ("aws.emr", "EMR Step Status Change") => Ok(match text("/detail/state") {
            "COMPLETED" | "FAILED" | "CANCELLED" => {
                match text("/detail/name").strip_prefix("flink-sql-runner batch ") {
                    Some(batch) => Trigger::Ended(batch.parse().ok()),
                    None => Trigger::Nothing("a step that is not ours"),
                }
            }
            _ => Trigger::Nothing("a step under way"),
        }),
        ("aws.ssm", "EC2 Command Status-change Notification" | "EC2 Command Invocation Status-change Notification") => {
            Ok(match text("/detail/status") {
                "Pending" | "InProgress" | "Delayed" | "Cancelling" => Trigger::Nothing("a command under way"),
                // The event names the command, not the batch.
                _ => Trigger::Ended(None),
            })
        }
        ("aws.events", "Scheduled Event") => Ok(Trigger::Action(Box::new(Action::Redeploy { by: None }))),
        (source, kind) => Err(NotUnderstood(format!("source `{source}`, detail type `{kind}`"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys() -> Keys {
        Keys::new("flink-sql-runner/")
    }

    fn job(name: &str) -> JobName {
        JobName::try_from(name).unwrap()
    }

    #[test]
    fn keys_are_form_decoded() {
        assert_eq!(form_decoded("a+b%2Fc%C3%A4%zz%"), "a b/cä%zz%");
    }

    #[test]
    fn a_test_event_and_strangers_ask_for_nothing() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"});
        assert_eq!(read(test, &keys()).ok(), Some(Trigger::Nothing("s3:TestEvent")));
        assert!(read(json!({"hello": 1}), &keys()).is_err());
        assert!(read(json!({"action": "explode"}), &keys()).is_err());
    }

    #[test]
    fn a_message_that_is_no_notification_is_told_apart() {
        let sample = include_str!("../../../events/s3-object-created.json");
        let event = json!({"Records": [
            {"eventSource": "aws:sqs", "messageId": "1", "body": sample},
            {"eventSource": "aws:sqs", "messageId": "2", "body": "not json"},
        ]});
        let Ok(Trigger::Messages(messages)) = read(event, &keys()) else { panic!("not messages") };
        assert_eq!(messages[0].hint.as_ref().map(|h| h.jobs.clone()), Some(BTreeSet::from([job("orders-per-buyer")])));
        assert_eq!(messages[1], Message { id: "2".into(), hint: None });
    }
}
