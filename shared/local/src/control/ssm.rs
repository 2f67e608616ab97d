//! SSM's operations on the wire.
//! Must not know how commands are run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::commands::{Command, Commands, Request, Status};
use super::document::Values;
use super::{Reply, ServiceError, paged, text, texts};
use crate::time::{epoch_seconds, iso_millis};

/// How long a comment may be.
const MAX_COMMENT: usize = 100;
/// How long a command may wait for its start, if it does not say.
const START_LIMIT: u64 = 3600;
/// The most entries on one page.
const PAGE: usize = 50;
/// How much of the outputs `GetCommandInvocation` shows.
const STDOUT_CHARS: usize = 24_000;
const STDERR_CHARS: usize = 8_000;
/// How much of the output `ListCommandInvocations` shows.
const OUTPUT_CHARS: usize = 2_500;

pub(super) fn answer(commands: &Arc<Commands>, operation: &str, input: &Value) -> Reply {
    match operation {
        "SendCommand" => send(commands, input),
        "GetCommandInvocation" => get_invocation(commands, input),
        "ListCommands" => {
            let found = filtered(commands, input)?.iter().map(|command| show(commands, command)).collect();
            list(found, "Commands", input)
        }
        "ListCommandInvocations" => {
            let details = input["Details"].as_bool().unwrap_or_default();
            let found =
                filtered(commands, input)?.iter().map(|command| show_invocation(commands, command, details)).collect();
            list(found, "CommandInvocations", input)
        }
        "CancelCommand" => {
            if commands.cancel(text(input, "CommandId")) {
                Ok(json!({}))
            } else {
                Err(ServiceError::new("InvalidCommandId", ""))
            }
        }
        _ => Err(ServiceError::new("UnknownOperationException", operation)),
    }
}

fn send(commands: &Arc<Commands>, input: &Value) -> Reply {
    let invalid = |member: &str, rule: &str| {
        let message = format!("1 validation error detected: Value at '{member}' failed to satisfy constraint: {rule}");
        Err(ServiceError::new("ValidationException", message))
    };
    let comment = text(input, "Comment").to_owned();
    if comment.chars().count() > MAX_COMMENT {
        return invalid("comment", "Member must have length less than or equal to 100");
    }
    let timeout = input["TimeoutSeconds"].as_u64().unwrap_or(START_LIMIT);
    if !(30..=2_592_000).contains(&timeout) {
        return invalid("timeoutSeconds", "Member must have value between 30 and 2592000");
    }
    let instances = texts(input, "InstanceIds").unwrap_or_default();
    if instances.len() != 1 || instances.iter().any(|id| *id != commands.instance) {
        return Err(ServiceError::new("InvalidInstanceId", "Instances not in a valid state for account"));
    }
    let Some(parameters) = parameters(&input["Parameters"]) else {
        return Err(ServiceError::new("SerializationException", "parameters are lists of texts"));
    };
    let document = text(input, "DocumentName").to_owned();
    let command = commands.send(Request { document, comment, parameters, timeout: Duration::from_secs(timeout) })?;
    Ok(json!({ "Command": show(commands, &command) }))
}

fn parameters(sent: &Value) -> Option<Values> {
    match sent {
        Value::Null => Some(Values::new()),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| {
                let list = value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
                Some((name.clone(), list.collect::<Option<Vec<String>>>()?))
            };
            members.iter().map(one).collect()
        }
        _ => None,
    }
}

fn get_invocation(commands: &Arc<Commands>, input: &Value) -> Reply {
    let here = text(input, "InstanceId") == commands.instance;
    let found = commands.look(text(input, "CommandId")).filter(|_| here);
    let command = found.ok_or_else(|| ServiceError::new("InvocationDoesNotExist", ""))?;
    let mut body = json!({
        "CommandId": command.id,
        "InstanceId": commands.instance,
        "Comment": command.request.comment,
        "DocumentName": command.request.document,
        "DocumentVersion": "$DEFAULT",
        "PluginName": "aws:runShellScript",
        "ResponseCode": code(&command),
        "Status": command.status.name(),
        "StatusDetails": command.status.name(),
        "StandardOutputContent": commands.output(&command, "stdout", STDOUT_CHARS),
        "StandardErrorContent": commands.output(&command, "stderr", STDERR_CHARS),
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "ExecutionStartDateTime": command.started.map(iso_millis).unwrap_or_default(),
        "ExecutionEndDateTime": command.ended.map(iso_millis).unwrap_or_default(),
    });
    let took = command.started.zip(command.ended).and_then(|(from, to)| to.duration_since(from).ok());
    if let Some(took) = took {
        body["ExecutionElapsedTime"] = json!(format!("PT{:.3}S", took.as_secs_f64()));
    }
    Ok(body)
}

