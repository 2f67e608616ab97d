//! The handle: wires the parts together at start, shows what they did, ends everything.
//! Must not know how any part works inside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::config::{LOG_BUCKET, ParameterConfig, Schedule, StackConfig};
use crate::control::{
    Cluster, CommandDocumentError, CommandView, Commands, Control, Document, MessageView, Node, Parameters, StepView,
    Steps, Topics,
};
use crate::events::Events;
use crate::faults::{Call, Fault, Faults};
use crate::lambda::{self, Function, Invocation};
use crate::notifications::Notifications;
use crate::principal::Principal;
use crate::process::Groups;
use crate::queue::Queue;
use crate::recording::{Recorded, Recording};
use crate::s3::{Objects, S3Server};
use crate::tasks::Tasks;
use crate::{http, schedule};

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalAwsError {
    /// A port cannot be opened.
    #[error("the port {address} for {service} cannot be opened: {source}")]
    Listen { service: &'static str, address: SocketAddr, source: std::io::Error },
    /// The objects on disk cannot be read.
    #[error("the objects on disk cannot be read: {0}")]
    Disk(#[source] std::io::Error),
    /// A document cannot be used.
    #[error(transparent)]
    Document(#[from] CommandDocumentError),
}

/// A running stack; it ends with the last clone of its handle.
#[derive(Clone)]
pub struct Stack(Arc<Running>);

struct Running {
    s3: SocketAddr,
    control: SocketAddr,
    lambda: SocketAddr,
    faults: Arc<Faults>,
    recording: Arc<Recording>,
    function: Arc<Function>,
    queue: Arc<Queue>,
    steps: Arc<Steps>,
    commands: Arc<Commands>,
    parameters: Arc<Parameters>,
    topics: Arc<Topics>,
    schedules: Vec<Schedule>,
    groups: Groups,
    tasks: Tasks,
}

impl Stack {
    /// Starts every server and clock.
    pub async fn start(config: StackConfig) -> Result<Self, LocalAwsError> {
        let (s3_listener, s3) = open("S3", SocketAddr::new(config.bind, config.ports.s3)).await?;
        let (control_listener, control) =
            open("EMR, SSM, SNS, STS and CloudWatch Logs", SocketAddr::new(config.bind, config.ports.control)).await?;
        let (lambda_listener, lambda) = open("Lambda", SocketAddr::new(config.bind, config.ports.lambda)).await?;
        let env = |principal| aws_env(s3, control, lambda, principal);
        let (tasks, groups, faults) = (Tasks::new(), Groups::default(), Arc::new(Faults::default()));
        let recording = Arc::new(Recording::new(config.recording));
        recording.start(&tasks);

        if config.queue.visibility < config.lambda.timeout {
            tracing::warn!(
                "messages become visible again before the function's time is over: AWS refuses such a mapping"
            );
        }
        let function = Arc::new(Function::new(config.lambda, &env(Principal::Function), groups.clone(), tasks.clone()));
        let events = Events::new(function.clone(), faults.clone(), tasks.clone());
        let queue = Arc::new(Queue::new(config.queue, function.clone()));
        let (told, changed) = mpsc::unbounded_channel();
        let listener = move |change| drop(told.send(change));
        let objects = Arc::new(Objects::new(config.data_dir.as_deref(), listener).map_err(LocalAwsError::Disk)?);
        objects.create_bucket(&config.bucket);
        objects.create_bucket(LOG_BUCKET);

        let node = Node::new(&config.node, &env(Principal::Node), groups.clone());
        let cluster = Cluster {
            id: config.cluster_id,
            instance: config.instance_id.clone(),
            tags: config.cluster_tags,
            concurrency: config.step_concurrency,
        };
        let steps = Arc::new(Steps::new(cluster, node.clone(), objects.clone(), events.clone(), tasks.clone()));
        let read = config.node.documents.iter().map(|path| Document::read(path));
        let documents = Document::run_shell_script().map(Ok).into_iter().chain(read).collect::<Result<Vec<_>, _>>()?;
        let commands =
            Commands::new(config.instance_id, documents, config.invisible_looks, node, events.clone(), tasks.clone());
        let commands = Arc::new(commands);

        let notifications = Notifications {
            prefixes: config.notify_prefixes,
            via: config.notify_via,
            queue: queue.clone(),
            events,
            faults: faults.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(notifications.deliver(changed));

        let server = S3Server::new(objects, faults.clone(), recording.clone(), config.authority.clone());
        http::serve(&tasks, s3_listener, move |request| server.clone().answer(request));
        let parameters = Arc::new(Parameters::new(config.parameters, config.parameters_path));
        let topics = Arc::new(Topics::new(config.topics, config.messages));
        let shown = shown(&function, &queue, &steps, &commands, &topics, &faults);
        let plane = Control {
            steps: steps.clone(),
            commands: commands.clone(),
            parameters: parameters.clone(),
            topics: topics.clone(),
            log: function.log_group(),
            faults: faults.clone(),
            recording: recording.clone(),
            authority: config.authority.clone(),
            shown,
        };
        http::serve(&tasks, control_listener, move |request| plane.clone().answer(request));
        let invoke = lambda::InvokeApi {
            function: function.clone(),
            faults: faults.clone(),
            recording: recording.clone(),
            authority: config.authority,
        };
        http::serve(&tasks, lambda_listener, move |request| invoke.clone().answer(request));
        queue.start(&tasks);
        schedule::start(&config.schedules, &function, &tasks);

        let schedules = config.schedules;
        Ok(Self(Arc::new(Running {
            s3,
            control,
            lambda,
            faults,
            recording,
            function,
            queue,
            steps,
            commands,
            parameters,
            topics,
            schedules,
            groups,
            tasks,
        })))
    }

    /// S3's endpoint; buckets are addressed by path.
    pub fn s3_url(&self) -> String {
        url(self.0.s3)
    }

    /// The endpoint of EMR, SSM, SNS, STS and CloudWatch Logs.
    pub fn control_url(&self) -> String {
        url(self.0.control)
    }

    /// The endpoint of Lambda's Invoke API.
    pub fn lambda_url(&self) -> String {
        url(self.0.lambda)
    }

    /// The environment that points any SDK at the stack, as the account's owner.
    pub fn aws_env(&self) -> BTreeMap<String, String> {
        self.aws_env_of(Principal::Owner)
    }

    /// The environment that points any SDK at the stack, as this principal.
    pub fn aws_env_of(&self, principal: Principal) -> BTreeMap<String, String> {
        aws_env(self.0.s3, self.0.control, self.0.lambda, principal)
    }

    /// Every distinct call and how often it came, if calls are recorded.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.0.recording.calls()
    }

    /// Orders one fault for the next call of an operation that has none before it.
    pub fn order_fault(&self, operation: &str, fault: Fault) {
        self.0.faults.order(operation, fault);
    }

    /// From now on S3 refuses to everybody to write objects with such keys.
    pub fn refuse_writes(&self, unwritable: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.0.faults.refuse_writes(Some(Box::new(unwritable)));
    }

    /// Every object can be written again.
    pub fn allow_writes(&self) {
        self.0.faults.refuse_writes(None);
    }

    /// All steps in the order they were added.
    pub fn steps(&self) -> Vec<StepView> {
        self.0.steps.views()
    }

    /// All commands in the order they were sent.
    pub fn commands(&self) -> Vec<CommandView> {
        self.0.commands.views()
    }

    /// The calls that came, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.0.faults.calls()
    }

    /// Every message that was published, the oldest first.
    pub fn alerts(&self) -> Vec<MessageView> {
        self.0.topics.messages()
    }

    /// The asynchronous invocations and messages that failed for good.
    pub fn dead_letters(&self) -> Vec<Value> {
        self.0.function.dead_letters()
    }

    /// How many messages are in the queue, hidden ones included.
    pub fn queued(&self) -> usize {
        self.0.queue.len()
    }

    /// Puts a message into the queue.
    pub fn send_message(&self, body: impl Into<String>) {
        self.0.queue.send(body.into());
    }

    /// Sends a schedule's input now; an unknown name does nothing but log.
    #[expect(clippy::unused_async, reason = "firing may have to wait for the function's own queue one day")]
    pub async fn fire_schedule(&self, name: &str) {
        if let Some(schedule) = self.0.schedules.iter().find(|schedule| schedule.name == name) {
            self.0.function.invoke_async(schedule.input.clone());
        } else {
            tracing::warn!(name, "there is no such schedule");
        }
    }

    /// Invokes the function and waits for its answer.
    pub async fn invoke(&self, payload: Value) -> Invocation {
        self.0.function.invoke(&payload).await
    }

    /// Hands an invocation to the function, with its retries.
    pub fn invoke_async(&self, payload: Value) {
        self.0.function.invoke_async(payload);
    }

    /// Changes one variable of the function's environment; invocations from now on see it.
    pub fn configure_function(&self, name: &str, value: &str) {
        self.0.function.configure(name, value);
    }

    /// Writes a parameter of Parameter Store, over the one that is there.
    pub fn put_parameter(&self, name: impl Into<String>, parameter: ParameterConfig) {
        self.0.parameters.put(name.into(), parameter);
    }

    /// Removes a parameter of Parameter Store; absent is fine.
    pub fn remove_parameter(&self, name: &str) {
        self.0.parameters.remove(name);
    }

    /// Ends the cluster, as an operator or a failed step with `TERMINATE_CLUSTER` would.
    pub fn terminate_cluster(&self) {
        self.0.steps.terminate();
    }

    /// Ends every server and every process that the stack started, other clones of the handle included.
    pub async fn shutdown(self) {
        self.0.groups.end_all().await;
        self.0.tasks.shutdown().await;
        self.0.groups.kill_all();
        self.0.recording.flush();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.abort();
        self.groups.kill_all();
        self.recording.flush();
    }
}

async fn open(
    service: &'static str,
    address: SocketAddr,
) -> Result<(tokio::net::TcpListener, SocketAddr), LocalAwsError> {
    http::listen(address).await.map_err(|source| LocalAwsError::Listen { service, address, source })
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn aws_env(s3: SocketAddr, control: SocketAddr, lambda: SocketAddr, principal: Principal) -> BTreeMap<String, String> {
    let pairs = [
        ("AWS_ENDPOINT_URL_S3", url(s3)),
        ("AWS_ENDPOINT_URL_EMR", url(control)),
        ("AWS_ENDPOINT_URL_SSM", url(control)),
        ("AWS_ENDPOINT_URL_SNS", url(control)),
        ("AWS_ENDPOINT_URL_STS", url(control)),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url(control)),
        ("AWS_ENDPOINT_URL_LAMBDA", url(lambda)),
    ];
    let mut env = principal.env();
    env.extend(pairs.map(|(name, value)| (name.to_owned(), value)));
    env
}

/// What `GET /_stack` answers.
fn shown(
    function: &Arc<Function>,
    queue: &Arc<Queue>,
    steps: &Arc<Steps>,
    commands: &Arc<Commands>,
    topics: &Arc<Topics>,
    faults: &Arc<Faults>,
) -> Arc<dyn Fn() -> Value + Send + Sync> {
    let (function, queue, steps, commands, topics, faults) =
        (function.clone(), queue.clone(), steps.clone(), commands.clone(), topics.clone(), faults.clone());
    Arc::new(move || {
        json!({
            "steps": steps.views(),
            "commands": commands.views(),
            "alerts": topics.messages(),
            "queued": queue.len(),
            "deadLetters": function.dead_letters(),
            "calls": faults.calls(),
        })
    })
}
