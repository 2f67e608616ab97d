//! `logs` for people.
//! Must not know how it is found out.

use std::fmt::Write as _;
use std::time::Duration;

use super::LogsAnswer;
use crate::render::{indented, printable, span};

/// What is known, then the commands that fetch the rest.
pub(super) fn of(answer: &LogsAnswer) -> String {
    let mut text = format!("operation {} of {}", answer.operation, answer.job);
    match &answer.entry {
        Some(entry) => {
            let (outcome, at) = (entry.outcome, entry.at.strftime("%Y-%m-%d %H:%M:%SZ"));
            let _ = writeln!(text, ": {outcome} at {at}, ordered by {}", printable(&entry.by));
        }
        None => text.push_str(": under way\n"),
    }
    let told = answer.told.as_ref().or(answer.entry.as_ref().map(|entry| &entry.detail));
    if let Some(told) = told {
        let _ = writeln!(text, "  {}", indented(told, 2));
    }
    let phases: Vec<String> = answer
        .phases
        .iter()
        .map(|(phase, ms)| format!("{} {}", printable(phase), span(Duration::from_millis(*ms))))
        .collect();
    if !phases.is_empty() {
        let _ = writeln!(text, "  took: {}", phases.join(", "));
    }
    match (&answer.dispatched_as, answer.not_known) {
        (Some(step), _) => {
            let _ = writeln!(text, "  sent as {}", printable(step));
        }
        (None, Some(why)) => {
            let _ = writeln!(text, "  which step or command carried it is not known: {why}");
        }
        (None, None) => {}
    }
    if let Some(web) = &answer.exceptions {
        let _ = writeln!(text, "Flink's exceptions of the run that is deployed now:\n  {}", printable(web));
    }
    for (what, command) in &answer.commands {
        let _ = writeln!(text, "{what}:\n  {}", printable(command));
    }
    text
}
