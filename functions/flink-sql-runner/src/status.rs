//! `status` and `history`: what is recorded about jobs, as tables.
//! Must not know how it came about.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::record::{Ended, Status};
use lifecycle::flink::Slots;
use orchestrator::actions::{Action, Answer, FileAnswer, HistoryAnswer, JobStatus, StatusAnswer};
use orchestrator::held::{named, why};

use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::{ago, change, count, diagnostics, indented, printable, table};

/// Shows how every job stands.
#[expect(clippy::disallowed_methods, reason = "ages for people")]
pub(crate) async fn status(invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match ask(Action::Status {}, invocation).await? {
        Answer::Status(answer) => {
            out.result(&answer, || status_text(&answer, Timestamp::now()));
            Ok(Exit::Done)
        }
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) => {
            Err(CliError::Defect("an answer to another question came back".to_owned()))
        }
    }
}

/// Shows what was done about a job.
pub(crate) async fn history(name: JobName, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match ask(Action::History { name }, invocation).await? {
        Answer::History(answer) => {
            out.result(&answer, || history_text(&answer));
            Ok(Exit::Done)
        }
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) => {
            Err(CliError::Defect("an answer to another question came back".to_owned()))
        }
    }
}

/// How a job stands, in one word: `Status` as it is spelt everywhere, and what has none.
fn state(job: &JobStatus) -> String {
    match job.status {
        Some(status) => status.to_string(),
        None if job.trouble.is_some() => "not readable".to_owned(),
        None if !job.refused.is_empty() => "refused".to_owned(),
        None if job.decision.is_none() && job.operation.is_none() => "not judged".to_owned(),
        None => "not deployed".to_owned(),
    }
}

/// Flink's own word for the run of a job that is to run, by the last look; a run that is newer was not looked for.
fn flink(job: &JobStatus, answer: &StatusAnswer) -> String {
    let expected = job.run.zip(answer.observed.as_ref()).filter(|_| job.status == Some(Status::Running));
    let Some((run, observed)) = expected else { return "-".to_owned() };
    match observed.look.job(run) {
        Some(seen) => {
            let word = serde_json::to_value(seen.state).ok();
            word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
        }
        None if job.since.is_some_and(|since| since < observed.look.at) => "not seen".to_owned(),
        None => "-".to_owned(),
    }
}

fn status_text(answer: &StatusAnswer, now: Timestamp) -> String {
    let dash = || "-".to_owned();
    let owned = answer.jobs.iter().any(|job| job.owner.is_some());
    let mut head = ["NAME", "VERSION", "STATE", "SINCE", "FLINK", "OPERATION"].map(str::to_owned).to_vec();
    head.extend(owned.then(|| "OWNER".to_owned()));
    let mut rows = vec![head];
    let mut notes = String::new();
    for job in &answer.jobs {
        let mut row = vec![
            job.name.to_string(),
            job.version.map_or_else(dash, |version| format!("v{version}")),
            state(job),
            job.since.map_or_else(dash, |since| ago(now, since)),
            flink(job, answer),
            job.operation.map_or_else(dash, |operation| operation.short()),
        ];
        row.extend(owned.then(|| job.owner.clone().unwrap_or_else(dash)));
        rows.push(row);
        notes.push_str(&note(job, now));
    }
    let cut: String = answer.left_out.iter().fold(String::new(), |text, note| text + note + "\n");
    let table = if answer.jobs.is_empty() { String::new() } else { table::columns(&rows, 0) };
    format!("{table}{notes}{}{cut}{}. {}\n", refused(answer, now), sum(answer), cluster(answer, now))
}

/// How many of what: states, what holds jobs, uploads that are refused.
fn sum(answer: &StatusAnswer) -> String {
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut held: BTreeMap<Option<&'static str>, usize> = BTreeMap::new();
    for job in &answer.jobs {
        *states.entry(state(job)).or_default() += 1;
        for waits in &job.waits_for {
            *held.entry(waits.guard()).or_default() += 1;
        }
    }
    let mut parts: Vec<String> = states.into_iter().map(|(state, number)| format!("{number} {state}")).collect();
    if parts.is_empty() {
        parts.push("no jobs".to_owned());
    }
    parts.extend(held.into_iter().rev().map(|(guard, number)| match guard {
        Some(guard) => format!("{number} held by the {guard}"),
        None => format!("{number} waiting for an `allow`"),
    }));
    if answer.refused > 0 {
        parts.push(format!("{} refused", count(answer.refused, "upload")));
    }
    parts.join(", ")
}

/// The last look at the cluster.
fn cluster(answer: &StatusAnswer, now: Timestamp) -> String {
    let Some(observed) = &answer.observed else {
        return match &answer.observed_trouble {
            None => "The cluster was not looked at yet.".to_owned(),
            Some(why) => format!("The last look cannot be read: {}.", printable(why)),
        };
    };
    let in_use =
        |slots: Slots| format!("{} of {} slots in use, ", slots.total - slots.free.min(slots.total), slots.total);
    format!("{}seen {} ago.", observed.look.slots.map(in_use).unwrap_or_default(), ago(now, observed.look.at))
}

