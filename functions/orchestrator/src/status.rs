//! How all jobs stand, and what was done about one, from their records and what is uploaded; one that cannot be read is
//! shown as such.
//! Must not know how it is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::documents::fetch;
use control::errors::error_chain;
use control::fan_out::FanOut;
use control::orchestrator::Orchestrator;
use control::ports::OutsideError;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::change::ChangeKind;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::{Deployed, Ended, Entry, Record, Status};
use lifecycle::documents::result::OperationResult;

use crate::answers::{FileAnswer, HistoryAnswer, JobStatus, OwedAnswer, RefusedUpload, StatusAnswer, Unsettled};
use crate::held::WaitsFor;
use crate::refused::{Uploaded, uploaded};
use crate::standing::{RunTrouble, Standing};

/// How many records are read at one time.
const READS: usize = 16;

/// How every job stands that has a record or an uploaded file, or those of `asked` that have.
pub(crate) async fn status(
    orchestrator: &Arc<Orchestrator>,
    asked: &BTreeSet<JobName>,
) -> Result<StatusAnswer, OutsideError> {
    let keys = &orchestrator.settings.keys;
    let names = if asked.is_empty() { recorded(orchestrator).await? } else { asked.clone() };
    let is_named = !asked.is_empty();
    let mut reads = FanOut::new(READS, names, |name: JobName| {
        let orchestrator = Arc::clone(orchestrator);
        async move { job_status(&orchestrator, name, is_named).await }
    });
    let mut jobs = Vec::new();
    while let Some(read) = reads.next().await {
        jobs.extend(read.map_err(|error| OutsideError::unknown("reading the records", error))?);
    }
    // Records tell how jobs stand also where nobody may list the uploads.
    let (uploads, refused_trouble) = match uploaded(orchestrator).await {
        Ok(uploads) => (uploads, None),
        Err(error) => (Uploaded::default(), Some(error_chain(&error))),
    };
    let known: BTreeSet<JobName> = jobs.iter().map(|job: &JobStatus| job.name.clone()).collect();
    let wanted = |name: &&JobName| asked.is_empty() || asked.contains(*name);
    jobs.extend(uploads.names.difference(&known).filter(wanted).cloned().map(untouched));
    jobs.sort_by(|one: &JobStatus, other| one.name.cmp(&other.name));
    for job in &mut jobs {
        note_refusals(job, &uploads);
    }
    let (observed, observed_trouble) =
        match fetch::<ObservedDocument>(orchestrator.store.as_ref(), &keys.observed()).await {
            Ok(found) => (found.map(|(document, _)| document), None),
            Err(error) => (None, Some(error_chain(&error))),
        };
    for job in &mut jobs {
        job.state = Some(job.standing());
        let run = job.run.filter(|_| job.status == Some(Status::Running));
        job.run_trouble = run.zip(observed.as_ref()).and_then(|(run, look)| RunTrouble::of(run, look));
    }
    let shown = |upload: &RefusedUpload| {
        let about = |job: &JobStatus| job.refused.contains(&upload.errors_at);
        asked.is_empty() || upload.job.as_ref().is_some_and(|job| asked.contains(job)) || jobs.iter().any(about)
    };
    let refused_uploads: Vec<RefusedUpload> =
        uploads.refused.into_iter().map(|refusal| refusal.upload).filter(shown).collect();
    let found = |name: &&JobName| jobs.iter().any(|job| job.name == **name);
    let unknown = asked.iter().filter(|name| !found(name)).cloned().collect();
    Ok(StatusAnswer {
        format: "flink-sql-runner/status".to_owned(),
        version: 2,
        jobs,
        unknown,
        observed,
        observed_trouble,
        refused: refused_uploads.len(),
        refused_uploads,
        refused_trouble,
        left_out: Vec::new(),
    })
}

