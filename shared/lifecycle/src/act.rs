//! What a person orders of a deployed job: another start, a start over, an older state, a savepoint; and when it may be.
//! Must not know how an act is carried out, nor how it is stored.

use std::fmt;

use desired::printable::cut;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeKind;
use crate::decision::{Observed, PlannedAction, StartFrom, Stop, Why};
use crate::documents::record::{Aim, Record};
use crate::ids::{ActId, JobId, OperationId};
use crate::owed::Debt;

/// What is done with a deployed job because a person ordered it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Act {
    /// Stop it with a savepoint and start the same version from it.
    Restart,
    /// Stop it with a savepoint and start a new version without state.
    RestartClean,
    /// Stop it and start a new version from this state.
    RestartFrom {
        /// A complete checkpoint or savepoint of the job.
        path: String,
        /// Whether it is a checkpoint of the run that is stopped: Flink deletes those when it stops a job with a savepoint.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_live_run: bool,
    },
    /// Take a savepoint; the job runs on.
    Savepoint,
}

impl Act {
    /// What it comes to for what the node observes: the decision table's rows for acts, one arm per cell.
    pub fn action(&self, observed: Observed) -> PlannedAction {
        use PlannedAction::{Leave, Refuse, Replace, Start, Wait};
        match (self, observed) {
            (Self::Restart, Observed::Running) => Replace(Stop::Savepoint, StartFrom::Latest),
            (Self::Restart, Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Latest),

            (Self::RestartClean, Observed::Running) => Replace(Stop::Savepoint, StartFrom::Clean),
            (Self::RestartClean, Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Clean),
            // Whoever starts over, or from a state that he names, says so knowingly: also of what came to its end.
            (Self::RestartClean, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => {
                Start(StartFrom::Clean)
            }

            (Self::RestartFrom { of_live_run: false, .. }, Observed::Running) => {
                Replace(Stop::Savepoint, StartFrom::Given)
            }
            (Self::RestartFrom { of_live_run: true, .. }, Observed::Running)
            | (Self::RestartFrom { .. }, Observed::Unhealthy) => Replace(Stop::Cancel, StartFrom::Given),
            (Self::RestartFrom { .. }, Observed::Complete | Observed::StoppedOutside | Observed::Gone) => {
                Start(StartFrom::Given)
            }

            // Flink itself says whether one is possible.
            (Self::Savepoint, Observed::Running | Observed::Unhealthy) => PlannedAction::Savepoint,
            (Self::Restart | Self::Savepoint, Observed::StoppedOutside | Observed::Gone) => Start(StartFrom::Latest),

            (Self::Restart | Self::Savepoint, Observed::Complete) => Leave(Why::IsComplete),
            (Self::Restart | Self::RestartClean | Self::RestartFrom { .. } | Self::Savepoint, Observed::Foreign) => {
                Refuse(Why::ForeignJob)
            }
            (Self::Restart | Self::RestartClean | Self::RestartFrom { .. } | Self::Savepoint, Observed::Unproven) => {
                Refuse(Why::EndNotProven)
            }
            (Self::Restart | Self::RestartClean | Self::RestartFrom { .. } | Self::Savepoint, Observed::Passing) => {
                Wait
            }
        }
    }

    /// What it is to versions and rollback: whatever leaves the lineage of states gets a new version, as a changed query.
    pub fn change(&self) -> ChangeKind {
        match self {
            Self::Restart | Self::Savepoint => ChangeKind::Unchanged,
            Self::RestartClean | Self::RestartFrom { .. } => ChangeKind::Query,
        }
    }

    /// Whether it is about a job with this aim: what came to its end is only started over, or from a state that is named.
    pub(crate) fn is_about(&self, aim: Aim) -> bool {
        match aim {
            Aim::Run => true,
            Aim::Complete => self.change() == ChangeKind::Query,
            Aim::Stopped => false,
        }
    }

    /// The state that it starts from, if it names one.
    pub fn given(&self) -> Option<&str> {
        match self {
            Self::RestartFrom { path, .. } => Some(path),
            Self::Restart | Self::RestartClean | Self::Savepoint => None,
        }
    }
}

/// Which act it is, without what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    Restart,
    RestartClean,
    RestartFrom,
    Savepoint,
}

