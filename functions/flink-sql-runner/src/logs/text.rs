//! `logs` for people.
//! Must not know how it is found out.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use lifecycle::moment::moment;
use serde_json::Value;

use super::function::FunctionLines;
use super::output::OutputLines;
use super::step::StepLines;
use super::{LogsAnswer, RunFailure};
use crate::render::{count, indented, printable, span};

/// What of a line is told apart from its other fields, and what every line of one operation says alike.
const KNOWN: [&str; 7] = ["timestamp", "level", "target", "message", "operation", "job", "batch"];

/// What is known, what was fetched, then the commands that fetch the rest.
pub(super) fn of(answer: &LogsAnswer) -> String {
    let mut text = head(answer);
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
    if let Some(RunFailure { run, at, told }) = &answer.failure {
        let at = moment(*at);
        let _ =
            writeln!(text, "Flink's newest failure of the run {run}, in the look of {at}:\n  {}", indented(told, 2));
    }
    if let Some(web) = &answer.exceptions {
        let _ = writeln!(text, "Flink's exceptions of the run that is deployed now:\n  {}", printable(web));
    }
    if let Some(lines) = &answer.step {
        text.push_str(&step(lines));
    }
    if let Some(why) = &answer.step_not_fetched {
        let _ = writeln!(text, "the step's lines were not fetched: {}", printable(why));
    }
    if let Some(lines) = &answer.command_output {
        text.push_str(&output(lines));
    }
    if let Some(why) = &answer.command_output_not_fetched {
        let _ = writeln!(text, "what the command printed was not fetched: {}", printable(why));
    }
    if let Some(lines) = &answer.function_lines {
        text.push_str(&function(lines));
    }
    if let Some(why) = &answer.function_lines_not_fetched {
        let _ = writeln!(text, "the function's lines were not fetched: {}", printable(why));
    }
    for (what, command) in &answer.commands {
        let _ = writeln!(text, "{what}:\n  {}", printable(command));
    }
    text
}

/// Which operation it is about, and how that ended.
fn head(answer: &LogsAnswer) -> String {
    let Some(operation) = answer.operation else {
        return format!("no operation of {} was ordered yet\n", answer.job);
    };
    match &answer.entry {
        Some(entry) => {
            let (outcome, at, by) = (entry.outcome, moment(entry.at), printable(&entry.by));
            format!("operation {operation} of {}: {outcome} at {at}, ordered by {by}\n", answer.job)
        }
        None => format!("operation {operation} of {}: under way\n", answer.job),
    }
}

fn step(found: &StepLines) -> String {
    let what = if found.name_it { "the step's lines" } else { "no line of the step names it; the end of its log" };
    let mut text = format!("{what}, the newest first, from {}:\n", printable(&found.file));
    if found.cut {
        text.push_str("  (the log is longer than what is read of it, or damaged: its end is missing)\n");
    }
    text + &each(&found.lines, found.older)
}

fn output(found: &OutputLines) -> String {
    let what = if found.name_it {
        "what the command printed about it"
    } else {
        "the command printed no line that names it; the end of what it printed"
    };
    let (command, instance) = (printable(&found.command), printable(&found.instance));
    let status = printable(&found.status);
    let mut text = format!("{what}, the newest first, by SSM of {command} on {instance} ({status}):\n");
    if found.cut {
        text.push_str("  (SSM keeps the first 24000 characters of stdout, and 8000 of stderr: the end is missing)\n");
    }
    text + &each(&found.lines, found.older)
}

fn function(found: &FunctionLines) -> String {
    let group = printable(&found.log_group);
    let mut text = if found.lines.is_empty() {
        format!("no line of the function in {group} names it (yet: they are found some seconds late)\n")
    } else {
        format!("the function's lines, the newest first, from {group}:\n")
    };
    text.push_str(&each(&found.lines, 0));
    if found.more {
        text.push_str("  (older lines are not shown)\n");
    }
    if let Some(why) = &found.unfinished {
        let _ = writeln!(text, "  (the search ended early: {})", printable(why));
    }
    text
}

fn each(lines: &[String], older: usize) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "  {}", printable(&readable(line)));
    }
    if older > 0 {
        let _ = writeln!(text, "  ({} not shown)", count(older, "older line"));
    }
    text
}

/// A line of our own programs without its JSON; any other as it is.
fn readable(line: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return line.to_owned() };
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = field("timestamp").parse::<Timestamp>().map_or_else(|_| field("timestamp").to_owned(), moment);
    let mut text = format!("{at} {:5} {}", field("level"), field("message"));
    for (name, value) in fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(text, " {name}={value}");
    }
    text
}