impl JobStatus {
    /// How it stands, in one word.
    pub fn standing(&self) -> Standing {
        match self.status {
            Some(Status::Running) => Standing::Running,
            Some(Status::NotRunning) => Standing::NotRunning,
            Some(Status::Unknown) => Standing::Unknown,
            Some(Status::Stopped) => Standing::Stopped,
            Some(Status::Suspended) => Standing::Suspended,
            Some(Status::Complete) => Standing::Complete,
            None if self.forgotten.is_some() => Standing::Forgotten,
            None if self.trouble.is_some() => Standing::NotReadable,
            None if !self.refused.is_empty() => Standing::Refused,
            None if self.decision.is_none() && self.operation.is_none() => Standing::NotJudged,
            None => Standing::NotDeployed,
        }
    }
}

/// The jobs that have a record.
async fn recorded(orchestrator: &Orchestrator) -> Result<BTreeSet<JobName>, OutsideError> {
    let keys = &orchestrator.settings.keys;
    let listed = orchestrator.store.list(&keys.records()).await?;
    let names = listed.iter().filter_map(|l| keys.job_of_record(&l.key)).filter_map(|n| JobName::try_from(n).ok());
    Ok(names.collect())
}

/// What was done about a job, and what keeps its upload from being applied.
pub(crate) async fn history(orchestrator: &Arc<Orchestrator>, name: JobName) -> Result<HistoryAnswer, OutsideError> {
    let key = orchestrator.settings.keys.record(&name);
    let record = fetch::<Record>(orchestrator.store.as_ref(), &key).await?;
    let owner = record.as_ref().and_then(|(record, _)| record.owner()).map(str::to_owned);
    // What was done is told also where nobody may list the uploads.
    let uploads = uploaded(orchestrator).await;
    let untouched = record.as_ref().is_none_or(|(record, _)| never_was(record) && !was_tried(record));
    let unknown = untouched && uploads.as_ref().is_ok_and(|uploads| !uploads.names.contains(&name));
    let uploads = uploads.unwrap_or_default();
    let unsettled = record.as_ref().map(|(record, _)| Unsettled::all(record)).unwrap_or_default();
    let of = |(record, _): (Record, _)| (record.history, record.noted, record.superseded);
    let (entries, noted, superseded) = record.map(of).unwrap_or_default();
    let refused = uploads.about(&name).into_iter().map(|refusal| FileAnswer {
        file: refusal.upload.file.clone(),
        jobs: refusal.upload.job.iter().cloned().collect(),
        is_config: refusal.is_config,
        errors: refusal.errors.clone(),
    });
    let refused = refused.collect();
    let (format, left_out) = ("flink-sql-runner/history".to_owned(), Vec::new());
    Ok(HistoryAnswer {
        format,
        version: 1,
        name,
        owner,
        unknown,
        entries,
        noted,
        superseded,
        unsettled,
        refused,
        left_out,
    })
}

/// A job of which nothing is recorded.
fn untouched(name: JobName) -> JobStatus {
    JobStatus {
        name,
        owner: None,
        version: None,
        state: None,
        status: None,
        run: None,
        run_trouble: None,
        since: None,
        operation: None,
        owed: Vec::new(),
        decision: None,
        waits_for: Vec::new(),
        refused: Vec::new(),
        ordered: None,
        forgotten: None,
        last: None,
        trouble: None,
    }
}

/// What keeps the job's upload from being applied; nothing else is to be told of one that was never deployed.
fn note_refusals(job: &mut JobStatus, uploads: &Uploaded) {
    let refusals = uploads.about(&job.name);
    let first = refusals.iter().filter_map(|refusal| refusal.upload.since).min();
    if job.status.is_none() && job.trouble.is_none() && !refusals.is_empty() {
        job.since = first.or(job.since);
    }
    job.refused = refusals.into_iter().map(|refusal| refusal.upload.errors_at.clone()).collect();
}

/// How one job stands; nothing if its record is gone meanwhile.
async fn job_status(orchestrator: &Orchestrator, name: JobName, is_named: bool) -> Option<JobStatus> {
    let (store, keys) = (orchestrator.store.as_ref(), &orchestrator.settings.keys);
    match fetch::<Record>(store, &keys.record(&name)).await {
        Ok(None) => None,
        Ok(Some((record, _))) if record.forgotten.is_some() && !is_named => None,
        Ok(Some((record, _))) if never_was(&record) && !(is_named && was_tried(&record)) => None,
        Ok(Some((record, _))) => {
            // Nothing but an operation's end reads its result: one that cannot be read keeps the job as it is.
            let trouble = match &record.open {
                None => None,
                Some(open) => fetch::<OperationResult>(store, &keys.result(&name, open.plan.operation)).await.err(),
            };
            Some(of_record(name, record, trouble.as_ref()))
        }
        Err(error) => Some(JobStatus { trouble: Some(error_chain(&error)), ..untouched(name) }),
    }
}

