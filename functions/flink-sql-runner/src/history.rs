//! `history`: what was done about one job, as a table.
//! Must not know how it came about.

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use lifecycle::act::{ActKind, SupersededAct};
use lifecycle::change::ChangeKind;
use lifecycle::documents::record::{Ended, Entry, Turned};
use lifecycle::moment::moment;
use lifecycle::noted::NotedOrder;
use orchestrator::actions::{Action, Answer, FileAnswer, HistoryAnswer, Unsettled};
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
    let is_empty = answer.entries.is_empty() && answer.noted.is_empty() && answer.superseded.is_empty();
    if is_empty && answer.unsettled.is_empty() {
        return if refused.is_empty() { format!("nothing was done about {} yet\n", answer.name) } else { refused };
    }
    let head = ["WHEN", "OPERATION", "VERSION", "CHANGE", "FROM", "OUTCOME", "BY", "WHY"].map(str::to_owned).to_vec();
    let entries = answer.entries.iter().map(|entry| (entry.at, operation(entry, answer)));
    let noted = answer.noted.iter().map(|noted| (noted.at, order(noted)));
    let superseded = answer.superseded.iter().map(|order| (order.superseded_at, superseded(order)));
    let mut lines: Vec<_> = entries.chain(noted).chain(superseded).collect();
    lines.sort_by_key(|(at, _)| *at);
    // What is not over yet comes last, whenever it was ordered.
    let settled = lines.into_iter().map(|(_, row)| row);
    let rows: Vec<_> = std::iter::once(head).chain(settled).chain(answer.unsettled.iter().map(unsettled)).collect();
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
        Ended::Deployed | Ended::Removed | Ended::Suspended | Ended::Completed if !entry.without_savepoint => {
            entry.why.clone()
        }
        Ended::Deployed
        | Ended::Removed
        | Ended::Suspended
        | Ended::Completed
        | Ended::Unhealthy
        | Ended::Left
        | Ended::RolledBack
        | Ended::Refused
        | Ended::Failed
        | Ended::Abandoned => {
            format!("{}: {}{}", entry.why, tried(entry), named(&entry.detail, &answer.name))
        }
    };
    vec![
        moment(entry.at),
        entry.operation.short(),
        format!("v{}", entry.version),
        kind(entry.change, entry.acted, entry.turned),
        entry.from.as_deref().map_or_else(|| "-".to_owned(), last_segment),
        outcome(entry),
        entry.by.clone(),
        why,
    ]
}

/// How often the same was tried, where that was more than once.
pub(crate) fn tried(entry: &Entry) -> String {
    let since = entry.tries.map(|tries| format!(" since {}", moment(tries.since))).unwrap_or_default();
    match entry.count() {
        0 | 1 => String::new(),
        count => format!("tried {count} times{since}, "),
    }
}

/// How it ended: what was left as it is and had a savepoint taken of it was saved.
fn outcome(entry: &Entry) -> String {
    let is_saved = entry.outcome == Ended::Left && entry.savepoint.is_some();
    if is_saved { "saved".to_owned() } else { entry.outcome.to_string() }
}

/// The row of what is under way or waits.
fn unsettled(found: &Unsettled) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        moment(found.at),
        found.operation.map_or_else(dash, |operation| operation.short()),
        found.version.map_or_else(dash, |version| format!("v{version}")),
        kind(found.change, found.acted, found.turned),
        dash(),
        if found.operation.is_some() { "under way" } else { "waits" }.to_owned(),
        found.by.clone(),
        found.why.clone(),
    ]
}

/// What a person ordered, as it is typed; else the kind of the change, or what an unchanged job was brought to.
fn kind(of: ChangeKind, acted: Option<ActKind>, turned: Option<Turned>) -> String {
    match (acted, of, turned) {
        (Some(act), _, _) => act.to_string(),
        (None, ChangeKind::Unchanged, Some(Turned::Suspend)) => "suspend".to_owned(),
        (None, ChangeKind::Unchanged, Some(Turned::Resume)) => "resume".to_owned(),
        (None, of, _) => change::kind(of),
    }
}

/// The row of an order that was noted: what came of it are the operations after it.
fn order(noted: &NotedOrder) -> Vec<String> {
    let dash = || "-".to_owned();
    let why = noted.why.clone().unwrap_or_else(dash);
    vec![moment(noted.at), dash(), dash(), noted.order.to_string(), dash(), "noted".to_owned(), noted.by.clone(), why]
}

/// The row of an order that was not carried out, as something else came before it.
fn superseded(of: &SupersededAct) -> Vec<String> {
    let dash = || "-".to_owned();
    let version = of.ordered.about.map_or_else(dash, |(version, _)| format!("v{version}"));
    let why = format!("{}: {}", of.ordered.told(), of.by_what);
    let outcome = "superseded".to_owned();
    let kind = of.ordered.act.kind().to_string();
    vec![moment(of.superseded_at), dash(), version, kind, dash(), outcome, of.ordered.by.clone(), why]
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

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
