//! Events as hints: which jobs an event is about. Duplicates and late ones need nothing more, since every job is read anew.
//! Must not act on them.

mod bridge;
mod notifications;

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use desired::inputs::{is_misnamed, misnamed_job};
use desired::manifest::JobName;
use desired::printable::{cut, readable};
use lifecycle::ids::BatchId;
use lifecycle::keys::{Keys, ObjectKind};
use serde_json::Value;

use crate::actions::Action;

/// How much is told of an event that is not understood.
const TOLD: usize = 200;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Objects changed.
    Objects(Hint),
    /// Messages that are answered for one by one.
    Messages(Vec<Message>),
    /// Messages that are answered for together: one that fails brings all of them back.
    Notifications(Vec<Message>),
    /// A step or command of a batch ended, or of some batch that the event does not name.
    Ended(Option<BatchId>),
    /// A schedule or a person asks.
    Action(Box<Action>),
    /// Nothing that concerns us.
    Nothing(&'static str),
}

/// One message of a queue or a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, which a partial batch response names.
    pub id: String,
    /// What it says, as far as it is understood.
    pub hint: Hint,
    /// What of it is not understood.
    pub unread: Option<String>,
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
    /// Batches whose step or command ended.
    pub ended: BTreeSet<BatchId>,
    /// Whether a schedule asks for the open operations, or some batch ended.
    pub sweep: bool,
    /// Whether a schedule asks for all jobs and a look at the cluster.
    pub redeploy: bool,
}

impl Hint {
    /// What both say.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.jobs.extend(other.jobs);
        self.config |= other.config;
        self.observed |= other.observed;
        self.unnamed |= other.unnamed;
        self.ended.extend(other.ended);
        self.sweep |= other.sweep;
        self.redeploy |= other.redeploy;
        self
    }

    /// Whether it is about uploads or results.
    pub(crate) fn is_of_files(&self) -> bool {
        self.config || self.unnamed || !self.jobs.is_empty()
    }

    /// Whether a schedule asks, or a step or command ended.
    pub(crate) fn is_of_schedule(&self) -> bool {
        self.sweep || self.redeploy || !self.ended.is_empty()
    }

    /// Whether it may be about any job.
    pub(crate) fn is_of_any_job(&self) -> bool {
        self.config || self.observed || self.is_of_schedule()
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
            // Its uploader is told, and no other file may name the job that it may be about.
            ObjectKind::Other if key.starts_with(&keys.queries()) && is_misnamed(key) => match misnamed_job(key) {
                Some(name) => {
                    self.jobs.insert(name);
                }
                None => self.unnamed = true,
            },
            ObjectKind::Other => {}
        }
    }
}

/// An event that is none of those that reach us.
#[derive(Debug, thiserror::Error)]
#[error("the event is not understood: {0}")]
pub struct NotUnderstood(String);

impl NotUnderstood {
    pub(crate) fn new(what: &str) -> Self {
        Self(cut(&readable(what), TOLD))
    }
}

/// Reads an event.
pub fn read(event: Value, keys: &Keys) -> Result<Trigger, NotUnderstood> {
    if event.get("action").is_some() {
        let action =
            serde_json::from_value(event).map_err(|error| NotUnderstood::new(&format!("not an action: {error}")))?;
        return Ok(Trigger::Action(Box::new(action)));
    }
    if let Some(records) = notifications::records(&event) {
        return match records.first().and_then(notifications::source) {
            Some("aws:sqs") => queued(event, keys),
            Some("aws:sns") => {
                Ok(Trigger::Notifications(records.iter().map(|r| notifications::topic(r, keys)).collect()))
            }
            _ => Ok(match notifications::message(String::new(), &event, keys) {
                Message { hint, unread: None, .. } => Trigger::Objects(hint),
                message => Trigger::Notifications(vec![message]),
            }),
        };
    }
    if notifications::is_test(&event) {
        return Ok(Trigger::Nothing("s3:TestEvent"));
    }
    Ok(bridge::read(&event, keys)?.into())
}

fn queued(event: Value, keys: &Keys) -> Result<Trigger, NotUnderstood> {
    let event: SqsEvent = serde_json::from_value(event).map_err(|error| NotUnderstood::new(&error.to_string()))?;
    let read = |message: SqsMessage| {
        let body = message.body.unwrap_or_default();
        notifications::text(message.message_id.unwrap_or_default(), &body, keys)
    };
    Ok(Trigger::Messages(event.records.into_iter().map(read).collect()))
}
