//! Records and plans for tests, made by the product's own deciding and settling.
//! Must not know what is shown of them.

use desired::diagnostics::SourceFile;
use desired::inputs::{Desired, InputFile, InputFiles, Inputs};
use desired::launch::Rejection;
use desired::manifest::{JobName, Policy};
use lifecycle::documents::outcome::{Outcome, Refusal, RunStarted};
use lifecycle::documents::plan::Windows;
use lifecycle::documents::record::{Record, Source};
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::Hex32;
use lifecycle::orchestrate::{Ruling, Situation, decide, following, settle_result};
use lifecycle::owed::Patience;
use lifecycle::reason::Reason;
use orchestrator::actions::{FollowingAnswer, HistoryAnswer, JobAnswer, PlanAnswer, PlannedAnswer};
use orchestrator::held::told;

/// The start of all tests' time.
pub(crate) fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// A folder with these files, of some content.
pub(crate) fn folder(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x: 1\n").unwrap();
    }
    root
}

/// A job's name.
pub(crate) fn name(text: &str) -> JobName {
    JobName::try_from(text).unwrap()
}

pub(crate) fn manifest(name: &str, sql: &str, parallelism: u32) -> String {
    format!(
        "name: {name}\ndescription: d\ntarget-table: sink\nsql: |\n{}flinkProperties:\n  parallelism.default: \"{parallelism}\"\n  state.checkpoints.dir: s3://b/c/{name}/\n  state.savepoints.dir: s3://b/s/{name}/\n",
        sql.lines().fold(String::new(), |text, line| text + "  " + line + "\n")
    )
}

/// What some files say.
pub(crate) fn inputs(files: &[(&str, &str)]) -> Inputs {
    let file = |(name, text): &(&str, &str)| InputFile { file: SourceFile::new(*name, *text), etag: "e".to_owned() };
    Inputs::read(
        &InputFiles { queries: files.iter().map(file).collect(), ..InputFiles::default() },
        &Policy { allow_code: true, ..Policy::default() },
    )
}

fn situation(operation: &str) -> Situation {
    Situation {
        now: at("2026-11-23T12:00:00Z"),
        operation: Hex32::derived(&[operation]).into(),
        nonce: Hex32::derived(&["nonce"]).into(),
        batch: Hex32::derived(&["batch"]).into(),
        query_id: "id".to_owned(),
        created: "2026-11-23 12:00:00".to_owned(),
        by: "anna".to_owned(),
        etags: Vec::new(),
        config: None,
        source: Source::Queries,
        version_floor: 0,
        written: None,
        note: None,
        patience: Patience::default(),
        windows: Windows::default(),
        removals_held: false,
        clean_starts_held: false,
        sweep: false,
        lost: None,
        urgent: false,
        seen: None,
        learned: None,
        ordered: None,
    }
}

/// A record and what is desired, decided.
pub(crate) fn decided(record: &Record, yaml: Option<&str>, operation: &str) -> Ruling {
    let desired = match yaml {
        None => Desired::Absent,
        Some(yaml) => inputs(&[(&format!("queries/{}.yaml", record.name), yaml)]).desired(&record.name).0,
    };
    decide(record, &desired, &situation(operation))
}

/// An operation with its outcome, settled.
pub(crate) fn settled(record: Record, yaml: &str, operation: &str, outcome: &Outcome) -> Record {
    match decided(&record, Some(yaml), operation) {
        Ruling::Operate(open) => {
            let mut record = record;
            record.highest_version = open.meta.as_ref().map_or(0, |m| m.query_version).max(record.highest_version);
            settle_result(record, &open, outcome, at("2026-11-23T12:05:24Z"), Patience::default())
        }
        Ruling::Nothing { reason, .. } => panic!("nothing to settle: {reason}"),
    }
}