impl Act {
    pub fn kind(&self) -> ActKind {
        match self {
            Self::Restart => ActKind::Restart,
            Self::RestartClean => ActKind::RestartClean,
            Self::RestartFrom { .. } => ActKind::RestartFrom,
            Self::Savepoint => ActKind::Savepoint,
        }
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "restart",
            Self::RestartClean => "restart --clean",
            Self::RestartFrom => "restart --from",
            Self::Savepoint => "savepoint",
        })
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart => f.write_str("restart"),
            Self::RestartClean => f.write_str("restart without state"),
            Self::RestartFrom { path, .. } => write!(f, "restart from {path}"),
            Self::Savepoint => f.write_str("savepoint"),
        }
    }
}

/// An act that was ordered, by whom, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderedAct {
    /// Tells the same order, asked for again, from another one.
    pub id: ActId,
    pub act: Act,
    /// Who ordered it.
    pub by: String,
    /// Why, as whoever ordered it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
    /// What it is about: the version that was deployed, and its run, when it was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<(u32, Option<JobId>)>,
    /// Why it is not carried out yet; nothing before it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debt: Option<Debt>,
}

impl OrderedAct {
    /// What and why, for people.
    pub fn told(&self) -> String {
        match &self.why {
            Some(why) => format!("{} ordered: {why}", self.act),
            None => format!("{} ordered", self.act),
        }
    }
}

/// How many superseded orders a record remembers.
const SUPERSEDED: usize = 20;
/// How many characters of a name or a reason are kept of one.
const SAID: usize = 500;

/// An order that will not be carried out, as something else came before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SupersededAct {
    #[serde(flatten)]
    pub ordered: OrderedAct,
    /// What came before it, for people.
    pub by_what: String,
    /// When it was superseded.
    pub superseded_at: Timestamp,
}

/// Why an act is not ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotNow {
    #[error("operation {} is under way", .0.short())]
    Open(OperationId),
    #[error("nothing of it is deployed")]
    NotDeployed,
    #[error("it was removed")]
    Removed,
    #[error("it is suspended")]
    Suspended,
    #[error("it is bounded and came to its end")]
    Complete,
    #[error("it is bounded and came to its end, and its file says that it is not to run")]
    NotToRun,
    #[error("it is deployed from another source")]
    OtherSource,
    #[error("its upload is refused")]
    UploadRefused,
    #[error("no uploaded manifest carries its name")]
    NotUploaded,
    #[error("the state is not provably one of its own")]
    NotItsState,
    #[error("others keep changing its record")]
    Contended,
}

/// What came of an act that a person ordered, by the record that was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActTaken {
    /// It is noted: carried out now, or once what comes first is done.
    Noted,
    /// This very order is noted, under way or settled: nothing changed.
    Known,
    /// Nothing was ever decided about a job of this name.
    UnknownJob,
    NotNow(NotNow),
}

impl Record {
    /// Whether this very order is noted, under way or settled.
    pub fn knows_act(&self, id: ActId) -> bool {
        let open = self.open.as_ref().and_then(|open| open.plan.ordered.as_ref()).map(|ordered| ordered.id);
        let noted = self.ordered.as_ref().map(|ordered| ordered.id);
        let superseded = || self.superseded.iter().any(|superseded| superseded.ordered.id == id);
        noted == Some(id) || open == Some(id) || self.history.iter().any(|entry| entry.act == Some(id)) || superseded()
    }

    /// Why an act on what is deployed is not ordered now; nothing if it may be.
    pub fn refuses(&self, act: &Act) -> Option<NotNow> {
        if let Some(open) = &self.open {
            return Some(NotNow::Open(open.plan.operation));
        }
        match self.deployed.as_ref().map(|deployed| deployed.aim) {
            // Checked, and not started as its manifest says.
            None if self.suspended.is_some() => Some(NotNow::Suspended),
            None => Some(NotNow::NotDeployed),
            Some(Aim::Stopped) if self.suspended.is_some() => Some(NotNow::Suspended),
            Some(Aim::Stopped) => Some(NotNow::Removed),
            Some(Aim::Complete) if !act.is_about(Aim::Complete) => Some(NotNow::Complete),
            Some(Aim::Run | Aim::Complete) => {
                act.given().filter(|path| !self.owns_state(path)).map(|_| NotNow::NotItsState)
            }
        }
    }

    /// Notes an order; the same one again changes nothing, another one takes the place of what waits.
    pub(crate) fn note_act(&mut self, ordered: &OrderedAct) {
        let Some(deployed) = &self.deployed else { return };
        let about = Some((deployed.meta.query_version, deployed.run()));
        self.supersede_act(&format!("a newer order took its place: {}", ordered.act), ordered.at);
        self.ordered = Some(OrderedAct { about, ..ordered.clone() });
    }

