//! `plan`, and how its answer is shown wherever one comes back.
//! Must not know how the answer came about.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use desired::inputs::BROKEN_TABLES;
use lifecycle::act::Act;
use lifecycle::change::ChangeKind;
use lifecycle::decision::{PlannedAction, StartFrom, Stop};
use lifecycle::reason::Reason;
use orchestrator::actions::{self, Answer, FileAnswer, JobAnswer, PlanAnswer, PlannedAnswer, StateFate};

use crate::ask::ask;
use crate::cli;
use crate::deploy::targets;
use crate::error::CliError;
use crate::exit::Exit;
use crate::following::{self, changes_anything, loses_state};
use crate::gather::gather;
use crate::invocation::Invocation;
use crate::out::{Out, failure};
use crate::render::{Colour, change, count, diagnostics, measured, paint, printable, table};
use crate::{markdown, saved};

/// Shows what a deployment would do.
pub(crate) async fn run(arguments: &cli::Plan, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (paths, names) = targets(&arguments.targets)?;
    let mut gathered = gather(&paths, names, arguments.prune)?;
    out.note(&gathered.not_read);
    gathered.asked.basis = arguments.save.is_some();
    let action = actions::Action::Plan(gathered.asked.clone());
    let answer = plan_of(ask(action, invocation).await?)?;
    let answer = gathered.told(answer, invocation.settings()?.keys.prefix());
    all_known(&answer)?;
    let exit = planned(&answer);
    if out.is_markdown() {
        out.result(&answer, || markdown::comment(&answer));
    } else {
        show(&answer, "Plan", out);
    }
    if let Some(file) = &arguments.save {
        saved::keep(file, gathered.asked, &answer, exit, invocation, out)?;
    }
    let changes = arguments.exit_code && changes_anything(&answer);
    let lost = arguments.fail_on_state_loss && answer.jobs.iter().any(loses_state);
    let exit = if lost { exit.and(Exit::Held) } else { exit };
    Ok(if changes { exit.and(Exit::Changes) } else { exit })
}

/// Names that no job has are a mistake, not a plan without changes.
fn all_known(answer: &PlanAnswer) -> Result<(), CliError> {
    let Some((name, meant)) = answer.unknown.first_key_value() else { return Ok(()) };
    let message = format!("`{name}` is neither a file or folder here nor the name of a job");
    Err(match meant {
        Some(meant) => CliError::usage(message, format!("did you mean `{meant}`? `status` lists the jobs")),
        None => CliError::usage(message, "check the path; `status` lists the jobs"),
    })
}

