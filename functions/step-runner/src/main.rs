//! `flink-sql-runner-step`: what a step or command starts on the primary node.
//! Reads its settings from flags and the environment. Must not know how a batch is carried out.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws::{ParameterStore, S3Files, S3Store};
use clap::{Parser, Subcommand, ValueEnum};
use control::clock_and_ids::SystemWorld;
use control::errors::error_chain;
use control::log_lines;
use control::runner::{RunnerTimes, WAVE};
use control::secrets::{SecretReader, Secrets};
use desired::digest::Digest;
use flink::cluster_arguments::ClusterArguments;
use lifecycle::ids::BatchId;
use lifecycle::keys::Keys;
use step_runner::log::ScrubbedLog;
use step_runner::node_secrets::NodeSecrets;
use step_runner::reached::Attempts;
use step_runner::run::{BatchRef, Node, NodeSettings};
use step_runner::watchdog::{self, Watchdog};
use tracing_subscriber::EnvFilter;

/// Carries out batches of plans against the Flink session cluster.
#[derive(Parser)]
#[command(name = "flink-sql-runner-step", version)]
struct Arguments {
    /// How lines of the log look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// One flat JSON object a line.
    Json,
    /// For people.
    Text,
}

#[derive(Subcommand)]
enum Command {
    /// Carries out one batch.
    Run(Box<Run>),
    /// Ends a runner that is stopped or hangs; started by the runner itself.
    #[command(hide = true)]
    Watch(Watch),
}

#[derive(clap::Args)]
struct Watch {
    /// The runner's process.
    #[arg(long)]
    pid: i32,
    /// How long it may say nothing, in milliseconds.
    #[arg(long)]
    limit_ms: u64,
}

#[derive(clap::Args)]
struct Run {
    /// The batch, as `s3://<bucket>/<prefix>/batches/<id>.json`.
    #[arg(long)]
    batch: String,
    /// The SHA-256 of the batch.
    #[arg(long)]
    sha256: String,
    /// The id of the batch.
    #[arg(long)]
    batch_id: BatchId,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The `flink` script.
    #[arg(long, env = "FLINK", default_value = "flink")]
    flink: PathBuf,
    /// The Python with PyFlink, at the same path on every node.
    #[arg(long, env = "PYEXEC_PATH", default_value = "python3")]
    pyexec_path: PathBuf,
    /// Where locks and logs lie.
    #[arg(long, env = "STATE_DIRECTORY", default_value = "/tmp/flink-sql-runner")]
    state_directory: PathBuf,
    /// How long the runner may act after a write of its claim, in milliseconds.
    #[arg(long, env = "LEASE_MS", default_value_t = 60_000)]
    lease_ms: u64,
    /// How much longer others leave it alone, in milliseconds.
    #[arg(long, env = "MARGIN_MS", default_value_t = 60_000)]
    margin_ms: u64,
    /// How many jobs are stopped, and how many started, at one time.
    #[arg(long, env = "WAVE", default_value_t = WAVE)]
    wave: NonZeroU16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let secrets = Secrets::default();
    let log = ScrubbedLog::new(secrets.clone());
    let Arguments { log_format, command } = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let logging = match log_format {
        LogFormat::Json => tracing::subscriber::set_global_default(log_lines::subscriber(filter, log)),
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
            tracing::subscriber::set_global_default(lines.with_writer(log).finish())
        }
    };
    if let Err(error) = logging {
        eprintln!("error: no log: {error}");
        return ExitCode::from(6);
    }
    let ended = match command {
        Command::Run(run) => carry_out(*run, secrets.clone()).await,
        Command::Watch(watch) => stand_guard(watch).await,
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", secrets.scrub(&error_chain(error.as_ref())));
            ExitCode::from(6)
        }
    }
}

