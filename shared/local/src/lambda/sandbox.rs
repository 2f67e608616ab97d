//! Sandboxes: the function's processes, reused while they live, ended at the time-out.
//! Must not know retries, nor what an answer means.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use process_group::Group;
use tokio::process::Command;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::log::Log;
use super::runtime_api::{Reply, RuntimeApi, Work};
use super::{Outcome, arn};
use crate::config::{LambdaConfig, REGION};
use crate::http;
use crate::process::Groups;
use crate::tasks::{Tasks, lock};

/// How long a sandbox may take until it asks for its first work.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long an invocation waits for a sandbox to be free.
const FREE_LIMIT: Duration = Duration::from_hours(1);

/// Starts sandboxes and keeps the idle ones.
pub(super) struct Host {
    bootstrap: PathBuf,
    settings: Mutex<Settings>,
    timeout: Duration,
    arn: String,
    log: Log,
    free: Semaphore,
    idle: Mutex<Vec<Sandbox>>,
    groups: Groups,
    tasks: Tasks,
}

/// What a sandbox is started with; each change is a new version, and only sandboxes of the last one are reused.
struct Settings {
    version: u64,
    env: BTreeMap<String, String>,
}

/// One process with its Runtime API; both end when it is dropped.
struct Sandbox {
    settings: u64,
    work: mpsc::Sender<Work>,
    api: RuntimeApi,
    exited: watch::Receiver<Option<ExitStatus>>,
    group: Group,
    tasks: Vec<AbortHandle>,
}

enum End {
    Reply(Reply),
    TimedOut,
    InitTimedOut,
    Exited(Option<ExitStatus>),
}

impl Host {
    pub(super) fn new(
        bootstrap: &Path,
        config: &LambdaConfig,
        env: &BTreeMap<String, String>,
        groups: Groups,
        tasks: Tasks,
    ) -> Self {
        let mut whole = runtime_env(bootstrap, config);
        whole.extend(env.clone());
        whole.extend(config.env.clone());
        Self {
            bootstrap: bootstrap.to_owned(),
            settings: Mutex::new(Settings { version: 0, env: whole }),
            timeout: config.timeout,
            arn: arn(&config.name),
            log: Log(config.log.clone()),
            free: Semaphore::new(config.concurrency.max(1)),
            idle: Mutex::default(),
            groups,
            tasks,
        }
    }

    /// Changes one variable of the environment, as `UpdateFunctionConfiguration` does: what runs ends as it began.
    pub(super) fn configure(&self, name: &str, value: &str) {
        let mut settings = lock(&self.settings);
        settings.version += 1;
        settings.env.insert(name.to_owned(), value.to_owned());
    }

    /// One invocation in a free sandbox, new or reused.
    pub(super) async fn run(&self, payload: Bytes) -> Outcome {
        let Ok(Ok(_free)) = tokio::time::timeout(FREE_LIMIT, self.free.acquire()).await else {
            return Outcome::error("TooManyRequestsException", "Rate Exceeded.");
        };
        let reused = {
            let version = lock(&self.settings).version;
            let mut idle = lock(&self.idle);
            idle.retain(|sandbox| sandbox.settings == version && sandbox.lives());
            idle.pop()
        };
        let sandbox = match reused {
            Some(sandbox) => sandbox,
            None => match self.start().await {
                Ok(sandbox) => sandbox,
                Err(error) => return Outcome::error("Runtime.InvalidEntrypoint", &error.to_string()),
            },
        };
        let id = uuid::Uuid::now_v7().to_string();
        self.log.line(&format!("START RequestId: {id} Version: $LATEST"));
        let started = Instant::now();
        let end = sandbox.invoke(&id, payload, self.timeout).await;
        let took = started.elapsed().as_secs_f64() * 1000.0;
        let (outcome, reusable) = self.outcome(&id, end, sandbox.api.init_error());
        self.log.line(&format!("END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {took:.2} ms"));
        if reusable {
            lock(&self.idle).push(sandbox);
        }
        outcome
    }

