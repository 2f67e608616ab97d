//! `retry` and `allow`: noted where something waits for them, and else told what the job does wait for.
//! Must not know how an order is shown, nor how a note is carried out.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::documents::fetch;
use control::orchestrator::{Orchestrator, Report, Scope};
use control::ports::OutsideError;
use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::noted::{Noting, Order, WhoAndWhy};
use lifecycle::permission::{AllowedFor, waits_for};

use crate::held::{WaitsFor, named, order, why};
use crate::order_asked::{AllowAsked, OrderAsked};

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

/// How many characters a reason may have.
const REASON: usize = 200;
/// Where a way out begins that is no single order.
pub(crate) const LOOK: &str = "`status` tells how each job stands";

/// What came of an order that is noted.
pub(crate) struct Noted {
    pub(crate) report: Report,
    /// What is told of it, for people: what it is for, or what came of it.
    pub(crate) told: Vec<String>,
}

/// Makes everything that is owed to a job due at once.
pub(crate) async fn retry(this: &Arc<Orchestrator>, asked: OrderAsked) -> Result<Noted, ActionError> {
    carry_out(this, Order::Retry, asked).await
}

/// Allows once what is held, if something of the job waits for it.
pub(crate) async fn allow(this: &Arc<Orchestrator>, asked: AllowAsked) -> Result<Noted, ActionError> {
    let AllowAsked { permission, run, order: asked } = asked;
    carry_out(this, Order::Allow { permission, run }, asked).await
}

/// Notes a permission and decides nothing: what it is for.
pub async fn note_allowed(this: &Arc<Orchestrator>, asked: AllowAsked) -> Result<Option<String>, ActionError> {
    let AllowAsked { permission, run, order: asked } = asked;
    let (name, dry_run, order) = (asked.name.clone(), asked.dry_run, Order::Allow { permission, run });
    let record = note(this, &name, &order, &who(&order, asked)?, dry_run).await?;
    Ok(what_waits(&order, &record).into_iter().next())
}

/// Notes an order and looks after its job; of a dry run works out what that would come to.
async fn carry_out(this: &Arc<Orchestrator>, order: Order, asked: OrderAsked) -> Result<Noted, ActionError> {
    let (name, dry_run) = (asked.name.clone(), asked.dry_run);
    let who = who(&order, asked)?;
    let record = note(this, &name, &order, &who, dry_run).await?;
    let told = what_waits(&order, &record).iter().map(|what| format!("For: {}.", named(what, &name))).collect();
    let report = if dry_run {
        Arc::clone(this).rehearse(name, order, who).await?
    } else {
        Arc::clone(this).run(Scope::Jobs(BTreeSet::from([name])), &who.by).await?
    };
    Ok(Noted { report, told })
}

/// Notes an order, unless this is a dry run: the record as it was when it was noted. Where nothing waits for the order,
/// nothing is noted, and what the job does wait for is told.
async fn note(
    this: &Arc<Orchestrator>,
    name: &JobName,
    order: &Order,
    who: &WhoAndWhy,
    dry_run: bool,
) -> Result<Box<Record>, ActionError> {
    let what = match order {
        Order::Retry => "try again".to_owned(),
        Order::Allow { permission, .. } => format!("allow {permission} for"),
        Order::Forget => "forget of".to_owned(),
    };
    let noted = if dry_run {
        let record = Box::new(record(this, name, &what).await?);
        Some((record.as_ref().clone().note(order, who, this.world.now()), record))
    } else {
        this.note_order(name, order, who).await?
    };
    match noted {
        Some((Noting::Noted | Noting::Known, record)) => Ok(record),
        Some((Noting::NothingWaits, record)) => Err(nothing_waits(order, &record)),
        None => Err(nothing_known(&what, name)),
    }
}

/// What an order is for, for people.
fn what_waits(order: &Order, record: &Record) -> Vec<String> {
    match *order {
        Order::Retry => owed(record),
        Order::Allow { permission, run } => {
            waits_for(permission, run, record).into_iter().map(|held| held_back(held, record)).collect()
        }
        Order::Forget => Vec::new(),
    }
}

