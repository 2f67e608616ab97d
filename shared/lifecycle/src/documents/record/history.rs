//! How much a record remembers of its settled operations, and which of them are one entry.
//! Must not know how an operation is settled.

use desired::effective::OptionDifference;
use desired::printable::cut;

use super::Record;
use super::entry::{Entry, SameTries};
use crate::asked_by::is_event;
use crate::ids::OperationId;

/// How many operations the record remembers.
const HISTORY: usize = 50;
/// How many of those that deployed something, and of the others, are remembered whatever comes of the newer ones.
const OF_EACH: usize = HISTORY / 2;
/// How many characters of what is said about each are kept: the result has it in full.
const SAID: usize = 500;
/// How many characters of it are kept beside why the savepoint failed.
const BESIDE_A_SAVEPOINT: usize = 200;
/// How many operations are remembered with the options that are not what was asked for, and how many such options of
/// each: the result has them all.
const WITH_DIFFERENCES: usize = 10;
const DIFFERENCES: usize = 8;
/// How many characters of such an option's values are kept.
const DIFFERENCE: usize = 60;

impl Record {
    /// Notes where the run of the operation remembered last is not what was asked for.
    pub fn remember_differences(&mut self, differences: &[OptionDifference]) {
        if let Some(entry) = self.history.last_mut() {
            entry.differences = short_differences(differences);
        }
    }

    /// Notes that the savepoint of the operation remembered last failed, in Flink's words, and what took its place.
    pub fn remember_failed_savepoint(&mut self, words: Option<&str>) {
        let (Some(entry), Some(words)) = (self.history.last_mut(), words) else { return };
        let before = cut(&entry.detail, BESIDE_A_SAVEPOINT);
        let told = failed_savepoint(entry.from.as_deref(), words.lines().next().unwrap_or_default());
        entry.detail = cut(&format!("{before}; {told}"), SAID);
        entry.without_savepoint = true;
    }

    /// Remembers an operation that tried again what `before` had tried, if that is known. Tries that wait for the same
    /// are one entry, which names the newest, as long as nothing else was done between them.
    pub fn remember_try(&mut self, entry: Entry, before: Option<OperationId>) {
        let Some(earlier) = before.and_then(|before| self.take_try(before, &entry)) else {
            return self.remember(entry);
        };
        let count = earlier.count().saturating_add(1);
        let unknown = || SameTries { count, first: earlier.operation, since: earlier.at };
        let tries = earlier.tries.map_or_else(unknown, |tries| SameTries { count, ..tries });
        self.remember(Entry { tries: Some(tries), untaken: entry.untaken.map(|_| count), ..entry });
    }

    /// Takes out the entry of `before`, where `entry` came to the same and only tries that wait lie between them.
    fn take_try(&mut self, before: OperationId, entry: &Entry) -> Option<Entry> {
        let at = self.history.iter().rposition(|known| known.operation == before)?;
        let only_waits = entry.waits() && self.history.get(at..)?.iter().all(Entry::waits);
        let is_same = self.history.get(at).is_some_and(|known| is_same_try(known, entry));
        (only_waits && is_same).then(|| self.history.remove(at))
    }

    /// Remembers a settled operation.
    pub fn remember(&mut self, entry: Entry) {
        let short = |text: &str| cut(text, SAID);
        let differences = short_differences(&entry.differences);
        self.history.push(Entry { detail: short(&entry.detail), why: short(&entry.why), differences, ..entry });
        while self.history.len() > HISTORY {
            self.history.remove(superfluous(&self.history));
        }
        let old = self.history.len().saturating_sub(WITH_DIFFERENCES);
        self.history.iter_mut().take(old).for_each(|entry| entry.differences.clear());
    }
}

/// Whether both came to the same, and nobody asked for the later one himself.
fn is_same_try(known: &Entry, entry: &Entry) -> bool {
    let of = |entry: &Entry| (entry.change, entry.act, entry.outcome, entry.refusal, entry.turned);
    let by_events = is_event(&known.by) && is_event(&entry.by);
    of(known) == of(entry) && (known.by == entry.by || by_events)
}

/// The oldest that deployed nothing; the oldest that did where there are few of the others.
fn superfluous(history: &[Entry]) -> usize {
    let nothing = history.iter().filter(|entry| !entry.deployed()).count();
    let goes = |entry: &Entry| entry.deployed() == (nothing <= OF_EACH);
    history.iter().position(goes).unwrap_or_default()
}

/// What is said of a stop whose savepoint failed; `from` is the state that the job went on from, if it did.
pub fn failed_savepoint(from: Option<&str>, words: &str) -> String {
    let kept = match from {
        Some(from) => format!("it went on from {from}"),
        None => "only its newest checkpoint is kept".to_owned(),
    };
    format!("its savepoint failed, so {kept} (rows since then may be written twice): {words}")
}

/// The first few, each value cut.
fn short_differences(differences: &[OptionDifference]) -> Vec<OptionDifference> {
    let short = |text: &str| cut(text, DIFFERENCE);
    let of = |d: &OptionDifference| OptionDifference {
        option: short(&d.option),
        asked: short(&d.asked),
        effective: short(&d.effective),
    };
    differences.iter().take(DIFFERENCES).map(of).collect()
}
