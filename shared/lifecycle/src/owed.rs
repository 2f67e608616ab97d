//! What is still to be done for a job: apply its target, keep it running, remove it, each with its cause and its next try.
//! Must not know how any of it is done.

mod apply;

use std::fmt;

pub use apply::ApplyDebt;
use desired::printable::cut;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::flink::Epoch;
use crate::ids::OperationId;

/// How many characters of a debt's error are kept.
const ERROR: usize = 2_000;

/// How long the pauses between tries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patience {
    /// The pause after the first try, in milliseconds; each later one is twice as long.
    pub pause_ms: u64,
    /// The longest pause, in milliseconds.
    pub longest_ms: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause_ms: 60_000, longest_ms: 900_000 }
    }
}

impl Patience {
    /// When the try after `attempts` is due; nothing only beyond the end of time.
    pub fn next(self, now: Timestamp, attempts: u32) -> Option<Timestamp> {
        let factor = 1_u64 << attempts.saturating_sub(1).min(20);
        let pause = self.pause_ms.saturating_mul(factor).min(self.longest_ms);
        now.checked_add(SignedDuration::from_millis(i64::try_from(pause).unwrap_or(i64::MAX))).ok()
    }
}

/// Why something is still to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// There is no session cluster, or it cannot be told which one.
    #[serde(rename = "no-session")]
    NoCluster,
    /// A run may live under a JobManager that cannot be asked.
    EndNotProven,
    /// There are not enough slots.
    NoCapacity {
        /// What the job needs.
        needed: u32,
        /// What was free.
        free: u32,
    },
    /// The node's Flink client, Python or disk does not work.
    NodeBroken,
    /// A secret could not be read.
    NoSecret,
    /// The job stayed in a state that should pass.
    StaysInPassing,
    /// No savepoint could be taken.
    NoSavepoint,
    /// The step or command ended before a runner took the operation.
    NeverTaken,
    /// The operation ended without a result.
    NoResult,
    /// It does not compile.
    DoesNotCompile,
    /// It does not start, or does not keep running.
    #[default]
    DoesNotRun,
    /// It is alive, but not stable.
    NotStable,
    /// No state to go on from was found.
    NoState,
    /// All its sources are bounded and its run is gone: it may have come to its end.
    MayBeComplete,
    /// Another job of this name runs, or several may be this one.
    ForeignJob,
}

impl Cause {
    /// Whether it is the one that older documents mean where they name none.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it lies outside the target: nothing about the target has to change for a later try to succeed.
    pub fn is_environment(self) -> bool {
        match self {
            Self::NoCluster
            | Self::EndNotProven
            | Self::NoCapacity { .. }
            | Self::NodeBroken
            | Self::NoSecret
            | Self::StaysInPassing
            | Self::NoSavepoint
            | Self::NeverTaken
            | Self::NoResult
            | Self::ForeignJob => true,
            Self::DoesNotCompile | Self::DoesNotRun | Self::NotStable | Self::NoState | Self::MayBeComplete => false,
        }
    }

    /// Whether a job that is to run does not, as far as is known.
    pub fn is_down(self) -> bool {
        match self {
            // It is alive, and Flink restarts it; or nobody knows before the next look.
            Self::NotStable | Self::NoResult => false,
            Self::NoCluster
            | Self::EndNotProven
            | Self::NoCapacity { .. }
            | Self::NodeBroken
            | Self::NoSecret
            | Self::StaysInPassing
            | Self::NoSavepoint
            | Self::NeverTaken
            | Self::DoesNotCompile
            | Self::DoesNotRun
            | Self::NoState
            | Self::MayBeComplete
            | Self::ForeignJob => true,
        }
    }

