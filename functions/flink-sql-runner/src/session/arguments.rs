//! The flags of `session ensure|status|restart`.
//! Must not know what follows from them.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use control::runner::WAVE;
use flink::cluster_arguments::ClusterArguments;

use crate::cli::duration;

/// What can be done about the session.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Wait until the session is there; start it if there is none.
    Ensure(SessionFlags),
    /// Show how the session, its jobs and a restart stand.
    Status(SessionFlags),
    /// Stop all jobs with savepoints, replace the session, bring the jobs back; goes on where it was left.
    Restart(RestartFlags),
}

/// The flags of all three.
#[derive(Debug, Args)]
pub(crate) struct SessionFlags {
    #[command(flatten)]
    pub(crate) session_cluster: ClusterArguments,
    /// Flink's program that starts a session; on EMR flink-yarn-session.
    #[arg(
        long,
        env = "YARN_SESSION",
        hide_env_values = true,
        value_name = "PROGRAM",
        default_value = "yarn-session.sh",
        help_heading = "Session"
    )]
    pub(crate) yarn_session: PathBuf,
    /// What a session is started with [default: config/session.yaml in the bucket].
    #[arg(long, help_heading = "Session", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// How long the session, or the return of its jobs, is waited for: 90s, 10m, 2h.
    #[arg(long, help_heading = "Session", default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(crate) wait: Duration,
    /// Where locks and logs lie.
    #[arg(
        long,
        help_heading = "Session",
        env = "STATE_DIRECTORY",
        value_name = "DIR",
        hide_env_values = true,
        default_value = "/tmp/flink-sql-runner"
    )]
    pub(crate) state_directory: PathBuf,
}

/// `session restart`.
#[derive(Debug, Args)]
pub(crate) struct RestartFlags {
    #[command(flatten)]
    pub(crate) session: SessionFlags,
    /// How many jobs are stopped at one time; how many come back at one time is the node's own WAVE.
    #[arg(long, help_heading = "Session", env = "WAVE", hide_env_values = true, default_value_t = WAVE, value_name = "N")]
    pub(crate) wave: NonZeroU16,
    /// Lose the jobs of the session that no record knows.
    #[arg(long, help_heading = "Session")]
    pub(crate) with_strangers: bool,
}
