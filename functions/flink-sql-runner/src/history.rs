//! `history`: what was done about one job, as a table.
//! Must not know how it came about.

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::act::SupersededAct;
use lifecycle::documents::record::{Ended, Entry};
use lifecycle::noted::NotedOrder;
use orchestrator::actions::{Action, Answer, FileAnswer, HistoryAnswer};
use orchestrator::held::named;

use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::{change, diagnostics, printable, table};

/// Shows what was done about a job.
pub(crate) async fn run(name: JobName, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let answer = of(name, invocation).await?;
    out.result(&answer, || history_text(&answer));
    Ok(Exit::Done)
}

/// What was done about a job; an error if nobody knows it.
pub(crate) async fn of(name: JobName, invocation: &Invocation) -> Result<HistoryAnswer, CliError> {
    match ask(Action::History { name }, invocation).await? {
        Answer::History(answer) if answer.unknown => Err(CliError::unknown_jobs(&[answer.name])),
        Answer::History(answer) => Ok(answer),
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) | Answer::Look(_) => Err(CliError::other_answer()),
    }
}

pub(crate) fn history_text(answer: &HistoryAnswer) -> String {
    let refused = refusals(answer);
    if answer.entries.is_empty() && answer.noted.is_empty() && answer.superseded.is_empty() {
        return if refused.is_empty() { format!("nothing was done about {} yet\n", answer.name) } else { refused };
    }
    let head = ["WHEN", "OPERATION", "VERSION", "CHANGE", "FROM", "OUTCOME", "BY", "WHY"].map(str::to_owned).to_vec();
    let entries = answer.entries.iter().map(|entry| (entry.at, operation(entry, answer)));
    let noted = answer.noted.iter().map(|noted| (noted.at, order(noted)));
    let superseded = answer.superseded.iter().map(|order| (order.superseded_at, superseded(order)));
    let mut lines: Vec<_> = entries.chain(noted).chain(superseded).collect();
    lines.sort_by_key(|(at, _)| *at);
    let rows: Vec<_> = std::iter::once(head).chain(lines.into_iter().map(|(_, row)| row)).collect();
    let differences = answer.entries.iter().flat_map(|entry| {
        let of = entry.operation.short();
        entry.differences.iter().map(move |difference| {
            let OptionDifference { option, asked, effective } = difference;
            let line = format!("{of}: {option} is {effective}, {asked} was asked for");
            format!("  {}\n", printable(&line))
        })
    });
    let differences: String = differences.collect();
    let refused = if refused.is_empty() { refused } else { format!("\n{refused}") };
    let owner = answer.owner.as_deref().map(|owner| format!("Owner: {}\n", printable(owner))).unwrap_or_default();
    format!("{owner}{}{differences}{refused}", table::columns(&rows, 0))
}

/// The row of a settled operation.
fn operation(entry: &Entry, answer: &HistoryAnswer) -> Vec<String> {
    let why = match entry.outcome {
        Ended::Deployed | Ended::Removed | Ended::Suspended | Ended::Completed => entry.why.clone(),
        Ended::Unhealthy | Ended::Left | Ended::RolledBack | Ended::Refused | Ended::Failed | Ended::Abandoned => {
            format!("{}: {}", entry.why, named(&entry.detail, &answer.name))
        }
    };
    vec![
        when(entry.at),
        entry.operation.short(),
        format!("v{}", entry.version),
        change::kind(entry.change),
        entry.from.as_deref().map_or_else(|| "-".to_owned(), last_segment),
        entry.outcome.to_string(),
        entry.by.clone(),
        why,
    ]
}

/// The row of an order that was noted: what came of it are the operations after it.
fn order(noted: &NotedOrder) -> Vec<String> {
    let dash = || "-".to_owned();
    let why = noted.why.clone().unwrap_or_else(dash);
    vec![when(noted.at), dash(), dash(), noted.order.to_string(), dash(), "noted".to_owned(), noted.by.clone(), why]
}

/// The row of an order that was not carried out, as something else came before it.
fn superseded(of: &SupersededAct) -> Vec<String> {
    let dash = || "-".to_owned();
    let version = of.ordered.about.map_or_else(dash, |(version, _)| format!("v{version}"));
    let why = format!("{}: {}", of.ordered.told(), of.by_what);
    let outcome = "superseded".to_owned();
    vec![when(of.superseded_at), dash(), version, dash(), dash(), outcome, of.ordered.by.clone(), why]
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What keeps the job's upload from being applied, with every error.
fn refusals(answer: &HistoryAnswer) -> String {
    let errors = diagnostics::all(answer.refused.iter().flat_map(|file| &file.errors));
    let one = |file: &FileAnswer| {
        let file_name = printable(&file.file);
        if file.is_config {
            format!("What is uploaded for {} is not applied, as {file_name} is refused.\n", answer.name)
        } else {
            format!("{file_name} is refused: what is uploaded for {} is not applied.\n", answer.name)
        }
    };
    errors + &answer.refused.iter().map(one).collect::<String>()
}

/// `chk-12` or `savepoint-…` of a path.
pub(crate) fn last_segment(path: &str) -> String {
    path.trim_end_matches('/').trim_end_matches("/_metadata").rsplit('/').next().unwrap_or(path).to_owned()
}
