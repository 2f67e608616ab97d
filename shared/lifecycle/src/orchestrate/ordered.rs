//! Acts that a person ordered: when one is noted and due, the operation that carries it out, and what that leaves owed.
//! Must not know how the node carries it out.

use desired::inputs::Desired;
use jiff::Timestamp;

use super::decide::operate;
use super::owing::Settling;
use super::{Ruling, Situation};
use crate::act::{Act, ActTaken, NotNow, OrderedAct};
use crate::change::Change;
use crate::decision::{Observed, Why};
use crate::documents::outcome::Outcome;
use crate::documents::plan::{Branch, Plan};
use crate::documents::record::{Aim, Deployed, OpenOperation, Record, Source};
use crate::owed::Cause;

/// Why `act` is not ordered now by whoever looks after jobs of `source`; nothing if it may be.
pub fn why_not(record: &Record, desired: &Desired, act: &Act, source: Source) -> Option<NotNow> {
    let elsewhere = (record.source != source).then_some(NotNow::OtherSource);
    match elsewhere.or_else(|| record.refuses(act)) {
        None if is_complete(record) && is_suspended(desired) => Some(NotNow::NotToRun),
        // The way out of these is the uploaded manifest: what is wrong with that comes first.
        Some(why @ (NotNow::NotDeployed | NotNow::Suspended)) => Some(without_upload(desired).unwrap_or(why)),
        Some(why) => Some(why),
        None => without_upload(desired),
    }
}

fn is_complete(record: &Record) -> bool {
    record.deployed.as_ref().is_some_and(|deployed| deployed.aim == Aim::Complete)
}

fn is_suspended(desired: &Desired) -> bool {
    match desired {
        Desired::Target(target) => target.manifest.operating.state.is_suspended(),
        Desired::Absent | Desired::Refused => false,
    }
}

/// Ends an order to start what is complete once its file says that it is not to run. Says whether there was one.
pub(super) fn drop_unwanted(record: &mut Record, desired: &Desired, now: Timestamp) -> bool {
    is_suspended(desired) && record.drop_act_on_complete(now)
}

/// Why nothing is ordered, whatever is deployed.
fn without_upload(desired: &Desired) -> Option<NotNow> {
    match desired {
        Desired::Refused => Some(NotNow::UploadRefused),
        Desired::Absent => Some(NotNow::NotUploaded),
        Desired::Target(_) => None,
    }
}

/// What comes of what a person orders; nothing where nobody does.
pub(super) fn taken(record: Option<&Record>, desired: &Desired, situation: &Situation) -> Option<ActTaken> {
    let ordered = situation.ordered.as_ref()?;
    Some(match record {
        None if *desired == Desired::Absent => ActTaken::UnknownJob,
        None => ActTaken::NotNow(without_upload(desired).unwrap_or(NotNow::NotDeployed)),
        Some(record) if record.knows_act(ordered.id) => ActTaken::Known,
        Some(record) => {
            why_not(record, desired, &ordered.act, situation.source).map_or(ActTaken::Noted, ActTaken::NotNow)
        }
    })
}

/// What is told of it after others wrote the record each time that it was to be noted.
pub(super) fn not_written(taken: ActTaken) -> ActTaken {
    match taken {
        ActTaken::Noted => ActTaken::NotNow(NotNow::Contended),
        ActTaken::Known | ActTaken::UnknownJob | ActTaken::NotNow(_) => taken,
    }
}

/// Notes what a person orders, unless that is known already or cannot be now. Says whether it is news.
pub(super) fn note(record: &mut Record, desired: &Desired, situation: &Situation) -> bool {
    let Some(ordered) = &situation.ordered else { return false };
    let is_news = taken(Some(record), desired, situation) == Some(ActTaken::Noted);
    if is_news {
        record.note_act(ordered);
    }
    is_news
}