/// The answer, if it is one to a plan.
pub(crate) fn plan_of(answer: Answer) -> Result<PlanAnswer, CliError> {
    match answer {
        Answer::Plan(answer) => Ok(*answer),
        Answer::Status(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => Err(CliError::other_answer()),
    }
}

/// Prints the answer; what could not be reconciled goes beside it.
pub(crate) fn show(answer: &PlanAnswer, title: &str, out: Out) {
    out.result(answer, || text(answer, title));
    for (name, trouble) in &answer.troubles {
        out.note(&failure(&format!("{name} could not be reconciled"), std::slice::from_ref(trouble), None));
    }
}

/// The exit code of a plan: being held is no failure of a plan.
pub(crate) fn planned(answer: &PlanAnswer) -> Exit {
    let refused = if answer.refused.is_empty() { Exit::Done } else { Exit::Invalid };
    let trouble = if answer.troubles.is_empty() { Exit::Done } else { Exit::Unreachable };
    refused.and(trouble)
}

/// The exit code of what was ordered.
pub(crate) fn ordered(answer: &PlanAnswer) -> Exit {
    answer.jobs.iter().map(|job| reason_exit(&job.reason)).fold(planned(answer), Exit::and)
}

/// The same where the end of all that is followed counts beside it: what is tried again by itself has not failed yet.
pub(crate) fn ordered_and_followed(answer: &PlanAnswer) -> Exit {
    let over = answer.jobs.iter().filter(|job| !matches!(job.reason, Reason::WaitsToRetry { .. }));
    over.map(|job| reason_exit(&job.reason)).fold(planned(answer), Exit::and)
}

/// What a reason to do nothing means for the exit code.
pub(crate) fn reason_exit(reason: &Reason) -> Exit {
    match reason {
        Reason::Unchanged
        | Reason::Complete
        | Reason::Suspended
        | Reason::Absent
        | Reason::Ordered { .. }
        | Reason::Planned
        | Reason::Waits { .. } => Exit::Done,
        Reason::UploadRefused => Exit::Invalid,
        Reason::WaitsToRetry { .. } | Reason::GivenUp { .. } => Exit::Failed,
        Reason::RemovalsHeld | Reason::CleanStartsHeld | Reason::OtherSource => Exit::Held,
    }
}

/// The answer for people: what is done with its causes, what waits, the sum.
pub(crate) fn text(answer: &PlanAnswer, title: &str) -> String {
    let mut text = diagnostics::all(refusals(answer).into_iter().flat_map(|file| &file.errors));
    let shown: Vec<(&JobAnswer, Row)> = answer.jobs.iter().filter_map(|job| Some((job, row(job)?))).collect();
    let cells: Vec<Vec<String>> = shown
        .iter()
        .map(|(job, row)| vec![job.name.to_string(), row.versions.clone(), row.kind.to_owned(), row.what.clone()])
        .collect();
    for ((job, row), line) in shown.iter().zip(table::lines(&cells, 2)) {
        let _ = writeln!(text, "  {} {}", paint(row.colour, row.symbol), line.trim_start());
        if let Some(found) = &job.change {
            text.push_str(&change::differences(&found.differences));
        }
        if planned_kind(job).is_some_and(|kind| kind != ChangeKind::Unchanged) {
            for (option, value) in &job.filled_in {
                let _ = writeln!(text, "      flinkProperties.{option}: {value} (filled in)");
            }
        }
        let measured = job.plan.as_ref().map(measured::line).unwrap_or_default();
        if !measured.is_empty() {
            let _ = writeln!(text, "      {measured}");
        }
        text.push_str(&following::block(job));
    }
    for line in &answer.told {
        let _ = writeln!(text, "{}", printable(line));
    }
    if answer.others_refused > 0 {
        let (files, are) =
            (count(answer.others_refused, "refused file"), if answer.others_refused == 1 { "is" } else { "are" });
        let _ = writeln!(text, "{files} {are} about other jobs: `flink-sql-runner status` lists them.");
    }
    for removal in answer.preview.iter().flat_map(|preview| &preview.removals) {
        let _ = writeln!(text, "would delete {}", printable(removal));
    }
    if let Some(session) = following::session(answer) {
        let _ = writeln!(text, "{session}");
    }
    for note in &answer.left_out {
        let _ = writeln!(text, "{note}");
    }
    if let Some(slots) = measured::slots(answer) {
        let _ = writeln!(text, "{slots}");
    }
    let _ = writeln!(text, "{title}: {}", sum(answer));
    if let Some(step) = &answer.dispatched_as {
        let _ = writeln!(text, "Sent as {step}.");
    }
    text
}

/// The refused files with what is wrong with them: those that only wait for another one are told where no other is.
pub(crate) fn refusals(answer: &PlanAnswer) -> Vec<&FileAnswer> {
    let waits = |file: &&FileAnswer| file.errors.iter().all(|error| error.code == BROKEN_TABLES);
    let (waiting, wrong): (Vec<_>, Vec<_>) = answer.refused.iter().partition(waits);
    if wrong.is_empty() { waiting } else { wrong }
}

/// One job's line.
pub(crate) struct Row {
    symbol: &'static str,
    colour: Colour,
    pub(crate) versions: String,
    pub(crate) kind: &'static str,
    pub(crate) what: String,
}

/// The word for an operation after which nothing of the job runs, as its file says.
const SUSPEND: &str = "suspend";

/// The line of a job that something is done about, or that waits.
pub(crate) fn row(job: &JobAnswer) -> Option<Row> {
    let held = |kind| {
        Some(Row { symbol: "?", colour: Colour::Yellow, versions: "-".to_owned(), kind, what: job.text.clone() })
    };
    let planned = job.plan.as_ref().zip(planned_kind(job));
    match (planned, &job.reason) {
        (Some((plan, kind)), _) => Some(planned_row(plan, kind)),
        (None, Reason::Unchanged | Reason::Complete | Reason::Suspended) => recorded_row(job),
        (None, Reason::Absent | Reason::UploadRefused) => None,
        (None, Reason::Waits { .. } | Reason::Ordered { .. } | Reason::Planned) => held("waits"),
        (None, Reason::WaitsToRetry { .. } | Reason::GivenUp { .. }) => held("failed"),
        (None, Reason::RemovalsHeld | Reason::CleanStartsHeld | Reason::OtherSource) => held("held"),
    }
}

/// The line of a job of which something is recorded and nothing done.
fn recorded_row(job: &JobAnswer) -> Option<Row> {
    job.change.as_ref().filter(|change| !change.differences.is_empty())?;
    let what = "restarts nothing, counts from the next operation".to_owned();
    Some(Row { symbol: "*", colour: Colour::Green, versions: "-".to_owned(), kind: "recorded", what })
}

/// What a person ordered, if the operation carries that out.
fn ordered_act(job: &JobAnswer) -> Option<&Act> {
    job.plan.as_ref().and_then(|plan| plan.ordered.as_ref())
}

/// The kind of the change that an operation is ordered for.
fn planned_kind(job: &JobAnswer) -> Option<ChangeKind> {
    job.plan.as_ref().and(job.change.as_ref()).map(|change| change.kind)
}

/// Whether an operation is ordered after which nothing of the job runs, as its file says.
fn suspends(job: &JobAnswer) -> bool {
    job.plan.as_ref().is_some_and(|plan| plan.suspends)
}

/// What was ordered, in a word, and whether the job forgets what it counted since.
fn ordered_word(act: &Act) -> (&'static str, bool) {
    match act {
        Act::Restart => ("restart", false),
        Act::RestartClean | Act::RestartFrom { .. } => ("restart", true),
        Act::Savepoint => ("savepoint", false),
    }
}

pub(crate) fn planned_row(plan: &PlannedAnswer, change: ChangeKind) -> Row {
    let of_change = || match change {
        _ if plan.suspends => ("=", Colour::Yellow, SUSPEND),
        ChangeKind::New => ("+", Colour::Green, "new"),
        ChangeKind::Unchanged => ("^", Colour::Yellow, "restart"),
        ChangeKind::Configuration => ("~", Colour::Yellow, "configuration"),
        ChangeKind::Query => ("!", Colour::Red, "query"),
        ChangeKind::Removed => ("-", Colour::Red, "removed"),
    };
    let of_act = |(kind, forgets)| if forgets { ("!", Colour::Red, kind) } else { ("^", Colour::Yellow, kind) };
    let (symbol, colour, kind) = plan.ordered.as_ref().map(ordered_word).map_or_else(of_change, of_act);
    let version = |version: u32| format!("v{version}");
    let versions = match (plan.before.map(version), plan.after.map(version)) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "-".to_owned(),
    };
    Row { symbol, colour, versions, kind, what: words(plan, change) }
}

