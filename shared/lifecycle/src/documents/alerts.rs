//! The conditions that stand and whether people were told of them, as one document.
//! Must not know how anybody is told.

mod explained;

use std::collections::{BTreeMap, BTreeSet};

use desired::manifest::JobName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Document, Rest};
use crate::alert_conditions::{AlertCondition, AlertKind};
use crate::ids::Nonce;

/// The format of the document that this version writes.
pub const FORMAT: u32 = 2;
/// After this long a standing condition is told of again, and one that only happened is forgotten.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// For so long after people were told of a cause, whatever else comes of it is told of with it.
const ONE_CAUSE: SignedDuration = SignedDuration::from_hours(1);
/// How long whoever took a condition to tell of it is waited for.
const TELLING: SignedDuration = SignedDuration::from_mins(1);
/// How many conditions of one kind are kept: nobody reads more, and the document must not grow with the trouble.
const KEPT: usize = 200;

/// What was found in one invocation, and what was looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The conditions that stand, or that happened.
    pub conditions: Vec<AlertCondition>,
    /// The jobs that were reconciled: a condition of theirs that is not among these has ended.
    pub jobs: BTreeSet<JobName>,
    /// The kinds that were looked for whole: one of them that is not among these has ended.
    pub kinds: BTreeSet<AlertKind>,
    /// The jobs of which a look that was taken told nothing: what their runs were in goes on. Nothing without a look.
    pub untold: Option<BTreeSet<JobName>>,
}

impl Seen {
    fn covers(&self, condition: &AlertCondition) -> bool {
        match condition.kind {
            AlertKind::NoCapacity if condition.is_of_runs() => self.untold.as_ref().is_some_and(BTreeSet::is_empty),
            AlertKind::LostCluster
            | AlertKind::NoCluster
            | AlertKind::NodeBroken
            | AlertKind::NoCapacity
            | AlertKind::RemovalsHeld
            | AlertKind::CleanStartsHeld
            | AlertKind::Stranger => self.kinds.contains(&condition.kind),
            AlertKind::RestartLoop | AlertKind::NoCheckpoint | AlertKind::CheckpointsFail => {
                let is_subject = |job: &JobName| job.as_str() == condition.subject;
                self.untold.as_ref().is_some_and(|untold| !untold.iter().any(is_subject))
            }
            AlertKind::OperationFailed
            | AlertKind::Unhealthy
            | AlertKind::EndNotProven
            | AlertKind::CleanStartNeeded
            | AlertKind::Unreadable => self.jobs.iter().any(|job| job.as_str() == condition.subject),
        }
    }
}

/// A condition, and whether people were told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingCondition {
    pub condition: AlertCondition,
    /// When it was first seen.
    pub since: Timestamp,
    /// When people were last told of it; nothing if they are still to be told.
    pub raised: Option<Timestamp>,
    /// When somebody took it to tell people of it.
    pub taken: Option<Timestamp>,
    /// When people were told of what the same subject was in before, with another cause: this one is news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
}

impl StandingCondition {
    /// Whether somebody is about to tell people of it.
    fn is_being_told(&self, now: Timestamp) -> bool {
        self.raised.is_none() && self.taken.is_some_and(|at| now.duration_since(at) < TELLING)
    }
}

/// The conditions that stand, as one small document. It is changed by compare-and-swap only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsDocument {
    /// The format of this document.
    pub format: u32,
    /// Of the last write.
    pub nonce: Nonce,
    pub standing: Vec<StandingCondition>,
    /// When people were last told that a cluster is missing or was lost; nothing once all that was lost is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_told: Option<Timestamp>,
    /// What a newer version noted beside all this.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Document for AlertsDocument {
    const FORMAT: u32 = FORMAT;
}

/// Whether what was told at a time is to be told again, or forgotten.
fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) >= DAY
}

impl AlertsDocument {
    /// Nothing stands.
    pub fn fresh(nonce: Nonce) -> Self {
        Self { format: FORMAT, nonce, standing: Vec::new(), cluster_told: None, rest: Rest::default() }
    }

