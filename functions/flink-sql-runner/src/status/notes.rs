//! What `status` says below its table: what runs suffer from, what holds jobs, what is owed to them, which uploads are refused.
//! Must not know the table.

use std::fmt::Write as _;

use jiff::Timestamp;
use lifecycle::owed::{Cause, Purpose};
use orchestrator::actions::{JobStatus, OwedAnswer, StatusAnswer};
use orchestrator::held::{named, why};

use crate::render::{ago, count, indented, printable};

/// How many refused files are named.
const NAMED: usize = 20;

/// The uploads that are refused: which, why, and where all their errors are.
pub(super) fn refused(answer: &StatusAnswer, now: Timestamp) -> String {
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

/// What is to be known of a job: what its run suffers from, what holds it, and what is still to be done.
pub(super) fn note(job: &JobStatus, now: Timestamp) -> String {
    let name = &job.name;
    let mut text = String::new();
    if let Some(why) = &job.trouble {
        let _ = writeln!(text, "  {name}: {}", indented(why, 4));
    }
    if let Some(trouble) = &job.run_trouble {
        let _ = writeln!(text, "  {name}: {}\n    `logs {name}` shows more", indented(&trouble.text, 4));
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
            None => tried_again(owed, job),
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

/// When something is tried again for which no time is set: each redeploy tries what only the environment kept from being done.
fn tried_again(owed: &OwedAnswer, job: &JobStatus) -> String {
    let by_itself = match (owed.purpose, owed.cause) {
        (_, Cause::NoCapacity { .. }) => "once slots are free, at the latest with the next redeploy",
        (_, cause) if cause.is_environment() => "with the next redeploy",
        (Purpose::Apply, _) => "once it changes",
        (Purpose::KeepRunning, cause) if !cause.is_down() => "once its run, which Flink restarts, is gone",
        (Purpose::KeepRunning | Purpose::Remove, _) => return format!("tried again only by `retry {}`", job.name),
    };
    format!("tried again {by_itself}, or by `retry {}`", job.name)
}
