//! The version matrix: documents of every format that was ever written, read by this version and written again.
//! Must not know who reads or writes them.
//!
//! `fixtures/documents/format-1` was written by the program that knew no other format. `format-2` holds what this one
//! writes: `UPDATE_DOCUMENTS=1 cargo test -p lifecycle --test documents` writes it anew, which is right only until it
//! has been shipped. After that, a field of an inner object needs a new format (see `documents.rs`) and a folder more.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use desired::digest::Digest;
use desired::effective::OptionDifference;
use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct, SupersededAct};
use lifecycle::alert_conditions::{AlertCondition, AlertKind as Alert};
use lifecycle::change::ChangeKind;
use lifecycle::documents::alerts::{AlertsDocument, Seen};
use lifecycle::documents::batch::{Batch, BatchItem, Expected, Receipt};
use lifecycle::documents::claim::{Abandoned, Claim, SavepointNote, StartNote, StopNote};
use lifecycle::documents::observed::{Checkpointed, ObservedDocument, Since};
use lifecycle::documents::outcome::{Compiled, Outcome};
use lifecycle::documents::plan::{KnownRun, LeftStop, Plan};
use lifecycle::documents::record::{Aim, Decision, Record, SameTries, Source, Status, Turned};
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::documents::result::{OperationResult, PhaseTime};
use lifecycle::documents::{Document, DocumentError, read, write};
use lifecycle::flink::{CheckpointsSeen, JobSeen, JobState, Look, Slots, Tasks};
use lifecycle::noted::{NotedOrder, Order, WhoAndWhy};
use lifecycle::owed::{Cause, Debt};
use lifecycle::permission::{Allow, AllowedFor, Permission};
use lifecycle::session::{Restart, RestartPhase, SessionDocument, SessionJob, Stranger};
use node::{deployed, epoch, first, id, meta, name, order, reconfigured, requeried, run, settle, unsettle, wanted};
use serde_json::{Value, json};

fn folder(format: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/documents/format-{format}"))
}

/// Every document of a folder, by its file's stem.
fn documents(format: u32) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder(format)).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

/// One document as its own type: read, and written again.
fn again<T: Document>(bytes: &[u8]) -> Result<Value, DocumentError> {
    read::<T>(bytes).map(|document| serde_json::from_slice(&write(&document)).unwrap())
}

/// The kind of a document, how it is read and written again, and whether it is rewritten in its life.
type Way = (&'static str, fn(&[u8]) -> Result<Value, DocumentError>, u32, bool);

fn ways() -> [Way; 10] {
    [
        ("record", again::<Record>, Record::FORMAT, true),
        ("claim", again::<Claim>, Claim::FORMAT, true),
        ("alerts", again::<AlertsDocument>, AlertsDocument::FORMAT, true),
        ("session", again::<SessionDocument>, SessionDocument::FORMAT, true),
        ("plan", again::<Plan>, Plan::FORMAT, false),
        ("batch", again::<Batch>, Batch::FORMAT, false),
        ("receipt", again::<Receipt>, Receipt::FORMAT, false),
        ("result", again::<OperationResult>, OperationResult::FORMAT, false),
        ("observed", again::<ObservedDocument>, ObservedDocument::FORMAT, false),
        ("refused", again::<RefusedDocument>, RefusedDocument::FORMAT, false),
    ]
}

fn way(stem: &str) -> Way {
    let kind = stem.split('-').next().unwrap();
    ways().into_iter().find(|way| way.0 == kind).unwrap_or_else(|| panic!("a document of which kind is {stem}?"))
}

fn record(format: u32, stem: &str) -> Record {
    read(&documents(format)[stem]).unwrap()
}

#[test]
fn documents_of_every_format_are_read_and_every_kind_is_among_them() {
    for format in [1, 2] {
        let documents = documents(format);
        let kinds: BTreeSet<&str> = documents.keys().map(|stem| way(stem).0).collect();
        assert_eq!(kinds, ways().iter().map(|way| way.0).collect(), "format {format}");
        for (stem, bytes) in documents {
            let written = way(&stem).1(&bytes).unwrap_or_else(|error| panic!("{format}/{stem}: {error:?}"));
            // What it says now, it says for good.
            let twice = way(&stem).1(&write(&written)).unwrap();
            assert_eq!(twice, written, "{format}/{stem}");
        }
    }
}

#[test]
fn what_a_newer_version_added_survives_a_rewrite_by_this_one() {
    let later = json!({ "since": "a later version", "list": [1, { "of": null }] });
    for (stem, bytes) in [1, 2].into_iter().flat_map(documents) {
        let (_, again, newest, rewritten) = way(&stem);
        if !rewritten {
            continue;
        }
        let mut newer: Value = serde_json::from_slice(&bytes).unwrap();
        newer["format"] = newest.into();
        newer["later"] = later.clone();
        let written = again(&write(&newer)).unwrap();
        assert_eq!(written["later"], later, "{stem}");
        let twice = again(&write(&written)).unwrap();
        assert_eq!(twice, written, "{stem}");
    }
}

#[test]
fn a_newer_format_is_refused_by_every_document_and_says_what_to_do() {
    for (stem, bytes) in documents(2) {
        let (_, again, newest, _) = way(&stem);
        for format in [newest + 1, 99] {
            let mut newer: Value = serde_json::from_slice(&bytes).unwrap();
            newer["format"] = format.into();
            let error = again(&write(&newer)).unwrap_err();
            let told = format!("the document has format {format}, this version reads up to {newest}");
            assert_eq!(error.to_string(), told, "{stem}");
            assert!(error.help().contains("upgrade"), "{stem}");
        }
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 2] {
            assert!(matches!(again(&bytes[..cut]), Err(DocumentError::Damaged(_))), "{stem}, {cut} bytes");
        }
    }
}

