//! What is to be done about a job: its record and what is desired, nothing else.
//! Must not know the cluster: the plan covers every status that the node can observe.

use desired::inputs::Desired;
use desired::launch::Launch;
use desired::manifest::{Meta, Operating};
use desired::target::{Target, version_directory};
use desired::time_span::TimeSpan;

use super::suspending::{recording, unwanted};
use super::{Ruling, Situation, ordered};
use crate::change::{Change, ChangeKind};
use crate::documents::plan::{Adopt, FORMAT, KnownRun, LeftStop, Plan, Previous, Windows, lineage};
use crate::documents::record::{Aim, Deployed, OpenOperation, Record};
use crate::owed::{ApplyDebt, Cause, Debt};
use crate::permission::{AllowedFor, Permission};
use crate::reason::Reason;
use crate::state::StateLocation;

/// The decision for one job without an operation under way.
pub fn decide(record: &Record, desired: &Desired, situation: &Situation) -> Ruling {
    if let Some(open) = &record.open {
        return nothing(None, Reason::Waits { operation: open.plan.operation });
    }
    match desired {
        Desired::Refused => keep(record, situation, None, Reason::UploadRefused),
        Desired::Absent => absent(record, situation),
        Desired::Target(target) => wanted(record, target, situation),
    }
}

pub(super) fn nothing(change: Option<ChangeKind>, reason: Reason) -> Ruling {
    Ruling::Nothing { change, reason, record_target: false }
}

fn absent(record: &Record, situation: &Situation) -> Ruling {
    let deployed = record.deployed.as_ref().is_some_and(|d| match d.aim {
        Aim::Run | Aim::Complete => true,
        Aim::Stopped => false,
    });
    if !deployed {
        return keep(record, situation, None, Reason::Absent);
    }
    if record.source != situation.source {
        return keep(record, situation, None, Reason::OtherSource);
    }
    if situation.removals_held && !record.lets_go(AllowedFor::RemovalsHeld) {
        return keep(record, situation, Some(ChangeKind::Removed), Reason::RemovalsHeld);
    }
    match waiting(record.owed.remove.as_ref(), situation) {
        Some(reason) => nothing(Some(ChangeKind::Removed), reason),
        None => operate(record, situation, Change::plain(ChangeKind::Removed), None),
    }
}

fn wanted(record: &Record, target: &Target, situation: &Situation) -> Ruling {
    let failed = record.owed.apply.as_ref().filter(|apply| apply.is_about(target));
    let suspended = target.manifest.operating.state.is_suspended();
    if suspended && record.deployed.is_none() {
        return unwanted(record, target, failed, situation);
    }
    let Some(deployed) = &record.deployed else {
        return match not_now(record, failed, target, situation) {
            Some(reason) => keep(record, situation, Some(ChangeKind::New), reason),
            None => operate(record, situation, Change::plain(ChangeKind::New), Some(target)),
        };
    };
    if record.source != situation.source && !record.lets_go(AllowedFor::OtherSource) {
        return keep(record, situation, None, Reason::OtherSource);
    }
    if suspended {
        return unwanted(record, target, failed, situation);
    }
    let change = Change::between(&deployed.target, target);
    if situation.clean_starts_held
        && change.starts_over_by_configuration()
        && !record.lets_go(AllowedFor::CleanStartsHeld)
    {
        return keep(record, situation, Some(change.kind), Reason::CleanStartsHeld);
    }
    let described = !change.differences.is_empty();
    match (change.kind, deployed.aim) {
        (ChangeKind::Unchanged | ChangeKind::Configuration, Aim::Complete) | (ChangeKind::Unchanged, Aim::Run) => {
            let reason = match deployed.aim {
                Aim::Complete => Reason::Complete,
                Aim::Run | Aim::Stopped => Reason::Unchanged,
            };
            recording(keep(record, situation, Some(change.kind), reason), described)
        }
        (ChangeKind::Unchanged, Aim::Stopped)
        | (ChangeKind::Configuration, Aim::Run | Aim::Stopped)
        | (ChangeKind::Query | ChangeKind::New | ChangeKind::Removed, _) => {
            match not_now(record, failed, target, situation) {
                Some(reason) => keep(record, situation, Some(change.kind), reason),
                None => operate(record, situation, change, Some(target)),
            }
        }
    }
}

