//! One run of the Flink client: its process, its private directory, and the socket it answers on.
//! Must not know what the requests mean.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use control::errors::error_chain;
use control::secrets::Secrets;
use desired::printable::{cut, readable};
use lifecycle::ids::JobId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::protocol::{Hello, Numbered, PROTOCOL, Reply, Request};
use super::{Options, SCRIPT, SOURCES};
use crate::endpoint::run_arguments;
use crate::environment::is_for_flink;
use crate::process::{Process, ProcessError, Program};

/// The longest line that is read.
const LINE: u64 = 4 * 1024 * 1024;
/// How much of what the client printed is told with an error.
const TOLD: usize = 4 * 1024;
/// The settings that say where things of this node are.
const FLINK: &str = "set by FLINK or --flink";
const PYTHON: &str = "set by PYEXEC_PATH or --pyexec-path";
const SCRATCH: &str = "set by TMPDIR";
const LOGS: &str = "set by STATE_DIRECTORY or --state-directory";
/// How much of a path fits into the address of a Unix socket.
const ADDRESS: usize = 107;

/// A warm Flink client.
#[derive(Debug)]
pub(super) struct FlinkClient {
    process: Process,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    last: u64,
    secrets: Secrets,
    pub(super) prepared: HashSet<JobId>,
    /// Dropped last: the process is killed before its directory goes.
    _home: Home,
}

/// Why the client gave no answer; it is not used any more.
#[derive(Debug, thiserror::Error)]
#[error("the Flink client {why}{}{output}", if output.is_empty() { "" } else { "; it printed: " })]
pub(super) struct Lost {
    why: String,
    output: String,
}

/// There is no client: what of the node does not work, and which setting says where that is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NodeBroken(pub(super) String);

impl NodeBroken {
    fn scratch(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self(format!("the Flink client's private files cannot be in {} ({SCRATCH}): {why}", path.display()))
    }

    /// A client that was started, and is gone before it was ready.
    fn client(options: &Options, lost: &Lost) -> Self {
        Self::said(options, &lost.to_string())
    }

    /// What a client says of the node that it runs on.
    pub(super) fn said(options: &Options, why: &str) -> Self {
        let (flink, python, scratch) = (options.flink.display(), options.python.display(), options.scratch.display());
        Self(format!(
            "the client is {flink}, {FLINK}; its Python is {python}, {PYTHON}; its files are in {scratch}, {SCRATCH}: {why}"
        ))
    }
}

/// A directory that only its owner can enter, removed with this value.
#[derive(Debug)]
struct Home(PathBuf);

impl FlinkClient {
    /// Starts the client and waits for its first line.
    pub(super) async fn start(options: &Options) -> Result<Self, NodeBroken> {
        let secrets = options.secrets.secrets().clone();
        let end = Instant::now() + options.limits.start;
        let home = Home::make(&options.scratch).map_err(|error| NodeBroken::scratch(&options.scratch, &error))?;
        let (script, socket) = (home.0.join(SCRIPT), home.0.join("s"));
        if socket.as_os_str().len() > ADDRESS {
            return Err(NodeBroken::scratch(&options.scratch, &"its path is too long for a socket in it"));
        }
        write_sources(&home.0).map_err(|error| NodeBroken::scratch(&home.0, &error))?;
        let listener = UnixListener::bind(&socket).map_err(|error| NodeBroken::scratch(&socket, &error))?;
        let mut process = program(options, &home.0, &script, &socket).start().map_err(|error| cannot_start(&error))?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted.map_err(|error| format!("could not be heard: {error}")),
            ended = process.wait() => Err(how_it_ended(ended)),
            () = tokio::time::sleep_until(end) => Err(format!("did not say hello within {} s", options.limits.start.as_secs())),
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(why) => return Err(NodeBroken::client(options, &lost(&mut process, &secrets, &why).await)),
        };
        let (reader, writer) = stream.into_split();
        let (reader, prepared) = (BufReader::new(reader), HashSet::new());
        let mut client = Self { process, reader, writer, last: 0, secrets, prepared, _home: home };
        match client.line::<Hello>(end).await {
            Ok(Hello { protocol: PROTOCOL, broken: Some(why), .. }) => {
                let lost = client.lose(format!("does not work: {why}")).await;
                Err(NodeBroken::client(options, &lost))
            }
            Ok(Hello { protocol: PROTOCOL, flink, python, broken: None }) => {
                let (flink, python) = (readable(&flink), readable(&python));
                tracing::info!(flink, python, "the Flink client is ready");
                Ok(client)
            }
            Ok(Hello { protocol, .. }) => {
                let lost = client.lose(format!("speaks protocol {protocol}, not {PROTOCOL}")).await;
                Err(NodeBroken::client(options, &lost))
            }
            Err(why) => Err(NodeBroken::client(options, &client.lose(why).await)),
        }
    }

    /// Asks, and waits for the answer until `end`. After an error the client is gone, and with it all it was about to do.
    pub(super) async fn ask(&mut self, request: &Request<'_>, end: Instant) -> Result<Reply, Lost> {
        match self.exchange(request, end).await {
            Ok(answer) => Ok(answer),
            Err(why) => Err(self.lose(why).await),
        }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        !self.process.has_ended()
    }

    /// Asks the client to leave, and makes it.
    pub(super) async fn leave(mut self, limit: Duration) {
        let end = Instant::now() + limit;
        if self.exchange(&Request::Exit, end).await.is_ok() {
            // Late or not, `end` sees to it.
            let _ = tokio::time::timeout_at(end, self.process.wait()).await;
        }
        self.process.end(limit).await;
    }

    async fn exchange(&mut self, request: &Request<'_>, end: Instant) -> Result<Reply, String> {
        self.last += 1;
        let id = self.last;
        let mut line =
            serde_json::to_vec(&Numbered { id, request }).map_err(|error| format!("cannot be asked this: {error}"))?;
        line.push(b'\n');
        match tokio::time::timeout_at(end, self.writer.write_all(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(format!("hung up: {error}")),
            Err(_) => return Err("did not take the request in time".to_owned()),
        }
        let answer: Reply = self.line(end).await?;
        if answer.id == id { Ok(answer) } else { Err(format!("answered request {} where {id} was asked", answer.id)) }
    }

    /// The next line; an error says what the client did instead.
    async fn line<T: serde::de::DeserializeOwned>(&mut self, end: Instant) -> Result<T, String> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(LINE);
        let read = tokio::select! {
            // An answer that is there counts, even if its sender ended right after it.
            biased;
            read = bounded.read_until(b'\n', &mut line) => read.map_err(|error| format!("hung up: {error}"))?,
            ended = self.process.wait() => return Err(how_it_ended(ended)),
            () = tokio::time::sleep_until(end) => return Err("did not answer in time".to_owned()),
        };
        if read == 0 {
            return Err("hung up".to_owned());
        }
        serde_json::from_slice(&line).map_err(|error| format!("answered what is no answer: {error}"))
    }

    async fn lose(&mut self, why: String) -> Lost {
        lost(&mut self.process, &self.secrets, &why).await
    }
}

