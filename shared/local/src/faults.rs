//! One-time faults, ordered by operation; objects that nobody may write; the log of the calls that came.
//! Must not know what an operation does.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tasks::lock;

/// How many calls are remembered; a stack of many days must not grow for ever.
const REMEMBERED_CALLS: usize = 100_000;

/// What goes wrong with the next call of one operation.
///
/// Events and notifications take orders too, under their detail type (`EMR Step Status Change`, …) or `S3Notification`:
/// `DropBefore` loses one, `DelayAfter` makes one late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// Answers this error and does nothing.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        kind: String,
        /// The error's message.
        message: String,
    },
    /// Does it, then answers this error: a front end that lost its back end.
    ErrorAfter {
        /// The HTTP status.
        status: u16,
        /// The error code.
        kind: String,
        /// The error's message.
        message: String,
    },
    /// Closes the connection without doing anything.
    DropBefore,
    /// Does it, then closes the connection without an answer.
    DropAfter,
    /// Does it, answers the head and half of the body, then closes the connection.
    TruncateAfter,
    /// Does it, then answers only after this long.
    DelayAfter(Duration),
}

/// One call that reached a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// `s3`, `emr`, `ssm`, `sns` or `lambda`.
    pub service: String,
    /// The operation's name in the service's API.
    pub operation: String,
    /// What it was about: `bucket/key`, a cluster, step, command, document, topic or function.
    pub resource: String,
    /// The SDK's id of the call, the same for every attempt of it; empty if the client sent none.
    pub invocation_id: String,
}

/// Which keys cannot be written.
type Unwritable = dyn Fn(&str) -> bool + Send + Sync;

/// The orders and the log of one stack.
#[derive(Default)]
pub(crate) struct Faults {
    orders: Mutex<HashMap<String, VecDeque<Fault>>>,
    unwritable: Mutex<Option<Box<Unwritable>>>,
    calls: Mutex<VecDeque<Call>>,
}

impl Faults {
    pub(crate) fn order(&self, operation: &str, fault: Fault) {
        lock(&self.orders).entry(operation.to_owned()).or_default().push_back(fault);
    }

    /// Takes the oldest order for an operation.
    pub(crate) fn take(&self, operation: &str) -> Option<Fault> {
        lock(&self.orders).get_mut(operation)?.pop_front()
    }

    /// From now on nobody writes what has such a key; what was said before counts no more.
    pub(crate) fn refuse_writes(&self, unwritable: Option<Box<Unwritable>>) {
        *lock(&self.unwritable) = unwritable;
    }

    /// Whether nobody may write an object of this key.
    pub(crate) fn refuses(&self, key: &str) -> bool {
        lock(&self.unwritable).as_ref().is_some_and(|unwritable| unwritable(key))
    }

    pub(crate) fn record(&self, call: Call) {
        let mut calls = lock(&self.calls);
        if calls.len() >= REMEMBERED_CALLS {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.calls).iter().cloned().collect()
    }
}
