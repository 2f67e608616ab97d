//! What came of orders, as the record tells it: carried out, at an end, about something that is not deployed any more.
//! Must not know the product's own rules: the model and the simulation judge by these.

use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::RefusalKind;
use lifecycle::documents::record::{Aim, Ended, Entry, Record};

/// Whether what the order is about is not what is deployed now.
pub(crate) fn stands_otherwise(waited: &OrderedAct, after: &Record) -> bool {
    let (Some((version, run)), Some(deployed)) = (waited.about, &after.deployed) else { return true };
    let other_run = waited.act == Act::Restart && run != deployed.run();
    let is_over = match deployed.aim {
        Aim::Run => false,
        Aim::Stopped => true,
        // What starts over, or from a state that is named, is about a job that came to its end as well.
        Aim::Complete => matches!(waited.act, Act::Restart | Act::Savepoint),
    };
    is_over || deployed.meta.query_version != version || other_run
}

/// Whether the record tells that something else came before an order, with who gave it and why.
pub(crate) fn is_superseded(waited: &OrderedAct, after: &Record) -> bool {
    let by_another = after.ordered.as_ref().is_some_and(|ordered| ordered.id != waited.id);
    let told =
        |ordered: &OrderedAct| (&ordered.by, &ordered.why, &ordered.act) == (&waited.by, &waited.why, &waited.act);
    let entry = after.superseded.iter().find(|superseded| superseded.ordered.id == waited.id);
    // Its file may say meanwhile that what came to its end is not to run.
    let is_complete = after.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete);
    let otherwise = by_another || is_complete || stands_otherwise(waited, after);
    entry.is_some_and(|entry| told(&entry.ordered) && otherwise)
}

/// Whether an operation did what was ordered. A savepoint of a job that was only brought back is not taken.
pub(crate) fn carried_out(entry: &Entry, act: &Act) -> bool {
    match entry.outcome {
        Ended::Left => entry.savepoint.is_some(),
        Ended::Deployed | Ended::Completed => *act != Act::Savepoint,
        Ended::Unhealthy
        | Ended::Removed
        | Ended::Suspended
        | Ended::RolledBack
        | Ended::Refused
        | Ended::Failed
        | Ended::Abandoned => false,
    }
}

/// Whether an order is at its end by what came of an operation for it: what the environment keeps from being done stays.
/// `for_good` are the refusals after which it is not tried again.
pub(crate) fn ends(entry: &Entry, act: &Act, for_good: &[RefusalKind]) -> bool {
    match entry.outcome {
        Ended::Left | Ended::Deployed | Ended::Completed => carried_out(entry, act),
        Ended::Unhealthy => *act != Act::Savepoint,
        Ended::RolledBack | Ended::Failed => true,
        Ended::Refused => entry.refusal.is_some_and(|refusal| for_good.contains(&refusal)),
        // Its verdict was made: nothing but the rollback was left.
        Ended::Abandoned => entry.detail.starts_with("closed while rolling back"),
        Ended::Removed | Ended::Suspended => false,
    }
}
