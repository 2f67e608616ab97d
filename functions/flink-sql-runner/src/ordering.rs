//! What every order about one job has in common: its flags, how it is shown, how its end is waited for.
//! Must not know what is ordered.

use clap::Args;
use control::clock_and_ids::SystemWorld;
use control::ports::World;
use desired::manifest::JobName;
use orchestrator::actions::{Action, OrderAsked};
use serde_json::json;

use crate::ask::ask;
use crate::cli::FollowFlags;
use crate::deploy::operations;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::Follower;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::plan;

/// Flags of every order about one job.
#[derive(Clone, Debug, Args)]
pub(crate) struct OrderFlags {
    /// Why, for the history: one line.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Show what would be done; change nothing.
    #[arg(long, conflicts_with = "wait")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) follow: FollowFlags,
}

/// An order that says nothing but which job it is about.
#[derive(Debug, Args)]
pub(crate) struct JobOrder {
    /// The job.
    pub(crate) name: JobName,
    #[command(flatten)]
    pub(crate) flags: OrderFlags,
}

/// An order about this job. Its id is fresh: however often it reaches the function, it is one order.
pub(crate) fn fresh(name: JobName) -> OrderAsked {
    OrderAsked { order_id: Some(SystemWorld.fresh_id().into()), ..OrderAsked::about(name) }
}

impl OrderFlags {
    /// An order about this job.
    pub(crate) fn order(&self, name: JobName) -> OrderAsked {
        OrderAsked { dry_run: self.dry_run, reason: self.reason.clone(), ..fresh(name) }
    }

    /// Whether its end is waited for.
    pub(crate) fn waits(&self) -> bool {
        self.follow.limit().is_some()
    }
}

/// Orders it, or shows what that would come to; then follows it, if that is asked for.
pub(crate) async fn order(
    action: Action,
    flags: &OrderFlags,
    invocation: &Invocation,
    out: Out,
) -> Result<Exit, CliError> {
    let answer = plan::plan_of(ask(action, invocation).await?)?;
    let Some(timeout) = invocation.deadline else {
        plan::show(&answer, if flags.dry_run { "Plan" } else { "Ordered" }, out);
        return Ok(plan::ordered(&answer));
    };
    let exit = plan::ordered_and_followed(&answer);
    let event = json!({"type": "begin", "version": 1, "plan": answer});
    out.progress(&event, || plan::text(&answer, "Ordered"));
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    Follower { store, keys, out, timeout }.follow(operations(&answer), exit).await
}