    /// Its name, which tells one alert from another.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCluster => "no-session",
            Self::EndNotProven => "end-not-proven",
            Self::NoCapacity { .. } => "no-capacity",
            Self::NodeBroken => "node-broken",
            Self::NoSecret => "no-secret",
            Self::StaysInPassing => "stays-in-passing",
            Self::NoSavepoint => "no-savepoint",
            Self::NeverTaken => "never-taken",
            Self::NoResult => "no-result",
            Self::DoesNotCompile => "does-not-compile",
            Self::DoesNotRun => "does-not-run",
            Self::NotStable => "not-stable",
            Self::NoState => "no-state",
            Self::MayBeComplete => "may-be-complete",
            Self::ForeignJob => "foreign-job",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Debt {
    /// Why it is not done yet.
    pub cause: Cause,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is to be done.
    pub since: Timestamp,
    /// When it is tried again; nothing if not by itself.
    pub next: Option<Timestamp>,
    /// What went wrong, for people.
    pub error: String,
    /// The last try.
    pub operation: OperationId,
    /// The life of the JobManager that the last try found, if it found one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// What a look at the cluster tells about the chances of another try.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// The life of the JobManager.
    pub epoch: Epoch,
    /// Free slots; nothing where they come on demand.
    pub free: Option<u32>,
}

impl Debt {
    /// The debt that a failed try leaves, after the one that stood before it.
    ///
    /// What was met before still counts where this try asked no JobManager.
    pub fn after(before: Option<&Self>, cause: Cause, error: &str, operation: OperationId, now: Timestamp) -> Self {
        let attempts = before.map_or(0, |debt| debt.attempts).saturating_add(1);
        let since = before.map_or(now, |debt| debt.since);
        let error = cut(error, ERROR);
        let epoch = before.and_then(|debt| debt.epoch.clone());
        Self { cause, attempts, since, next: None, error, operation, epoch }
    }

    /// The same, under the life of the JobManager that the try met.
    #[must_use]
    pub fn met(self, epoch: Option<&Epoch>) -> Self {
        Self { epoch: epoch.cloned().or(self.epoch), ..self }
    }

    /// The same, tried again after a pause.
    #[must_use]
    pub fn again(self, now: Timestamp, patience: Patience) -> Self {
        Self { next: patience.next(now, self.attempts), ..self }
    }

    /// The same, tried again at once.
    #[must_use]
    pub fn at_once(self, now: Timestamp) -> Self {
        Self { next: Some(now), ..self }
    }

    /// Whether it was to be tried at once as it arose, and no try ended since then.
    pub fn is_untried(&self) -> bool {
        self.attempts == 1 && self.next == Some(self.since)
    }

    /// Whether its run is alive and Flink restarts it: nothing is due before that run is lost.
    pub fn is_left_to_flink(&self) -> bool {
        self.next.is_none() && (!self.cause.is_down() || self.waits_for_slots())
    }

    /// Whether it is slots that are missing.
    pub fn waits_for_slots(&self) -> bool {
        matches!(self.cause, Cause::NoCapacity { .. })
    }

    /// Whether its time has come, or the circumstances are others than those of the last try.
    pub fn is_due(&self, now: Timestamp, urgent: bool, seen: Option<&Circumstances>) -> bool {
        let waited = self.next.is_some_and(|at| at <= now);
        waited || (self.cause.is_environment() && (urgent || seen.is_some_and(|seen| self.is_changed_by(seen))))
    }

    /// More slots than it met, or another JobManager. A try that met none was kept from it by the node or the step, of
    /// which a look tells nothing, unless there was no session at all.
    fn is_changed_by(&self, seen: &Circumstances) -> bool {
        let (more_slots, no_session) = match self.cause {
            Cause::NoCapacity { needed, free } => (seen.free.is_some_and(|now| now >= needed && now > free), false),
            Cause::NoCluster => (false, true),
            Cause::EndNotProven
            | Cause::NodeBroken
            | Cause::NoSecret
            | Cause::StaysInPassing
            | Cause::NoSavepoint
            | Cause::NeverTaken
            | Cause::NoResult
            | Cause::DoesNotCompile
            | Cause::DoesNotRun
            | Cause::NotStable
            | Cause::NoState
            | Cause::MayBeComplete
            | Cause::ForeignJob => (false, false),
        };
        more_slots || no_session || self.epoch.as_ref().is_some_and(|met| *met != seen.epoch)
    }
}

/// What is still to be done for a job. No debt blocks another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owed {
    /// Bring it to this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<ApplyDebt>,
    /// Bring what is deployed back, or find out how it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_running: Option<Debt>,
    /// End what lives of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Debt>,
}