impl Home {
    #[expect(clippy::disallowed_methods, reason = "a folder of its own")]
    fn make(scratch: &Path) -> io::Result<Self> {
        let path = scratch.join(format!("fsr-{}", uuid::Uuid::now_v7().simple()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a private directory could not be removed");
        }
    }
}

fn write_sources(home: &Path) -> io::Result<()> {
    for (name, text) in SOURCES {
        let mut new = std::fs::OpenOptions::new();
        new.create_new(true).write(true).mode(0o600).open(home.join(name))?.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn program(options: &Options, home: &Path, script: &Path, socket: &Path) -> Program {
    let mut java = options.jvm_arguments.clone();
    // What Java would put into /tmp goes where everything else of this client is, and goes with it.
    if let Some(home) = home.to_str().filter(|home| !home.contains(char::is_whitespace)) {
        java.push_str(" -Djava.io.tmpdir=");
        java.push_str(home);
    }
    let mut program = Program::new(&options.flink)
        .arguments(["run"])
        .arguments(run_arguments(&options.jobmanager))
        .arguments([
            "-pyclientexec".as_ref(),
            options.python.as_os_str(),
            "-pyexec".as_ref(),
            options.python.as_os_str(),
        ])
        .arguments(&options.passthrough)
        .arguments(["-py".as_ref(), script.as_os_str()])
        .inherits(is_for_flink)
        .variable("JVM_ARGS", java)
        .variable("FLINK_SQL_RUNNER_SOCKET", socket)
        // Set, it would keep Python from finding modules beside the script.
        .variable("PYTHONSAFEPATH", "")
        .secrets(options.secrets.secrets().clone());
    for (name, value) in &options.environment {
        program = program.variable(name, value);
    }
    match &options.log {
        Some(log) => program.log(log),
        None => program,
    }
}

fn cannot_start(error: &ProcessError) -> NodeBroken {
    let setting = match error {
        ProcessError::Log { .. } => LOGS,
        ProcessError::Start { .. } | ProcessError::Wait { .. } | ProcessError::Late { .. } => FLINK,
    };
    NodeBroken(format!("the Flink client does not start: {} ({setting})", error_chain(error)))
}

fn how_it_ended(ended: Result<std::process::ExitStatus, ProcessError>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| format!("ended with {status}"))
}

/// Kills what is left, so that nothing of a request of unknown outcome happens later, and takes in its last words.
async fn lost(process: &mut Process, secrets: &Secrets, why: &str) -> Lost {
    process.end(Duration::ZERO).await;
    let (stderr, stdout) = (process.stderr(), process.stdout());
    let printed = if stderr.trim().is_empty() { stdout } else { stderr };
    // The frames of Java's stack would push out what Python said before them.
    let said: Vec<&str> = printed.lines().filter(|line| !line.trim_start().starts_with("at ")).collect();
    let printed = said.join("\n");
    let from = printed.len().saturating_sub(TOLD);
    let last = printed.get(printed.ceil_char_boundary(from)..).unwrap_or_default();
    // What could not be read as an answer is quoted in the reason.
    Lost { why: readable(&secrets.scrub(why)), output: cut(last.trim(), TOLD) }
}