/// The commands asked for, newest first.
fn filtered(commands: &Arc<Commands>, input: &Value) -> Result<Vec<Command>, ServiceError> {
    let (id, instance) = (text(input, "CommandId"), text(input, "InstanceId"));
    let filters = input["Filters"].as_array().cloned().unwrap_or_default();
    if let Some(unknown) = filters
        .iter()
        .find(|filter| !matches!(text(filter, "key"), "Status" | "DocumentName" | "InvokedAfter" | "InvokedBefore"))
    {
        return Err(ServiceError::new("InvalidFilterKey", text(unknown, "key")));
    }
    let passes = |command: &Command, filter: &Value| {
        let value = text(filter, "value");
        match text(filter, "key") {
            "Status" => command.status.name() == value,
            "DocumentName" => command.request.document == value,
            // Instants of this form are ordered as texts.
            "InvokedAfter" => iso_millis(command.requested).as_str() >= value,
            _ => iso_millis(command.requested).as_str() < value,
        }
    };
    let asked = |command: &Command| {
        (id.is_empty() || command.id == id)
            && (instance.is_empty() || instance == commands.instance)
            && filters.iter().all(|filter| passes(command, filter))
    };
    let found: Vec<Command> = commands.list().into_iter().filter(asked).collect();
    if !id.is_empty() && found.is_empty() && !commands.list().iter().any(|command| command.id == id) {
        return Err(ServiceError::new("InvalidCommandId", ""));
    }
    Ok(found)
}

fn list(found: Vec<Value>, member: &str, input: &Value) -> Reply {
    let size = input["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let (page, next) = paged(found, text(input, "NextToken"), size)?;
    let mut body = json!({ member: page });
    if let Some(next) = next {
        body["NextToken"] = json!(next);
    }
    Ok(body)
}

fn code(command: &Command) -> i32 {
    command.exit_code.unwrap_or(-1)
}

fn show(commands: &Commands, command: &Command) -> Value {
    let over = i32::from(command.status.over());
    let error = i32::from(matches!(command.status, Status::Failed | Status::TimedOut));
    json!({
        "CommandId": command.id,
        "DocumentName": command.request.document,
        "DocumentVersion": "$DEFAULT",
        "Comment": command.request.comment,
        "ExpiresAfter": epoch_seconds(command.requested + command.request.timeout),
        "Parameters": command.request.parameters,
        "InstanceIds": [commands.instance],
        "Targets": [],
        "RequestedDateTime": epoch_seconds(command.requested),
        "Status": command.status.name(),
        "StatusDetails": command.status.name(),
        "MaxConcurrency": "50",
        "MaxErrors": "0",
        "TargetCount": 1,
        "CompletedCount": over,
        "ErrorCount": error,
        "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": command.request.timeout.as_secs(),
    })
}

fn show_invocation(commands: &Commands, command: &Command, details: bool) -> Value {
    let mut shown = json!({
        "CommandId": command.id,
        "InstanceId": commands.instance,
        "InstanceName": "localhost",
        "Comment": command.request.comment,
        "DocumentName": command.request.document,
        "DocumentVersion": "$DEFAULT",
        "RequestedDateTime": epoch_seconds(command.requested),
        "Status": command.status.name(),
        "StatusDetails": command.status.name(),
        "CommandPlugins": [],
    });
    if details {
        shown["CommandPlugins"] = json!([{
            "Name": "aws:runShellScript",
            "Status": command.status.name(),
            "StatusDetails": command.status.name(),
            "ResponseCode": code(command),
            "Output": commands.output(command, "stdout", OUTPUT_CHARS),
        }]);
    }
    shown
}
