//! The queue and its event source mapping: batches, partial replies, hidden messages, dead letters.
//! Must not know what a message says.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::{ACCOUNT, QueueConfig, REGION};
use crate::lambda::{Function, Outcome};
use crate::tasks::{Tasks, lock};
use crate::time::epoch_millis;

/// The fewest concurrent deliveries that an event source mapping can be held to.
const DELIVERIES: usize = 2;
/// The longest wait until the queue is looked at again, as a long poll has.
const POLL: Duration = Duration::from_secs(20);

/// The queue of the stack.
pub(crate) struct Queue {
    config: QueueConfig,
    messages: Mutex<Messages>,
    arrived: Notify,
    /// One delivery gathers its batch at a time.
    gathering: tokio::sync::Mutex<()>,
    function: Arc<Function>,
}

#[derive(Default)]
struct Messages {
    sequence: u64,
    /// In the order of arrival.
    all: BTreeMap<u64, Message>,
}

#[derive(Clone)]
struct Message {
    id: String,
    body: String,
    sent: SystemTime,
    first_received: Option<SystemTime>,
    visible: Instant,
    received: u32,
    /// The newest receipt; older ones no longer delete.
    receipt: String,
}

impl Queue {
    pub(crate) fn new(config: QueueConfig, function: Arc<Function>) -> Self {
        let gathering = tokio::sync::Mutex::default();
        Self { config, messages: Mutex::default(), arrived: Notify::new(), gathering, function }
    }

    /// Starts the deliveries.
    pub(crate) fn start(self: &Arc<Self>, tasks: &Tasks) {
        for _ in 0..DELIVERIES {
            let queue = self.clone();
            tasks.spawn(async move {
                loop {
                    let batch = queue.gather().await;
                    queue.deliver(batch).await;
                }
            });
        }
    }

    /// Puts a message into the queue.
    pub(crate) fn send(&self, body: String) {
        let mut messages = lock(&self.messages);
        messages.sequence += 1;
        let sequence = messages.sequence;
        let message = Message {
            id: uuid::Uuid::now_v7().to_string(),
            body,
            sent: SystemTime::now(),
            first_received: None,
            visible: Instant::now(),
            received: 0,
            receipt: String::new(),
        };
        messages.all.insert(sequence, message);
        drop(messages);
        self.arrived.notify_one();
    }

    /// How many messages are not deleted yet.
    pub(crate) fn len(&self) -> usize {
        lock(&self.messages).all.len()
    }

    /// Waits for messages and takes a batch of them.
    async fn gather(&self) -> Vec<Message> {
        let _gathering = self.gathering.lock().await;
        let mut full_at = None;
        loop {
            let now = Instant::now();
            let (ready, next) = self.look(now);
            let due = *full_at.get_or_insert(now + self.config.window);
            if ready == 0 {
                full_at = None;
            } else if ready >= self.config.batch_size || now >= due {
                return self.take(now);
            }
            let mut limit = next.unwrap_or(now + POLL).min(now + POLL);
            if ready > 0 {
                limit = limit.min(due);
            }
            let _ = tokio::time::timeout_at(limit, self.arrived.notified()).await;
        }
    }

    /// How many messages are visible, and when the next one will be.
    fn look(&self, now: Instant) -> (usize, Option<Instant>) {
        let messages = lock(&self.messages);
        let ready = messages.all.values().filter(|message| message.visible <= now).count();
        (ready, messages.all.values().map(|message| message.visible).filter(|visible| *visible > now).min())
    }

