//! `logs` of a job of which no operation was ordered yet: what the function said of its decisions, refusals and errors.
//! Must not know how lines are fetched, nor how they are shown.

use control::clock_and_ids::SystemWorld;
use control::ports::World;
use desired::manifest::JobName;

use super::about::About;
use super::function::{self, FunctionLines};
use super::{LogsAnswer, Places, commands, told, unknown};
use crate::error::CliError;

/// The function's lines of the last day. A name that nobody knows is an error, unless there are any.
pub(super) async fn gather(places: &Places<'_>, job: &JobName, recorded: bool) -> Result<LogsAnswer, CliError> {
    let about = About { job, operation: None };
    let fetched = function::fetch(places.log, &places.log_group, &about, None, SystemWorld.now()).await;
    if !recorded && fetched.as_ref().map_or(true, |found| found.lines.is_empty()) {
        return Err(unknown(job));
    }
    let (function_lines, function_lines_not_fetched) = told(Some(fetched));
    let is_whole = function_lines.as_ref().is_some_and(FunctionLines::whole);
    let command = (!is_whole).then(|| commands::of_the_function(&about.texts(), &places.log_group));
    Ok(LogsAnswer {
        format: "flink-sql-runner/logs",
        version: 1,
        job: job.clone(),
        operation: None,
        entry: None,
        told: None,
        phases: Vec::new(),
        dispatched_as: None,
        not_known: None,
        failure: None,
        exceptions: None,
        step: None,
        step_not_fetched: None,
        command_output: None,
        command_output_not_fetched: None,
        function_lines,
        function_lines_not_fetched,
        commands: command.into_iter().collect(),
    })
}
