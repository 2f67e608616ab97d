//! What every order about one job has in common: its flags, how it is shown, how its end is waited for.
//! Must not know what is ordered.

use std::time::Duration;

use clap::Args;
use control::clock_and_ids::SystemWorld;
use control::ports::World;
use lifecycle::ids::ActId;
use lifecycle::reason::Reason;
use orchestrator::actions::{Action, PlanAnswer};
use serde_json::json;

use crate::ask::ask;
use crate::cli::duration;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::{Followed, Follower, Wanted};
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
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Wait for the outcome and show how it comes about.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
    /// How long to wait: 90s, 10m, 2h.
    #[arg(long, default_value = "30m", value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
}

/// A fresh id: however often the order reaches the function, it is one.
pub(crate) fn order_id() -> ActId {
    SystemWorld.fresh_id().into()
}

/// Orders it, or shows what that would come to; then follows it, if that is asked for.
pub(crate) async fn order(
    action: Action,
    flags: &OrderFlags,
    invocation: &Invocation,
    out: Out,
) -> Result<Exit, CliError> {
    let answer = plan::plan_of(ask(action, invocation).await?)?;
    let exit = plan::ordered(&answer);
    if !flags.wait {
        plan::show(&answer, if flags.dry_run { "Plan" } else { "Ordered" }, out);
        return Ok(exit);
    }
    let event = json!({"type": "begin", "version": 1, "plan": answer});
    out.progress(&event, || plan::text(&answer, "Ordered"));
    let exit = exit.and(follow(&answer, flags.timeout, invocation, out).await?);
    if out.is_json() {
        out.event(&json!({"type": "end", "version": 1, "exit": exit.code()}), String::new);
    }
    Ok(exit)
}

/// Waits for the end of every operation of the answer.
async fn follow(answer: &PlanAnswer, timeout: Duration, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let operation = |reason: &Reason| match reason {
        Reason::Ordered { operation } | Reason::Waits { operation } => Some(*operation),
        Reason::Unchanged
        | Reason::Complete
        | Reason::Suspended
        | Reason::UploadRefused
        | Reason::Absent
        | Reason::WaitsToRetry { .. }
        | Reason::GivenUp { .. }
        | Reason::RemovalsHeld
        | Reason::CleanStartsHeld
        | Reason::OtherSource => None,
    };
    let wanted = answer.jobs.iter().filter_map(|job| Some((job.name.clone(), operation(&job.reason)?)));
    let jobs: Vec<Followed> = wanted.map(|(name, operation)| Followed::new(name, Wanted::End(operation))).collect();
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    Follower { store, keys, out, timeout }.follow(jobs).await
}
