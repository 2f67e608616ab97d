//! What is to be done about a job: its record and what is desired, nothing else.
//! Must not know the cluster: the plan covers every status that the node can observe.

use super::{Desired, Reason, Ruling, Situation};
use crate::change::{Change, Kind};
use crate::ids::Digest;
use crate::manifest::Meta;
use crate::plan::{Adopt, FORMAT, KnownRun, Launch, Plan, Previous, lineage};
use crate::record::{Deployed, OpenOperation, Permission, Record, Status};
use crate::target::Target;

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

fn nothing(change: Option<Kind>, reason: Reason) -> Ruling {
    Ruling::Nothing { change, reason, record_target: false }
}

fn absent(record: &Record, situation: &Situation) -> Ruling {
    let live = record.deployed.as_ref().is_some_and(|d| match d.status {
        Status::Running | Status::NotRunning | Status::Complete => true,
        Status::Stopped => false,
    });
    if !live {
        return keep(record, situation, None, Reason::Absent);
    }
    if record.source != situation.source {
        return keep(record, situation, None, Reason::OtherSource);
    }
    if situation.removals_held && !record.allows(Permission::Remove) {
        return keep(record, situation, Some(Kind::Removed), Reason::RemovalsHeld);
    }
    let waits = record.deployed.as_ref().and_then(|deployed| pause(record, &deployed.target.digest(), situation));
    match waits {
        Some(reason) if !record.unsettled && !record.allows(Permission::Remove) => nothing(Some(Kind::Removed), reason),
        Some(_) | None => operate(record, situation, Change::plain(Kind::Removed), None),
    }
}

fn wanted(record: &Record, target: &Target, situation: &Situation) -> Ruling {
    let Some(deployed) = &record.deployed else {
        return match pause(record, &target.digest(), situation) {
            Some(reason) => keep(record, situation, Some(Kind::New), reason),
            None => operate(record, situation, Change::plain(Kind::New), Some(target)),
        };
    };
    if record.source != situation.source && !record.allows(Permission::Adopt) {
        return keep(record, situation, None, Reason::OtherSource);
    }
    let change = Change::between(&deployed.target, target);
    if situation.clean_starts_held && change.starts_over_by_configuration() && !record.allows(Permission::CleanStart) {
        return keep(record, situation, Some(change.kind), Reason::CleanStartsHeld);
    }
    let described = !change.differences.is_empty();
    match (change.kind, deployed.status) {
        (Kind::Unchanged | Kind::Configuration, Status::Complete) => {
            Ruling::Nothing { change: Some(change.kind), reason: Reason::Complete, record_target: described }
        }
        (Kind::Unchanged, Status::Running | Status::NotRunning) => {
            match keep(record, situation, Some(Kind::Unchanged), Reason::Unchanged) {
                Ruling::Nothing { change, reason, .. } => Ruling::Nothing { change, reason, record_target: described },
                ordered @ Ruling::Operate(_) => ordered,
            }
        }
        (Kind::Unchanged, Status::Stopped)
        | (Kind::Configuration, Status::Running | Status::NotRunning | Status::Stopped)
        | (Kind::Query | Kind::New | Kind::Removed, _) => match pause(record, &target.digest(), situation) {
            Some(reason) => keep(record, situation, Some(change.kind), reason),
            None => operate(record, situation, change, Some(target)),
        },
    }
}

/// Whether a failed target has to wait, and for what.
fn pause(record: &Record, target: &Digest, situation: &Situation) -> Option<Reason> {
    let trouble = record.trouble_of(target)?;
    match trouble.next {
        Some(at) if at <= situation.now => None,
        Some(at) => Some(Reason::WaitsToRetry { at, error: trouble.error.clone() }),
        None => Some(Reason::GivenUp { error: trouble.error.clone() }),
    }
}

