//! `allow`, `retry`, `forget`, `redeploy` and `sweep`: what people order beside a deployment.
//! Must not know how an order is carried out.

use std::sync::Arc;

use clap::Args;
use control::orchestrator::Orchestrator;
use desired::manifest::JobName;
use lifecycle::documents::record::Source;
use lifecycle::ids::JobId;
use orchestrator::actions::{self, Action, AllowAsked, OrderAsked};

use crate::ask::ask;
use crate::cli::{Allowed, Dispatch};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::ordering::{self, JobOrder, OrderFlags};
use crate::out::Out;
use crate::plan;
use crate::render::printable;

/// `allow`.
#[derive(Debug, Args)]
pub(crate) struct AllowArguments {
    /// The job.
    pub(crate) name: JobName,
    /// What is allowed.
    pub(crate) what: Allowed,
    /// The Flink job id of the run to adopt, if several carry the name.
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<JobId>,
    #[command(flatten)]
    pub(crate) flags: OrderFlags,
}

/// `forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArguments {
    /// The name.
    pub(crate) name: JobName,
    /// Why, for the history: one line.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Say whether it would be forgotten; change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Orders something and shows what came of the decision.
pub(crate) async fn order(action: Action, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let answer = plan::plan_of(ask(action, invocation).await?)?;
    plan::show(&answer, "Ordered", out);
    Ok(plan::ordered(&answer))
}

/// Tries again at once what failed or waits.
pub(crate) async fn retry(arguments: JobOrder, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    let JobOrder { name, flags } = arguments;
    ordering::order(Action::Retry(flags.order(name)), &flags, on, out).await
}

/// Allows once what is held.
pub(crate) async fn allow(arguments: AllowArguments, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    let AllowArguments { name, what, run, flags } = arguments;
    let asked = AllowAsked { permission: what.into(), run, order: flags.order(name) };
    if on.flags.dispatch == Some(Dispatch::Process) {
        return note(asked, &flags, on, out).await;
    }
    ordering::order(Action::Allow(asked), &flags, on, out).await
}

/// Forgets a name of which nothing is left.
pub(crate) async fn forget(arguments: ForgetArguments, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    let ForgetArguments { name, reason, dry_run } = arguments;
    let mut asked = OrderAsked { dry_run, reason, ..ordering::fresh(name) };
    let answer = if on.flags.dispatch == Some(Dispatch::Process) {
        asked.by = Some(who());
        actions::act(&on_this_node(on).await?, Action::Forget(asked)).await?
    } else {
        ask(Action::Forget(asked), on).await?
    };
    let answer = plan::plan_of(answer)?;
    out.result(&answer, || {
        let lines: Vec<String> = answer.told.iter().map(|line| printable(line)).collect();
        format!("{}\n", lines.join("\n"))
    });
    Ok(Exit::Done)
}

/// An orchestrator in this process that looks after the jobs of local files.
async fn on_this_node(on: &Invocation) -> Result<Arc<Orchestrator>, CliError> {
    let mut orchestrator = on.reading().await?;
    if let Some(orchestrator) = Arc::get_mut(&mut orchestrator) {
        orchestrator.settings.source = Source::Process;
    }
    Ok(orchestrator)
}

/// On the primary node it is only noted: the next deployment makes use of it.
async fn note(mut asked: AllowAsked, flags: &OrderFlags, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    if flags.waits() {
        let help = "leave out --wait: with DISPATCH=process the next `deploy` makes use of what is allowed";
        return Err(CliError::usage("there is nothing to wait for", help));
    }
    let orchestrator = on_this_node(on).await?;
    asked.order.by = Some(who());
    let (name, noted) = (asked.order.name.clone(), !flags.dry_run);
    let what = actions::note_allowed(&orchestrator, asked).await?;
    let document = serde_json::json!({
        "format": "flink-sql-runner/allow", "version": 1, "name": name, "noted": noted, "told": what,
    });
    out.result(&document, || {
        let what = what.map(|what| format!("For: {}.\n", printable(&what))).unwrap_or_default();
        let next =
            if noted { format!("Noted for {name}: the next `deploy` makes use of it.\n") } else { String::new() };
        format!("{what}{next}")
    });
    Ok(Exit::Done)
}
