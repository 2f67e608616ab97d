//! What is said about the session and its restart, to people.
//! Must not know how it came about.

use std::fmt::Write as _;

use control::session::{Ensured, RestartEnd, RestartReport, SessionState, SessionStatus};
use jiff::Timestamp;
use lifecycle::session::{JobInRestart, Restart, RestartPhase, SessionJob};

use crate::exit::Exit;
use crate::history::last_segment;
use crate::out::failure;
use crate::render::{Colour, ago, count, paint, printable, table};

/// The session that is there.
pub(super) fn ensured(ensured: &Ensured) -> String {
    let session = &ensured.session;
    let word = if ensured.started { "started" } else { "is there" };
    let free = ensured.look.slots.map_or_else(String::new, |s| format!(", {} of {} slots free", s.free, s.total));
    format!("{} attempt {} {word} at {}{free}\n", session.application, session.attempt, session.endpoint)
}

/// Each in a line.
pub(super) fn warnings(warnings: &[String]) -> String {
    let line = |text: &String| format!("{} {}", paint(Colour::Yellow, "warning:"), printable(text));
    warnings.iter().map(line).collect::<Vec<_>>().join("\n") + if warnings.is_empty() { "" } else { "\n" }
}

/// How the session stands.
pub(super) fn status(status: &SessionStatus, now: Timestamp) -> String {
    let mut text = match &status.state {
        SessionState::Running { application, attempt, jobmanager } => {
            format!("{} runs: {application} attempt {attempt} at {jobmanager}\n", status.session)
        }
        SessionState::Starting { application } => format!("{} is being started: {application}\n", status.session),
        SessionState::Absent { others } if others.is_empty() => format!("{} does not run\n", status.session),
        SessionState::Absent { others } => {
            format!("{} does not run; there are {}\n", status.session, printable(&others.join(", ")))
        }
        SessionState::Several { applications } => {
            format!("{}: there are several: {}\n", status.session, printable(&applications.join(", ")))
        }
    };
    if let Some(why) = &status.silent {
        let _ = writeln!(text, "  its JobManager does not answer: {}", printable(why));
    }
    if let Some(on) = status.high_availability {
        let _ = writeln!(text, "  high availability: {}", if on { "on" } else { "off" });
    }
    if let Some(slots) = status.slots {
        let _ = writeln!(text, "  slots: {} of {} free, those that YARN can grant included", slots.free, slots.total);
    }
    if !status.jobs.is_empty() {
        let jobs: Vec<String> = status.jobs.iter().map(|(state, number)| format!("{number} {state}")).collect();
        let _ = writeln!(text, "  jobs: {}", jobs.join(", "));
    }
    if let Some(recovers) = status.resource_manager_recovers {
        let word = if recovers { "keeps" } else { "does not keep" };
        let _ = writeln!(text, "  the ResourceManager {word} its state over a restart");
    }
    if let Some(starting) = &status.starting {
        let _ = writeln!(text, "  another process is starting a session, or died while starting it: {}", starting.tag);
    }
    for (word, restart) in [("under way", &status.restart), ("the last one", &status.last_restart)] {
        if let Some(restart) = restart {
            let _ = writeln!(text, "{}", headline(restart, word, now));
            text.push_str(&jobs(restart));
        }
    }
    text
}

fn headline(restart: &Restart, word: &str, now: Timestamp) -> String {
    let (id, by, ago) = (restart.id.short(), printable(&restart.by), ago(now, restart.at));
    let phase = match restart.phase {
        RestartPhase::Stopping => "its jobs are being stopped",
        RestartPhase::Ending => "the old session is being ended",
        RestartPhase::Starting => "a new session is being started",
        RestartPhase::Restoring => "its jobs are being brought back",
    };
    match word {
        "under way" => format!("restart {id} by {by}, {ago} ago, {word}: {phase}"),
        _ => format!("restart {id} by {by}, {ago} ago, {word}"),
    }
}

