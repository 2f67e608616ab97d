//! The guarantees that hold in every state, checked at the moment when an effect could break one.
//! Must not know how the machines get there.

use lifecycle::change::Kind;
use lifecycle::claim::Claim;
use lifecycle::execute::Outcome;
use lifecycle::ids::{JobId, TriggerId};
use lifecycle::orchestrate::Desired;
use lifecycle::plan::Launch;
use lifecycle::record::{Aim, Record};

use super::flink::Flink;

/// A guarantee that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Broken {
    /// Guarantee 1: another run was live when one was started.
    TwoLiveRuns { live: JobId, started: JobId },
    /// Guarantee 2: a newer state of the version existed.
    OldState { restored: Option<String>, newest: String },
    /// Guarantee 2: a state of another version, or none at all, was restored.
    StrangeState { restored: String },
    /// Guarantee 3: an operation ordered from a refused file may touch what runs.
    RefusedFileActs,
    /// A verdict in a claim changed.
    VerdictChanged,
    /// A result changed after it was written.
    ResultChanged { before: &'static str, after: &'static str },
    /// An operation was settled twice.
    SettledTwice,
    /// A stop was asked for while another one was under way: Flink aborts it and restarts the job.
    StopCrossed(JobId),
    /// A version was given out twice.
    VersionReused(u32),
}

/// A start of `launch` as `id` from `restore`.
pub(crate) fn starting(flink: &Flink, launch: &Launch, id: JobId, restore: Option<&str>) -> Option<Broken> {
    if let Some(live) = flink.live().find(|live| *live != id) {
        return Some(Broken::TwoLiveRuns { live, started: id });
    }
    // An id that the JobManager knows starts nothing.
    if flink.runs.contains_key(&id) {
        return None;
    }
    let newest = flink.newest_of(launch.version);
    match (restore, newest) {
        // A new query's version has no state yet: clean is only what the table orders, or a line without any state.
        (None, None) => None,
        (Some(path), Some(newest)) if newest.path == path => None,
        (restored, Some(newest)) => {
            Some(Broken::OldState { restored: restored.map(str::to_owned), newest: newest.path.clone() })
        }
        (Some(path), None) => Some(Broken::StrangeState { restored: path.to_owned() }),
    }
}

/// A stop of `run` under `trigger`.
pub(crate) fn stopping(flink: &Flink, run: JobId, trigger: TriggerId) -> Option<Broken> {
    let under_way = flink.runs.get(&run).and_then(|run| run.stopping.as_ref());
    under_way.is_some_and(|(other, _)| *other != trigger).then_some(Broken::StopCrossed(run))
}

/// A write of the record.
pub(crate) fn recording(before: Option<&Record>, after: &Record, desired: Option<&Desired>) -> Option<Broken> {
    let mut operations: Vec<_> = after.history.iter().map(|entry| entry.operation).collect();
    operations.sort();
    if operations.windows(2).any(|pair| pair[0] == pair[1]) {
        return Some(Broken::SettledTwice);
    }
    let ordered = after.open.as_ref().filter(|_| before.is_none_or(|b| b.open.is_none()))?;
    let kind = ordered.plan.change.kind;
    let kept = after.deployed.as_ref().is_some_and(|d| d.aim != Aim::Stopped);
    if matches!(desired, Some(Desired::Refused)) && kept && kind != Kind::Unchanged {
        return Some(Broken::RefusedFileActs);
    }
    let meta = ordered.meta.as_ref().filter(|_| matches!(kind, Kind::New | Kind::Query))?;
    let highest = before.map_or(0, |b| b.highest_version);
    (meta.query_version <= highest).then_some(Broken::VersionReused(meta.query_version))
}

/// A write of a claim.
pub(crate) fn claiming(before: &Claim, after: &Claim) -> Option<Broken> {
    (before.verdict.is_some() && before.verdict != after.verdict).then_some(Broken::VerdictChanged)
}

/// A write of a result.
pub(crate) fn telling(before: Option<&Outcome>, after: &Outcome) -> Option<Broken> {
    let before = before.filter(|before| *before != after)?;
    Some(Broken::ResultChanged { before: word(before), after: word(after) })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed { .. } => "deployed",
        Outcome::Completed { .. } => "completed",
        Outcome::Left { .. } => "left",
        Outcome::Removed { .. } => "removed",
        Outcome::RolledBack { .. } => "rolled back",
        Outcome::Refused { .. } => "refused",
        Outcome::Failed { .. } => "failed",
    }
}
