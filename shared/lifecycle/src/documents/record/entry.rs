//! What a record remembers of a settled operation, and how much of it.
//! Must not know how an operation is settled.

use desired::effective::OptionDifference;
use desired::printable::cut;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ended, Record};
use crate::act::ActKind;
use crate::change::ChangeKind;
use crate::documents::outcome::RefusalKind;
use crate::ids::{ActId, BatchId, OperationId};

/// How many operations the record remembers.
const HISTORY: usize = 50;
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

/// One settled operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    pub operation: OperationId,
    /// When it was settled.
    pub at: Timestamp,
    /// The version it was about.
    pub version: u32,
    pub change: ChangeKind,
    /// The state that was restored.
    pub from: Option<String>,
    pub outcome: Ended,
    /// What came of it, for people.
    pub detail: String,
    /// What kind of refusal it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalKind>,
    /// Who or what asked for it.
    pub by: String,
    pub why: String,
    /// The batch it was sent in last: its receipt names the step or command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The act that it carried out, if a person ordered one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActId>,
    /// What kind of act that was; nothing in entries of versions that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<ActKind>,
    /// The savepoint that it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
    /// Where the run is not what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<OptionDifference>,
    /// Whether the savepoint of its stop failed, so that only a checkpoint was left to go on from: the detail says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_savepoint: bool,
    /// How often in a row an operation was sent and no runner took it, where this stands for such tries: it names the
    /// newest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untaken: Option<u32>,
}

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

    /// Remembers an operation that no runner took. Tries of the same in a row are one entry, which names the newest.
    pub fn remember_untaken(&mut self, entry: Entry) {
        let is_same = |last: &Entry| (last.change, last.version, last.act) == (entry.change, entry.version, entry.act);
        let before = self.history.pop_if(|last| last.untaken.is_some() && is_same(last)).and_then(|last| last.untaken);
        self.remember(Entry { untaken: Some(before.unwrap_or_default().saturating_add(1)), ..entry });
    }

    /// Remembers a settled operation.
    pub fn remember(&mut self, entry: Entry) {
        let short = |text: &str| cut(text, SAID);
        let differences = short_differences(&entry.differences);
        self.history.push(Entry { detail: short(&entry.detail), why: short(&entry.why), differences, ..entry });
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
        let old = self.history.len().saturating_sub(WITH_DIFFERENCES);
        self.history.iter_mut().take(old).for_each(|entry| entry.differences.clear());
    }
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
