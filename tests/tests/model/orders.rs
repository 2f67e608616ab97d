//! What a person orders in the course of a scenario, and what must come of it.
//! Must not know how it is carried out.

use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::RefusalKind;
use lifecycle::documents::record::{Entry, Record};
use lifecycle::orchestrate::Situation;

use super::kept::Kept;
use super::pass::situation;
use super::rules::Broken;
use super::scenario::{Scenario, Wanted};
use super::world::{World, id};
use crate::outcomes::{carried_out, ends, is_superseded, stands_otherwise};

/// Who orders, and why.
const BY: &str = "anna";
const WHY: &str = "the sink was restored";
/// Refusals after which an order is not tried again, of those that there are here.
const FOR_GOOD: [RefusalKind; 3] = [RefusalKind::DoesNotCompile, RefusalKind::NoState, RefusalKind::StateNotThere];

impl World {
    /// A person asks: the first time for what is there then, later for the same once more.
    pub(crate) fn order(&mut self, scenario: &Scenario, slot: usize) {
        let Some(wanted) = scenario.wanted else { return };
        let asked = self.asked.get_or_insert_with(|| Kept::new(ordered(act(wanted, &self.flink)))).clone();
        let situation = situation(self, scenario, false, None);
        self.begin_pass(scenario, slot, Situation { ordered: Some((*asked).clone()), ..situation });
    }
}

fn ordered(act: Act) -> OrderedAct {
    let (by, why) = (BY.to_owned(), Some(WHY.to_owned()));
    OrderedAct { id: id(0xc0, 1).into(), act, by, why, at: Timestamp::UNIX_EPOCH, about: None, debt: None }
}

fn act(wanted: Wanted, flink: &super::flink::Flink) -> Act {
    match wanted {
        Wanted::Restart => Act::Restart,
        Wanted::Clean => Act::RestartClean,
        Wanted::Savepoint => Act::Savepoint,
        Wanted::Oldest => {
            let Some(path) = flink.oldest() else { return Act::Restart };
            let of_live_run = flink.live().any(|run| path.contains(&format!("/{run}/")));
            Act::RestartFrom { path, of_live_run }
        }
    }
}

/// A write of the record, as far as orders go.
pub(crate) fn recording(before: Option<&Record>, after: &Record) -> Option<Broken> {
    let before = before?;
    let opened = after.open.as_ref().filter(|_| before.open.is_none());
    let ordered = opened.and_then(|open| open.plan.ordered.as_ref());
    if ordered.is_some_and(|ordered| before.history.iter().any(|entry| has_carried_out(entry, ordered))) {
        return Some(Broken::OrderedAgain);
    }
    let waited = before.ordered.as_ref()?;
    let waits = after.ordered.as_ref().is_some_and(|ordered| ordered.id == waited.id);
    let by = |entry: &Entry| entry.act == Some(waited.id) && entry.by == BY && entry.why.ends_with(WHY);
    let told = |entry: &Entry| by(entry) && (ends(entry, &waited.act, &FOR_GOOD) || stands_otherwise(waited, after));
    let is_told = after.history.last().is_some_and(told);
    (!waits && !is_told && !is_superseded(waited, after)).then_some(Broken::OrderLost)
}

fn has_carried_out(entry: &Entry, ordered: &OrderedAct) -> bool {
    entry.act == Some(ordered.id) && carried_out(entry, &ordered.act)
}
