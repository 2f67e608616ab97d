//! The command line as types: commands, flags, help.
//! Must not know what a command does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use desired::manifest::JobName;
use desired::time_span::TimeSpan;
use lifecycle::permission::Permission;

use crate::acts::RestartArguments;
use crate::exit;
use crate::logs::Logs;
use crate::ordering::JobOrder;
use crate::orders::{AllowArguments, ForgetArguments};
use crate::out::Form;
use crate::report::ReportArguments;
use crate::rollback::RollbackArguments;
use crate::session::arguments::SessionCommand;
use crate::status::arguments::Status;
use crate::suspend::StateArguments;

/// Keeps streaming queries on a shared Flink cluster as their manifests in S3 say.
///
/// On the primary node, with DISPATCH=process, `deploy`, `deploy-job` and `plan` take local files and the flags of the
/// Python tool flink-sql-runner: see `flink-sql-runner --dispatch process deploy --help`.
#[derive(Debug, Parser)]
#[command(name = "flink-sql-runner", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command; each wins over its environment variable.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// The bucket of manifests and records.
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        env = "BUCKET",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) bucket: Option<String>,
    /// What all keys in the bucket begin with [default: flink-sql-runner/].
    #[arg(long, global = true, help_heading = "Everywhere", env = "PREFIX", hide_env_values = true)]
    pub(crate) prefix: Option<String>,
    /// The function that decides [default: the one that the deployment names, else flink-sql-runner].
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        env = "FUNCTION",
        hide_env_values = true,
        value_name = "NAME|ARN"
    )]
    pub(crate) function: Option<String>,
    /// The EMR cluster: an id (j-…), or a tag as KEY=VALUE.
    #[arg(long, global = true, help_heading = "Everywhere", env = "CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// How operations reach the primary node [default: emr].
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        env = "DISPATCH",
        hide_env_values = true,
        value_name = "HOW"
    )]
    pub(crate) dispatch: Option<Dispatch>,
    /// For people or for programs.
    #[arg(long, global = true, help_heading = "Everywhere", default_value = "text", value_name = "FORM")]
    pub(crate) output: Form,
}

/// How operations reach the primary node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dispatch {
    /// As EMR steps.
    Emr,
    /// As SSM commands.
    Ssm,
    /// In this process, on the primary node.
    Process,
}

