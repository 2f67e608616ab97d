//! `retry` and `allow`: noted where something waits for them, and else told what the job does wait for.
//! Must not know how an order is shown, nor how a note is carried out.

use std::sync::Arc;

use control::documents::fetch;
use control::orchestrator::Orchestrator;
use control::ports::OutsideError;
use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::ids::JobId;
use lifecycle::permission::{Permission, waits_for};

use crate::held::{WaitsFor, order};

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The outside gave no usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// Nothing of the job waits for it: nothing was noted.
    #[error("{message} ({help})")]
    NothingWaits {
        /// What was ordered, and how the job stands.
        message: String,
        /// The way out.
        help: String,
    },
}

/// Where a way out begins that is no single order.
const LOOK: &str = "`status` tells how each job stands";

/// Makes everything that is owed to a job due at once.
pub(crate) async fn retry(orchestrator: &Arc<Orchestrator>, name: &JobName) -> Result<(), ActionError> {
    let record = record(orchestrator, name, "try again").await?;
    if record.owed.debts().next().is_none() && record.ordered.is_none() {
        let (why, help) = stands(&record, || "nothing of it failed or waits for another try".to_owned());
        return Err(ActionError::NothingWaits { message: format!("{name} is not tried again: {why}"), help });
    }
    Ok(orchestrator.retry(name).await?)
}

/// Notes a permission, if something of the job waits for it.
pub async fn allow(
    orchestrator: &Arc<Orchestrator>,
    name: &JobName,
    permission: Permission,
    run: Option<JobId>,
    by: &str,
) -> Result<(), ActionError> {
    let record = record(orchestrator, name, &format!("allow {permission} for")).await?;
    if waits_for(permission, run, &record).is_none() {
        let (why, help) = stands(&record, || format!("nothing of it waits for `{permission}`"));
        let message = format!("`{permission}` is not allowed for {name}: {why}");
        return Err(ActionError::NothingWaits { message, help });
    }
    Ok(orchestrator.allow(name, permission, run, by).await?)
}

pub(crate) async fn record(orchestrator: &Orchestrator, name: &JobName, what: &str) -> Result<Record, ActionError> {
    let found = fetch::<Record>(orchestrator.store.as_ref(), &orchestrator.settings.keys.record(name)).await?;
    found.map(|(record, _)| record).ok_or_else(|| ActionError::NothingWaits {
        message: format!("there is nothing to {what} {name}: nothing was ever decided about a job of this name"),
        help: "`status` lists the jobs, and the uploads that are refused".to_owned(),
    })
}

/// How a job stands of which nothing waits for what was ordered, and what can be done.
fn stands(record: &Record, otherwise: impl FnOnce() -> String) -> (String, String) {
    if let Some(open) = &record.open {
        let why = format!("operation {} is under way", open.plan.operation.short());
        return (why, format!("wait for its end; `history {}` tells it", record.name));
    }
    if let Some(waits) = WaitsFor::all(record).first() {
        let why = match waits.guard() {
            Some(guard) => format!("the {guard} holds it"),
            None => format!("what waits is `{}`", waits.permission),
        };
        return (why, format!("`{}` approves it once", order(waits.permission, &record.name)));
    }
    let owes = record.owed.debts().next().is_some();
    let more = if owes { format!("; `retry {}` tries again at once", record.name) } else { String::new() };
    (otherwise(), format!("{LOOK}{more}"))
}