impl Owed {
    /// Every debt with what it is about.
    pub fn debts(&self) -> impl Iterator<Item = (Purpose, &Debt)> {
        let apply = self.apply.iter().map(|apply| (Purpose::Apply, &apply.debt));
        let keep = self.keep_running.iter().map(|debt| (Purpose::KeepRunning, debt));
        apply.chain(keep).chain(self.remove.iter().map(|debt| (Purpose::Remove, debt)))
    }

    /// Makes everything due at once, as an operator asked.
    pub fn retry(&mut self, now: Timestamp) {
        let apply = self.apply.iter_mut().map(|apply| &mut apply.debt);
        for debt in apply.chain(&mut self.keep_running).chain(&mut self.remove) {
            debt.next = Some(now);
            debt.attempts = 0;
        }
    }
}

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To apply a target.
    Apply,
    /// To keep what is deployed running.
    KeepRunning,
    /// To end what lives.
    Remove,
}

impl Purpose {
    /// What is not so while it is owed, for people.
    pub fn undone(self, cause: Cause) -> &'static str {
        match self {
            Self::Apply => "not applied",
            Self::KeepRunning if cause.is_down() => "not running",
            Self::KeepRunning if cause == Cause::NoResult => "not known to run",
            Self::KeepRunning => "not stable",
            Self::Remove => "not removed",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "apply",
            Self::KeepRunning => "keep running",
            Self::Remove => "remove",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn epoch(attempt: u32) -> Epoch {
        Epoch::Yarn { application: "application_1_1".to_owned(), attempt }
    }

    #[test]
    fn the_pause_doubles_up_to_a_quarter_of_an_hour() {
        let minutes = |attempts| Patience::default().next(at(0), attempts).unwrap().as_second() / 60;
        assert_eq!([1, 2, 3, 4, 5, 6, 1_000].map(minutes), [1, 2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn what_waits_for_the_environment_is_due_once_that_changed() {
        let operation = OperationId::derived(&["o"]);
        let debt = |cause| {
            let debt = Debt::after(None, cause, "e", operation, at(0)).again(at(0), Patience::default());
            Debt { epoch: Some(epoch(1)), ..debt }
        };
        let seen = |attempt, free| Circumstances { epoch: epoch(attempt), free };
        let slots = debt(Cause::NoCapacity { needed: 3, free: 1 });
        assert!(!slots.is_due(at(59), false, None));
        assert!(slots.is_due(at(60), false, None));
        assert!(!slots.is_due(at(1), false, Some(&seen(1, Some(2)))));
        assert!(slots.is_due(at(1), false, Some(&seen(1, Some(3)))));
        assert!(!slots.is_due(at(1), false, Some(&Circumstances { epoch: epoch(1), free: None })), "nobody can tell");
        let starved = debt(Cause::NoCapacity { needed: 3, free: 3 });
        assert!(!starved.is_due(at(1), false, Some(&seen(1, Some(3)))), "as many did not do");
        assert!(starved.is_due(at(1), false, Some(&seen(1, Some(4)))));
        let no_session = Debt { epoch: None, ..debt(Cause::NoCluster) };
        assert!(no_session.is_due(at(1), false, Some(&seen(1, Some(0)))), "there is one now");
        let never_taken = Debt { epoch: None, ..debt(Cause::NeverTaken) };
        assert!(!never_taken.is_due(at(1), false, Some(&seen(1, Some(9)))), "a look tells nothing of the step");
        assert!(debt(Cause::EndNotProven).is_due(at(1), false, Some(&seen(2, Some(0)))));
        assert!(debt(Cause::NoSecret).is_due(at(1), true, None));
        let target = Debt { next: None, ..debt(Cause::DoesNotRun) };
        assert!(!target.is_due(at(9_999), true, Some(&seen(2, Some(9)))), "a rollback costs a stop each time");
    }
}