    /// What waits is not carried out any more, as something else came before it.
    fn supersede_act(&mut self, by_what: &str, at: Timestamp) {
        let Some(ordered) = self.ordered.take() else { return };
        let short = |text: &str| cut(text, SAID);
        let (by, why) = (short(&ordered.by), ordered.why.as_deref().map(short));
        let ordered = OrderedAct { by, why, debt: None, ..ordered };
        self.superseded.push(SupersededAct { ordered, by_what: short(by_what), superseded_at: at });
        let surplus = self.superseded.len().saturating_sub(SUPERSEDED);
        self.superseded.drain(..surplus);
    }

    /// What was ordered and waits is due at once.
    pub fn retry_act(&mut self) {
        if let Some(ordered) = &mut self.ordered {
            ordered.debt = None;
        }
    }

    /// Ends an order about what is not deployed any more: another version, or for a plain restart another run.
    pub(crate) fn drop_moot_act(&mut self, now: Timestamp) {
        let by_what = self.ordered.as_ref().and_then(|ordered| self.makes_moot(ordered));
        if let Some(by_what) = by_what {
            self.supersede_act(by_what, now);
        }
    }

    /// Ends an order to start what came to its end: its file says by now that it is not to run. Says whether there was one.
    pub(crate) fn drop_act_on_complete(&mut self, now: Timestamp) -> bool {
        let complete = self.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete);
        let drops = complete && self.ordered.is_some();
        if drops {
            self.supersede_act("its file says that it is not to run", now);
        }
        drops
    }

    fn makes_moot(&self, ordered: &OrderedAct) -> Option<&'static str> {
        let (version, run) = ordered.about?;
        let Some(deployed) = &self.deployed else { return Some("nothing of the job is deployed any more") };
        let other_run = ordered.act == Act::Restart && run.is_some() && run != deployed.run();
        match deployed.aim {
            Aim::Stopped => Some("the job was stopped"),
            Aim::Complete if !ordered.act.is_about(Aim::Complete) => Some("the job came to its end"),
            Aim::Run | Aim::Complete if deployed.meta.query_version != version => Some("another version was deployed"),
            Aim::Run if other_run => Some("the job was started again"),
            Aim::Run | Aim::Complete => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(of_live_run: bool) -> Act {
        Act::RestartFrom { path: "s3://b/c/1/r/chk-1".to_owned(), of_live_run }
    }

    /// One row per cell of the table in docs/design.md (2).
    #[test]
    fn every_cell() {
        use PlannedAction::{Leave, Refuse, Replace, Start, Wait};
        let ends = |running, unhealthy, complete, start| {
            let (foreign, unproven) = (Refuse(Why::ForeignJob), Refuse(Why::EndNotProven));
            [running, unhealthy, Wait, complete, start, start, foreign, unproven]
        };
        let from = |stop, from| ends(Replace(stop, from), Replace(Stop::Cancel, from), Start(from), Start(from));
        let complete = Leave(Why::IsComplete);
        let latest = Start(StartFrom::Latest);
        let rows = [
            (
                Act::Restart,
                ends(
                    Replace(Stop::Savepoint, StartFrom::Latest),
                    Replace(Stop::Cancel, StartFrom::Latest),
                    complete,
                    latest,
                ),
            ),
            (Act::RestartClean, from(Stop::Savepoint, StartFrom::Clean)),
            (given(false), from(Stop::Savepoint, StartFrom::Given)),
            (given(true), from(Stop::Cancel, StartFrom::Given)),
            (Act::Savepoint, ends(PlannedAction::Savepoint, PlannedAction::Savepoint, complete, latest)),
        ];
        for (act, cells) in rows {
            for (observed, expected) in Observed::ALL.into_iter().zip(cells) {
                assert_eq!(act.action(observed), expected, "{act} x {observed:?}");
            }
        }
    }

    /// Guarantee 2: a start that is not from the newest state has a version of its own, so that no lineage mixes.
    #[test]
    fn whatever_leaves_the_lineage_has_a_new_version() {
        for act in [Act::Restart, Act::RestartClean, given(false), given(true), Act::Savepoint] {
            let leaves = Observed::ALL.into_iter().any(|observed| {
                matches!(
                    act.action(observed),
                    PlannedAction::Start(StartFrom::Clean | StartFrom::Given)
                        | PlannedAction::Replace(_, StartFrom::Clean | StartFrom::Given)
                )
            });
            assert_eq!(leaves, act.change() == ChangeKind::Query, "{act}");
        }
    }
}
