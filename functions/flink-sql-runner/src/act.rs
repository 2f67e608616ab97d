//! `allow`, `retry`, `redeploy` and `sweep`: what people order beside a deployment.
//! Must not know how an order is carried out.

use lifecycle::documents::record::Source;
use orchestrator::actions::{self, Action};

use crate::ask::ask;
use crate::cli::{Allow, Dispatch};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::out::Out;
use crate::plan;

/// Orders something and shows what came of the decision.
pub(crate) async fn order(action: Action, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let answer = plan::plan_of(ask(action, invocation).await?)?;
    plan::show(&answer, "Ordered", out);
    Ok(plan::ordered(&answer))
}

/// Allows once what is held.
pub(crate) async fn allow(arguments: Allow, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let Allow { name, what, run } = arguments;
    if invocation.flags.dispatch != Some(Dispatch::Process) {
        let action = Action::Allow { name, permission: what.into(), run, by: None };
        return order(action, invocation, out).await;
    }
    // On the primary node it is only noted: the next deployment makes use of it.
    let mut orchestrator = invocation.reading().await?;
    if let Some(orchestrator) = std::sync::Arc::get_mut(&mut orchestrator) {
        orchestrator.settings.source = Source::Process;
    }
    actions::allow(&orchestrator, &name, what.into(), run, &who()).await?;
    let document = serde_json::json!({"format": "flink-sql-runner/allow", "version": 1, "name": name, "noted": true});
    out.result(&document, || format!("Noted for {name}: the next `deploy` makes use of it.\n"));
    Ok(Exit::Done)
}