/// The deployed manifest is kept running, whatever is wrong with the desired one.
fn keep(record: &Record, situation: &Situation, change: Option<Kind>, reason: Reason) -> Ruling {
    let Some(deployed) = &record.deployed else {
        // Runs of an operation without a result are ended even where nothing is deployed.
        return if record.unsettled {
            operate(record, situation, Change::plain(Kind::Removed), None)
        } else {
            nothing(change, reason)
        };
    };
    let lost =
        situation.lost.is_some_and(|lost| lost.revision == record.revision && Some(lost.job_id) == deployed.run());
    let due = match deployed.status {
        // Whoever allows a clean start knows that it is down.
        Status::Running => lost || record.unsettled || record.allows(Permission::CleanStart),
        Status::NotRunning => true,
        Status::Stopped | Status::Complete => record.unsettled,
    };
    if !due {
        return nothing(change, reason);
    }
    if deployed.status == Status::Stopped {
        return operate(record, situation, Change::plain(Kind::Removed), None);
    }
    match pause(record, &deployed.target.digest(), situation) {
        // A closed operation always leads to a look, even while its target waits.
        Some(waits) if !record.unsettled => nothing(change, waits),
        Some(_) | None => operate(record, situation, Change::plain(Kind::Unchanged), Some(&deployed.target)),
    }
}

fn operate(record: &Record, situation: &Situation, change: Change, target: Option<&Target>) -> Ruling {
    let meta = target.map(|_| next_meta(record, &change, situation));
    let next = target.zip(meta.as_ref()).map(|(target, meta)| Launch::of(target, meta));
    let adopt = match (&record.deployed, record.allows.iter().find(|a| a.permission == Permission::Adopt)) {
        (_, Some(allow)) => allow.run.map_or(Adopt::ByName, Adopt::Run),
        (Some(deployed), None) if deployed.runs.is_empty() && deployed.status == Status::Running => Adopt::ByName,
        (Some(_) | None, None) => Adopt::No,
    };
    let plan = Plan {
        format: FORMAT,
        operation: situation.operation,
        job: record.name.clone(),
        at: situation.now,
        by: situation.by.clone(),
        reason: reason(record, &change, situation),
        branches: Plan::branches_of(change.kind),
        change,
        next,
        previous: record.deployed.as_ref().map(|deployed| previous(record, deployed, situation)),
        orphans: record.orphans.clone(),
        adopt,
        clean_start: record.allows(Permission::CleanStart),
        windows: situation.windows,
    };
    Ruling::Operate(Box::new(OpenOperation { plan, target: target.cloned(), meta, batch: situation.batch, sent: 1 }))
}

/// Why, for people: the fields, or what happened to the run.
fn reason(record: &Record, change: &Change, situation: &Situation) -> String {
    match change.kind {
        Kind::New => "first deployment".to_owned(),
        Kind::Removed => "no file carries its name".to_owned(),
        Kind::Configuration | Kind::Query => {
            change.differences.iter().map(|d| d.field.clone()).collect::<Vec<_>>().join(", ")
        }
        Kind::Unchanged => match &record.deployed {
            Some(d) if d.status == Status::Stopped => "put back".to_owned(),
            Some(d) if record.unsettled && d.runs.is_empty() => "taken over from the Python tool".to_owned(),
            Some(_) if record.unsettled => "the last operation ended without a result".to_owned(),
            Some(_) if situation.lost.is_some() => "its run is not there any more".to_owned(),
            Some(_) | None => "it should run and does not".to_owned(),
        },
    }
}

/// An unchanged query keeps its version, id and creation; a new one gets a version never used before.
fn next_meta(record: &Record, change: &Change, situation: &Situation) -> Meta {
    match (change.kind, &record.deployed) {
        (Kind::Unchanged | Kind::Configuration | Kind::Removed, Some(deployed)) => deployed.meta.clone(),
        (Kind::New | Kind::Query, _) | (Kind::Unchanged | Kind::Configuration | Kind::Removed, None) => Meta {
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
    places.extend(record.orphans.iter().filter(|orphan| orphan.version == version).flat_map(KnownRun::places));
    Previous {
        launch: Launch::of(target, &deployed.meta),
        runs: deployed.runs.clone(),
        places,
        savepoint_directory,
        checkpointed: deployed.checkpointed,
        restore_point: deployed.restore_point.clone(),
    }
}
