//! What a notification says, whatever carried it: queues and topics put one document into another, as text.
//! Must not act on it.

use lifecycle::keys::Keys;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{Hint, Message, NotUnderstood, bridge};

/// How many documents may lie in one another: S3's or `EventBridge`'s in a topic's in a queue's, and one more.
const DEEPEST: u32 = 4;

/// The records of a document that has any.
pub(super) fn records(event: &Value) -> Option<&Vec<Value>> {
    event.get("Records").and_then(Value::as_array).filter(|records| !records.is_empty())
}

/// The service that a record is of; a topic's record writes the field differently.
pub(super) fn source(record: &Value) -> Option<&str> {
    record.get("eventSource").or_else(|| record.get("EventSource")).and_then(Value::as_str)
}

/// What S3 sends when a notification is configured; it has no records.
pub(super) fn is_test(event: &Value) -> bool {
    event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

/// A document as one message.
pub(super) fn message(id: String, document: &Value, keys: &Keys) -> Message {
    let mut hint = Hint::default();
    let unread = add(document, keys, DEEPEST, &mut hint).err().map(|NotUnderstood(what)| what);
    Message { id, hint, unread }
}

/// The same of a document as text.
pub(super) fn text(id: String, text: &str, keys: &Keys) -> Message {
    match parsed(Some(text)) {
        Ok(document) => message(id, &document, keys),
        Err(NotUnderstood(what)) => Message { id, hint: Hint::default(), unread: Some(what) },
    }
}

/// A record of a topic that calls the function itself.
pub(super) fn topic(record: &Value, keys: &Keys) -> Message {
    let field = |name: &str| record.pointer(name).and_then(Value::as_str).unwrap_or_default();
    text(field("/Sns/MessageId").to_owned(), field("/Sns/Message"), keys)
}

fn parsed(text: Option<&str>) -> Result<Value, NotUnderstood> {
    serde_json::from_str(text.unwrap_or_default()).map_err(|error| NotUnderstood::new(&format!("no JSON: {error}")))
}

/// Adds what a document says; what is understood of it is added also if something else is not.
fn add(document: &Value, keys: &Keys, deepest: u32, hint: &mut Hint) -> Result<(), NotUnderstood> {
    let Some(deepest) = deepest.checked_sub(1) else {
        return Err(NotUnderstood::new("too many documents in one another"));
    };
    if is_test(document) {
        return Ok(());
    }
    if let Some(records) = records(document) {
        return records.iter().map(|record| add_record(record, keys, deepest, hint)).fold(Ok(()), Result::and);
    }
    let field = |name: &str| document.get(name).and_then(Value::as_str);
    match (field("Type"), field("action")) {
        (Some("Notification"), _) => add(&parsed(field("Message"))?, keys, deepest, hint),
        (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), _) => {
            tracing::warn!(topic = field("TopicArn"), "a topic asks whether it may send here; nobody answers it");
            Ok(())
        }
        (_, Some("sweep")) => {
            hint.sweep = true;
            Ok(())
        }
        (_, Some("redeploy")) => {
            hint.redeploy = true;
            Ok(())
        }
        // Whoever may send to a queue or a topic may give hints, not orders.
        (_, Some(_)) => Err(NotUnderstood::new("an action that is no schedule's: invoke the function with it")),
        _ => {
            *hint = std::mem::take(hint).and(bridge::read(document, keys)?.into());
            Ok(())
        }
    }
}

fn add_record(record: &Value, keys: &Keys, deepest: u32, hint: &mut Hint) -> Result<(), NotUnderstood> {
    let field = |name: &str| record.pointer(name).and_then(Value::as_str);
    match source(record) {
        Some("aws:s3") => {
            let key = field("/s3/object/key").ok_or_else(|| NotUnderstood::new("a record of S3 without a key"))?;
            hint.add(keys, &form_decoded(key));
            Ok(())
        }
        Some("aws:sns") => add(&parsed(field("/Sns/Message"))?, keys, deepest, hint),
        Some("aws:sqs") => add(&parsed(field("/body"))?, keys, deepest, hint),
        other => Err(NotUnderstood::new(&format!("records of {}", other.unwrap_or("an unknown source")))),
    }
}

/// Keys in S3's records are form-encoded: `+` is a space.
fn form_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_form_decoded() {
        assert_eq!(form_decoded("a+b%2Fc%C3%A4%zz%"), "a b/cä%zz%");
    }
}
