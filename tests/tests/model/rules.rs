//! The guarantees (docs/design.md, 1) that hold in every state, checked at the moment when an effect could break one.
//! Must not know how the machines get there.

use desired::inputs::Desired;
use desired::launch::Launch;
use lifecycle::change::ChangeKind;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Aim, Record};
use lifecycle::ids::{BatchId, JobId, Nonce, TriggerId};
use lifecycle::orchestrate::Situation;
use lifecycle::permission::{AllowedFor, Permission};

use super::flink::Flink;
use super::orders;
use super::world::ClaimSlot;

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
    /// A claim was taken, written or closed by another while its holder might still act.
    LiveClaimTouched,
    /// A claim was written although it was closed.
    ClosedClaimWritten,
    /// A runner acted under a claim that is another's, or closed.
    ActsWithoutClaim,
    /// A write whose reply was lost was not known again as one's own.
    OwnWriteNotKnown,
    /// A batch was sent more than once under one id.
    SentTwice(BatchId),
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
    /// A bounded job that came to its end was run again.
    RunAgain(u32),
    /// What a job had counted was forgotten, and nobody had allowed it.
    SilentCleanStart(u32),
    /// A removal that a guard holds back was ordered, and nobody had allowed it.
    HeldRemoval,
    /// A permission was used up by what did not need it.
    PermissionLost(Permission),
    /// A permission outlived what needed it.
    PermissionKept(Permission),
    /// An order went without a word.
    OrderLost,
    /// An order that was carried out is carried out again.
    OrderedAgain,
    /// What suspends a job started it.
    StartedSuspended,
}

/// A start of `launch` as `id` from `restore`.
pub(crate) fn starting(
    flink: &Flink,
    plan: &Plan,
    launch: &Launch,
    id: JobId,
    restore: Option<&str>,
) -> Option<Broken> {
    if let Some(live) = flink.live().find(|live| *live != id || flink.elsewhere.contains_key(live)) {
        return Some(Broken::TwoLiveRuns { live, started: id });
    }
    // An id that the JobManager knows starts nothing.
    if flink.runs.contains_key(&id) {
        return None;
    }
    if plan.suspends {
        return Some(Broken::StartedSuspended);
    }
    // As it was ordered, however old it is: as a version of its own.
    let ordered = restore.is_some() && plan.given_state() == restore && plan.operation.starts(id);
    let newest = flink.newest_of(launch.version);
    if ordered && newest.is_none() {
        return None;
    }
    let version = launch.version;
    // An order to start over is about a version of its own.
    let is_allowed = plan.clean_start && plan.ordered.is_none();
    if !is_allowed && flink.done.contains(&version) {
        return Some(Broken::RunAgain(version));
    }
    let counted = plan.previous.as_ref().is_some_and(|previous| previous.checkpointed);
    if restore.is_none() && !plan.clean_start && counted && flink.deleted.contains(&version) {
        return Some(Broken::SilentCleanStart(version));
    }
    // Flink does not start from a state that is not there.
    if restore.is_some_and(|path| flink.state_at(path).is_none()) {
        return None;
    }
    match (restore, newest) {
        // A new query's version has no state yet: clean is only what the table orders, or a line without any state.
        (None, None) => None,
        (Some(path), Some(newest)) if newest.path == path => None,
        (restored, Some(newest)) => {
            Some(Broken::OldState { restored: restored.map(str::to_owned), newest: newest.path.clone() })
        }
        (Some(path), None) if flink.ordered.get(&version).is_some_and(|ordered| ordered == path) => None,
        (Some(path), None) => Some(Broken::StrangeState { restored: path.to_owned() }),
    }
}

/// A stop of `run` under `trigger`.
pub(crate) fn stopping(flink: &Flink, run: JobId, trigger: TriggerId) -> Option<Broken> {
    let under_way = flink.runs.get(&run).and_then(|run| run.stopping.as_ref());
    under_way.is_some_and(|(other, _)| *other != trigger).then_some(Broken::StopCrossed(run))
}

