//! `status` as a table with notes and a last line that counts.
//! Must not know how the answer came about, nor which jobs were asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lifecycle::flink::{JobSeen, JobState, Slots};
use orchestrator::actions::{JobStatus, StatusAnswer};

use super::notes::{note, refused};
use super::standing::{InFlink, is_stale};
use crate::render::{ago, bytes, count, printable, table};

/// What stands in a cell of which nothing is known.
const NOTHING: &str = "-";

/// How the jobs of an answer stand. `wide` shows each run's Flink job id as well.
pub(crate) fn status_text(answer: &StatusAnswer, wide: bool, now: Timestamp) -> String {
    let owned = answer.jobs.iter().any(|job| job.owner.is_some());
    let mut head = vec!["NAME", "VERSION", "STATE", "SINCE", "FLINK", "RESTARTS", "CHECKPOINT", "SIZE", "OPERATION"];
    head.extend(wide.then_some("RUN"));
    head.extend(owned.then_some("OWNER"));
    let mut rows = vec![head.into_iter().map(str::to_owned).collect()];
    let mut notes = String::new();
    for job in &answer.jobs {
        let mut row = row(job, answer, wide, now);
        row.extend(owned.then(|| job.owner.clone().unwrap_or_else(|| NOTHING.to_owned())));
        rows.push(row);
        notes.push_str(&note(job, now));
    }
    let cut: String = answer.left_out.iter().fold(String::new(), |text, note| text + note + "\n");
    let table = if answer.jobs.is_empty() { String::new() } else { table::columns(&rows, 0) };
    format!("{table}{notes}{}{cut}{}. {}\n", refused(answer, now), sum(answer), cluster(answer, now))
}

fn row(job: &JobStatus, answer: &StatusAnswer, wide: bool, now: Timestamp) -> Vec<String> {
    let cell = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let seen = match InFlink::of(job, answer) {
        InFlink::Seen(seen) => Some(seen),
        InFlink::NotSeen | InFlink::NotLookedFor => None,
    };
    let observed = answer.observed.as_ref().filter(|_| seen.is_some());
    let mut row = vec![
        job.name.to_string(),
        cell(job.version.map(|version| format!("v{version}"))),
        job.standing().as_str().to_owned(),
        cell(job.since.map(|since| ago(now, since))),
        flink(InFlink::of(job, answer)),
        cell(seen.and_then(|seen| seen.restarts).map(|number| number.to_string())),
        cell(checkpointed(job, answer).and_then(|at| Some(ago(observed?.look.at, at)))),
        cell(seen.and_then(|seen| seen.checkpoints.as_ref()?.last_size).map(bytes)),
        cell(job.operation.map(|operation| operation.short())),
    ];
    row.extend(wide.then(|| cell(job.run.map(|run| run.to_string()))));
    row
}

/// When the newest completed checkpoint of a job's run was begun, by the last look.
pub(crate) fn checkpointed(job: &JobStatus, answer: &StatusAnswer) -> Option<Timestamp> {
    let state = answer.observed.as_ref()?.state_of(job.run?)?;
    Timestamp::from_millisecond(state.at_ms).ok()
}

/// Flink's own word for a run, and how many of its tasks run if not all do.
pub(crate) fn flink(run: InFlink<'_>) -> String {
    match run {
        InFlink::NotLookedFor => NOTHING.to_owned(),
        InFlink::NotSeen => "not seen".to_owned(),
        InFlink::Seen(seen @ JobSeen { state: JobState::Running, tasks, .. }) if !seen.is_healthy() => {
            format!("{} {}/{}", word(seen.state), tasks.running + tasks.finished, tasks.total)
        }
        InFlink::Seen(seen) => word(seen.state),
    }
}

/// A state as Flink spells it.
pub(crate) fn word(state: JobState) -> String {
    let word = serde_json::to_value(state).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// How many of what: states, what holds jobs, uploads that are refused.
pub(crate) fn sum(answer: &StatusAnswer) -> String {
    let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut held: BTreeMap<Option<&'static str>, usize> = BTreeMap::new();
    for job in &answer.jobs {
        *states.entry(job.standing().as_str()).or_default() += 1;
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
pub(crate) fn cluster(answer: &StatusAnswer, now: Timestamp) -> String {
    let Some(observed) = &answer.observed else {
        return match &answer.observed_trouble {
            None => "The cluster was not looked at yet.".to_owned(),
            Some(why) => format!("The last look cannot be read: {}.", printable(why)),
        };
    };
    let in_use =
        |slots: Slots| format!("{} of {} slots in use, ", slots.total - slots.free.min(slots.total), slots.total);
    let web = observed.web.as_deref().map_or_else(String::new, |web| format!(" Flink's web page: {}", printable(web)));
    let old = if is_stale(answer, now) { " This is old: `status --fresh` has the cluster looked at." } else { "" };
    let slots = observed.look.slots.map(in_use).unwrap_or_default();
    format!("{slots}seen {} ago.{old}{web}", ago(now, observed.look.at))
}

#[cfg(test)]
#[path = "../status_tests.rs"]
mod tests;