/// Why a target is not applied now; nothing if it may be.
pub(super) fn not_now(
    record: &Record,
    failed: Option<&ApplyDebt>,
    target: &Target,
    situation: &Situation,
) -> Option<Reason> {
    let failed = failed?;
    // Another configuration of what may be complete: no look could tell, as nobody ran this one.
    let reconfigured = failed.debt.cause == Cause::MayBeComplete && failed.digest != target.digest();
    if reconfigured && record.granted(Permission::CleanStart).is_none() {
        return Some(Reason::GivenUp { error: failed.debt.error.clone() });
    }
    waiting(Some(&failed.debt), situation)
}

/// Why a debt is not tried now; nothing if it is due, or there is none.
fn waiting(debt: Option<&Debt>, situation: &Situation) -> Option<Reason> {
    let debt = debt.filter(|debt| !is_due(debt, situation))?;
    let error = debt.error.clone();
    Some(match debt.next {
        Some(at) => Reason::WaitsToRetry { at, error },
        None => Reason::GivenUp { error },
    })
}

fn is_due(debt: &Debt, situation: &Situation) -> bool {
    debt.is_due(situation.now, situation.urgent, situation.seen.as_ref())
}

/// The deployed manifest is kept running, whatever is wrong with the desired one.
pub(super) fn keep(record: &Record, situation: &Situation, change: Option<ChangeKind>, reason: Reason) -> Ruling {
    let owed = &record.owed;
    let remove = owed.remove.as_ref().is_some_and(|debt| is_due(debt, situation));
    let Some(deployed) = &record.deployed else {
        // What an operation left is ended even where nothing is deployed.
        return if remove {
            operate(record, situation, Change::plain(ChangeKind::Removed), None)
        } else {
            nothing(change, reason)
        };
    };
    // What came after it may be complete: it does not come back before somebody says that it is not.
    let replaced = owed.apply.as_ref().is_some_and(|apply| apply.debt.cause == Cause::MayBeComplete)
        && deployed.aim == Aim::Run
        && record.granted(Permission::CleanStart).is_none();
    let due = !replaced && owed.keep_running.as_ref().is_some_and(|debt| is_due(debt, situation));
    let lost =
        situation.lost.is_some_and(|lost| lost.revision == record.revision && Some(lost.job_id) == deployed.run());
    let restart = || operate(record, situation, Change::plain(ChangeKind::Unchanged), Some(&deployed.target));
    let waits = waiting(owed.keep_running.as_ref(), situation);
    match deployed.aim {
        Aim::Stopped if remove => operate(record, situation, Change::plain(ChangeKind::Removed), None),
        Aim::Stopped => nothing(change, reason),
        Aim::Run if due || (lost && owed.keep_running.as_ref().is_none_or(Debt::is_left_to_flink)) => restart(),
        Aim::Complete if due => restart(),
        Aim::Run | Aim::Complete => match (ordered::due(record, situation), waits) {
            (Some(ordered), _) => ordered::carry_out(record, deployed, ordered, situation),
            (None, Some(waits)) if change.is_none_or(|kind| kind == ChangeKind::Unchanged) => nothing(change, waits),
            (None, Some(_) | None) => nothing(change, reason),
        },
    }
}

pub(super) fn operate(record: &Record, situation: &Situation, change: Change, target: Option<&Target>) -> Ruling {
    let meta = target.map(|_| next_meta(record, &change, situation));
    // What is brought back is what was deployed: the files may say something else by now.
    let written = situation.written.clone().filter(|_| change.kind != ChangeKind::Unchanged);
    let launch = |(target, meta)| Launch { written, ..Launch::of(target, meta) };
    let next = target.zip(meta.as_ref()).map(launch);
    let adopt = match (&record.deployed, record.granted(Permission::Adopt)) {
        (_, Some(allow)) => allow.run.map_or(Adopt::ByName, Adopt::Run),
        (Some(deployed), None) if deployed.runs.is_empty() && deployed.aim == Aim::Run => Adopt::ByName,
        (Some(_) | None, None) => Adopt::No,
    };
    // Only the Python tool's runs are nobody's: it gave them no ids of ours.
    let taken_over = record.deployed.as_ref().filter(|deployed| deployed.runs.is_empty());
    let adopt_from = taken_over
        .filter(|deployed| deployed.target.has_directories_of_its_own())
        .map(|deployed| version_directory(&deployed.target.checkpoint_directory(), deployed.meta.query_version));
    let operating = operating(record, target);
    let plan = Plan {
        format: FORMAT,
        operation: situation.operation,
        job: record.name.clone(),
        at: situation.now,
        by: situation.by.clone(),
        reason: reason(record, &change),
        branches: Plan::branches_of(change.kind),
        change,
        next,
        manifest: target.map(|target| Box::new(target.manifest.clone())),
        previous: record.deployed.as_ref().map(|deployed| previous(record, deployed, situation)),
        orphans: record.orphans.clone(),
        stops: record.stops.clone(),
        suspends: false,
        ordered: None,
        adopt,
        adopt_from,
        clean_start: record.granted(Permission::CleanStart).is_some(),
        on_savepoint_failure: operating.on_savepoint_failure,
        windows: windows(&operating, situation.windows),
    };
    let (target, batch) = (target.cloned(), situation.batch);
    Ruling::Operate(Box::new(OpenOperation { plan, target, meta, batch, sent: 1, sent_at: None }))
}

