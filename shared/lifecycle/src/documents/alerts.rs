//! The conditions that stand and whether people were told of them, as one document.
//! Must not know how anybody is told.

use std::collections::BTreeSet;

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
}

impl Seen {
    fn covers(&self, condition: &AlertCondition) -> bool {
        match condition.kind {
            AlertKind::LostCluster => false,
            AlertKind::NoCluster
            | AlertKind::NodeBroken
            | AlertKind::NoCapacity
            | AlertKind::RemovalsHeld
            | AlertKind::CleanStartsHeld
            | AlertKind::Stranger => self.kinds.contains(&condition.kind),
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
pub struct Standing {
    pub condition: AlertCondition,
    /// When it was first seen.
    pub since: Timestamp,
    /// When people were last told of it; nothing if they are still to be told.
    pub raised: Option<Timestamp>,
    /// When somebody took it to tell people of it.
    pub taken: Option<Timestamp>,
}

/// The conditions that stand, as one small document. It is changed by compare-and-swap only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsDocument {
    /// The format of this document.
    pub format: u32,
    /// Of the last write.
    pub nonce: Nonce,
    pub standing: Vec<Standing>,
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
        Self { format: FORMAT, nonce, standing: Vec::new(), rest: Rest::default() }
    }

    /// Notes what stands now and drops what has ended. What people were not told of yet stays until they were. What is
    /// more than is kept of a kind is noted once others have ended.
    pub fn note(&mut self, seen: &Seen, now: Timestamp) {
        self.drop_ended(seen, now);
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
                    self.standing.push(Standing {
                        condition: condition.clone(),
                        since: now,
                        raised: None,
                        taken: None,
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

    fn drop_ended(&mut self, seen: &Seen, now: Timestamp) {
        self.standing.retain(|known| {
            let Some(raised) = known.raised else { return true };
            let stands = seen.conditions.iter().any(|condition| condition.is(&known.condition));
            let forgotten = known.condition.kind == AlertKind::LostCluster && is_old(raised, now);
            stands || !(forgotten || seen.covers(&known.condition))
        });
    }

    /// Takes what people are still to be told of, unless somebody else is about to.
    pub fn take(&mut self, now: Timestamp) -> Vec<AlertCondition> {
        let mut taken = Vec::new();
        for known in self.standing.iter_mut().filter(|known| known.raised.is_none()) {
            if known.taken.is_none_or(|at| now.duration_since(at) >= TELLING) {
                known.taken = Some(now);
                taken.push(known.condition.clone());
            }
        }
        taken
    }

    /// People were told of these, or could not be: then the next one tries again.
    pub fn told(&mut self, conditions: &[AlertCondition], told: bool, now: Timestamp) {
        for known in self.standing.iter_mut().filter(|k| conditions.iter().any(|c| c.is(&k.condition))) {
            known.taken = None;
            if told {
                known.raised = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::Epoch;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job(name: &str) -> JobName {
        JobName::try_from(name).unwrap()
    }

    fn failed(name: &str, cause: &str) -> AlertCondition {
        let (subject, cause) = (name.to_owned(), cause.to_owned());
        AlertCondition {
            kind: AlertKind::OperationFailed,
            subject,
            cause,
            detail: "failed: x".to_owned(),
            operation: None,
        }
    }

    fn held() -> AlertCondition {
        AlertCondition::removals_held(&[job("a"), job("b")])
    }

    fn seen(conditions: &[AlertCondition], jobs: &[&str]) -> Seen {
        Seen {
            conditions: conditions.to_vec(),
            jobs: jobs.iter().map(|name| job(name)).collect(),
            kinds: BTreeSet::from([AlertKind::RemovalsHeld]),
        }
    }

    /// One look and its telling.
    fn round(document: &mut AlertsDocument, seen: &Seen, now: i64) -> Vec<AlertCondition> {
        document.note(seen, at(now));
        let taken = document.take(at(now));
        document.told(&taken, true, at(now));
        taken
    }

    #[test]
    fn a_condition_is_told_of_when_it_begins_and_when_it_begins_again() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        let (one, none) = (seen(&[failed("a", "1")], &["a"]), seen(&[], &["a"]));
        assert_eq!(round(&mut document, &one, 0), [failed("a", "1")]);
        assert_eq!(round(&mut document, &one, 60), []);
        assert_eq!(round(&mut document, &seen(&[failed("a", "2")], &["a"]), 120), [failed("a", "2")], "another cause");
        assert_eq!(round(&mut document, &none, 180), []);
        assert!(document.standing.is_empty());
        assert_eq!(round(&mut document, &one, 240), [failed("a", "1")], "it ended and began again");
    }

    #[test]
    fn only_those_who_looked_end_a_condition() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        round(&mut document, &seen(&[failed("a", "1"), held()], &["a"]), 0);
        document.note(&Seen { kinds: BTreeSet::new(), ..seen(&[], &["b"]) }, at(1));
        assert_eq!(document.standing.len(), 2);
        document.note(&seen(&[], &["b"]), at(2));
        assert_eq!(document.standing.len(), 1, "the guard does not hold any more");
    }

    #[test]
    fn what_waits_for_somebody_is_told_of_again_after_a_day() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        let both = seen(&[failed("a", "1"), held()], &["a"]);
        assert_eq!(round(&mut document, &both, 0).len(), 2);
        assert_eq!(round(&mut document, &both, 86_399), []);
        assert_eq!(round(&mut document, &both, 86_400), [held()], "what happened once is old news");
    }

    #[test]
    fn what_could_not_be_told_is_told_next_time_even_if_it_ended() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        document.note(&seen(&[failed("a", "1")], &["a"]), at(0));
        let taken = document.take(at(0));
        document.told(&taken, false, at(1));
        assert_eq!(round(&mut document, &seen(&[], &["a"]), 2), [failed("a", "1")]);
        document.note(&seen(&[], &["a"]), at(3));
        assert!(document.standing.is_empty());
    }

    #[test]
    fn one_of_two_tells_and_the_other_only_if_the_first_died() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        document.note(&seen(&[held()], &[]), at(0));
        assert_eq!(document.take(at(0)).len(), 1);
        assert_eq!(document.take(at(59)).len(), 0);
        assert_eq!(document.take(at(60)).len(), 1);
    }

    #[test]
    fn however_many_stand_the_document_stays_small_and_the_rest_is_told_later() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        let names: Vec<String> = (0..1000).map(|n| format!("job-{n:04}")).collect();
        let conditions: Vec<AlertCondition> = names.iter().map(|name| failed(name, "1")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(round(&mut document, &seen(&conditions, &all), 0).len(), 200);
        assert!(crate::documents::write(&document).len() < 200_000);
        assert_eq!(round(&mut document, &seen(&conditions, &all), 60), [], "the others wait");
        let told = round(&mut document, &seen(&conditions[150..], &all), 120);
        assert_eq!(told, &conditions[200..350], "as many as have ended");
    }

    #[test]
    fn a_lost_cluster_is_remembered_for_a_day() {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 2 };
        let lost = AlertCondition::lost_cluster(&epoch, &[job("a"), job("b")]);
        assert_eq!(lost.detail, "2 jobs (a, b), brought back under it");
        assert_eq!(round(&mut document, &seen(std::slice::from_ref(&lost), &[]), 0), [lost]);
        assert_eq!(round(&mut document, &seen(&[], &["a", "b"]), 80_000), []);
        assert_eq!(document.standing.len(), 1);
        document.note(&seen(&[], &[]), at(86_401));
        assert!(document.standing.is_empty());
    }
}