    /// Notes what stands now and drops what has ended. What people were not told of yet stays until they were. What is
    /// more than is kept of a kind is noted once others have ended.
    pub fn note(&mut self, seen: &Seen, now: Timestamp) {
        let ended = self.drop_ended(seen, now);
        for condition in &seen.conditions {
            let kept = self.standing.iter().filter(|known| known.condition.kind == condition.kind).count();
            match self.standing.iter_mut().find(|known| known.condition.is(condition)) {
                Some(known) => {
                    if condition.kind.waits() && known.raised.is_some_and(|at| is_old(at, now)) {
                        known.raised = None;
                    }
                }
                None if kept >= KEPT => {}
                None => {
                    let same_subject = |it: &&StandingCondition| it.condition.subject == condition.subject;
                    let before = || ended.iter().filter(same_subject);
                    self.standing.push(StandingCondition {
                        condition: condition.clone(),
                        since: now,
                        raised: before().find(|it| it.condition.continues_as(condition)).and_then(|it| it.raised),
                        taken: None,
                        after: before().find(|it| it.condition.kind == condition.kind).and_then(|it| it.raised),
                    });
                }
            }
        }
    }

    /// Whether no more of a kind are kept than the limit.
    pub(super) fn is_bounded(&self) -> bool {
        let of = |kind| self.standing.iter().filter(|known| known.condition.kind == kind).count();
        self.standing.iter().all(|known| of(known.condition.kind) <= KEPT)
    }

    /// Drops what has ended, and tells it.
    fn drop_ended(&mut self, seen: &Seen, now: Timestamp) -> Vec<StandingCondition> {
        let explained = self.explained(now);
        let (stay, ended) = std::mem::take(&mut self.standing).into_iter().partition(|known| {
            let stands = seen.conditions.iter().any(|condition| condition.is(&known.condition));
            let is_over = || seen.covers(&known.condition);
            match known.raised {
                // What a lost cluster explains need not be told once it is over.
                None => stands || !explained.waits(known, now) || !is_over(),
                Some(raised) => {
                    let forgotten = known.condition.kind == AlertKind::LostCluster && is_old(raised, now);
                    stands || !(forgotten || is_over())
                }
            }
        });
        self.standing = stay;
        self.forget_loss(&ended);
        ended
    }

    /// Takes what people are still to be told of, unless somebody else is about to, of it or of its cause.
    pub fn take(&mut self, now: Timestamp) -> Vec<AlertCondition> {
        self.join_told(now);
        self.join_loss(now);
        let explained = self.explained(now);
        let being_told = self.standing.iter().filter(|known| known.is_being_told(now));
        let being_told: BTreeSet<String> = being_told.flat_map(|known| known.condition.common.clone()).collect();
        let mut taken = Vec::new();
        for known in self.standing.iter_mut().filter(|known| known.raised.is_none() && !known.is_being_told(now)) {
            let is_told = known.condition.common.iter().any(|cause| being_told.contains(cause));
            if !is_told && !explained.waits(known, now) {
                known.taken = Some(now);
                taken.push(known.condition.clone());
            }
        }
        taken
    }

    /// What has a cause that people were told of just now is told of with it.
    fn join_told(&mut self, now: Timestamp) {
        let mut told: BTreeMap<String, Timestamp> = BTreeMap::new();
        for known in &self.standing {
            let Some(raised) = known.raised.filter(|at| now.duration_since(*at) < ONE_CAUSE) else { continue };
            for cause in &known.condition.common {
                let newest = told.entry(cause.clone()).or_insert(raised);
                *newest = raised.max(*newest);
            }
        }
        for known in self.standing.iter_mut().filter(|known| known.raised.is_none() && !known.is_being_told(now)) {
            let told = known.condition.common.iter().filter_map(|cause| told.get(cause));
            if let Some(at) = told.filter(|at| known.after.is_none_or(|after| after < **at)).max() {
                known.raised = Some(*at);
                known.taken = None;
            }
        }
    }

    /// People were told of these, or could not be: then the next one tries again.
    pub fn told(&mut self, conditions: &[AlertCondition], told: bool, now: Timestamp) {
        self.note_loss(conditions, told, now);
        for known in self.standing.iter_mut().filter(|k| conditions.iter().any(|c| c.is(&k.condition))) {
            known.taken = None;
            if told {
                known.raised = Some(now);
            }
        }
    }
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
