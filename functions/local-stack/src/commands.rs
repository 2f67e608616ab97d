//! `up|down|status`: the whole system on this machine, in one background process.
//! Must not know how the stack is built.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use control::ports::OutsideError;
use local::{Delivery, ParameterConfig};
use local_stack::error::StackError;
use local_stack::flink_cluster::FlinkKind;
use local_stack::stack::{LocalStack, Spans, StackOptions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::Out;

/// How long the stack may take to come up or to end.
const LIMIT: Duration = Duration::from_mins(4);
/// The name of what is printed for programs.
const FORMAT: &str = "local-stack/status";

/// What to do with the local stack.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Start S3, EMR, SSM, the Lambda and a Flink cluster on this machine, and print their addresses.
    Up(Up),
    /// End all of it.
    Down(Where),
    /// Show whether it runs, and the settings that reach it (`eval "$(local-stack status)"`).
    Status(Where),
}

/// Where the stack lies.
#[derive(Clone, Debug, Args)]
pub(crate) struct Where {
    /// The folder of the stack's state and logs.
    #[arg(long, env = "FSR_LOCAL", default_value = ".local/stack")]
    root: PathBuf,
}

/// How to start it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    place: Where,
    /// The project's folder with `scripts/` and `infra/`.
    #[arg(long, default_value = ".")]
    project: PathBuf,
    /// How batches reach the node: emr or ssm.
    #[arg(long, default_value = "emr", value_parser = ["emr", "ssm"])]
    via: String,
    /// Which Flink: a standalone cluster, or a session on a real YARN, with or without high availability.
    #[arg(long, value_enum, default_value = "standalone")]
    on: FlinkKind,
    /// Send uploads to the function that `cargo lambda watch` serves on port 9000, instead of hosting it.
    #[arg(long)]
    watch: bool,
    /// The node's secrets: a YAML file of `/flink-sql-runner/name: value` for Parameter Store and `NAME: value` for the
    /// runner's environment.
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// The folder of the programs: the function, the runner of the node [default: this program's].
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Stay in the foreground.
    #[arg(long)]
    foreground: bool,
}

/// What is written down about a running stack.
#[derive(Debug, Serialize, Deserialize)]
struct Running {
    pid: u32,
    environment: BTreeMap<String, String>,
    flink: String,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is nothing to show.
    #[error("no local stack runs under {}", .0.display())]
    NotRunning(PathBuf),
    /// The file of secrets cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file of secrets says something else.
    #[error("{} cannot be read", .0.display())]
    Secrets(PathBuf),
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The outside gave no usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// Something that cannot be.
    #[error("{0}")]
    Bug(String),
}

impl Error {
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::NotRunning(_) => "start it with `local-stack up`",
            Self::File { .. } => "check the path and its permissions",
            Self::Secrets(_) => "write one `name: value` a line, values as text",
            Self::Stack(_) | Self::Outside(_) => "`make help` tells what the local stack needs",
            Self::Bug(_) => "please report this with the command line",
        }
    }
}