#[test]
fn format_1_means_today_what_it_meant_then() {
    let open = record(1, "record-open");
    assert_eq!((open.format, open.revision, open.highest_version), (Record::FORMAT, 7, 1));
    assert_eq!(open.open.as_ref().map(|open| open.plan.operation), Some(id(2)));
    assert_eq!((open.orphans.len(), open.allows.len(), open.history.len()), (1, 1, 1));
    assert_eq!(open.status(), Some(Status::Running));
    assert_eq!(open.owed.debts().count(), 0);

    let failed = record(1, "record-failed");
    let apply = failed.owed.apply.as_ref().unwrap();
    assert_eq!((&apply.digest, apply.debt.error.as_str()), (&requeried().digest(), "it failed"));

    let unsettled = record(1, "record-unsettled");
    assert!(unsettled.owed.keep_running.is_some_and(|debt| debt.next.is_some()));
    assert_eq!(record(1, "record-stopped").deployed.unwrap().aim, Aim::Stopped);
    assert_eq!(record(1, "record-fresh"), Record::fresh(name(), id(0), Source::Process));

    let claim: Claim = read(&documents(1)["claim-open"]).unwrap();
    assert_eq!(claim.notes.stop.as_ref().map(|stop| (stop.run, stop.n)), Some((run(1), 2)));
    let Abandoned::Undecided { runs } = claim.outcome_without_result() else { panic!("it had no verdict") };
    assert_eq!(runs.iter().map(|run| run.job_id).collect::<Vec<_>>(), [run(2)]);

    let told: AlertsDocument = read(&documents(1)["alerts-retries-used-up"]).unwrap();
    assert!(told.standing.iter().all(|standing| standing.condition.kind == Alert::OperationFailed));
}

#[test]
fn this_version_writes_what_the_fixtures_hold() {
    for (stem, document) in written() {
        let path = folder(2).join(format!("{stem}.json"));
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            fs::create_dir_all(folder(2)).unwrap();
            fs::write(&path, write(&document)).unwrap();
        }
        let held: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(document, held, "{stem}: another shape needs another format, see lifecycle/src/documents.rs");
    }
}

/// A document of every kind with every field filled in, as this version writes it.
fn written() -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    jobs(&mut found);
    others(&mut found);
    found
}

