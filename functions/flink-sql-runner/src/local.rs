//! `local up|down|status`: the whole system on this machine.
//! Must not know how the stack is built.

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::CliError;

/// What to do with the local stack.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Start it.
    Up,
    /// End it.
    Down,
    /// Show whether it runs.
    Status,
}

/// Does it.
#[expect(clippy::unused_async, reason = "the stack is started and ended by waiting")]
pub(crate) async fn run(command: LocalCommand) -> Result<ExitCode, CliError> {
    Err(CliError::usage(format!("`local {command:?}` is not there yet").to_lowercase(), "the end-to-end tests start a stack"))
}
