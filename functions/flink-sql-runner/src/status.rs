//! `status` and `history`: what is recorded about jobs, as tables.
//! Must not know how it came about.

use std::collections::BTreeMap;

use desired::effective::OptionDifference;
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::record::{Ended, Status};
use orchestrator::actions::{Action, Answer, HistoryAnswer, JobStatus, OwedAnswer, StatusAnswer, act};

use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::{ago, change, indented, printable, table};

/// Shows how every job stands.
pub(crate) async fn status(invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match act(&invocation.reading().await?, Action::Status {}).await? {
        Answer::Status(answer) => {
            out.result(&answer, || status_text(&answer, Timestamp::now()));
            Ok(Exit::Done)
        }
        Answer::Plan(_) | Answer::History(_) => {
            Err(CliError::Defect("an answer to another question came back".to_owned()))
        }
    }
}

/// Shows what was done about a job.
pub(crate) async fn history(name: JobName, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match act(&invocation.reading().await?, Action::History { name }).await? {
        Answer::History(answer) => {
            out.result(&answer, || history_text(&answer));
            Ok(Exit::Done)
        }
        Answer::Plan(_) | Answer::Status(_) => {
            Err(CliError::Defect("an answer to another question came back".to_owned()))
        }
    }
}

/// The state of a job as a person reads it: Flink's own word where the last look saw the run.
fn state(job: &JobStatus, answer: &StatusAnswer) -> String {
    let seen = job.run.and_then(|run| answer.observed.as_ref()?.look.job(run)).map(|seen| seen.state);
    let expected = job.status == Some(Status::Running);
    match (seen.filter(|_| expected), job.status) {
        (None, None) if job.trouble.is_some() => "not readable".to_owned(),
        (Some(seen), _) => {
            serde_json::to_value(seen).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
        }
        (None, Some(status)) => status.to_string(),
        (None, None) => "not deployed".to_owned(),
    }
}

fn status_text(answer: &StatusAnswer, now: Timestamp) -> String {
    let dash = || "-".to_owned();
    let head = ["NAME", "VERSION", "STATE", "SINCE", "OPERATION"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    let mut notes = String::new();
    let mut sums: BTreeMap<String, usize> = BTreeMap::new();
    for job in &answer.jobs {
        let state = state(job, answer);
        *sums.entry(state.to_lowercase()).or_default() += 1;
        rows.push(vec![
            job.name.to_string(),
            job.version.map_or_else(dash, |version| format!("v{version}")),
            state,
            job.since.map_or_else(dash, |since| ago(now, since)),
            job.operation.map_or_else(dash, |operation| operation.short()),
        ]);
        notes.push_str(&note(job, now));
    }
    let sums: Vec<String> = sums.into_iter().map(|(state, number)| format!("{number} {state}")).collect();
    let sums = if sums.is_empty() { "no jobs".to_owned() } else { sums.join(", ") };
    let cut: String = answer.left_out.iter().fold(String::new(), |text, note| text + note + "\n");
    let cluster = answer.observed.as_ref().map_or_else(
        || match &answer.observed_trouble {
            None => "The cluster was not looked at yet.".to_owned(),
            Some(why) => format!("The last look cannot be read: {}.", printable(why)),
        },
        |observed| {
            let slots = observed.look.slots.map(|slots| {
                format!("{} of {} slots in use, ", slots.total - slots.free.min(slots.total), slots.total)
            });
            format!("{}seen {} ago.", slots.unwrap_or_default(), ago(now, observed.look.at))
        },
    );
    let table = if answer.jobs.is_empty() { String::new() } else { table::columns(&rows, 0) };
    format!("{table}{notes}{cut}{sums}. {cluster}\n")
}

/// What is still to be done for a job, and why it is not done yet.
fn note(job: &JobStatus, now: Timestamp) -> String {
    let line = |owed: &OwedAnswer| {
        let next = match owed.next {
            Some(at) if at > now => format!("tried again in {}", ago(at, now)),
            Some(_) => "to be tried again now".to_owned(),
            None => format!("tried again once it changes, or by `retry {}`", job.name),
        };
        let times = if owed.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", owed.attempts) };
        let undone = owed.purpose.undone(owed.cause);
        format!("  {}: {undone} after {times}, {next}: {}\n", job.name, indented(&owed.error, 4))
    };
    let trouble = job.trouble.iter().map(|why| format!("  {}: {}\n", job.name, indented(why, 4)));
    trouble.chain(job.owed.iter().map(line)).collect()
}

fn history_text(answer: &HistoryAnswer) -> String {
    if answer.entries.is_empty() {
        return format!("nothing was done about {} yet\n", answer.name);
    }
    let head = ["WHEN", "OPERATION", "VERSION", "CHANGE", "FROM", "OUTCOME", "BY", "WHY"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    rows.extend(answer.entries.iter().map(|entry| {
        let why = match entry.outcome {
            Ended::Deployed | Ended::Removed | Ended::Completed => entry.why.clone(),
            Ended::Unhealthy | Ended::Left | Ended::RolledBack | Ended::Refused | Ended::Failed | Ended::Abandoned => {
                format!("{}: {}", entry.why, entry.detail)
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
    format!("{}{differences}", table::columns(&rows, 0))
}

/// `chk-12` or `savepoint-…` of a path.
pub(crate) fn last_segment(path: &str) -> String {
    path.trim_end_matches('/').trim_end_matches("/_metadata").rsplit('/').next().unwrap_or(path).to_owned()
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