/// One line a job.
fn jobs(restart: &Restart) -> String {
    let rows: Vec<Vec<String>> = restart.jobs.iter().map(row).collect();
    let mut text = table::columns(&rows, 2);
    for stranger in &restart.strangers {
        let _ = writeln!(text, "  {} ({}) was lost: no record knows it", printable(&stranger.name), stranger.job_id);
    }
    text
}

fn row(job: &SessionJob) -> Vec<String> {
    let state = match &job.state {
        JobInRestart::Pending => "runs".to_owned(),
        JobInRestart::Stopping => "is being stopped".to_owned(),
        JobInRestart::Cancelling => "is being cancelled".to_owned(),
        JobInRestart::Stopped => "stopped".to_owned(),
        JobInRestart::Cancelled => "cancelled".to_owned(),
        JobInRestart::NotRunning => "did not run".to_owned(),
        JobInRestart::Failed { error } => format!("failed: {error}"),
        JobInRestart::Back { job_id } => format!("back as {job_id}"),
    };
    let savepoint = job.savepoint.as_deref().map_or_else(|| "-".to_owned(), last_segment);
    vec![job.name.to_string(), savepoint, state]
}

/// A restart at the end of this call.
pub(super) fn restarted(report: &RestartReport, now: Timestamp) -> String {
    let word = match report.end {
        RestartEnd::Done | RestartEnd::LeftToDeploy => "done",
        RestartEnd::NotStopped(_) | RestartEnd::Unknown(_) => "under way",
    };
    format!("{}\n{}", headline(&report.restart, word, now), jobs(&report.restart))
}

/// What is left to do, and how.
pub(super) fn way_on(report: &RestartReport) -> String {
    match &report.end {
        RestartEnd::Done => {
            let failed = failed(report);
            if failed == 0 {
                return String::new();
            }
            let help = "`flink-sql-runner history NAME` says why; its state is kept";
            failure(&format!("{} did not come back", count(failed, "job")), &[], Some(help))
        }
        RestartEnd::LeftToDeploy => {
            "The new session is there, and empty: run `deploy` to bring the jobs back from their savepoints.\n"
                .to_owned()
        }
        RestartEnd::NotStopped(jobs) => failure(
            "the session was left as it is: jobs could not be stopped",
            jobs,
            Some(
                "correct that, or cancel them in Flink (they come back from their newest checkpoints); run the same again",
            ),
        ),
        RestartEnd::Unknown(why) => failure(
            "the restart has not ended",
            std::slice::from_ref(why),
            Some("run the same again: it goes on from here"),
        ),
    }
}

/// For programs.
pub(super) fn end_word(end: &RestartEnd) -> &'static str {
    match end {
        RestartEnd::Done => "done",
        RestartEnd::LeftToDeploy => "left-to-deploy",
        RestartEnd::NotStopped(_) => "not-stopped",
        RestartEnd::Unknown(_) => "unknown",
    }
}

/// Why it is not done.
pub(super) fn end_detail(end: &RestartEnd) -> Option<String> {
    match end {
        RestartEnd::Done | RestartEnd::LeftToDeploy => None,
        RestartEnd::NotStopped(jobs) => Some(jobs.join("; ")),
        RestartEnd::Unknown(why) => Some(why.clone()),
    }
}

/// What it means for scripts.
pub(super) fn exit(report: &RestartReport) -> Exit {
    match &report.end {
        RestartEnd::Done if failed(report) > 0 => Exit::Failed,
        RestartEnd::Done | RestartEnd::LeftToDeploy => Exit::Done,
        RestartEnd::NotStopped(_) => Exit::Failed,
        RestartEnd::Unknown(_) => Exit::Unknown,
    }
}

fn failed(report: &RestartReport) -> usize {
    report.restart.jobs.iter().filter(|job| matches!(job.state, JobInRestart::Failed { .. })).count()
}