/// A name that never ran, and that no file carries any more.
fn never_was(record: &Record) -> bool {
    let wanted = record.decision.as_ref().is_none_or(|decision| !decision.etags.is_empty());
    record.deployed.is_none() && record.open.is_none() && record.owed.debts().next().is_none() && !wanted
}

/// Whether anything was ever done about a name: whoever names it is told.
fn was_tried(record: &Record) -> bool {
    !record.history.is_empty()
}

fn of_record(name: JobName, mut record: Record, trouble: Option<&OutsideError>) -> JobStatus {
    let deployed = record.deployed.as_ref();
    JobStatus {
        name,
        owner: record.owner().map(str::to_owned),
        version: deployed.map(|d| d.meta.query_version),
        state: None,
        status: record.status(),
        run: deployed.and_then(Deployed::run),
        run_trouble: None,
        since: since(&record),
        operation: record.open.as_ref().map(|open| open.plan.operation),
        owed: OwedAnswer::all(&record),
        waits_for: WaitsFor::all(&record),
        decision: record.decision.take(),
        refused: Vec::new(),
        ordered: record.ordered.take(),
        forgotten: record.forgotten.take(),
        last: record.history.pop(),
        trouble: trouble.map(|error| error_chain(error)),
    }
}

/// Since when a job stands as it does.
fn since(record: &Record) -> Option<Timestamp> {
    if let Some(forgotten) = &record.forgotten {
        return Some(forgotten.at);
    }
    let deployed = record.deployed.as_ref().map(|deployed| deployed.since);
    let ended = |wanted: &dyn Fn(&Entry) -> bool| {
        let entry = record.history.iter().rev().find(|entry| wanted(entry)).or(record.history.last());
        entry.map(|entry| entry.at).or(deployed)
    };
    match record.status() {
        Some(Status::Running) => deployed.max(started(record)),
        Some(Status::NotRunning) => {
            let debt = record.owed.keep_running.as_ref().filter(|debt| debt.cause.is_down()).map(|debt| debt.since);
            let restart = record.open.as_ref().filter(|open| open.plan.brings_back()).map(|open| open.plan.at);
            debt.into_iter().chain(restart).min().or(deployed)
        }
        Some(Status::Unknown) => record.owed.keep_running.as_ref().map(|debt| debt.since).or(deployed),
        Some(Status::Stopped) => ended(&|entry| entry.change == ChangeKind::Removed && is_over(entry.outcome)),
        Some(Status::Suspended) => record.suspended.as_ref().map(|suspension| suspension.since),
        Some(Status::Complete) => ended(&|entry| entry.change != ChangeKind::Removed && is_over(entry.outcome)),
        // Not deployed: since it was first tried, else since its upload was judged.
        None => {
            let tried = record.owed.debts().map(|(_, debt)| debt.since).min();
            tried.or(record.decision.as_ref().map(|decision| decision.at))
        }
    }
}

/// When the operation ended that started the run that is deployed: a rollback leaves what is deployed as it was.
fn started(record: &Record) -> Option<Timestamp> {
    let operation = record.deployed.as_ref()?.runs.last()?.operation;
    record.history.iter().rev().find(|entry| entry.operation == operation).map(|entry| entry.at)
}

/// Whether an operation may have found or made a job to be over.
fn is_over(outcome: Ended) -> bool {
    match outcome {
        Ended::Removed | Ended::Suspended | Ended::Completed | Ended::Left => true,
        Ended::Deployed | Ended::Unhealthy | Ended::RolledBack | Ended::Refused | Ended::Failed | Ended::Abandoned => {
            false
        }
    }
}
