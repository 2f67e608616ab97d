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
use lifecycle::documents::alerts::{AlertsDocument, StandingCondition};
use lifecycle::documents::record::{Entry, Record};
use lifecycle::keys::Keys;
use orchestrator::actions::{Action, Answer, StatusAnswer};
use serde_json::json;

use crate::ask::{ask, here};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::{Out, failure};
use crate::render::{bytes, count};

/// How many records are read at one time.
const READS: usize = 16;

/// How many jobs of which the record cannot be read are named.
const TROUBLES: usize = 20;

/// `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The file that is written, `-` for standard output [default: standard output].
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
    alerts: Vec<StandingCondition>,
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
    let (status, unasked) = standing(invocation).await?;
    let place = format!("s3://{bucket}/{}", keys.prefix());
    let mut report = gather(&store, &keys, status, place, Timestamp::now()).await?;
    report.troubles.splice(..0, unasked);
    let (html, troubles) = (page::of(&report), &report.troubles);
    // Whoever opens the page reads it there; whoever only made it, here.
    let exit = if troubles.is_empty() { Exit::Done } else { Exit::Unreachable };
    for trouble in troubles {
        out.note(&failure("a part of the page is missing", std::slice::from_ref(trouble), None));
    }
    let Some(file) = arguments.out_file.as_ref().filter(|file| file.as_os_str() != "-") else {
        let document = json!({"format": "flink-sql-runner/report", "version": 1, "html": html, "not_read": troubles});
        out.result(&document, || html.clone());
        return Ok(exit);
    };
    std::fs::write(file, &html).map_err(|error| {
        let message = format!("{} cannot be written: {error}", file.display());
        CliError::usage(message, "name a file in a folder that is there and may be written")
    })?;
    let size = html.len();
    let document =
        json!({"format": "flink-sql-runner/report", "version": 1, "file": file, "bytes": size, "not_read": troubles});
    let size = bytes(u64::try_from(size).unwrap_or(u64::MAX));
    out.result(&document, || format!("wrote {} ({size})\n", file.display()));
    Ok(exit)
}

/// How the jobs stand; where the function gives no answer, by the documents alone, with why.
async fn standing(invocation: &Invocation) -> Result<(StatusAnswer, Option<String>), CliError> {
    let action = || Action::Status { names: [].into() };
    let status = |answer| match answer {
        Answer::Status(answer) => Ok(*answer),
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => Err(CliError::other_answer()),
    };
    match ask(action(), invocation).await {
        Ok(answer) => Ok((status(answer)?, None)),
        Err(error @ (CliError::Function(_) | CliError::Problem(_) | CliError::NoAnswer { .. })) => {
            // Without the documents there is no page, and what the function lacks comes first.
            let Ok(read) = Box::pin(here(action(), invocation)).await else { return Err(error) };
            Ok((status(read)?, Some(without_function(&error))))
        }
        Err(error) => Err(error),
    }
}

/// What the page does not tell because the function gives no answer, and the way out.
fn without_function(error: &CliError) -> String {
    let why: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("the function gave no answer, so that the jobs stand here as the documents say: {}{help}", why.join(": "))
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
    let names: Vec<JobName> = status.jobs.iter().map(|job| job.name.clone()).collect();
    let mut reads = FanOut::new(READS, names, |name: JobName| {
        let (store, key) = (Arc::clone(store), keys.record(&name));
        async move { (name, fetch::<Record>(store.as_ref(), &key).await) }
    });
    let (mut jobs, mut unread) = (BTreeMap::new(), BTreeMap::new());
    while let Some(read) = reads.next().await {
        match read.map_err(|error| OutsideError::unknown("reading the records", error))? {
            (name, Ok(found)) => jobs.extend(found.map(|(record, _)| (name, Told::of(record)))),
            (name, Err(error)) => drop(unread.insert(name, error_chain(&error))),
        }
    }
    troubles.extend(without_records(&unread));
    troubles.extend(status.refused_trouble.iter().map(|why| format!("which uploads are refused is not known: {why}")));
    troubles.extend(status.observed_trouble.iter().map(|why| format!("the last look cannot be read: {why}")));
    Ok(Report { at, place, status, jobs, alerts, troubles })
}

/// What the page does not tell because records cannot be read: all of them may have one cause.
fn without_records(unread: &BTreeMap<JobName, String>) -> Vec<String> {
    let told = |(name, why): (&JobName, &String)| format!("the operations and tables of {name} are not known: {why}");
    let more = unread.len().saturating_sub(TROUBLES);
    let rest =
        (more > 0).then(|| format!("the operations and tables of {} are not known either", count(more, "more job")));
    unread.iter().take(TROUBLES).map(told).chain(rest).collect()
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
