//! The cluster's steps: their states, their order, and their processes.
//! Must not know the wire.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::node::{self, Node};
use super::step::{State, Step, check};
use super::{ServiceError, StepView, text, texts};
use crate::config::{LOG_BUCKET, LOG_PREFIX};
use crate::events::Events;
use crate::s3::Objects;
use crate::tasks::{Tasks, lock};
use crate::time::minute;

/// How many steps may be pending or running at a time.
const MAX_ACTIVE: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) instance: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) concurrency: usize,
}

/// All steps of the cluster.
pub(crate) struct Steps {
    pub(super) cluster: Cluster,
    all: Mutex<All>,
    node: Node,
    /// Where the logs of steps are kept.
    objects: Arc<Objects>,
    events: Events,
    tasks: Tasks,
}

#[derive(Default)]
struct All {
    /// In the order they were added.
    steps: Vec<Step>,
    terminated: bool,
    sequence: u64,
}

impl Steps {
    pub(crate) fn new(cluster: Cluster, node: Node, objects: Arc<Objects>, events: Events, tasks: Tasks) -> Self {
        Self { cluster, all: Mutex::default(), node, objects, events, tasks }
    }

    /// Keeps what a step printed where EMR would, as soon as it is over.
    fn keep_log(&self, id: &str) {
        for name in ["stdout", "stderr"] {
            let printed = std::fs::read(self.node.folder("steps", id).join(name)).unwrap_or_default();
            let key = format!("{LOG_PREFIX}{}/steps/{id}/{name}.gz", self.cluster.id);
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            match packed.write_all(&printed).and_then(|()| packed.finish()) {
                Ok(packed) => self.objects.keep(LOG_BUCKET, &key, packed),
                Err(error) => tracing::warn!(%error, id, "the log of a step could not be packed"),
            }
        }
    }

    pub(crate) fn views(&self) -> Vec<StepView> {
        let view = |step: &Step| StepView {
            id: step.id.clone(),
            name: text(&step.config, "Name").to_owned(),
            args: texts(&step.config["HadoopJarStep"], "Args").unwrap_or_default(),
            state: step.state.name().to_owned(),
            exit_code: step.exit_code,
        };
        lock(&self.all).steps.iter().map(view).collect()
    }

    /// Adds all steps of one call, or none of them.
    pub(super) fn add(self: &Arc<Self>, configs: Vec<Value>) -> Result<Vec<String>, ServiceError> {
        let refused = |message: &str| ServiceError::new("ValidationException", message);
        if configs.is_empty() || configs.len() > MAX_ACTIVE {
            return Err(refused("Between 1 and 256 steps are added in one call."));
        }
        for config in &configs {
            check(config, self.cluster.concurrency).map_err(|reason| refused(&reason))?;
        }
        let mut all = lock(&self.all);
        if all.terminated {
            return Err(refused("A job flow that is shutting down, terminated, or finished may not be modified."));
        }
        let active = all.steps.iter().filter(|step| step.state.active()).count();
        if active + configs.len() > MAX_ACTIVE {
            return Err(refused(
                "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.",
            ));
        }
        let mut ids = Vec::new();
        for config in configs {
            all.sequence += 1;
            let id = format!("s-{:013X}", (epoch() << 12) | (all.sequence & 0xFFF));
            let step = Step {
                id: id.clone(),
                config,
                state: State::Pending,
                created: SystemTime::now(),
                started: None,
                ended: None,
                failure: None,
                exit_code: None,
                group: None,
            };
            self.tell(&step);
            all.steps.push(step);
            ids.push(id);
        }
        drop(all);
        self.start_pending();
        Ok(ids)
    }

    /// Newest first.
    pub(super) fn list(&self) -> Vec<Step> {
        lock(&self.all).steps.iter().rev().cloned().collect()
    }

    pub(super) fn terminated(&self) -> bool {
        lock(&self.all).terminated
    }

    /// Ends the cluster: what is pending is cancelled, what runs is killed, nothing is added any more.
    pub(crate) fn terminate(&self) {
        let mut all = lock(&self.all);
        all.terminated = true;
        for step in &mut all.steps {
            match (step.state, step.group) {
                (State::Pending, _) => self.turn(step, State::Cancelled),
                (State::Running, Some(group)) => {
                    self.turn(step, State::CancelPending);
                    group.kill();
                }
                _ => {}
            }
        }
    }

    /// Asks for a step's end; true if it could be asked for.
    pub(super) fn cancel(&self, id: &str, kill: bool) -> bool {
        let mut all = lock(&self.all);
        let Some(step) = all.steps.iter_mut().find(|step| step.id == id) else { return false };
        match (step.state, step.group) {
            (State::Pending, _) => self.turn(step, State::Cancelled),
            (State::Running, Some(group)) => {
                self.turn(step, State::CancelPending);
                if kill {
                    group.kill();
                } else {
                    self.tasks.spawn(node::end(group));
                }
            }
            _ => return false,
        }
        true
    }