fn value(document: &impl serde::Serialize) -> Value {
    serde_json::from_slice(&write(document)).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

/// Records, and what belongs to their operations.
fn jobs(found: &mut Vec<(&'static str, Value)>) {
    let by = || "anna".to_owned();
    let compiled = Compiled { bounded: Some(false), slots: Some(2) };
    let (mut record, mut node) = deployed(&first());
    record.revision = 7;
    record.allows.push(Allow {
        permission: Permission::CleanStart,
        run: Some(run(5)),
        what: Some(AllowedFor::Operation(id(6))),
        by: by(),
        at: at(),
    });
    let (etags, reason) = (vec!["e".to_owned()], "a property changed".to_owned());
    let (change, operation) = (Some(ChangeKind::Configuration), Some(id(2)));
    record.decision = Some(Decision {
        etags,
        config: Some("c".to_owned()),
        change,
        reason,
        operation,
        held: Some(AllowedFor::RemovalsHeld),
        by: by(),
        at: at(),
    });
    let known = record.deployed.as_ref().unwrap().runs[0].clone();
    record.orphans.push(KnownRun {
        job_id: run(6),
        operation: id(6),
        epoch: Some(epoch()),
        compiled,
        meta: Some(meta(2)),
        ..known
    });
    let left = LeftStop { operation: id(6), run: run(6), n: 1, directory: "s3://state/one/savepoints/1/6".to_owned() };
    record.stops.push(left.clone());
    record.deployed.as_mut().unwrap().restore_point = Some("s3://state/one/savepoints/1/savepoint-1".to_owned());
    let mut open = order(&mut record, &wanted(&reconfigured()), 2);
    let debt = Debt::after(None, Cause::NoCluster, "no session", id(2), at());
    let act = OrderedAct {
        id: id(7),
        act: Act::RestartFrom { path: "s3://state/one/savepoints/1/savepoint-1".to_owned(), of_live_run: true },
        by: by(),
        why: Some("the sink lost a day".to_owned()),
        at: at(),
        about: Some((1, Some(run(1)))),
        debt: Some(debt),
    };
    open.plan.ordered = Some(act.clone());
    record.ordered = Some(act.clone());
    let (allow, why) =
        (Order::Allow { permission: Permission::Adopt, run: Some(run(5)) }, Some("it is ours".to_owned()));
    let (ordered, by_what) = (OrderedAct { id: id(9), debt: None, ..act.clone() }, "the job was stopped".to_owned());
    record.superseded.push(SupersededAct { ordered, by_what, superseded_at: at() });
    record.noted.push(NotedOrder { order: allow, by: by(), why, id: Some(id(8)), at: at() });
    let history = record.history.last_mut().unwrap();
    (history.act, history.savepoint) = (Some(act.id), Some("s3://state/one/savepoints/1/savepoint-1".to_owned()));
    (history.without_savepoint, history.untaken) = (true, Some(2));
    history.tries = Some(SameTries { count: 2, first: id(7), since: at() });
    history.turned = Some(Turned::Resume);
    found.push(("record-open", value(&record)));
    found.push(("plan", value(&open.plan)));
    open.plan.ordered = None;
    record.ordered = None;
    let digest = Digest::of(&write(&open.plan));
    let items = vec![BatchItem { job: name(), operation: id(2), plan: "p/plans/x.json".to_owned(), digest }];
    let expected = vec![expected()];
    found.push(("batch", value(&Batch { format: 1, id: id(2), at: at(), items, expected, look: true })));

    let mut claim = Claim::fresh(id(2), id(9), 60_000);
    let savepoint = Some("s3://state/one/savepoints/1/2/savepoint-2".to_owned());
    claim.notes.stop = Some(StopNote { run: run(1), n: 2, savepoint: savepoint.clone(), left: Some(left) });
    claim.notes.cancel = Some(run(1));
    claim.notes.savepoint = Some(SavepointNote { run: run(1), n: 1 });
    let start = StartNote { job_id: run(2), restore: savepoint.clone(), epoch: Some(epoch()), compiled };
    claim.notes.checkpointed = true;
    claim.notes.rollback = Some(StartNote { job_id: run(3), ..start.clone() });
    claim.notes.start = Some(start);
    found.push(("claim-open", value(&claim)));
    let outcome = node.run(&open.plan);
    found.push(("claim-closed", value(node.claim.as_ref().unwrap())));
    let phases = vec![PhaseTime { phase: "stop".to_owned(), ms: 1200 }];
    let (operation, downtime_ms) = (id(2), Some(700));
    let (option, asked) = ("execution.checkpointing.interval".to_owned(), "60s".to_owned());
    let differences = vec![OptionDifference { option, asked, effective: "2 s".to_owned() }];
    let result = OperationResult {
        format: 1,
        operation,
        job: name(),
        outcome: outcome.clone(),
        at: at(),
        phases,
        downtime_ms,
        differences: differences.clone(),
        no_savepoint: Some("the last try: disk full".to_owned()),
    };
    found.push(("result", value(&result)));

    let mut settled = settle(record, &open, &outcome);
    settled.remember_differences(&differences);
    let open = order(&mut settled, &wanted(&requeried()), 3);
    let failed =
        Outcome::Failed { reason: "it failed".to_owned(), cause: Cause::DoesNotRun, savepoint, runs: Vec::new() };
    found.push(("record-failed", value(&settle(settled, &open, &failed))));
    let (mut unsettled, _) = deployed(&first());
    unsettle(&mut unsettled);
    found.push(("record-unsettled", value(&unsettled)));
    let who = WhoAndWhy { by: by(), why: Some("a trial".to_owned()), id: Some(id(8)) };
    let forgotten = Record::fresh(name(), id(0), Source::Queries).forget(&who, at());
    found.push(("record-forgotten", value(&forgotten)));
}

fn expected() -> Expected {
    Expected { job: name(), job_id: run(1), revision: 7, owed: true, checkpointed: false }
}

/// Everything that is about no single job.
fn others(found: &mut Vec<(&'static str, Value)>) {
    let dispatched_as = "s-1".to_owned();
    let receipt = Receipt { format: 1, batch: id(2), dispatched_as, at: at(), log: None, instance: None };
    found.push(("receipt", value(&receipt)));
    let tasks = Tasks { total: 2, running: 2, finished: 0, waiting: 0 };
    let (state, label) = (JobState::Running, "orders".to_owned());
    let told = CheckpointsSeen {
        completed: 3,
        failed: 1,
        last_completed_at: Some(at()),
        last_size: Some(2),
        interval_ms: Some(60_000),
    };
    let jobs = vec![JobSeen {
        id: run(1),
        name: label.clone(),
        state,
        tasks,
        started_ms: 1,
        modified_ms: 2,
        checkpoints: Some(told),
        restarts: Some(4),
    }];
    let look = Look { epoch: epoch(), at: at(), slots: Some(Slots { total: 4, free: 2 }), jobs };
    let checkpoints = vec![Checkpointed {
        job_id: run(1),
        at_ms: 5,
        completed: true,
        failure: Some("IO-problem detected.".to_owned()),
    }];
    let (expected, replaced) = (vec![expected()], Some(epoch()));
    let failure = Some("IOException: disk full".to_owned());
    let since = vec![Since { job_id: run(1), at: at(), completed: 3, failed: 1, restarts: 2, failure }];
    let observed = ObservedDocument {
        format: 1,
        batch: id(2),
        look,
        expected,
        replaced,
        checkpoints,
        since,
        web: Some("http://10.0.0.7:8081".to_owned()),
    };
    found.push(("observed", value(&observed)));

    let mut alerts = AlertsDocument::fresh(id(4));
    let (kind, cause, detail) = (Alert::OperationFailed, "c".to_owned(), "failed: x".to_owned());
    let (operation, common) = (Some(id(3)), vec!["5".to_owned()]);
    let condition =
        AlertCondition { kind, subject: label, cause, detail, operation, common, owner: Some("team".to_owned()) };
    alerts.note(&Seen { conditions: vec![condition], ..Seen::default() }, at());
    alerts.take(at());
    found.push(("alerts", value(&alerts)));

    let mut session = SessionDocument::fresh(id(1));
    assert!(session.take(id(2), id(3), 60_000, false));
    let job = SessionJob {
        name: name(),
        job_id: run(1),
        directory: "s3://state/one/savepoints/1".to_owned(),
        holds_secrets: false,
        put_down: None,
        tries: 1,
        savepoint: Some("s3://state/z".to_owned()),
        state: lifecycle::session::JobInRestart::Stopped,
    };
    let strangers = vec![Stranger { job_id: run(8), name: "other".to_owned() }];
    let (by, old, phase) = ("anna".to_owned(), Some("application_1_1".to_owned()), RestartPhase::Ending);
    let restart = Restart { id: id(8), by, at: at(), old, phase, jobs: vec![job], strangers };
    session.last = Some(Restart { id: id(7), phase: RestartPhase::Restoring, ..restart.clone() });
    session.restart = Some(restart);
    found.push(("session", value(&session)));

    let error = json!({
        "severity": "error", "code": "unknown-field", "file": "p/queries/orders.yaml", "message": "there is no sqlx",
        "span": { "line": 2, "column": 1, "length": 4 }, "source_line": "sqlx: y", "help": "did you mean sql?"
    });
    let errors = vec![serde_json::from_value(error).unwrap()];
    found.push((
        "refused",
        value(&RefusedDocument { format: 1, etag: "e".to_owned(), config: Some("c".to_owned()), errors }),
    ));
}