async fn stand_guard(Watch { pid, limit_ms }: Watch) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let runner = rustix::process::Pid::from_raw(pid).ok_or("--pid is not a process")?;
    if watchdog::watch(runner, Duration::from_millis(limit_ms)).await? {
        tracing::error!(
            pid,
            limit_ms,
            "the runner said nothing for longer than its lease and the margin: it was killed"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The watchdog of this runner. Without one it works as well; a runner that hangs then has to be ended by hand.
fn guarded(run: &Run) -> Option<Watchdog> {
    let limit = Duration::from_millis(run.lease_ms + run.margin_ms);
    let program = std::env::current_exe().map(tokio::process::Command::new);
    let started = program.and_then(|mut program| {
        program.arg("watch");
        Watchdog::start(program, limit)
    });
    started.inspect_err(|error| tracing::warn!(%error, "there is no watchdog")).ok()
}

async fn carry_out(run: Run, secrets: Secrets) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let _watchdog = guarded(&run);
    let (bucket, key) =
        run.batch.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or("--batch is not an s3:// URL")?;
    let suffix = Keys::new("").batch(run.batch_id);
    let prefix = key.strip_suffix(&suffix).ok_or("--batch does not end in batches/<batch id>.json")?;
    let digest: Digest = serde_json::from_value(serde_json::Value::String(run.sha256))?;
    // Where this fails, every operation says so in its result.
    if let Err(error) = std::fs::create_dir_all(&run.state_directory) {
        tracing::error!(%error, directory = %run.state_directory.display(), "the state directory cannot be made");
    }
    let config = aws::load_config().await;
    let settings = NodeSettings {
        flink: run.flink,
        python: run.pyexec_path,
        target: run.cluster.target()?,
        deployment: Some(format!("s3://{bucket}/{prefix}")),
        state_directory: run.state_directory,
        passthrough: Vec::new(),
        times: RunnerTimes {
            lease: Duration::from_millis(run.lease_ms),
            margin: Duration::from_millis(run.margin_ms),
            ..RunnerTimes::default()
        },
        wave: run.wave,
        lock_wait: Duration::from_millis(run.lease_ms + run.margin_ms),
        attempts: Attempts::default(),
    };
    let reference = BatchRef { id: run.batch_id, key: key.to_owned(), digest };
    let store = Arc::new(S3Store::new(&config, bucket));
    let files = Arc::new(S3Files::new(&config));
    let source = Arc::new(NodeSecrets::new(Arc::new(ParameterStore::new(&config))));
    let node = Node {
        store,
        s3_files: Some(files),
        keys: Keys::new(prefix),
        settings: &settings,
        world: Arc::new(SystemWorld),
        secrets: SecretReader::new(source, secrets),
    };
    let report = node.run_batch(&reference).await?;
    tracing::info!(
        batch = %reference.id,
        finished = report.finished,
        not_ours = report.not_ours,
        unknown = report.unknown.len(),
        "batch carried out"
    );
    // An unknown outcome fails the step: its status event makes the orchestrator look after it.
    Ok(if report.unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(5) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;

    use super::*;

    /// What others read: the log, the script that starts this program.
    const READ_ELSEWHERE: [&str; 3] = ["RUST_LOG", "RUN_AS", "XDG_CACHE_HOME"];

    /// The settings of the step runner in `docs/reference.md`, with their defaults.
    fn documented() -> BTreeMap<String, String> {
        let text = include_str!("../../../docs/reference.md");
        let section = text.split("\n## ").find(|section| section.starts_with("Settings of the step runner")).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let settings = rows.flat_map(|row| {
            let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
            let (names, default) = (cells.next().unwrap(), cells.next().unwrap());
            names.split(", ").map(|name| (name.to_owned(), default.clone())).collect::<Vec<_>>()
        });
        settings.filter(|(name, _)| !READ_ELSEWHERE.contains(&name.as_str())).collect()
    }

    #[test]
    fn the_settings_and_their_defaults_are_those_of_the_reference() {
        let mut command = Arguments::command();
        command.build();
        let run = command.find_subcommand("run").unwrap();
        let settings = command.get_arguments().chain(run.get_arguments()).filter_map(|argument| {
            let name = argument.get_env()?.to_str()?.to_owned();
            let default = argument.get_default_values().first().and_then(|default| default.to_str());
            Some((name, default.unwrap_or_default().to_owned()))
        });
        assert_eq!(settings.collect::<BTreeMap<_, _>>(), documented());
    }
}
