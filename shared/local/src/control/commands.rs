//! The node's commands: their states and their processes.
//! Must not know the wire.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use process_group::Group;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::document::{Document, Script, Values};
use super::node::{self, Node};
use super::{CommandView, ServiceError};
use crate::config::{ACCOUNT, REGION};
use crate::events::Events;
use crate::tasks::{Tasks, lock};
use crate::time::iso_millis;

/// How many commands the agent runs at a time.
const WORKERS: usize = 5;

/// All commands of the account.
pub(crate) struct Commands {
    pub(super) instance: String,
    documents: BTreeMap<String, Document>,
    all: Mutex<Vec<Command>>,
    invisible_looks: u32,
    workers: Semaphore,
    node: Node,
    events: Events,
    tasks: Tasks,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) document: String,
    pub(super) comment: String,
    pub(super) parameters: Values,
    pub(super) timeout: Duration,
}

#[derive(Clone)]
pub(super) struct Command {
    pub(super) id: String,
    pub(super) request: Request,
    pub(super) status: Status,
    pub(super) requested: SystemTime,
    pub(super) started: Option<SystemTime>,
    pub(super) ended: Option<SystemTime>,
    pub(super) exit_code: Option<i32>,
    /// How many looks do not see it yet.
    invisible: u32,
    group: Option<Group>,
}