/// How many refused files are named.
const NAMED: usize = 20;

/// The uploads that are refused: which, why, and where all their errors are.
fn refused(answer: &StatusAnswer, now: Timestamp) -> String {
    let mut text = String::new();
    if let Some(why) = &answer.refused_trouble {
        let _ = writeln!(text, "Which uploads are refused is not known: {}", indented(why, 2));
    }
    for upload in answer.refused_uploads.iter().take(NAMED) {
        let since = upload.since.map_or_else(String::new, |since| format!(", {} ago", ago(now, since)));
        let why = upload.first.as_deref().map_or_else(String::new, |first| format!(": {}", indented(first, 4)));
        let waiting = answer.jobs.iter().filter(|job| job.refused.contains(&upload.errors_at)).count();
        let wait = match upload.job {
            None if waiting > 0 => format!("; nothing that is uploaded for {} is applied", count(waiting, "job")),
            None | Some(_) => String::new(),
        };
        let (file, at) = (printable(&upload.file), printable(&upload.errors_at));
        let _ = writeln!(text, "  refused{since}: {file}{why}\n    every error is in {at}{wait}");
    }
    let more = answer.refused.saturating_sub(NAMED.min(answer.refused_uploads.len()));
    if more > 0 {
        let _ = writeln!(text, "  {} refused as well: every error is under refused/", count(more, "more upload"));
    }
    text
}

/// What is to be known of a job: what holds it, and what is still to be done.
fn note(job: &JobStatus, now: Timestamp) -> String {
    let name = &job.name;
    let mut text = String::new();
    if let Some(why) = &job.trouble {
        let _ = writeln!(text, "  {name}: {}", indented(why, 4));
    }
    for waits in &job.waits_for {
        let (Some(guard), Some(why)) = (waits.guard(), why(waits.held)) else { continue };
        let since = job.decision.as_ref().map(|decision| format!(" for {}", ago(now, decision.at))).unwrap_or_default();
        let _ = writeln!(text, "  {name}: held by the {guard}{since}: {why}; `{}` approves it", waits.order(name));
    }
    for owed in &job.owed {
        let next = match owed.next {
            Some(at) if at > now => format!("tried again in {}", ago(at, now)),
            Some(_) => "to be tried again now".to_owned(),
            None => format!("tried again once it changes, or by `retry {name}`"),
        };
        let (undone, since) = (owed.purpose.undone(owed.cause), ago(now, owed.since));
        let (times, error) =
            (count(owed.attempts.try_into().unwrap_or(usize::MAX), "attempt"), named(&owed.error, name));
        let _ = writeln!(text, "  {name}: {undone} for {since} after {times}, {next}: {}", indented(&error, 4));
    }
    if let Some((ordered, debt)) = job.ordered.as_ref().and_then(|ordered| Some((ordered, ordered.debt.as_ref()?))) {
        let (what, by) = (printable(&ordered.told()), printable(&ordered.by));
        let (since, error) = (ago(now, ordered.at), named(&debt.error, name));
        let _ = writeln!(text, "  {name}: {what}, by {by} {since} ago, waits: {}", indented(&error, 4));
    }
    let said = |order: &str| job.owed.iter().any(|owed| named(&owed.error, name).contains(order));
    for order in job.waits_for.iter().filter(|waits| waits.guard().is_none()).map(|waits| waits.order(name)) {
        if !said(&order) {
            let _ = writeln!(text, "  {name}: `{order}` approves it, if that is meant");
        }
    }
    text
}

fn history_text(answer: &HistoryAnswer) -> String {
    let refused = refusals(answer);
    if answer.entries.is_empty() {
        return if refused.is_empty() { format!("nothing was done about {} yet\n", answer.name) } else { refused };
    }
    let head = ["WHEN", "OPERATION", "VERSION", "CHANGE", "FROM", "OUTCOME", "BY", "WHY"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    rows.extend(answer.entries.iter().map(|entry| {
        let why = match entry.outcome {
            Ended::Deployed | Ended::Removed | Ended::Suspended | Ended::Completed => entry.why.clone(),
            Ended::Unhealthy | Ended::Left | Ended::RolledBack | Ended::Refused | Ended::Failed | Ended::Abandoned => {
                format!("{}: {}", entry.why, named(&entry.detail, &answer.name))
            }
        };
        vec![
            entry.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            entry.operation.short(),
            format!("v{}", entry.version),
            change::kind(entry.change),
            entry.from.as_deref().map_or_else(|| "-".to_owned(), last_segment),
            entry.outcome.to_string(),
            entry.by.clone(),
            why,
        ]
    }));
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
#[path = "status_tests.rs"]
mod tests;
