//! Which states are a job's own: what it may be restored from, and where its states are listed.
//! Must not know whether a state is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::manifest::{CHECKPOINT_DIR, PropertyValue, SAVEPOINT_DIR, ScalarKind};
use desired::target::Target;
use lifecycle::documents::record::{Ended, Entry, Record};
use lifecycle::ids::{JobId, OperationId, rollback_id, run_id};
use lifecycle::state::StateLocation;
use node::{deployed, first, id, order, settle, unsettle, wanted};

/// The target with its states in these directories.
fn in_directories(checkpoints: &str, savepoints: &str) -> Target {
    let mut target = first();
    for (key, text) in [(CHECKPOINT_DIR, checkpoints), (SAVEPOINT_DIR, savepoints)] {
        let value = PropertyValue { text: text.to_owned(), kind: ScalarKind::String };
        target.manifest.properties.insert(key.to_owned(), value);
    }
    target
}

/// A run or operation of another job.
fn foreign(what: &str) -> JobId {
    JobId::derived(&["another job", what])
}

/// A job that runs as version 1 of operation 1, after operation 2 was tried and came to nothing.
fn record_of(target: &Target) -> Record {
    let (mut record, mut node) = deployed(target);
    unsettle(&mut record);
    let open = order(&mut record, &wanted(target), 2);
    let outcome = node.run(&open.plan);
    settle(record, &open, &outcome)
}

#[test]
fn in_shared_directories_only_what_its_runs_and_operations_wrote_is_a_jobs_own() {
    let record = record_of(&in_directories("s3://b/all/c", "s3://b/all/s"));
    let (run, operation): (JobId, OperationId) = (run_id(id(1)), id(2));
    let (six, theirs) = (run.in_savepoint_names(), foreign("run").in_savepoint_names());
    let (later, back) = (run_id(operation), rollback_id(operation));
    let other = foreign("operation");
    for (path, own) in [
        (format!("s3://b/all/c/1/{run}/chk-7"), true),
        (format!("s3://b/all/c/1/{later}/chk-7"), true),
        (format!("s3://b/all/c/1/{back}/chk-7/"), true),
        (format!("s3://b/all/c/1/{}/chk-7", foreign("run")), false),
        (format!("s3://b/all/s/1/savepoint-{six}-0123456789ab"), true),
        (format!("s3://b/all/s/1/savepoint-{theirs}-0123456789ab"), false),
        // By who asked for it, and by whose it is: a restart of the session asks for many jobs.
        (format!("s3://b/all/s/1/{operation}/savepoint-{theirs}-0123456789ab"), true),
        (format!("s3://b/all/s/1/{other}/savepoint-{six}-0123456789ab"), true),
        (format!("s3://b/all/s/1/{other}/savepoint-{theirs}-0123456789ab"), false),
        // Its own run, in places where it writes nothing.
        (format!("s3://b/elsewhere/1/{run}/chk-7"), false),
        (format!("s3://b/all/c/one/{run}/chk-7"), false),
        (format!("s3://b/all/c/1/{run}/shared"), false),
    ] {
        assert_eq!(record.owns_state(&path), own, "{path}");
    }
}

#[test]
fn in_directories_of_its_own_every_state_is_a_jobs_own() {
    let record = record_of(&in_directories("s3://b/orders/c", "s3://b/orders/s"));
    let (run, other) = (foreign("run"), foreign("operation"));
    let six = run.in_savepoint_names();
    for (path, own) in [
        (format!("s3://b/orders/c/1/{run}/chk-7"), true),
        (format!("s3://b/orders/s/1/savepoint-{six}-0123456789ab"), true),
        (format!("s3://b/orders/s/1/{other}/savepoint-{six}-0123456789ab"), true),
        (format!("s3://b/orders/c/1/{run}/shared"), false),
        (format!("s3://b/orders-2/c/1/{run}/chk-7"), false),
    ] {
        assert_eq!(record.owns_state(&path), own, "{path}");
    }
}

/// The versions whose whole directories are listed, in order.
fn versions(record: &Record) -> Vec<u32> {
    let places = record.state_places();
    let version = |place: &StateLocation| match place {
        StateLocation::Version { checkpoints, .. } => checkpoints.rsplit('/').next().unwrap().parse().ok(),
        StateLocation::Exactly { .. } | StateLocation::Checkpoints { .. } | StateLocation::Savepoints { .. } => None,
    };
    places.iter().filter_map(version).collect()
}

#[test]
fn states_are_listed_of_the_ten_newest_versions_the_newest_first() {
    let mut record = record_of(&in_directories("s3://b/orders/c", "s3://b/orders/s"));
    for (highest, expected) in [(1, 1..=1), (9, 1..=9), (10, 1..=10)] {
        record.highest_version = highest;
        assert_eq!(versions(&record), expected.rev().collect::<Vec<_>>(), "{highest} versions");
    }
    // Numbers that nothing is known to have been started under take no place of a version that ran.
    record.highest_version = 30;
    assert_eq!(versions(&record), (22..=30).rev().chain([1]).collect::<Vec<_>>());
    let entry = |version, outcome| Entry { version, outcome, ..record.history[0].clone() };
    let refused = (2..=12).map(|version| entry(version, Ended::Refused));
    let started = (13..=21).map(|version| entry(version, Ended::Failed));
    let history = refused.chain(started).collect();
    assert_eq!(versions(&Record { history, ..record.clone() }), (13..=21).rev().chain([1]).collect::<Vec<_>>());
    // What lies in directories that others share is nobody's by its version alone.
    let mut shared = record_of(&in_directories("s3://b/all/c", "s3://b/all/s"));
    shared.highest_version = 12;
    assert_eq!(versions(&shared), Vec::<u32>::new());
}
