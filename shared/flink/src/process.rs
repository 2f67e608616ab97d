//! Processes of the Flink client: each in a group of its own, bounded in time and output, ended with its owner.
//! Must not know what a program is for.

mod output;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use control::secrets::Secrets;
use output::{Pump, log_file};
use process_group::{GRACE, Group};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long output is waited for once its writers are gone; longer only if someone left the group with it.
const DRAIN: Duration = Duration::from_secs(1);

/// A program to start: an argument vector, never a shell's line.
#[derive(Clone, Debug)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    inherits: fn(&str) -> bool,
    log: Option<PathBuf>,
    secrets: Secrets,
}

/// A running program with its whole group; dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Option<Group>,
    stdout: Pump,
    stderr: Pump,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct ProcessEnd {
    pub status: ExitStatus,
    /// The end of its standard output.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
}

/// Why a program gave no exit status.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot start {program}")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    /// The file that its output goes to could not be opened.
    #[error("cannot write to {}", path.display())]
    Log {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It could not be waited for.
    #[error("cannot wait for {program}")]
    Wait {
        program: String,
        #[source]
        source: io::Error,
    },
    /// It took too long and was ended.
    #[error("{program} did not end within {} s and was ended{}{stderr}", limit.as_secs(), if stderr.is_empty() { "" } else { ": " })]
    Late {
        program: String,
        /// What it was given.
        limit: Duration,
        /// The end of its standard error.
        stderr: String,
    },
}

impl Program {
    /// The program `name`, looked for in `PATH` unless it has a slash.
    pub fn new(name: impl Into<OsString>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            inherits: |_| true,
            log: None,
            secrets: Secrets::default(),
        }
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With one more variable beside those of this process.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With only those of this process's own variables whose names pass.
    #[must_use]
    pub fn inherits(mut self, passes: fn(&str) -> bool) -> Self {
        self.inherits = passes;
        self
    }

    /// With all its output appended to a file that only its owner can read.
    #[must_use]
    pub fn log(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// With values that appear in nothing it prints.
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Starts it as the leader of its own group, with an empty standard input.
    pub fn start(&self) -> Result<Process, ProcessError> {
        let name = self.name.to_string_lossy().into_owned();
        let failed = |source| ProcessError::Start { program: name.clone(), source };
        let log = match &self.log {
            Some(path) => Some(log_file(path).map_err(|source| ProcessError::Log { path: path.clone(), source })?),
            None => None,
        };
        let mut command = Command::new(&self.name);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| (self.inherits)(&name.to_string_lossy())))
            .envs(self.environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, group) = process_group::spawn(&mut command).map_err(failed)?;
        let stdout = Pump::start(child.stdout.take(), log.clone(), self.secrets.clone());
        let stderr = Pump::start(child.stderr.take(), log, self.secrets.clone());
        Ok(Process { name, child, group: Some(group), stdout, stderr })
    }

    /// Runs it to its end, at most `limit`.
    pub async fn run(&self, limit: Duration) -> Result<ProcessEnd, ProcessError> {
        let mut process = self.start()?;
        if let Ok(status) = tokio::time::timeout(limit, process.wait()).await {
            let status = status?;
            return Ok(ProcessEnd { status, stdout: process.stdout(), stderr: process.stderr() });
        }
        process.end(GRACE).await;
        Err(ProcessError::Late { program: process.name.clone(), limit, stderr: process.stderr() })
    }

    /// The program's name as given.
    pub fn name(&self) -> &OsStr {
        &self.name
    }
}

impl Process {
    /// Waits for the leader's end, ends what it left running in its group, and takes in the last output.
    ///
    /// Dropping the future loses nothing: it may be called again.
    pub async fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        let status = self.child.wait().await;
        let status = status.map_err(|source| ProcessError::Wait { program: self.name.clone(), source })?;
        self.kill_group();
        let end = Instant::now() + DRAIN;
        self.stdout.drained(end).await;
        self.stderr.drained(end).await;
        Ok(status)
    }

    /// Whether the leader has ended, without waiting.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.group.is_none_or(Group::leader_has_exited);
        if ended {
            self.kill_group();
        }
        ended
    }

    /// Asks the whole group to end, and makes it after `grace` or once the leader has; nothing of it runs afterwards.
    pub async fn end(&mut self, grace: Duration) {
        if let Some(group) = self.group {
            group.terminate();
            group.leader_exits_by(Instant::now() + grace).await;
            self.kill_group();
            let waited = self.wait().await;
            if let Err(error) = waited {
                tracing::warn!(%error, "a process that was killed could not be waited for");
            }
            group.is_empty_by(Instant::now() + DRAIN).await;
        }
    }

    /// The end of its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.tail()
    }

    /// The end of its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.tail()
    }

    /// SIGKILL for what is left of the group, once: the number of a group that is gone may be given to a stranger.
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            group.kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}