impl Dispatch {
    /// The setting's value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Emr => "emr",
            Self::Ssm => "ssm",
            Self::Process => "process",
        }
    }
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check manifests and table definitions on this machine.
    Validate(Validate),
    /// Show what a deployment would do; change nothing.
    Plan(Plan),
    /// Carry out a plan that was saved, unless what it rests on moved on.
    Apply(Apply),
    /// Upload manifests, or bring named jobs to what is uploaded, and follow what comes of it.
    Deploy(Deploy),
    /// Show how jobs stand: what holds them, what is owed to them, which uploads are refused.
    ///
    /// STATE is what was settled of a job: running, not-running (it should), unknown (an operation ended without a
    /// result), suspended (its file says so), stopped (removed; its state kept), complete (bounded),
    /// not-deployed, refused, not-judged (uploaded just now), not-readable, forgotten (only where it is named). SINCE is since when STATE is so. FLINK, RESTARTS, CHECKPOINT and SIZE are what the last look at
    /// the cluster showed of its run; CHECKPOINT is how old the newest one was then. Ends with 1 if anything that is shown
    /// is not as it should be.
    Status(Status),
    /// Show what was done about a job, why, and by whom.
    History {
        /// The job.
        name: JobName,
    },
    /// Show what is known of an operation in full, with what Flink and the step said, and how to fetch the other lines.
    Logs(Logs),
    /// Write one page for a browser: all jobs, their operations over time, which tables they read and write, alerts.
    Report(ReportArguments),
    /// Allow once what is refused for safety.
    Allow(AllowArguments),
    /// Try again at once what failed or waits for a job.
    Retry(JobOrder),
    /// Start a running job again: from a savepoint of now, without state, or from an older state.
    Restart(RestartArguments),
    /// Take a savepoint of a running job, which goes on.
    Savepoint(JobOrder),
    /// Stop a job with a savepoint until `resume`: its uploaded manifest gets `state: suspended`.
    Suspend(StateArguments),
    /// Have a suspended job go on from its state: its uploaded manifest gets `state: running`.
    Resume(StateArguments),
    /// Upload the manifest that an earlier operation deployed, in the place of the present one.
    ///
    /// It is the manifest of then, merged with the job template of then; table definitions and the template themselves are
    /// not rolled back. Which state the job goes on from is decided as for any upload: `--dry-run` shows it.
    Rollback(RollbackArguments),
    /// Forget a name of which nothing is left: no file, no run, no state.
    Forget(ForgetArguments),
    /// List the states of a job: checkpoints and savepoints, and what goes on from each.
    States {
        /// The job.
        name: JobName,
    },
    /// Delete jobs' uploaded manifests: the jobs are stopped with a savepoint, their states kept.
    Remove(Remove),
    /// Bring every job to what is uploaded, and look for lost runs.
    Redeploy,
    /// Look after open operations and due retries.
    Sweep,
    /// The Flink session on YARN: that one is there, how it stands, a new one with all jobs brought back.
    Session {
        /// What to do.
        #[command(subcommand)]
        command: Box<SessionCommand>,
    },
    /// Write a project with one job that deploys as it is.
    Init(Init),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write the pages of all commands into a folder.
    Man {
        /// The folder; made if it is not there.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made if it is not there. A file that is there already is never written over.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// `validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Manifests, or folders that hold them.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The job template [default: config/job-template.yaml beside or above the manifests].
    #[arg(long, value_name = "FILE")]
    pub(crate) template_file: Option<PathBuf>,
    /// A table definition; repeated for several, in the order they run [default: config/tables/*.sql].
    #[arg(long, value_name = "FILE")]
    pub(crate) table_definition_path: Vec<PathBuf>,
    /// The value of a name in table definitions, beside those of config/params.yaml; repeated for several.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) template_params: Vec<(String, String)>,
    /// Whether manifests may contain code, `python.*` and jars, as the function is set; else the variable `ALLOW_CODE` says it.
    #[arg(long, value_name = "true|false")]
    pub(crate) allow_code: Option<bool>,
    /// Whether state may be kept under `file:`, as the function is set; else the variable `ALLOW_FILES` says it.
    #[arg(long, value_name = "true|false")]
    pub(crate) allow_files: Option<bool>,
    /// Compile what is valid with this machine's PyFlink, without a cluster; code in manifests is run for that.
    #[arg(long)]
    pub(crate) compile: bool,
    /// The Python with PyFlink, for --compile.
    #[arg(long, value_name = "PYTHON", env = "PYEXEC_PATH", default_value = "python3", hide_env_values = true)]
    pub(crate) pyexec_path: PathBuf,
    /// The `flink` script, for --compile [default: the one of PyFlink].
    #[arg(long, value_name = "PROGRAM", env = "FLINK", hide_env_values = true)]
    pub(crate) flink: Option<PathBuf>,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Manifests or folders as they would be uploaded, or names of jobs; all uploaded jobs if none is given.
    #[arg(value_name = "PATH|NAME")]
    pub(crate) targets: Vec<String>,
    /// End with 4 if anything would be done.
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// End with 7 if a job would lose its state.
    #[arg(long)]
    pub(crate) fail_on_state_loss: bool,
    /// Take for deleted what is uploaded and has no file in the given folders.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Keep the plan in a file, for `apply`.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// Flags of every command that can wait for what comes of it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FollowFlags {
    /// Wait for the outcome and show how it comes about.
    #[arg(long)]
    wait: bool,
    /// How long to wait: 90s, 10m, 2h.
    #[arg(long, default_value = "30m", value_parser = duration, value_name = "TIME")]
    timeout: Duration,
}

impl FollowFlags {
    /// How long to wait, if at all.
    pub(crate) fn limit(self) -> Option<Duration> {
        self.wait.then_some(self.timeout)
    }
}

/// `deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Manifests or folders to upload, or names of jobs; all uploaded jobs if none is given.
    #[arg(value_name = "PATH|NAME")]
    pub(crate) targets: Vec<String>,
    /// Delete what is uploaded and has no file in the given folders: these jobs are stopped, their states kept.
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) follow: FollowFlags,
}

/// `apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The plan, as `plan --save FILE` kept it.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) follow: FollowFlags,
}

/// `remove`.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The jobs.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<JobName>,
    /// Only show what would come of it.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) follow: FollowFlags,
}

/// What can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allowed {
    /// Take over a run that was not started from here, or a job of the other source.
    Adopt,
    /// Start without state although the job had some.
    CleanStart,
    /// Remove although many jobs would be removed at once.
    Remove,
}

impl From<Allowed> for Permission {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Adopt => Self::Adopt,
            Allowed::CleanStart => Self::CleanStart,
            Allowed::Remove => Self::Remove,
        }
    }
}

/// A `name=value`.
pub(crate) fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("NAME=VALUE is expected".to_owned()),
    }
}

/// A span of time as manifests write it; a number alone is one of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let span = if is_number { format!("{text}s").parse() } else { text.parse() };
    span.map(|span: TimeSpan| span.into()).map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
