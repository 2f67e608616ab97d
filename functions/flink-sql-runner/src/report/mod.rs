//! `report`: how everything stands and what was done, as one page for a browser.
//! Must not know how a page is drawn.

mod escape;
mod lineage;
mod page;
mod timeline;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use control::documents::fetch;
use control::errors::error_chain;
use control::fan_out::FanOut;
use control::ports::{OutsideError, Store};
use desired::manifest::JobName;
use desired::sql::{StatementKind, target_path};
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::documents::alerts::{AlertsDocument, Standing};
use lifecycle::documents::record::{Entry, Record};
use lifecycle::keys::Keys;
use orchestrator::actions::{Action, Answer, StatusAnswer};
use serde_json::json;

use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::bytes;

/// How many records are read at one time.
const READS: usize = 16;

/// `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The file that is written [default: standard output].
    #[arg(short, long = "out-file", value_name = "FILE")]
    pub(crate) out_file: Option<PathBuf>,
}

/// What the page tells.
struct Report {
    at: Timestamp,
    /// Where it is from: the bucket and the prefix.
    place: String,
    status: StatusAnswer,
    /// What the records tell beside it.
    jobs: BTreeMap<JobName, Told>,
    alerts: Vec<Standing>,
    /// What could not be read.
    troubles: Vec<String>,
}

/// What the record of a job tells for the page.
#[derive(Default)]
struct Told {
    /// Settled operations, the newest last.
    entries: Vec<Entry>,
    /// The tables that the deployed query reads.
    reads: Vec<String>,
    /// The table that it writes.
    writes: Option<String>,
}

/// Writes the page.
#[expect(clippy::disallowed_methods, reason = "ages for people")]
pub(crate) async fn run(arguments: &ReportArguments, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (store, keys, bucket) = (invocation.store().await?, invocation.settings()?.keys, invocation.bucket()?);
    let status = match ask(Action::Status { names: [].into() }, invocation).await? {
        Answer::Status(answer) => *answer,
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => {
            return Err(CliError::other_answer());
        }
    };
    let place = format!("s3://{bucket}/{}", keys.prefix());
    let report = gather(&store, &keys, status, place, Timestamp::now()).await?;
    let html = page::of(&report);
    let Some(file) = &arguments.out_file else {
        let document = json!({"format": "flink-sql-runner/report", "version": 1, "html": html});
        out.result(&document, || html.clone());
        return Ok(Exit::Done);
    };
    std::fs::write(file, &html).map_err(|error| {
        let message = format!("{} cannot be written: {error}", file.display());
        CliError::usage(message, "name a file in a folder that is there and may be written")
    })?;
    let size = html.len();
    let document = json!({"format": "flink-sql-runner/report", "version": 1, "file": file, "bytes": size});
    let size = bytes(u64::try_from(size).unwrap_or(u64::MAX));
    out.result(&document, || format!("wrote {} ({size})\n", file.display()));
    Ok(Exit::Done)
}

async fn gather(
    store: &Arc<dyn Store>,
    keys: &Keys,
    status: StatusAnswer,
    place: String,
    at: Timestamp,
) -> Result<Report, CliError> {
    let mut troubles = Vec::new();
    let alerts = match fetch::<AlertsDocument>(store.as_ref(), &keys.alerts()).await {
        Ok(found) => found.map(|(document, _)| document.standing).unwrap_or_default(),
        Err(error) => {
            troubles.push(format!("which alerts stand is not known: {}", error_chain(&error)));
            Vec::new()
        }
    };
    // Of one that cannot be read the status says so.
    let names: Vec<JobName> = status.jobs.iter().map(|job| job.name.clone()).collect();
    let mut reads = FanOut::new(READS, names, |name: JobName| {
        let (store, key) = (Arc::clone(store), keys.record(&name));
        async move { (name, fetch::<Record>(store.as_ref(), &key).await.ok().flatten()) }
    });
    let mut jobs = BTreeMap::new();
    while let Some(read) = reads.next().await {
        let (name, found) = read.map_err(|error| OutsideError::unknown("reading the records", error))?;
        jobs.extend(found.map(|(record, _)| (name, Told::of(record))));
    }
    troubles.extend(status.left_out.iter().cloned());
    troubles.extend(status.refused_trouble.iter().chain(&status.observed_trouble).cloned());
    Ok(Report { at, place, status, jobs, alerts, troubles })
}

impl Told {
    fn of(record: Record) -> Self {
        let target = record.deployed.map(|deployed| deployed.target);
        let (reads, writes) = target.as_ref().map(tables).unwrap_or_default();
        Self { entries: record.history, reads, writes }
    }
}

/// The tables that a target reads, and the one that it writes.
fn tables(target: &Target) -> (Vec<String>, Option<String>) {
    let read = target.definitions.iter().filter(|definition| definition.role.reads());
    let read = read.filter(|definition| match definition.kind {
        StatementKind::CreateTable { .. } => true,
        StatementKind::CreateView { .. }
        | StatementKind::CreateFunction { .. }
        | StatementKind::CreateCatalog { .. }
        | StatementKind::CreateDatabase { .. }
        | StatementKind::AlterTable { .. }
        | StatementKind::AlterFunction { .. }
        | StatementKind::Use { .. }
        | StatementKind::Set { .. }
        | StatementKind::Other => false,
    });
    let read = read.filter_map(|definition| definition.name.as_ref()).map(ToString::to_string);
    (read.collect(), target_path(&target.manifest.target_table).map(|path| path.to_string()))
}

#[cfg(test)]
#[path = "../report_tests.rs"]
mod tests;