/// A command's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    InProgress,
    Success,
    Failed,
    Cancelling,
    Cancelled,
    TimedOut,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Cancelling => "Cancelling",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "TimedOut",
        }
    }

    pub(super) fn over(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

impl Commands {
    pub(crate) fn new(
        instance: String,
        documents: Vec<Document>,
        invisible_looks: u32,
        node: Node,
        events: Events,
        tasks: Tasks,
    ) -> Self {
        let documents = documents.into_iter().map(|document| (document.name.clone(), document)).collect();
        let workers = Semaphore::new(WORKERS);
        Self { instance, documents, all: Mutex::default(), invisible_looks, workers, node, events, tasks }
    }

    pub(crate) fn views(&self) -> Vec<CommandView> {
        let view = |command: &Command| CommandView {
            id: command.id.clone(),
            document: command.request.document.clone(),
            comment: command.request.comment.clone(),
            parameters: command.request.parameters.clone(),
            status: command.status.name().to_owned(),
            exit_code: command.exit_code,
        };
        lock(&self.all).iter().map(view).collect()
    }

    pub(super) fn send(self: &Arc<Self>, request: Request) -> Result<Command, ServiceError> {
        let document = self.documents.get(&request.document);
        let document =
            document.ok_or_else(|| ServiceError::new("InvalidDocument", "The specified document does not exist."))?;
        let values =
            document.check(&request.parameters).map_err(|reason| ServiceError::new("InvalidParameters", reason))?;
        let script = document.script(&values);
        let command = Command {
            id: uuid::Uuid::now_v7().to_string(),
            request,
            status: Status::Pending,
            requested: SystemTime::now(),
            started: None,
            ended: None,
            exit_code: None,
            invisible: self.invisible_looks,
            group: None,
        };
        self.tell(&command);
        lock(&self.all).push(command.clone());
        let (commands, id, timeout) = (self.clone(), command.id.clone(), command.request.timeout);
        self.tasks.spawn(async move { commands.run(&id, &script, timeout).await });
        Ok(command)
    }

    /// Newest first.
    pub(super) fn list(&self) -> Vec<Command> {
        lock(&self.all).iter().rev().cloned().collect()
    }

    /// One look at a command, which may not see it yet.
    pub(super) fn look(&self, id: &str) -> Option<Command> {
        let mut all = lock(&self.all);
        let command = all.iter_mut().find(|command| command.id == id)?;
        if command.invisible > 0 {
            command.invisible -= 1;
            return None;
        }
        Some(command.clone())
    }

    /// The first characters of an output, empty until the command is over.
    pub(super) fn output(&self, command: &Command, name: &str, limit: usize) -> String {
        if !command.status.over() {
            return String::new();
        }
        let bytes = std::fs::read(self.node.folder("commands", &command.id).join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).chars().take(limit).collect()
    }

    /// Asks for a command's end; false if there is no such command.
    pub(super) fn cancel(&self, id: &str) -> bool {
        let mut all = lock(&self.all);
        let Some(command) = all.iter_mut().find(|command| command.id == id) else { return false };
        match (command.status, command.group) {
            (Status::Pending, _) => self.turn(command, Status::Cancelled),
            (Status::InProgress, Some(group)) => {
                self.turn(command, Status::Cancelling);
                self.tasks.spawn(node::end(group));
            }
            _ => {}
        }
        true
    }

    async fn run(&self, id: &str, script: &Script, start_limit: Duration) {
        let Ok(Ok(_worker)) = tokio::time::timeout(start_limit, self.workers.acquire()).await else {
            self.change(id, |command| self.turn(command, Status::TimedOut));
            return;
        };
        let started = self.change(id, |command| {
            if command.status != Status::Pending {
                return None;
            }
            command.started = Some(SystemTime::now());
            let child = self.start(id, script);
            command.group = child.as_ref().ok().map(crate::process::GroupChild::group);
            self.turn(command, Status::InProgress);
            Some(child)
        });
        let status = match started.flatten() {
            None => return,
            Some(Err(error)) => {
                let _ = std::fs::write(self.node.folder("commands", id).join("stderr"), format!("{error}\n"));
                None
            }
            Some(Ok(mut child)) => {
                let group = child.group();
                let limit = Duration::from_secs(script.timeout_seconds);
                if let Ok(status) = tokio::time::timeout(limit, child.wait()).await {
                    Some(status)
                } else {
                    // The end of a command that takes too long is awaited, so that its output is whole.
                    tokio::join!(node::end(group), child.wait()).1.ok();
                    self.change(id, |command| self.turn(command, Status::TimedOut));
                    return;
                }
            }
        };
        self.change(id, |command| {
            command.exit_code = status.as_ref().and_then(|status| status.as_ref().ok()).and_then(ExitStatus::code);
            let status = match (command.status, &status) {
                (Status::Cancelling, _) => Status::Cancelled,
                (_, Some(Ok(status))) if status.success() => Status::Success,
                _ => Status::Failed,
            };
            self.turn(command, status);
        });
    }

    /// The agent writes the lines into a script and runs it.
    fn start(&self, id: &str, script: &Script) -> std::io::Result<crate::process::GroupChild> {
        let folder = self.node.folder("commands", id);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("_script.sh");
        let change =
            script.working_directory.as_ref().map(|folder| format!("cd '{}' || exit 1", folder.replace('\'', "'\\''")));
        let lines: Vec<String> = change.into_iter().chain(script.lines.iter().cloned()).collect();
        std::fs::write(&file, lines.join("\n") + "\n")?;
        self.node.start(&folder, &["bash".into(), file.to_string_lossy().into_owned()], &script.env)
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Command) -> T) -> Option<T> {
        lock(&self.all).iter_mut().find(|command| command.id == id).map(change)
    }

    fn turn(&self, command: &mut Command, status: Status) {
        command.status = status;
        if status.over() {
            command.ended = Some(SystemTime::now());
            command.group = None;
        }
        self.tell(command);
    }

    /// The event of the command and its twin of the invocation on the one instance.
    fn tell(&self, command: &Command) {
        let requested = iso_millis(command.requested);
        let status = command.status.name();
        let resource = [format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{}", self.instance)];
        let detail = json!({
            "command-id": command.id,
            "document-name": command.request.document,
            "expire-after": iso_millis(command.requested + command.request.timeout),
            "parameters": command.request.parameters,
            "requested-date-time": requested,
            "status": status,
        });
        let twin: Value = json!({
            "command-id": command.id,
            "document-name": command.request.document,
            "instance-id": self.instance,
            "requested-date-time": requested,
            "status": status,
        });
        self.events.send("aws.ssm", "EC2 Command Status-change Notification", &resource, &detail);
        self.events.send("aws.ssm", "EC2 Command Invocation Status-change Notification", &resource, &twin);
    }
}