/// How the job is operated: as the target says; a removal has none and goes by what is deployed.
fn operating(record: &Record, target: Option<&Target>) -> Operating {
    let says = target.or(record.deployed.as_ref().map(|deployed| &deployed.target));
    says.map(|target| target.manifest.operating.clone()).unwrap_or_default()
}

/// The deployment's time spans, and those that the job's manifest sets itself.
fn windows(operating: &Operating, windows: Windows) -> Windows {
    let stability_ms = operating.stability_window.map_or(windows.stability_ms, TimeSpan::as_millis);
    Windows { stability_ms, ..windows }
}

/// Why, for people: the fields, or what happened to the run.
fn reason(record: &Record, change: &Change) -> String {
    match change.kind {
        ChangeKind::New => "first deployment".to_owned(),
        ChangeKind::Removed => "no file carries its name".to_owned(),
        ChangeKind::Configuration | ChangeKind::Query => {
            change.differences.iter().map(|d| d.field.clone()).collect::<Vec<_>>().join(", ")
        }
        ChangeKind::Unchanged => match &record.deployed {
            Some(_) if record.suspended.is_some() => "resumed".to_owned(),
            Some(d) if d.aim == Aim::Stopped => "put back".to_owned(),
            Some(d) if d.runs.is_empty() => "taken over from the Python tool".to_owned(),
            Some(_) | None => match &record.owed.keep_running {
                Some(debt) if debt.cause == Cause::NoResult => "the last operation ended without a result".to_owned(),
                Some(_) => "it should run and does not".to_owned(),
                None => "its run is not there any more".to_owned(),
            },
        },
    }
}

/// An unchanged query keeps its version, id and creation; a new one gets a version never used before.
fn next_meta(record: &Record, change: &Change, situation: &Situation) -> Meta {
    match (change.kind, &record.deployed) {
        (ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Removed, Some(deployed)) => {
            deployed.meta.clone()
        }
        (ChangeKind::New | ChangeKind::Query, _)
        | (ChangeKind::Unchanged | ChangeKind::Configuration | ChangeKind::Removed, None) => Meta {
            query_version: record.highest_version.max(situation.version_floor) + 1,
            query_id: situation.query_id.clone(),
            query_create_timestamp: situation.created.clone(),
        },
    }
}

fn previous(record: &Record, deployed: &Deployed, situation: &Situation) -> Previous {
    let target = &deployed.target;
    let version = deployed.meta.query_version;
    let (mut places, savepoint_directory) =
        lineage(target, version, &deployed.runs, deployed.restore_point.as_deref(), situation.operation);
    // What an operation without a result left behind may be the newest state of this version.
    let orphans = || record.orphans.iter().filter(|orphan| orphan.version == version);
    places.extend(orphans().flat_map(KnownRun::places));
    let stopped = |stop: &LeftStop| StateLocation::savepoints(stop.directory.clone());
    places.extend(record.stops.iter().map(stopped));
    places.extend(orphans().filter_map(|run| run.restored_from.clone()).map(|path| StateLocation::Exactly { path }));
    Previous {
        launch: Launch::of(target, &deployed.meta),
        runs: deployed.runs.clone(),
        places,
        savepoint_directory,
        checkpointed: deployed.checkpointed,
        complete: deployed.aim == Aim::Complete,
        restore_point: deployed.restore_point.clone(),
    }
}
