//! `restart` and `savepoint`: what a person orders of a job that runs.
//! Must not know how an order is carried out.

use clap::Args;
use desired::manifest::JobName;
use orchestrator::actions::{Action, RestartAsked};

use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::ordering::{JobOrder, OrderFlags, order};
use crate::out::Out;

/// `restart`.
#[derive(Debug, Args)]
pub(crate) struct RestartArguments {
    /// The job.
    pub(crate) name: JobName,
    /// Start a new version without state: the job forgets what it counted.
    #[arg(long, conflicts_with = "from")]
    pub(crate) clean: bool,
    /// Start a new version from this state: the path of a checkpoint or savepoint of the job, or the operation that took
    /// it as a savepoint. `states NAME` lists them.
    #[arg(long, value_name = "OPERATION|PATH")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) flags: OrderFlags,
}

pub(crate) async fn restart(arguments: RestartArguments, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    let RestartArguments { name, clean, from, flags } = arguments;
    let asked = RestartAsked { clean, from, order: flags.order(name) };
    order(Action::Restart(asked), &flags, on, out).await
}

pub(crate) async fn savepoint(arguments: JobOrder, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    let JobOrder { name, flags } = arguments;
    order(Action::Savepoint(flags.order(name)), &flags, on, out).await
}