    /// Starts what is pending, in submit order, as far as the concurrency allows.
    fn start_pending(self: &Arc<Self>) {
        let mut all = lock(&self.all);
        loop {
            let running =
                all.steps.iter().filter(|step| matches!(step.state, State::Running | State::CancelPending)).count();
            if running >= self.cluster.concurrency.max(1) {
                return;
            }
            let Some(step) = all.steps.iter_mut().find(|step| step.state == State::Pending) else { return };
            step.started = Some(SystemTime::now());
            self.turn(step, State::Running);
            let folder = self.node.folder("steps", &step.id);
            let argv = argv(&step.config["HadoopJarStep"]);
            let child = argv.and_then(|argv| self.node.start(&folder, &argv, &BTreeMap::new()));
            let id = step.id.clone();
            match child {
                Ok(mut child) => {
                    step.group = Some(child.group());
                    let steps = self.clone();
                    self.tasks.spawn(async move {
                        let status = child.wait().await.ok();
                        steps.keep_log(&id);
                        steps.finish(&id, status);
                    });
                }
                Err(error) => {
                    let _ = std::fs::create_dir_all(&folder);
                    let _ = std::fs::write(folder.join("stderr"), format!("Cannot run program: {error}\n"));
                    step.failure =
                        Some(json!({ "Reason": "Unknown Error.", "Message": format!("Cannot run program: {error}") }));
                    step.ended = Some(SystemTime::now());
                    self.turn(step, State::Failed);
                }
            }
        }
    }

    fn finish(self: &Arc<Self>, id: &str, status: Option<ExitStatus>) {
        let mut all = lock(&self.all);
        let Some(step) = all.steps.iter_mut().find(|step| step.id == id) else { return };
        step.ended = Some(SystemTime::now());
        step.group = None;
        step.exit_code = status.as_ref().and_then(ExitStatus::code);
        let state = match (step.state, &status) {
            (State::CancelPending, _) => State::Cancelled,
            (_, Some(status)) if status.success() => State::Completed,
            _ => State::Failed,
        };
        if state == State::Failed {
            let message = step.exit_code.map_or("The command was ended by a signal".into(), |code| {
                format!("Command exiting with ret '{code}'")
            });
            let log = self.node.folder("steps", id).join("stderr").to_string_lossy().into_owned();
            step.failure = Some(json!({ "Reason": "Unknown Error.", "Message": message, "LogFile": log }));
        }
        let on_failure = text(&step.config, "ActionOnFailure").to_owned();
        self.turn(step, state);
        drop(all);
        match on_failure.as_str() {
            "CANCEL_AND_WAIT" if state == State::Failed => self.cancel_pending(),
            "TERMINATE_CLUSTER" | "TERMINATE_JOB_FLOW" if state == State::Failed => self.terminate(),
            _ => {}
        }
        self.start_pending();
    }

    fn cancel_pending(&self) {
        for step in lock(&self.all).steps.iter_mut().filter(|step| step.state == State::Pending) {
            self.turn(step, State::Cancelled);
        }
    }

    fn turn(&self, step: &mut Step, state: State) {
        step.state = state;
        if state == State::Cancelled {
            step.ended.get_or_insert(SystemTime::now());
        }
        self.tell(step);
    }

    fn tell(&self, step: &Step) {
        let (name, cluster, state) = (text(&step.config, "Name"), &self.cluster.id, step.state);
        let verb = match state {
            State::Pending => "was added to the cluster",
            State::Running => "started running",
            State::CancelPending => "is being cancelled",
            State::Completed => "completed execution",
            State::Failed => "failed",
            State::Cancelled => "was cancelled",
        };
        let message = format!(
            "Step {} ({name}) in Amazon EMR cluster {cluster} (local) {verb} at {}.",
            step.id,
            minute(SystemTime::now())
        );
        let detail = json!({
            "severity": state.severity(),
            "actionOnFailure": step.config["ActionOnFailure"],
            "stepId": step.id,
            "name": name,
            "clusterId": cluster,
            "state": state.name(),
            "message": message,
        });
        self.events.send("aws.emr", "EMR Step Status Change", &[], &detail);
    }
}

/// What the one jar that every cluster has runs.
fn argv(jar: &Value) -> io::Result<Vec<String>> {
    match text(jar, "Jar") {
        "command-runner.jar" => Ok(texts(jar, "Args").unwrap_or_default()),
        other => Err(io::Error::new(io::ErrorKind::NotFound, format!("the jar {other} is not known here"))),
    }
}

/// Seconds, so that ids differ over restarts.
fn epoch() -> u64 {
    u64::try_from(crate::time::epoch_millis(SystemTime::now()) / 1000).unwrap_or_default()
}
