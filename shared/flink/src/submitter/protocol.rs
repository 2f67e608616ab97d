//! The lines exchanged with the Python side: one JSON value per line, each request with a number, answered in order.
//! Must not know sockets, processes or time.

use control::ports::{Prepared, Submitted};
use control::secrets::Secrets;
use desired::launch::{Launch, LaunchKind, Rejection};
use desired::printable::{cut, readable, readable_lines};
use desired::secrets::{SecretReference, SecretValues, fill_sql, fill_text};
use lifecycle::ids::JobId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much of a message is kept.
const MESSAGE: usize = 8 * 1024;
/// The protocol spoken here.
pub(super) const PROTOCOL: u32 = 1;

/// The first line: who answers.
#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    #[serde(rename = "hello")]
    pub(super) protocol: u32,
    #[serde(default)]
    pub(super) flink: String,
    pub(super) python: String,
    /// Why it cannot do anything.
    #[serde(default)]
    pub(super) broken: Option<String>,
}

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Request<'a> {
    Prepare { key: JobId, job: &'a Job },
    Submit { key: JobId, job_id: JobId, restore: Option<&'a str> },
    Forget { key: JobId },
    Exit,
}

/// A job as the Python side reads it, secret values filled in: it goes over the socket and nowhere else.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Job(Value);

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

/// A request with its number.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) request: &'a Request<'a>,
}

/// What is answered.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    ok: bool,
    #[serde(default)]
    bounded: Option<bool>,
    #[serde(default)]
    slots: Option<u32>,
    #[serde(default)]
    error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    kind: String,
    #[serde(default)]
    origin: Option<String>,
    message: String,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    column: Option<u32>,
}

/// An answer that is none: what was asked may have happened or not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Open {
    /// The submitter could not reach the `JobManager`, or lost it in the middle.
    #[error("the JobManager could not be reached: {0}")]
    Unreachable(String),
    /// The node failed the submitter before anything was sent.
    #[error("the node does not work: {0}")]
    NodeBroken(String),
    /// The submitter has nothing under this key.
    #[error("the submitter has no such job prepared")]
    UnknownKey,
    /// Neither success nor a reason.
    #[error("the submitter answered without a reason")]
    NoReason,
}

/// A launch as the Python side reads it; the reference whose value is missing, if one is.
pub(super) fn job(launch: &Launch, values: &SecretValues) -> Result<Job, SecretReference> {
    let mut statements = Vec::with_capacity(launch.statements.len());
    for statement in &launch.statements {
        statements.push(json!({ "origin": statement.origin, "sql": fill_sql(&statement.sql, values)? }));
    }
    let mut properties = serde_json::Map::new();
    for (key, value) in &launch.properties {
        properties.insert(key.clone(), fill_text(value, values)?.into());
    }
    let (kind, query, code) = match launch.kind {
        LaunchKind::Sql => ("sql", Some(&launch.body), None),
        LaunchKind::Code => ("code", None, Some(&launch.body)),
    };
    Ok(Job(json!({
        "name": launch.name.to_string(),
        "kind": kind,
        "properties": properties,
        "statements": statements,
        "query": query,
        "code": code,
        "insert": Some(&launch.insert).filter(|insert| !insert.is_empty()),
    })))
}

impl Reply {
    pub(super) fn prepared(self, secrets: &Secrets) -> Result<Prepared, Open> {
        if self.ok {
            return Ok(Prepared::Compiled { bounded: self.bounded, slots: self.slots });
        }
        let failure = match self.failure(secrets) {
            Ok(failure) => failure,
            Err(Open::NodeBroken(message)) => return Ok(Prepared::NodeBroken(message)),
            Err(open @ (Open::Unreachable(_) | Open::UnknownKey | Open::NoReason)) => return Err(open),
        };
        Ok(Prepared::Rejected(Rejection {
            kind: failure.kind,
            origin: failure.origin,
            message: failure.message,
            line: failure.line,
            column: failure.column,
        }))
    }

    pub(super) fn submitted(self, secrets: &Secrets) -> Result<Submitted, Open> {
        if self.ok {
            return Ok(Submitted::Accepted);
        }
        let failure = self.failure(secrets)?;
        if failure.kind == "duplicate-job-id" {
            return Ok(Submitted::Duplicate);
        }
        Ok(Submitted::Rejected(failure.message))
    }

    /// The reason of a refusal, fit to be shown; what leaves the outcome open is an error.
    fn failure(self, secrets: &Secrets) -> Result<Failure, Open> {
        let failure = self.error.ok_or(Open::NoReason)?;
        let message = cut(&readable_lines(&secrets.scrub(&failure.message)), MESSAGE);
        match failure.kind.as_str() {
            "unreachable" => Err(Open::Unreachable(readable(&message))),
            "node" => Err(Open::NodeBroken(readable(&message))),
            "unknown-key" => Err(Open::UnknownKey),
            _ => Ok(Failure {
                kind: readable(&failure.kind),
                origin: failure.origin.as_deref().map(|origin| readable(&secrets.scrub(origin))),
                message,
                ..failure
            }),
        }
    }
}
