//! A plan as a comment of a pull request: one table, then the reasons of each job, within what a comment may hold.
//! Must not let a text from outside become markup: it stands in a fence, or escaped.

use std::fmt::Write as _;
use std::time::Duration;

use orchestrator::actions::{JobAnswer, PlanAnswer, StateFate};

use crate::following::{self, loses_state};
use crate::plan::{Row, refusals, row, sum};
use crate::render::{change, count, diagnostics, measured, printable, span};

/// How many characters a comment has at most: less than the 65,536 that GitHub takes.
const MOST: usize = 60_000;
/// How much of it the table may take.
const TABLE: usize = 25_000;

/// The comment; its first line tells it from others.
pub(crate) fn comment(answer: &PlanAnswer) -> String {
    let mut text = format!("<!-- flink-sql-runner plan -->\n### Plan: {}\n", escaped(&sum(answer)));
    let rows: Vec<(&JobAnswer, Row)> = answer.jobs.iter().filter_map(|job| Some((job, row(job)?))).collect();
    table(&mut text, &rows);
    if let Some(slots) = measured::slots(answer) {
        let _ = writeln!(text, "\n{}", escaped(&slots));
    }
    if let Some(session) = following::session(answer) {
        let _ = writeln!(text, "\n{}", escaped(session));
    }
    for note in &answer.left_out {
        let _ = writeln!(text, "\n{}", escaped(note));
    }
    let mut left_out = 0;
    for block in blocks(answer, &rows) {
        if text.chars().count() + block.chars().count() <= MOST - 200 {
            text.push_str(&block);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let more = count(left_out, "part");
        let _ = writeln!(text, "\n{more} more than a comment holds: `flink-sql-runner plan` shows everything.");
    }
    text
}

/// The comment of a plan that could not be made, or of another command that failed.
pub(crate) fn failed(command: &str, error: &str) -> String {
    let heading = if command == "plan" { "Plan: could not be made".to_owned() } else { format!("`{command}` failed") };
    let error = fenced("text", &plain(error));
    format!("<!-- flink-sql-runner {command} -->\n### {heading}\n\n{error}")
}

fn table(text: &mut String, rows: &[(&JobAnswer, Row)]) {
    if rows.is_empty() {
        return;
    }
    text.push_str("\n| job | change | version | what happens | state | slots | last downtime |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    let (end, mut shown) = (text.len() + TABLE, 0);
    for (job, row) in rows {
        let line = line(job, row);
        if text.len() + line.len() > end {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    if shown < rows.len() {
        let more = count(rows.len() - shown, "job");
        let _ = writeln!(text, "\n{more} more than this table holds: `flink-sql-runner plan` shows them.");
    }
}

fn line(job: &JobAnswer, row: &Row) -> String {
    let (mut slots, mut state, mut downtime) = (String::new(), String::new(), String::new());
    if let Some(plan) = &job.plan {
        state = match plan.state {
            StateFate::None => String::new(),
            StateFate::Kept => "kept".to_owned(),
            StateFate::Given => "the one that was named".to_owned(),
            StateFate::Lost => "**lost**".to_owned(),
        };
        if let (Some(newest), false) = (&plan.measured.newest_state, state.is_empty()) {
            let _ = write!(state, ", the newest seen is {} old", span(Duration::from_secs(newest.age_s)));
        }
        slots = match (plan.measured.slots_before, plan.measured.slots) {
            (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
            (_, Some(slots)) => slots.to_string(),
            (Some(before), None) => format!("{before} → 0"),
            (None, None) => String::new(),
        };
        downtime = plan.measured.downtime.map(|it| span(Duration::from_millis(it.ms))).unwrap_or_default();
    } else if !job.following.is_empty() && loses_state(job) {
        "**lost** after what is under way".clone_into(&mut state);
    } else if loses_state(job) {
        "**lost** once it is allowed".clone_into(&mut state);
    }
    let (versions, what) = (&row.versions, row.what.clone() + &following::in_a_line(job));
    let (versions, what) = (escaped(&versions.replace("->", "→")), escaped(&what));
    format!("| `{}` | {} | {versions} | {what} | {state} | {slots} | {downtime} |\n", job.name, row.kind)
}

/// What stands below the table, each of which may be left out: refused files first.
fn blocks(answer: &PlanAnswer, rows: &[(&JobAnswer, Row)]) -> Vec<String> {
    let mut blocks = Vec::new();
    for file in refusals(answer) {
        let errors = fenced("text", &plain(&diagnostics::all(&file.errors)));
        blocks.push(format!("\n**Refused: {}**\n\n{errors}", escaped(&file.file)));
    }
    for (name, trouble) in &answer.troubles {
        let trouble = fenced("text", &printable(trouble));
        blocks.push(format!("\n**`{name}` could not be reconciled**\n\n{trouble}"));
    }
    let removals = answer.preview.as_ref().map(|preview| preview.removals.as_slice()).unwrap_or_default();
    if !removals.is_empty() {
        let files: Vec<String> = removals.iter().map(|file| printable(file)).collect();
        blocks.push(format!("\n**Files that would be deleted**\n\n{}", fenced("text", &files.join("\n"))));
    }
    for (job, _) in rows {
        let now = job.change.as_ref().map(|found| change::differences(&found.differences)).unwrap_or_default();
        let later: String = job.following.iter().map(following::differences).collect();
        if now.is_empty() && later.is_empty() {
            continue;
        }
        let reasons: String = plain(&(now + &later))
            .lines()
            .map(|line| line.strip_prefix("      ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let (name, fence) = (&job.name, fenced("diff", &reasons));
        blocks.push(format!("\n<details><summary>{name}: what changes</summary>\n\n{fence}\n</details>\n"));
    }
    blocks
}

/// Without colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A text in a fence that nothing in it can end.
fn fenced(language: &str, text: &str) -> String {
    let (mut longest, mut run) = (0, 0);
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// A text in a line or a cell, as it is: no markup, no mention, no end of the cell.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in printable(&text.replace('\n', " ")).chars() {
        match character {
            '<' | '>' | '&' | '@' | '|' | '#' => {
                let _ = write!(shown, "&#{};", u32::from(character));
            }
            ',' | ':' | ';' | '/' | '\'' | '"' | '%' | '?' | '=' | '.' | '-' | '(' | ')' => shown.push(character),
            _ if character.is_ascii_punctuation() => {
                shown.push('\\');
                shown.push(character);
            }
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