fn nothing_waits(order: &Order, record: &Record) -> ActionError {
    let name = &record.name;
    let (message, otherwise) = match order {
        Order::Retry => {
            (format!("{name} is not tried again"), "nothing of it failed or waits for another try".to_owned())
        }
        Order::Allow { permission, .. } => {
            (format!("`{permission}` is not allowed for {name}"), format!("nothing of it waits for `{permission}`"))
        }
        Order::Forget => (format!("{name} is not forgotten"), "it is still known".to_owned()),
    };
    let (why, help) = stands(record, || otherwise);
    ActionError::NothingWaits { message: format!("{message}: {why}"), help }
}

pub(crate) fn who(order: &Order, asked: OrderAsked) -> Result<WhoAndWhy, ActionError> {
    let by = asked.by.unwrap_or_else(|| match order {
        Order::Retry => "retry".to_owned(),
        Order::Allow { .. } => "allow".to_owned(),
        Order::Forget => "forget".to_owned(),
    });
    Ok(WhoAndWhy { by, why: said(asked.reason)?, id: asked.order_id })
}

/// What of a job is tried again, for people.
fn owed(record: &Record) -> Vec<String> {
    let debts = record.owed.debts().map(|(purpose, debt)| format!("{}: {}", purpose.undone(debt.cause), debt.error));
    let act = record.ordered.iter().map(|ordered| match &ordered.debt {
        Some(debt) => format!("{}: {}", ordered.told(), debt.error),
        None => ordered.told(),
    });
    debts.chain(act).collect()
}

/// What is held back until it is allowed, for people.
fn held_back(held: AllowedFor, record: &Record) -> String {
    match held {
        AllowedFor::Operation(operation) => {
            let debt = record.owed.debts().map(|(_, debt)| debt).find(|debt| debt.operation == operation);
            let error = debt.map(|debt| format!(": {}", debt.error)).unwrap_or_default();
            format!("what operation {} could not do{error}", operation.short())
        }
        AllowedFor::Run(run) => format!("the run {run}"),
        AllowedFor::RemovalsHeld | AllowedFor::CleanStartsHeld | AllowedFor::OtherSource => {
            why(held).unwrap_or_default().to_owned()
        }
    }
}

pub(crate) async fn record(orchestrator: &Orchestrator, name: &JobName, what: &str) -> Result<Record, ActionError> {
    let found = fetch::<Record>(orchestrator.store.as_ref(), &orchestrator.settings.keys.record(name)).await?;
    found.map(|(record, _)| record).ok_or_else(|| nothing_known(what, name))
}

pub(crate) fn nothing_known(what: &str, name: &JobName) -> ActionError {
    ActionError::NothingWaits {
        message: format!("there is nothing to {what} {name}: nothing was ever decided about a job of this name"),
        help: "`status` lists the jobs, and the uploads that are refused".to_owned(),
    }
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

/// A reason as it is noted: one line that can be printed, if there is one.
pub fn said(reason: Option<String>) -> Result<Option<String>, ActionError> {
    let Some(reason) = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if reason.chars().count() > REASON || reason.chars().any(char::is_control) {
        let message = "the reason is too long, or has characters that cannot be printed".to_owned();
        return Err(ActionError::NothingWaits {
            message,
            help: format!("say it in one line of at most {REASON} characters"),
        });
    }
    Ok(Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_can_be_printed() {
        assert_eq!(
            said(Some("  the sink was restored ".to_owned())).ok(),
            Some(Some("the sink was restored".to_owned()))
        );
        assert_eq!((said(None).ok(), said(Some(" ".to_owned())).ok()), (Some(None), Some(None)));
        for wrong in ["a\nb".to_owned(), "\u{1b}[31m".to_owned(), "ä".repeat(REASON + 1)] {
            assert!(said(Some(wrong)).is_err());
        }
        assert!(said(Some("ä".repeat(REASON))).is_ok());
    }
}
