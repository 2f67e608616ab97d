//! Events as anybody may send them: read without a panic, in linear time, whatever they hold.
//! Must not act on them.

use fuzz::drive::fuzz;
use fuzz::growth::{is_linear, repeats};
use fuzz::seeds::files;
use lifecycle::keys::Keys;
use orchestrator::events::{Trigger, read};

/// A synchronous invocation may have so many bytes.
const LONGEST: usize = 6 * 1024 * 1024;

fn event(data: &[u8]) {
    // The runtime refuses what is no JSON.
    let Ok(event) = serde_json::from_slice(data) else { return };
    let keys = Keys::new("flink-sql-runner/");
    match read(event, &keys) {
        Ok(Trigger::Action(action)) => {
            let written = serde_json::to_value(&*action).unwrap_or_default();
            assert_eq!(read(written, &keys).ok(), Some(Trigger::Action(action)), "an action says what it is");
        }
        Ok(Trigger::Objects(_) | Trigger::Messages(_) | Trigger::Ended(_) | Trigger::Nothing(_)) => {}
        Ok(Trigger::Notifications(messages)) => assert!(!messages.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[test]
fn events() {
    fuzz("events", &files(&["events"]), event);
}

#[test]
fn events_that_are_long() {
    let object = "{\"eventSource\":\"aws:s3\",\"s3\":{\"object\":{\"key\":\"flink-sql-runner/queries/a{n}.yaml\"}}},";
    let message = "{\"eventSource\":\"aws:sqs\",\"messageId\":\"{n}\",\"body\":\"[[[[\"},";
    let topic = "{\"EventSource\":\"aws:sns\",\"Sns\":{\"Message\":\"{\\\"Type\\\":\\\"Notification\\\",\\\"Message\\\":\\\"{n}\\\"}\"}},";
    let shapes = [
        repeats("topics", "{\"Records\":[", topic, "{\"EventSource\":\"aws:sns\"}]}"),
        repeats("objects", "{\"Records\":[", object, "{\"eventSource\":\"aws:s3\",\"s3\":{\"object\":{}}}]}"),
        repeats("messages", "{\"Records\":[", message, "{\"eventSource\":\"aws:sqs\",\"body\":\"\"}]}"),
        repeats("brackets", "{\"Records\":", "[", ""),
        repeats(
            "percents",
            "{\"Records\":[{\"eventSource\":\"aws:s3\",\"s3\":{\"object\":{\"key\":\"",
            "%2",
            "\"}}}]}",
        ),
        repeats("slashes", "{\"Records\":[{\"eventSource\":\"aws:s3\",\"s3\":{\"object\":{\"key\":\"", "/", "\"}}}]}"),
        repeats("names", "{\"action\":\"plan\",\"names\":[", "\"a{n}\",", "\"b\"]}"),
        repeats("arguments", "{\"detail\":{\"x\":[", "\"--batch\",", "\"\"]}}"),
    ];
    is_linear("events", &shapes, LONGEST, event);
}