/// A write of the record.
pub(crate) fn recording(
    situation: &Situation,
    before: Option<&Record>,
    after: &Record,
    desired: Option<&Desired>,
) -> Option<Broken> {
    if let Some(broken) = before.and_then(|before| permitting(before, after)) {
        return Some(broken);
    }
    if let Some(broken) = orders::recording(before, after) {
        return Some(broken);
    }
    let mut operations: Vec<_> = after.history.iter().map(|entry| entry.operation).collect();
    operations.sort();
    if operations.windows(2).any(|pair| pair[0] == pair[1]) {
        return Some(Broken::SettledTwice);
    }
    let ordered = after.open.as_ref().filter(|_| before.is_none_or(|b| b.open.is_none()))?;
    let kind = ordered.plan.change.kind;
    let kept = after.deployed.as_ref().is_some_and(|d| d.aim != Aim::Stopped);
    let is_ordered = ordered.plan.ordered.is_some();
    if matches!(desired, Some(Desired::Refused)) && kept && kind != ChangeKind::Unchanged && !is_ordered {
        return Some(Broken::RefusedFileActs);
    }
    let may_remove = !situation.removals_held || before.is_some_and(|b| b.lets_go(AllowedFor::RemovalsHeld));
    if kind == ChangeKind::Removed && kept && !may_remove {
        return Some(Broken::HeldRemoval);
    }
    let meta = ordered.meta.as_ref().filter(|_| matches!(kind, ChangeKind::New | ChangeKind::Query))?;
    let highest = before.map_or(0, |b| b.highest_version);
    (meta.query_version <= highest).then_some(Broken::VersionReused(meta.query_version))
}

/// What a write of the record makes of permissions: each counts once, for what needs it.
fn permitting(before: &Record, after: &Record) -> Option<Broken> {
    let settled = before.open.as_ref().filter(|_| after.open.is_none()).map(|open| &open.plan);
    let serves = |permission| {
        settled.is_some_and(|plan| match permission {
            Permission::Adopt => plan.next.is_some(),
            Permission::CleanStart => plan.clean_start || plan.change.kind == ChangeKind::Query,
            Permission::Remove => plan.next.is_none(),
        })
    };
    let all = || [Permission::Adopt, Permission::CleanStart, Permission::Remove].into_iter();
    if let Some(lost) = all().find(|p| before.allows(*p) && !after.allows(*p) && !serves(*p)) {
        return Some(Broken::PermissionLost(lost));
    }
    let achieved = |plan: &Plan| match (&plan.next, &after.deployed) {
        (None, Some(deployed)) => deployed.aim == Aim::Stopped,
        (Some(_), Some(deployed)) => deployed.run().is_some_and(|run| plan.operation.starts(run)),
        (_, None) => false,
    };
    let kept = all().find(|p| before.allows(*p) && after.allows(*p) && serves(*p));
    kept.filter(|_| settled.is_some_and(achieved)).map(Broken::PermissionKept)
}

/// A write of a claim by a runner, or by an orchestrator.
pub(crate) fn claiming(slot: &ClaimSlot, by: Option<Nonce>, after: &Claim) -> Option<Broken> {
    let before = &slot.claim;
    if before.closed {
        return Some(Broken::ClosedClaimWritten);
    }
    if !slot.lapsed && by != Some(before.holder) {
        return Some(Broken::LiveClaimTouched);
    }
    (before.verdict.is_some() && before.verdict != after.verdict).then_some(Broken::VerdictChanged)
}

/// What a runner does beyond its claim.
pub(crate) fn acting(claim: &Claim, by: Option<Nonce>) -> Option<Broken> {
    (claim.closed || by != Some(claim.holder)).then_some(Broken::ActsWithoutClaim)
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
        Outcome::Suspended { .. } => "suspended",
        Outcome::RolledBack { .. } => "rolled back",
        Outcome::Refused { .. } => "refused",
        Outcome::Failed { .. } => "failed",
    }
}