/// A good outcome of an operation.
pub(crate) fn deployed(operation: &str, from: Option<&str>) -> Outcome {
    let run = RunStarted {
        job_id: Hex32::derived(&[operation]).into(),
        restored_from: from.map(str::to_owned),
        epoch: None,
        compiled: lifecycle::documents::outcome::Compiled::default(),
    };
    Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true }
}

/// A job whose manifest is deployed.
pub(crate) fn running(yaml: &str, job: &str) -> Record {
    let record = Record::fresh(name(job), Hex32::derived(&["nonce"]).into(), Source::Queries);
    settled(record, yaml, &format!("{job} 1"), &deployed(&format!("{job} 1"), None))
}

/// A decision as the answer about its job.
pub(crate) fn job_answer(job: &str, ruling: Ruling) -> JobAnswer {
    let (reason, plan) = match ruling {
        Ruling::Operate(open) => (Reason::Ordered { operation: open.plan.operation }, Some(open.plan)),
        Ruling::Nothing { reason, .. } => (reason, None),
    };
    let (text, change) = (told(&reason, &name(job)), plan.as_ref().map(|p| p.change.clone()));
    let plan = plan.as_ref().map(|plan| PlannedAnswer::of(plan, None));
    let filled_in = std::collections::BTreeMap::new();
    JobAnswer { name: name(job), reason, text, change, plan, following: Vec::new(), filled_in }
}

/// What follows the operation that is open, if this manifest is what is desired by then.
pub(crate) fn following_of(record: &Record, yaml: &str) -> Vec<FollowingAnswer> {
    let desired = inputs(&[(&format!("queries/{}.yaml", record.name), yaml)]).desired(&record.name).0;
    FollowingAnswer::all(&record.name, following(record, &desired, &situation("next")))
}

/// An answer about these jobs.
pub(crate) fn plan_answer(jobs: Vec<JobAnswer>) -> PlanAnswer {
    PlanAnswer {
        format: "flink-sql-runner/plan".to_owned(),
        version: 1,
        jobs,
        refused: Vec::new(),
        others_refused: 0,
        troubles: std::collections::BTreeMap::new(),
        dispatched_as: None,
        untold: None,
        unknown: std::collections::BTreeMap::new(),
        preview: None,
        told: Vec::new(),
        left_out: Vec::new(),
    }
}

/// A result document.
pub(crate) fn result(job: &str, operation: &str, outcome: Outcome) -> OperationResult {
    OperationResult {
        format: 1,
        operation: Hex32::derived(&[operation]).into(),
        job: name(job),
        outcome,
        at: at("2026-11-23T12:05:24Z"),
        phases: Vec::new(),
        downtime_ms: None,
        differences: Vec::new(),
        no_savepoint: None,
    }
}

/// The outcome of a query that Flink refuses.
pub(crate) fn rejected() -> Outcome {
    let rejection = Rejection {
        kind: "query".to_owned(),
        origin: None,
        message: "Column 'prize' not found\x07".to_owned(),
        line: Some(1),
        column: Some(8),
    };
    Outcome::refused(Refusal::DoesNotCompile { rejection, told: None })
}

/// A job that was deployed, changed, and whose next query is refused.
pub(crate) fn orders() -> Record {
    let (one, two) = (manifest("orders", "SELECT 1", 2), manifest("orders", "SELECT 1", 4));
    let record = settled(
        running(&one, "orders"),
        &two,
        "orders 2",
        &deployed("orders 2", Some("s3://b/s/orders/1/op/savepoint-9f1c-ab")),
    );
    settled(record, &manifest("orders", "SELECT prize", 4), "orders 3", &rejected())
}

/// The history of a job about which nothing was done.
pub(crate) fn nothing_done(job: &str) -> HistoryAnswer {
    HistoryAnswer {
        format: String::new(),
        version: 1,
        name: name(job),
        owner: None,
        unknown: false,
        entries: Vec::new(),
        noted: Vec::new(),
        superseded: Vec::new(),
        unsettled: Vec::new(),
        refused: Vec::new(),
        left_out: Vec::new(),
    }
}