/// The act on what is deployed whose time has come.
pub(super) fn due<'a>(record: &'a Record, situation: &Situation) -> Option<&'a OrderedAct> {
    let Situation { now, urgent, seen, .. } = situation;
    let is_due =
        |ordered: &&OrderedAct| ordered.debt.as_ref().is_none_or(|debt| debt.is_due(*now, *urgent, seen.as_ref()));
    let aim = record.deployed.as_ref()?.aim;
    let is_ours = |ordered: &&OrderedAct| record.source == situation.source && ordered.act.is_about(aim);
    record.ordered.as_ref().filter(is_ours).filter(is_due)
}

/// The operation that carries out an act on what is deployed, whatever else is desired by now.
pub(super) fn carry_out(record: &Record, deployed: &Deployed, ordered: &OrderedAct, situation: &Situation) -> Ruling {
    let situation = Situation { written: None, ..situation.clone() };
    let ruling = operate(record, &situation, Change::plain(ordered.act.change()), Some(&deployed.target));
    let Ruling::Operate(open) = ruling else { return ruling };
    let act = &ordered.act;
    let branch = |observed| Branch { observed, action: act.action(observed) };
    let plan = Plan {
        by: ordered.by.clone(),
        reason: ordered.told(),
        branches: Observed::ALL.into_iter().map(branch).collect(),
        // Whoever orders a start over allows it.
        clean_start: open.plan.clean_start || *act == Act::RestartClean,
        ordered: Some(OrderedAct { debt: None, ..ordered.clone() }),
        ..open.plan
    };
    Ruling::Operate(Box::new(OpenOperation { plan, ..*open }))
}

impl Settling<'_> {
    /// Whether it carries out what a person ordered: then that is owed, and nothing else.
    pub(super) fn carries_out_an_act(&self) -> bool {
        self.open.plan.ordered.is_some()
    }

    /// What a person ordered is still to be done if the environment kept it from that. A cause of its own ends it: each
    /// try may cost a healthy job a stop.
    pub(super) fn owe_act(&self, record: &mut Record, cause: Cause, error: &str) {
        let id = self.open.plan.ordered.as_ref().map(|ordered| ordered.id);
        let Some(ordered) = record.ordered.as_mut().filter(|ordered| Some(ordered.id) == id) else { return };
        let before = ordered.debt.as_ref();
        let debt = self.debt(before, cause, error);
        // The first time that a runner did not end it, it is ordered anew at once.
        let at_once = before.is_none() && cause == Cause::NoResult;
        ordered.debt = Some(if at_once { debt.at_once(self.now) } else { debt.again(self.now, self.patience) });
        if !cause.is_environment() {
            record.ordered = None;
        }
    }

    /// What came of the operation for what a person ordered, its own or one that it made pointless.
    pub(super) fn settle_act(&self, record: &mut Record, outcome: &Outcome) {
        if let Some(ordered) = &self.open.plan.ordered
            && record.ordered.as_ref().is_some_and(|noted| noted.id == ordered.id)
        {
            match outcome {
                // A savepoint is ordered of a job that had to be brought back first: it is taken next.
                Outcome::Deployed { .. } if ordered.act == Act::Savepoint => {}
                Outcome::Deployed { .. }
                | Outcome::Completed { .. }
                | Outcome::Removed { .. }
                | Outcome::Suspended { .. } => record.ordered = None,
                Outcome::Left { savepoint: Some(_), .. } | Outcome::Left { why: Why::IsComplete, .. } => {
                    record.ordered = None;
                }
                Outcome::Left { why, .. } => self.owe_act(record, Cause::NoSavepoint, &why.to_string()),
                Outcome::Failed { reason, cause, .. } if self.open.plan.is_restart() => {
                    self.owe_act(record, *cause, reason);
                }
                // Owed already, as any target that was given up would be.
                Outcome::RolledBack { .. } | Outcome::Failed { .. } | Outcome::Refused { .. } => {}
            }
        }
        record.drop_moot_act(self.now);
    }
}
