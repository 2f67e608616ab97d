//! What a job waits for that is tried again by itself, in a line.
//! Must not know what was uploaded or ordered, nor how the documents are read.

use lifecycle::documents::record::{OpenOperation, Record};
use lifecycle::moment::moment;
use lifecycle::owed::{Debt, Purpose};
use orchestrator::held::{WaitsFor, named};

use crate::render::count;

/// What of a job is tried again by itself before its upload counts as applied: the same words until the try, its time or
/// its cause is another. Nothing if nothing will happen by itself.
pub(super) fn for_upload(record: &Record) -> Option<String> {
    let apply = record.owed.apply.as_ref().map(|apply| (Purpose::Apply, &apply.debt));
    let keep_running = record.owed.keep_running.as_ref().map(|debt| (Purpose::KeepRunning, debt));
    let mut debts = [apply, keep_running].into_iter().flatten();
    debts.find_map(|(purpose, debt)| line(record, purpose.undone(debt.cause), debt))
}

/// The same of a removal.
pub(super) fn for_removal(record: &Record) -> Option<String> {
    let debt = record.owed.remove.as_ref()?;
    line(record, Purpose::Remove.undone(debt.cause), debt)
}

/// The same of a job about which something was ordered.
pub(super) fn for_order(record: &Record) -> Option<String> {
    let of_order = || line(record, "not carried out", record.ordered.as_ref()?.debt.as_ref()?);
    for_upload(record).or_else(of_order).or_else(|| for_removal(record))
}

/// An operation that others wait for.
pub(super) fn for_end_of(open: &OpenOperation) -> String {
    let plan = &open.plan;
    format!("waits for the end of operation {}, ordered at {}", plan.operation.short(), moment(plan.at))
}

fn line(record: &Record, undone: &str, debt: &Debt) -> Option<String> {
    let (name, since, next) = (&record.name, moment(debt.since), moment(debt.next?));
    let tries = match usize::try_from(debt.attempts) {
        // Somebody had it tried at once: the pauses count anew.
        Ok(0) => String::new(),
        attempts => format!(", after {}", count(attempts.unwrap_or(usize::MAX), "attempt")),
    };
    let error = named(&debt.error, name);
    let allows = WaitsFor::all(record).into_iter().map(|waits| waits.order(name));
    let allows = allows.filter(|order| !error.contains(order.as_str()));
    let allows = allows.fold(String::new(), |told, order| told + "; `" + &order + "` approves it, if that is meant");
    Some(format!(
        "{undone} since {since}{tries}: tried again by itself at {next} at the latest, at once by \
         `retry {name}`{allows}; the try before: {error}"
    ))
}