fn words(plan: &PlannedAnswer, change: ChangeKind) -> String {
    let text = match plan.likely {
        PlannedAction::Start(StartFrom::Clean) if plan.state == StateFate::Lost => "START CLEAN",
        PlannedAction::Start(StartFrom::Clean) => "start clean",
        PlannedAction::Start(StartFrom::Latest) => "start from its latest state",
        PlannedAction::Replace(Stop::Savepoint, StartFrom::Latest) => "savepoint, restart from it",
        PlannedAction::Replace(Stop::Savepoint, StartFrom::Clean) => "savepoint, START CLEAN",
        PlannedAction::Replace(Stop::Cancel, StartFrom::Latest) => "cancel, restart from the newest checkpoint",
        PlannedAction::Replace(Stop::Cancel, StartFrom::Clean) => "cancel, START CLEAN",
        PlannedAction::Stop(Stop::Savepoint) => "savepoint, stop",
        PlannedAction::Stop(Stop::Cancel) => "cancel",
        PlannedAction::Check => "check, start nothing",
        PlannedAction::Start(StartFrom::Given) => "start from the state that was ordered",
        PlannedAction::Replace(Stop::Savepoint, StartFrom::Given) => "savepoint, START FROM AN OLDER STATE",
        PlannedAction::Replace(Stop::Cancel, StartFrom::Given) => "cancel, START FROM AN OLDER STATE",
        PlannedAction::Savepoint => "savepoint, it runs on",
        PlannedAction::Leave(why) | PlannedAction::Refuse(why) => return why.to_string(),
        PlannedAction::Wait => "look again",
    };
    match change {
        _ if plan.ordered.is_some() => format!("{text}: {}", plan.reason),
        ChangeKind::Unchanged => format!("{text}: {}", plan.reason),
        ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => text.to_owned(),
    }
}

/// How many of what, in one line.
pub(crate) fn sum(answer: &PlanAnswer) -> String {
    let mut counts: BTreeMap<(u8, &'static str), usize> = BTreeMap::new();
    for job in &answer.jobs {
        if let Some(act) = ordered_act(job) {
            *counts.entry((4, ordered_word(act).0)).or_default() += 1;
            continue;
        }
        let word = match (planned_kind(job), &job.reason) {
            (Some(_), _) if suspends(job) => (4, SUSPEND),
            (Some(kind), _) => match kind {
                ChangeKind::New => (0, "new"),
                ChangeKind::Configuration => (1, "configuration"),
                ChangeKind::Query => (2, "query"),
                ChangeKind::Removed => (3, "removed"),
                ChangeKind::Unchanged => (4, "restart"),
            },
            (None, Reason::Waits { .. } | Reason::Ordered { .. } | Reason::Planned) => (5, "waits"),
            (None, Reason::WaitsToRetry { .. } | Reason::GivenUp { .. }) => (6, "failed"),
            (None, Reason::RemovalsHeld | Reason::CleanStartsHeld | Reason::OtherSource) => (7, "held"),
            (None, Reason::Unchanged | Reason::Complete | Reason::Suspended) => (8, "unchanged"),
            (None, Reason::UploadRefused | Reason::Absent) => continue,
        };
        *counts.entry(word).or_default() += 1;
    }
    if !answer.refused.is_empty() {
        counts.insert((9, "refused"), answer.refused.len());
    }
    let parts: Vec<String> = counts.into_iter().map(|((_, word), number)| format!("{number} {word}")).collect();
    // The same rule as of the gate: what ends it is told.
    let lost = answer.jobs.iter().filter(|job| loses_state(job)).count();
    match (parts.is_empty(), lost) {
        (true, _) => "nothing to do.".to_owned(),
        (false, 0) => format!("{}.", parts.join(", ")),
        (false, 1) => format!("{}. 1 job loses its state.", parts.join(", ")),
        (false, more) => format!("{}. {} lose their state.", parts.join(", "), count(more, "job")),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
