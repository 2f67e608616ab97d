//! How all jobs stand, from their records, read side by side; one that cannot be read is shown as such.
//! Must not know how it is shown.

use std::sync::Arc;

use control::documents::fetch;
use control::fan_out::FanOut;
use control::orchestrator::Orchestrator;
use control::ports::OutsideError;
use control::runner::error_chain;
use desired::manifest::JobName;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::{Deployed, Record};
use lifecycle::documents::result::OperationResult;

use crate::answers::{JobStatus, OwedAnswer, StatusAnswer};

/// How many records are read at one time.
const READS: usize = 16;

/// How every job stands that has a record.
pub(crate) async fn status(orchestrator: &Arc<Orchestrator>) -> Result<StatusAnswer, OutsideError> {
    let keys = &orchestrator.settings.keys;
    let listed = orchestrator.store.list(&keys.records()).await?;
    let names = listed.iter().filter_map(|l| keys.job_of_record(&l.key)).filter_map(|n| JobName::try_from(n).ok());
    let mut reads = FanOut::new(READS, names.collect::<Vec<_>>(), |name: JobName| {
        let orchestrator = Arc::clone(orchestrator);
        async move { job_status(&orchestrator, name).await }
    });
    let mut jobs = Vec::new();
    while let Some(read) = reads.next().await {
        jobs.extend(read.map_err(|error| OutsideError::unknown("reading the records", error))?);
    }
    jobs.sort_by(|one: &JobStatus, other| one.name.cmp(&other.name));
    let (observed, observed_trouble) =
        match fetch::<ObservedDocument>(orchestrator.store.as_ref(), &keys.observed()).await {
            Ok(found) => (found.map(|(document, _)| document), None),
            Err(error) => (None, Some(error_chain(&error))),
        };
    let (format, left_out) = ("flink-sql-runner/status".to_owned(), Vec::new());
    Ok(StatusAnswer { format, version: 2, jobs, observed, observed_trouble, left_out })
}

/// How one job stands; nothing if its record is gone meanwhile.
async fn job_status(orchestrator: &Orchestrator, name: JobName) -> Option<JobStatus> {
    let (store, keys) = (orchestrator.store.as_ref(), &orchestrator.settings.keys);
    match fetch::<Record>(store, &keys.record(&name)).await {
        Ok(None) => None,
        Ok(Some((record, _))) if never_was(&record) => None,
        Ok(Some((record, _))) => {
            // Nothing but an operation's end reads its result: one that cannot be read keeps the job as it is.
            let trouble = match &record.open {
                None => None,
                Some(open) => fetch::<OperationResult>(store, &keys.result(&name, open.plan.operation)).await.err(),
            };
            Some(of_record(name, record, trouble.as_ref()))
        }
        Err(error) => Some(JobStatus {
            name,
            version: None,
            status: None,
            run: None,
            since: None,
            operation: None,
            owed: Vec::new(),
            decision: None,
            last: None,
            trouble: Some(error_chain(&error)),
        }),
    }
}

/// A name that never ran, and that no file carries any more.
fn never_was(record: &Record) -> bool {
    let wanted = record.decision.as_ref().is_none_or(|decision| !decision.etags.is_empty());
    record.deployed.is_none() && record.open.is_none() && record.owed.debts().next().is_none() && !wanted
}

fn of_record(name: JobName, mut record: Record, trouble: Option<&OutsideError>) -> JobStatus {
    let deployed = record.deployed.as_ref();
    JobStatus {
        name,
        version: deployed.map(|d| d.meta.query_version),
        status: record.status(),
        run: deployed.and_then(Deployed::run),
        since: deployed.map(|d| d.since),
        operation: record.open.as_ref().map(|open| open.plan.operation),
        owed: OwedAnswer::all(&record),
        decision: record.decision.take(),
        last: record.history.pop(),
        trouble: trouble.map(|error| error_chain(error)),
    }
}
