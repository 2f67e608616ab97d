//! What people order of a job that runs, and from which of its states; and what must come of every order.
//! Must not know how it is carried out: what came of it is read from the record.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::RefusalKind;
use lifecycle::documents::record::Record;
use lifecycle::ids::ActId;

use crate::outcomes::{carried_out, ends, is_superseded, stands_otherwise};
use crate::sim::State;

/// What is ordered; which state it names is found when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Restart,
    Clean,
    /// From the oldest state that is there.
    Oldest,
    Savepoint,
}

impl Wanted {
    pub(crate) const ALL: [Self; 4] = [Self::Restart, Self::Clean, Self::Oldest, Self::Savepoint];

    pub(crate) fn act(self, state: &State, name: &str) -> Act {
        match self {
            Self::Restart => Act::Restart,
            Self::Clean => Act::RestartClean,
            Self::Savepoint => Act::Savepoint,
            Self::Oldest => {
                // What came to its end has none that lives.
                let deployed = || state.flink.deployed.get(name).map(|(version, _)| *version);
                let version = state.flink.live(name).map(|job| job.version).next().or_else(deployed);
                let fits = |saved: &&crate::flink::Saved| {
                    saved.complete && saved.name == name && Some(saved.version) == version
                };
                let all = state.flink.states.all.iter().filter(|(_, saved)| fits(saved));
                let Some((path, _)) = all.min_by_key(|(_, saved)| saved.checkpoint_id) else { return Act::Restart };
                let of_live_run = state.flink.live(name).any(|job| path.contains(&format!("/{}/", job.id)));
                Act::RestartFrom { path: path.clone(), of_live_run }
            }
        }
    }
}

/// Why people order it, as the record has to tell it: another reason for each.
pub(crate) fn reason(id: ActId) -> String {
    format!("as {id} asked")
}

/// Who orders.
pub(crate) const OPERATOR: &str = "operator";

/// Every order that was ever noted in a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted(BTreeSet<ActId>);

impl Noted {
    pub(crate) fn knows(&self, id: ActId) -> bool {
        self.0.contains(&id)
    }

    /// A write of a record: an order is noted by it, or goes for a reason that the record tells.
    pub(crate) fn written(&mut self, before: Option<&Record>, after: &Record) -> Vec<String> {
        let open = after.open.as_ref().and_then(|open| open.plan.ordered.as_ref());
        self.0.extend(after.ordered.iter().chain(open).map(|ordered| ordered.id));
        let mut found = Vec::new();
        let waited = before.and_then(|before| before.ordered.as_ref());
        let waits = after.ordered.as_ref().map(|ordered| ordered.id);
        if let Some(waited) = waited.filter(|waited| waits != Some(waited.id))
            && !has_ended(waited, after)
        {
            found.push(format!("the order {} of {} was lost: {}", waited.id, after.name, waited.act));
        }
        let ordered = open.filter(|ordered| before.is_some_and(|before| is_carried_out(before, ordered)));
        found.extend(ordered.map(|ordered| format!("the order {} of {} is carried out again", ordered.id, after.name)));
        found
    }
}

/// Whether an order that waits no more is told of: by what came of it, or by what came before it.
fn has_ended(waited: &OrderedAct, after: &Record) -> bool {
    let own = after.history.last().filter(|entry| entry.act == Some(waited.id));
    own.is_some_and(|entry| ends(entry, &waited.act, &FOR_GOOD) || stands_otherwise(waited, after))
        || is_superseded(waited, after)
}

/// Whether the history tells that an order was carried out.
fn is_carried_out(record: &Record, ordered: &OrderedAct) -> bool {
    record.history.iter().any(|entry| entry.act == Some(ordered.id) && carried_out(entry, &ordered.act))
}

/// Refusals after which an order is not tried again: something of its own is wrong.
const FOR_GOOD: [RefusalKind; 5] = [
    RefusalKind::DoesNotCompile,
    RefusalKind::NoState,
    RefusalKind::StateNotProven,
    RefusalKind::StateNotThere,
    RefusalKind::MayBeComplete,
];

/// The history of a record tells every order by whom and why it was given, and carries none out twice. `acts` says what
/// was ordered, by what the plans tell.
pub(crate) fn judge_history(record: &Record, acts: &BTreeMap<ActId, Act>) -> Vec<String> {
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for entry in &record.history {
        let Some(id) = entry.act else { continue };
        if entry.by != OPERATOR || !entry.why.ends_with(&reason(id)) {
            found.push(format!("{} does not tell who ordered {id}, and why: {} {}", record.name, entry.by, entry.why));
        }
        let is_done = acts.get(&id).is_some_and(|act| carried_out(entry, act));
        if is_done && !done.insert(id) {
            found.push(format!("{}: the order {id} was carried out twice", record.name));
        }
    }
    found
}