/// Does it.
pub(crate) async fn run(command: Command, out: Out) -> Result<ExitCode, Error> {
    match command {
        Command::Up(up) if up.foreground => serve(&up).await,
        Command::Up(up) => start(&up, out).await,
        Command::Down(place) => end(&place.root, out).await,
        Command::Status(place) => {
            let running = running(&place.root).ok_or_else(|| Error::NotRunning(place.root.clone()))?;
            show(&running, out);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::Stack(StackError::Io { what, source })
}

fn note(root: &Path) -> PathBuf {
    root.join("stack.json")
}

/// The stack that is written down, if its process lives.
fn running(root: &Path) -> Option<Running> {
    let running: Running = serde_json::from_slice(&fs::read(note(root)).ok()?).ok()?;
    Path::new(&format!("/proc/{}", running.pid)).exists().then_some(running)
}

/// Lines for a shell; values are ours: names, numbers, addresses and paths.
fn show(running: &Running, out: Out) {
    let document = json!({
        "format": FORMAT,
        "version": 1,
        "running": true,
        "flink": running.flink,
        "environment": running.environment,
    });
    out.result(&document, || {
        let exports = running.environment.iter().map(|(name, value)| format!("export {name}={value}\n"));
        format!("# Flink: {}\n{}", running.flink, exports.collect::<String>())
    });
}

/// That nothing runs (any more).
fn show_nothing(text: &str, out: Out) {
    out.result(&json!({"format": FORMAT, "version": 1, "running": false}), || format!("{text}\n"));
}

async fn start(up: &Up, out: Out) -> Result<ExitCode, Error> {
    let root = &up.place.root;
    if let Some(running) = running(root) {
        show(&running, out);
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(root).map_err(io("making the stack's folder"))?;
    let _ = fs::remove_file(note(root));
    let log = root.join("stack.log");
    let output = fs::File::create(&log).map_err(io("making the stack's log"))?;
    let errors = output.try_clone().map_err(io("making the stack's log"))?;
    let program = std::env::current_exe().map_err(io("finding this program"))?;
    let on = up.on.to_possible_value().ok_or_else(|| Error::Bug("a Flink without a name".to_owned()))?;
    let mut command = process::Command::new(program);
    command
        .args(["up", "--foreground", "--via", &up.via, "--on", on.get_name()])
        .arg("--root")
        .arg(root)
        .arg("--project")
        .arg(&up.project);
    if up.watch {
        command.arg("--watch");
    }
    if let Some(binaries) = &up.binaries {
        command.arg("--binaries").arg(binaries);
    }
    if let Some(file) = &up.secrets {
        command.arg("--secrets").arg(file);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(io("starting the stack's process"))?;
    let began = Instant::now();
    loop {
        if let Some(running) = running(root) {
            show(&running, out);
            return Ok(ExitCode::SUCCESS);
        }
        let over = child.try_wait().map_err(io("waiting for the stack"))?.is_some();
        if over || began.elapsed() > LIMIT {
            let told = fs::read_to_string(&log).unwrap_or_default();
            let last = told.lines().rev().take(5).collect::<Vec<_>>();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            let output = format!("{last}\nsee {}", log.display());
            return Err(Error::Stack(StackError::Script { script: "local-stack up".to_owned(), output }));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

type Values<T> = BTreeMap<String, T>;

/// The secrets of a file: those that are parameters, and those of the node's environment.
fn secrets(file: Option<&Path>) -> Result<(Values<ParameterConfig>, Values<String>), Error> {
    let Some(path) = file else { return Ok(Default::default()) };
    let text = fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    // What is wrong in it is not quoted: it could be a value.
    let values: Values<String> = serde_yaml::from_str(&text).map_err(|_| Error::Secrets(path.to_owned()))?;
    let (parameters, node): (Values<String>, Values<String>) =
        values.into_iter().partition(|(name, _)| name.starts_with('/'));
    Ok((parameters.into_iter().map(|(name, value)| (name, ParameterConfig::secure(value))).collect(), node))
}

/// The stack itself, until it is told to end.
async fn serve(up: &Up) -> Result<ExitCode, Error> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(io("finding the folders"));
    let program = std::env::current_exe().map_err(io("finding this program"))?;
    let beside = program.parent().unwrap_or(Path::new("/"));
    let binaries = absolute(up.binaries.as_deref().unwrap_or(beside))?;
    let delivery = if up.watch {
        Delivery::Endpoint { url: "http://127.0.0.1:9000/2015-03-31/functions/orchestrator/invocations".to_owned() }
    } else {
        Delivery::Host { bootstrap: binaries.join("orchestrator") }
    };
    let root = absolute(&up.place.root)?;
    let (parameters, node) = secrets(up.secrets.as_deref())?;
    let options = StackOptions {
        project: absolute(&up.project)?,
        root: root.clone(),
        delivery,
        binaries,
        dispatch: up.via.clone(),
        flink: up.on,
        ports: (0, 0, 0),
        spans: Spans::default(),
        rates: Some((Duration::from_secs(30), Duration::from_mins(1))),
        parameters,
        node,
        recording: None,
    };
    // Asked for before the start: a signal that comes meanwhile must not leave Flink behind.
    let mut terminate = signal(SignalKind::terminate()).map_err(io("listening for signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("listening for signals"))?;
    let stack = LocalStack::start(options).await?;
    let mut environment = stack.settings();
    environment.extend(stack.aws.aws_env());
    let running = Running { pid: process::id(), environment, flink: stack.flink.rest().await? };
    let text = serde_json::to_vec_pretty(&running).map_err(|error| Error::Bug(error.to_string()))?;
    // Renamed into place: whoever reads it reads all of it.
    let draft = root.join("stack.json.new");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, note(&root))).map_err(io("writing the stack's note"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stack.stop().await;
    let _ = fs::remove_file(note(&root));
    Ok(ExitCode::SUCCESS)
}

async fn end(root: &Path, out: Out) -> Result<ExitCode, Error> {
    let Some(running) = running(root) else {
        show_nothing(&format!("no local stack runs under {}", root.display()), out);
        return Ok(ExitCode::SUCCESS);
    };
    let pid = running.pid.to_string();
    let sent = process::Command::new("kill").arg(&pid).stdin(Stdio::null()).status().map_err(io("ending the stack"))?;
    let began = Instant::now();
    while sent.success() && Path::new("/proc").join(&pid).exists() {
        if began.elapsed() > LIMIT {
            let output = format!("process {pid} is still there after {} s", LIMIT.as_secs());
            return Err(Error::Stack(StackError::Script { script: "local-stack down".to_owned(), output }));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    show_nothing("the local stack is ended", out);
    Ok(ExitCode::SUCCESS)
}