    /// Hides a batch of visible messages; those received too often become dead letters.
    fn take(&self, now: Instant) -> Vec<Message> {
        let mut messages = lock(&self.messages);
        let spent = |message: &Message| message.visible <= now && message.received >= self.config.max_receive.max(1);
        let dead: Vec<u64> = messages.all.iter().filter(|(_, message)| spent(message)).map(|(at, _)| *at).collect();
        for message in dead.into_iter().filter_map(|at| messages.all.remove(&at)) {
            let body = serde_json::from_str(&message.body).unwrap_or(Value::String(message.body.clone()));
            self.function.bury(json!({ "messageId": message.id, "body": body, "attributes": attributes(&message) }));
        }
        let visible =
            messages.all.values_mut().filter(|message| message.visible <= now).take(self.config.batch_size.max(1));
        let take = |message: &mut Message| {
            message.received += 1;
            message.first_received.get_or_insert(SystemTime::now());
            message.visible = now + self.config.visibility;
            message.receipt = uuid::Uuid::now_v7().to_string();
            message.clone()
        };
        visible.map(take).collect()
    }

    async fn deliver(&self, batch: Vec<Message>) {
        if batch.is_empty() {
            return;
        }
        let records: Vec<Value> = batch.iter().map(record).collect();
        let event = json!({ "Records": records });
        let outcome = self.function.run(Bytes::from(event.to_string())).await;
        let ids: Vec<&str> = batch.iter().map(|message| message.id.as_str()).collect();
        let failed = failures(&outcome, &ids);
        let mut messages = lock(&self.messages);
        for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
            // Only the newest receipt deletes: a message that became visible meanwhile is somebody else's.
            messages.all.retain(|_, kept| kept.receipt != message.receipt);
        }
    }
}

/// The ids that come back, by the rules of partial batch responses.
fn failures(outcome: &Outcome, ids: &[&str]) -> HashSet<String> {
    let all = || ids.iter().map(|id| (*id).to_owned()).collect();
    if outcome.function_error.is_some() {
        return all();
    }
    if outcome.body.is_empty() {
        return HashSet::new();
    }
    let Ok(reply) = serde_json::from_slice::<Value>(&outcome.body) else { return all() };
    let listed = match reply.get("batchItemFailures") {
        None | Some(Value::Null) => return HashSet::new(),
        Some(Value::Array(listed)) => listed,
        Some(_) => return all(),
    };
    let named = |failure: &Value| {
        let id = failure.get("itemIdentifier").and_then(Value::as_str)?;
        ids.contains(&id).then(|| id.to_owned())
    };
    // One that cannot be told fails the whole batch.
    listed.iter().map(named).collect::<Option<HashSet<String>>>().unwrap_or_else(all)
}

fn record(message: &Message) -> Value {
    json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": attributes(message),
        "messageAttributes": {},
        "md5OfBody": crate::s3::hex(&Md5::digest(message.body.as_bytes())),
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:local"),
        "awsRegion": REGION,
    })
}

fn attributes(message: &Message) -> Value {
    let millis = |at: SystemTime| epoch_millis(at).to_string();
    json!({
        "ApproximateReceiveCount": message.received.to_string(),
        "SentTimestamp": millis(message.sent),
        "SenderId": ACCOUNT,
        "ApproximateFirstReceiveTimestamp": millis(message.first_received.unwrap_or(message.sent)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(body: &str, error: bool) -> Vec<String> {
        let outcome = Outcome { body: Bytes::from(body.to_owned()), function_error: error.then(|| "Unhandled".into()) };
        let mut failed: Vec<String> = failures(&outcome, &["a", "b"]).into_iter().collect();
        failed.sort();
        failed
    }

    #[test]
    fn replies_are_read_by_the_mapping_s_rules() {
        for whole_success in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":null}"#,
            r#"{"batchItemFailures":[]}"#,
            r#"{"batch_item_failures":[{"itemIdentifier":"a"}]}"#,
        ] {
            assert_eq!(failed(whole_success, false), Vec::<String>::new(), "{whole_success}");
        }
        for whole_failure in [
            "not JSON",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"item":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"unknown"},{"itemIdentifier":"a"}]}"#,
        ] {
            assert_eq!(failed(whole_failure, false), ["a", "b"], "{whole_failure}");
        }
        assert_eq!(failed(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, false), ["b"]);
        assert_eq!(failed("{}", true), ["a", "b"]);
    }
}
