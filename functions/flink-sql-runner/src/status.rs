//! `status`: asks how jobs stand, shows those that are wanted in the order that is wanted, once or again and again.
//! Must not know how any of it came about.

pub(crate) mod arguments;
mod fresh;
mod notes;
pub(crate) mod standing;
pub(crate) mod text;

use std::time::Duration;

use control::ports::OutsideError;
use jiff::Timestamp;
use orchestrator::actions::{Action, Answer, JobStatus, Standing, StatusAnswer};

use self::arguments::{SortBy, Status};
use self::standing::is_wrong;
use self::text::{checkpointed, status_text};
use crate::ask::ask;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt::unless_interrupted;
use crate::invocation::Invocation;
use crate::out::Out;

/// How often it is shown again.
const AGAIN: Duration = Duration::from_secs(5);

/// Shows how jobs stand.
pub(crate) async fn run(arguments: &Status, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    // Boxed: it holds the whole of an order and of an answer.
    let looking = Box::pin(async {
        let fresh = arguments.fresh;
        let looked = if fresh { fresh::look(arguments.timeout, invocation, out).await? } else { Exit::Done };
        if arguments.watch {
            watch(arguments, invocation, out).await
        } else {
            once(arguments, looked, invocation, out).await
        }
    });
    if !arguments.fresh && !arguments.watch {
        return looking.await;
    }
    if let Some(ended) = unless_interrupted(looking).await {
        return ended;
    }
    out.note("\nnothing ends with this command: operations and jobs go on; `status` shows how they stand\n");
    Ok(Exit::Interrupted)
}

async fn once(arguments: &Status, looked: Exit, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let answer = shown(arguments, invocation).await?;
    out.result(&answer, || status_text(&answer, arguments.wide, now()));
    Ok(looked.and(if is_wrong(&answer, now()) { Exit::Failed } else { Exit::Done }))
}

/// Until somebody ends it, or nobody reads it any more. No answer once is no end.
async fn watch(arguments: &Status, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    loop {
        match shown(arguments, invocation).await {
            Ok(answer) => {
                if !out.frame(&answer, || status_text(&answer, arguments.wide, now())) {
                    return Ok(Exit::Done);
                }
            }
            Err(error @ CliError::Outside(OutsideError::Unknown { .. })) => {
                out.note(&format!("{error}; asked again in {} s\n", AGAIN.as_secs()));
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "ages for people")]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn shown(arguments: &Status, invocation: &Invocation) -> Result<StatusAnswer, CliError> {
    let names = arguments.names.iter().cloned().collect();
    match ask(Action::Status { names }, invocation).await? {
        Answer::Status(answer) if !answer.unknown.is_empty() => Err(CliError::unknown_jobs(&answer.unknown)),
        Answer::Status(answer) => Ok(wanted(*answer, &arguments.state, arguments.sort)),
        Answer::Plan(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => Err(CliError::other_answer()),
    }
}

/// The jobs in one of these states, and the refused uploads that are about them; sorted.
fn wanted(mut answer: StatusAnswer, states: &[Standing], by: SortBy) -> StatusAnswer {
    if !states.is_empty() {
        answer.jobs.retain(|job| states.contains(&job.standing()));
        let jobs = &answer.jobs;
        answer.refused_uploads.retain(|upload| jobs.iter().any(|job| job.refused.contains(&upload.errors_at)));
        answer.refused = answer.refused_uploads.len();
    }
    let mut jobs = std::mem::take(&mut answer.jobs);
    let last = Timestamp::MAX;
    match by {
        SortBy::Name => {}
        SortBy::State => jobs.sort_by_key(JobStatus::standing),
        SortBy::Since => jobs.sort_by_key(|job| job.since.unwrap_or(last)),
        SortBy::Checkpoint => jobs.sort_by_key(|job| checkpointed(job, &answer).unwrap_or(last)),
    }
    answer.jobs = jobs;
    answer
}

#[cfg(test)]
mod tests {
    use desired::manifest::JobName;

    use super::*;
    use crate::test_kit::at;

    fn job(name: &str, status: &str, since: Option<&str>, refused: &[&str]) -> serde_json::Value {
        serde_json::json!({"name": name, "status": status, "since": since, "owed": [], "refused": refused})
    }

    fn answer() -> StatusAnswer {
        let upload = |name: &str| serde_json::json!({"file": name, "errors_at": name});
        let jobs = [
            job("a", "running", Some("2026-11-23T12:00:00Z"), &[]),
            job("b", "not-running", Some("2026-11-23T11:00:00Z"), &["b.json"]),
            job("c", "stopped", None, &["c.json"]),
        ];
        let (refused_uploads, refused) = ([upload("b.json"), upload("c.json"), upload("d.json")], 3);
        serde_json::from_value(serde_json::json!({
            "format": "", "version": 2, "jobs": jobs, "refused": refused, "refused_uploads": refused_uploads,
        }))
        .unwrap()
    }

    fn names(answer: &StatusAnswer) -> Vec<&str> {
        answer.jobs.iter().map(|job| JobName::as_str(&job.name)).collect()
    }

    #[test]
    fn only_the_states_that_are_wanted_and_what_is_refused_of_them() {
        let some = wanted(answer(), &[Standing::NotRunning, Standing::Running], SortBy::Name);
        assert_eq!((names(&some), some.refused), (vec!["a", "b"], 1));
        assert_eq!(some.refused_uploads[0].errors_at, "b.json");
        let all = wanted(answer(), &[], SortBy::Name);
        assert_eq!((names(&all), all.refused, all.refused_uploads.len()), (vec!["a", "b", "c"], 3, 3));
    }

    #[test]
    fn jobs_stand_in_the_order_that_is_wanted() {
        let sorted = |by| names(&wanted(answer(), &[], by)).join("");
        assert_eq!([SortBy::Name, SortBy::State, SortBy::Since].map(sorted), ["abc", "bac", "bac"]);
        let mut seen = answer();
        let runs = ["1", "2"].map(|digit| digit.repeat(32));
        seen.jobs[0].run = runs[0].parse().ok();
        seen.jobs[2].run = runs[1].parse().ok();
        let checkpoint = |run: &str, at_ms: i64| serde_json::json!({"job_id": run, "at_ms": at_ms, "completed": true});
        let look = serde_json::json!({"epoch": "yarn:application_1_2/1", "at": at("2026-11-23T12:00:00Z"), "jobs": []});
        seen.observed = serde_json::from_value(serde_json::json!({
            "format": 1, "batch": runs[0], "look": look, "expected": [],
            "checkpoints": [checkpoint(&runs[0], 2000), checkpoint(&runs[1], 1000)],
        }))
        .ok();
        assert_eq!(names(&wanted(seen, &[], SortBy::Checkpoint)), ["c", "a", "b"]);
    }
}
