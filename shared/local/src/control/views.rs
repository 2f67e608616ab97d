//! What the stack shows of steps, commands and messages to its users.
//! Must not know how they are run.

use std::collections::BTreeMap;

use serde::Serialize;

/// One step as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// The step's id.
    pub id: String,
    /// The step's name.
    pub name: String,
    /// The arguments of its jar.
    pub args: Vec<String>,
    /// `PENDING`, `RUNNING`, `CANCEL_PENDING`, `COMPLETED`, `FAILED` or `CANCELLED`.
    pub state: String,
    /// The exit code, once it ended by itself.
    pub exit_code: Option<i32>,
}

/// One command as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandView {
    /// The command's id.
    pub id: String,
    /// The document's name.
    pub document: String,
    pub comment: String,
    /// The parameters as they were sent.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// `Pending`, `InProgress`, `Success`, `Failed`, `Cancelling`, `Cancelled` or `TimedOut`.
    pub status: String,
    /// The exit code, once it ended by itself.
    pub exit_code: Option<i32>,
}

/// One message that was published to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// The message's id.
    pub id: String,
    /// The topic's ARN.
    pub topic: String,
    pub subject: String,
    pub message: String,
    /// Its attributes of text.
    pub attributes: BTreeMap<String, String>,
}
