//! One step: its states, and the limits that it must keep by itself.
//! Must not know the other steps.

use std::time::SystemTime;

use process_group::Group;
use serde_json::Value;

use super::text;

/// How many characters all strings of one step may have.
const MAX_CHARS: usize = 10_240;
/// How long a step's name may be.
const MAX_NAME: usize = 256;

/// One step.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) config: Value,
    pub(super) state: State,
    pub(super) created: SystemTime,
    pub(super) started: Option<SystemTime>,
    pub(super) ended: Option<SystemTime>,
    pub(super) failure: Option<Value>,
    pub(super) exit_code: Option<i32>,
    pub(super) group: Option<Group>,
}

/// A step's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Running,
    CancelPending,
    Completed,
    Failed,
    Cancelled,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::CancelPending => "CANCEL_PENDING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub(super) fn severity(self) -> &'static str {
        match self {
            Self::Failed => "ERROR",
            Self::Cancelled | Self::CancelPending => "WARN",
            _ => "INFO",
        }
    }

    pub(super) fn active(self) -> bool {
        matches!(self, Self::Pending | Self::Running | Self::CancelPending)
    }
}

/// A step's own limits.
pub(super) fn check(config: &Value, concurrency: usize) -> Result<(), String> {
    let on_failure = text(config, "ActionOnFailure");
    if !matches!(on_failure, "" | "CONTINUE" | "CANCEL_AND_WAIT" | "TERMINATE_CLUSTER" | "TERMINATE_JOB_FLOW") {
        return Err(format!("Invalid ActionOnFailure: {on_failure}"));
    }
    // The default is to terminate, so concurrent steps must say otherwise.
    if concurrency > 1 && on_failure != "CONTINUE" {
        return Err("Steps that run concurrently can only have CONTINUE as the ActionOnFailure.".into());
    }
    let name = text(config, "Name");
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(format!("A step's name has between 1 and {MAX_NAME} characters."));
    }
    let jar = &config["HadoopJarStep"];
    if text(jar, "Jar").is_empty() {
        return Err("A step has a jar.".into());
    }
    if characters(jar) > MAX_CHARS {
        return Err("Size of an individual step exceeded the limit.".into());
    }
    Ok(())
}

/// The characters of all strings in a value, names of members not counted.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(list) => list.iter().map(characters).sum(),
        Value::Object(members) => members.values().map(characters).sum(),
        _ => 0,
    }
}