    fn outcome(&self, id: &str, end: End, init_error: Option<Bytes>) -> (Outcome, bool) {
        let unhandled = Some("Unhandled".to_owned());
        match (end, init_error) {
            (End::Reply(Reply::Response(body)), _) => (Outcome { body, function_error: None }, true),
            (End::Reply(Reply::Error(body)), _) => (Outcome { body, function_error: unhandled }, true),
            (_, Some(body)) => (Outcome { body, function_error: unhandled }, false),
            (End::TimedOut, None) => {
                let message =
                    format!("RequestId: {id} Error: Task timed out after {:.2} seconds", self.timeout.as_secs_f64());
                self.log.line(&message);
                (Outcome::error("Sandbox.Timedout", &message), false)
            }
            (End::InitTimedOut, None) => {
                let message =
                    format!("RequestId: {id} Error: no work was asked for within {} seconds", INIT_LIMIT.as_secs());
                (Outcome::error("Sandbox.InitTimedout", &message), false)
            }
            (End::Exited(status), None) => {
                let reason = match status.map(|status| (status.code(), status.signal())) {
                    Some((Some(0), _)) | None => "Runtime exited without providing a reason".to_owned(),
                    Some((Some(code), _)) => format!("Runtime exited with error: exit status {code}"),
                    Some((None, signal)) => {
                        format!("Runtime exited with error: signal: {}", signal.unwrap_or_default())
                    }
                };
                (Outcome::error("Runtime.ExitError", &format!("RequestId: {id} Error: {reason}")), false)
            }
        }
    }

    async fn start(&self) -> std::io::Result<Sandbox> {
        let (listener, address) = http::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let (work, queue) = mpsc::channel(1);
        let api = RuntimeApi::new(queue, self.timeout, self.arn.clone());
        let mut command = Command::new(&self.bootstrap);
        let settings = {
            let settings = lock(&self.settings);
            command.env_clear().envs(&settings.env);
            settings.version
        };
        command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        command.stdin(Stdio::null()).stdout(self.log.output()?).stderr(self.log.output()?);
        let mut child = self.groups.spawn(&mut command)?;
        let group = child.group();
        let (exit, exited) = watch::channel(None);
        let answering = api.clone();
        let server = http::serve(&self.tasks, listener, move |request| answering.clone().answer(request));
        let watcher = self.tasks.spawn(async move {
            let status = child.wait().await.unwrap_or_default();
            let _ = exit.send(Some(status));
        });
        Ok(Sandbox { settings, work, api, exited, group, tasks: server.into_iter().chain(watcher).collect() })
    }
}

impl Sandbox {
    fn lives(&self) -> bool {
        self.exited.borrow().is_none()
    }

    async fn invoke(&self, id: &str, payload: Bytes, timeout: Duration) -> End {
        let (handed, was_handed) = oneshot::channel();
        let (reply, mut replied) = oneshot::channel();
        if self.work.send(Work { id: id.to_owned(), payload, handed, reply }).await.is_err() {
            return End::Exited(None);
        }
        tokio::select! {
            started = tokio::time::timeout(INIT_LIMIT, was_handed) => match started {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Exited(None),
                Err(_) => return End::InitTimedOut,
            },
            status = self.exit() => return End::Exited(status),
        }
        tokio::select! {
            biased;
            Ok(reply) = &mut replied => End::Reply(reply),
            status = self.exit() => replied.try_recv().map_or(End::Exited(status), End::Reply),
            () = tokio::time::sleep(timeout) => End::TimedOut,
        }
    }

    async fn exit(&self) -> Option<ExitStatus> {
        let mut exited = self.exited.clone();
        exited.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A group whose leader is gone may be gone too; what is left of it ends with the stack.
        if self.lives() {
            self.group.kill();
        }
        // The watcher stays: it reaps the process. The server has nobody left to serve.
        for task in self.tasks.iter().take(1) {
            task.abort();
        }
    }
}

/// The environment that Lambda itself gives.
fn runtime_env(bootstrap: &Path, config: &LambdaConfig) -> BTreeMap<String, String> {
    let root = bootstrap.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    let (memory, group) = (config.memory_mb.to_string(), super::log::group_name(&config.name));
    let pairs = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("LAMBDA_TASK_ROOT", root.as_str()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("_HANDLER", "bootstrap"),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_NAME", config.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
