//! What a look shows of runs that are alive and do not fare well: restarts, checkpoints that fail or do not come.
//! Must not know who is told of it, nor when again.

use std::collections::BTreeSet;
use std::time::Duration;

use desired::manifest::JobName;
use desired::time_span::shown;
use jiff::{SignedDuration, Timestamp};

use crate::alert_conditions::{AlertCondition, AlertKind, slots_told};
use crate::documents::batch::Expected;
use crate::documents::observed::{ObservedDocument, Since};
use crate::flink::{CheckpointsSeen, JobSeen};
use crate::ids::JobId;

/// As many restarts since an earlier look are a loop: one or two come of a lost TaskManager.
const LOOP: u64 = 3;
/// Without a checkpoint for so many intervals, something is wrong.
const INTERVALS: u64 = 3;
/// No checkpoint is missed within this, however short the interval is: writing one takes time.
const LEAST_MS: u64 = 120_000;
/// Flink tells of restarts later than of checkpoints that failed by them, by up to some ten seconds.
const RESTARTS_TOLD: SignedDuration = SignedDuration::from_mins(1);

/// What people should know of the runs in a look, one condition for each at most: the one that explains the others. All
/// that lack slots are one.
pub fn of_look(document: &ObservedDocument) -> Vec<AlertCondition> {
    let found = alive(document).filter_map(|(expected, job)| Some((expected, job, of_run(document, expected, job)?)));
    let found: Vec<(&Expected, &JobSeen, AlertCondition)> = found.collect();
    let lacking = found.iter().any(|(_, _, condition)| condition.kind == AlertKind::NoCapacity);
    let lacks = |job: &JobSeen, condition: &AlertCondition| {
        // Not every run is asked why it failed: what is not up while others lack slots lacks them as well.
        condition.kind == AlertKind::NoCapacity || (lacking && condition.common.is_empty() && !job.is_healthy())
    };
    let (without, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, job, condition)| lacks(job, condition));
    let jobs: Vec<JobName> = without.into_iter().map(|(expected, ..)| expected.job.clone()).collect();
    let one = lacking.then(|| AlertCondition::runs_without_slots(&jobs, document.look.slots));
    one.into_iter().chain(others.into_iter().map(|(_, _, condition)| condition)).collect()
}

/// The same of one run, if the look shows it and it was expected.
pub fn of_one(document: &ObservedDocument, run: JobId) -> Option<AlertCondition> {
    alive(document)
        .filter(|(expected, _)| expected.job_id == run)
        .find_map(|(expected, job)| of_run(document, expected, job))
}

/// The expected jobs that told nothing of themselves: whatever they were in goes on. Nothing if a look was not about
/// any job.
pub fn untold(document: &ObservedDocument) -> Option<BTreeSet<JobName>> {
    // Nobody asked for a look that only tells of another JobManager.
    if document.replaced.is_some() && document.expected.is_empty() {
        return None;
    }
    let silent = alive(document).filter(|(_, job)| job.checkpoints.is_none() && job.restarts.is_none());
    Some(silent.map(|(expected, _)| expected.job.clone()).collect())
}

fn alive(document: &ObservedDocument) -> impl Iterator<Item = (&Expected, &JobSeen)> {
    let seen = document.expected.iter().filter_map(|e| Some((e, document.look.job(e.job_id)?)));
    seen.filter(|(_, job)| !job.state.is_terminal())
}

fn of_run(document: &ObservedDocument, expected: &Expected, job: &JobSeen) -> Option<AlertCondition> {
    let since = document.since.iter().find(|since| since.job_id == job.id);
    let restarts = since.filter(|since| since.restarts >= LOOP).map(|since| {
        let told = format!("it restarted {} times since {}", since.restarts, minute(since.at));
        (AlertKind::RestartLoop, told)
    });
    let none = || missing(document.look.at, job, job.checkpoints.as_ref()?).map(|told| (AlertKind::NoCheckpoint, told));
    let failed =
        || since.and_then(|since| failing(document.look.at, since)).map(|told| (AlertKind::CheckpointsFail, told));
    let (kind, told) = restarts.or_else(none).or_else(failed)?;
    let failure = since.and_then(|since| since.failure.as_deref());
    // A failure of a run that is up again may be an old one.
    let is_newest = kind == AlertKind::RestartLoop || !job.is_healthy();
    if is_newest && failure.is_some_and(tells_of_slots) {
        let told = format!("it finds no slots{}: {told}", slots_told(document.look.slots));
        return Some(AlertCondition::of_run(AlertKind::NoCapacity, &expected.job, &told, failure));
    }
    let of_checkpoint = document.checkpoint_failure(job.id).filter(|_| kind != AlertKind::RestartLoop);
    // A restart fails the checkpoints that are under way: then its cause is theirs.
    let of_restart = failure.filter(|_| since.is_some_and(|since| since.restarts > 0));
    Some(AlertCondition::of_run(kind, &expected.job, &told, of_restart.or(of_checkpoint).or(failure)))
}

/// Flink gave up waiting for slots (`slot.request.timeout`): only the exception's name tells.
pub fn tells_of_slots(failure: &str) -> bool {
    failure.contains("NoResourceAvailableException")
}

/// No checkpoint completed for too long.
fn missing(now: Timestamp, job: &JobSeen, checkpoints: &CheckpointsSeen) -> Option<String> {
    // That it waits for slots is told of as such.
    let interval = checkpoints.interval_ms.filter(|_| !job.tasks.all_wait())?;
    let last = checkpoints.last_completed_at.map_or(job.started_ms, Timestamp::as_millisecond).max(job.started_ms);
    let age = u64::try_from(now.as_millisecond().saturating_sub(last)).ok()?;
    let limit = interval.saturating_mul(INTERVALS).max(LEAST_MS);
    (age > limit).then(|| {
        let (age, interval) = (shown(Duration::from_millis(age)), shown(Duration::from_millis(interval)));
        format!("no checkpoint completed for {age}, one is due every {interval}; {} failed", checkpoints.failed)
    })
}

/// More checkpoints failed than completed, and the run was up all the while: each restart fails those under way, and is
/// told of as a loop once there are enough of them.
fn failing(now: Timestamp, since: &Since) -> Option<String> {
    let too_short = now.duration_since(since.at) < RESTARTS_TOLD;
    (since.failed > since.completed && since.restarts == 0 && !too_short).then(|| {
        let all = since.failed.saturating_add(since.completed);
        format!("{} of {all} checkpoints failed since {}", since.failed, minute(since.at))
    })
}

fn minute(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::batch::FORMAT;
    use crate::documents::observed::Checkpointed;
    use crate::flink::{Epoch, JobState, Look, Slots, Tasks};
    use crate::ids::BatchId;

    fn id() -> JobId {
        JobId::derived(&["run"])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn healthy() -> CheckpointsSeen {
        let last_completed_at = Some(at(9_990));
        CheckpointsSeen { completed: 90, failed: 0, last_completed_at, last_size: Some(7), interval_ms: Some(60_000) }
    }

    /// A look at second 10,000 at one job that started at second 0.
    fn look(checkpoints: Option<CheckpointsSeen>, since: Option<Since>) -> ObservedDocument {
        let tasks = Tasks { total: 1, running: 1, ..Tasks::default() };
        let job = JobSeen {
            id: id(),
            name: "orders".to_owned(),
            state: JobState::Running,
            tasks,
            started_ms: 0,
            modified_ms: 0,
            checkpoints,
            restarts: checkpoints.map(|_| 0),
        };
        let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 };
        let job_name = JobName::try_from("orders").unwrap();
        let expected = Expected { job: job_name, job_id: id(), revision: 1, owed: false, checkpointed: true };
        ObservedDocument {
            format: FORMAT,
            batch: BatchId::derived(&["b"]),
            look: Look { epoch, at: at(10_000), jobs: vec![job], slots: None },
            expected: vec![expected],
            replaced: None,
            checkpoints: Vec::new(),
            since: since.into_iter().collect(),
            web: None,
        }
    }

    fn since(completed: u64, failed: u64, restarts: u64) -> Since {
        let failure = (failed + restarts > 0).then(|| "IOException: disk full".to_owned());
        Since { job_id: id(), at: at(9_700), completed, failed, restarts, failure }
    }

    fn told(document: &ObservedDocument) -> Option<(AlertKind, String)> {
        let mut found = of_look(document);
        assert!(found.len() < 2);
        found.pop().map(|condition| (condition.kind, condition.detail))
    }

    #[test]
    fn a_run_that_fares_well_is_no_condition() {
        assert_eq!(told(&look(Some(healthy()), None)), None);
        assert_eq!(
            told(&look(Some(healthy()), Some(since(5, 1, 2)))),
            None,
            "one that failed among others, a lost task manager"
        );
        assert_eq!(told(&look(None, None)), None, "nothing is known");
    }

    #[test]
    fn no_checkpoint_for_three_intervals() {
        let aged = |age: i64, interval_ms: Option<u64>| {
            let last_completed_at = Some(at(10_000 - age));
            told(&look(Some(CheckpointsSeen { last_completed_at, interval_ms, failed: 4, ..healthy() }), None))
        };
        assert_eq!(aged(180, Some(60_000)), None);
        let (kind, detail) = aged(181, Some(60_000)).unwrap();
        assert_eq!(kind, AlertKind::NoCheckpoint);
        assert_eq!(detail, "no checkpoint completed for 3 min 1 s, one is due every 1 min; 4 failed");
        assert_eq!(aged(119, Some(1_000)), None, "writing one takes time");
        assert!(aged(121, Some(1_000)).is_some());
        assert_eq!(aged(9_000, None), None, "it makes none by itself");
        let mut waits = look(Some(CheckpointsSeen { last_completed_at: None, ..healthy() }), None);
        waits.look.jobs[0].tasks = Tasks { total: 1, waiting: 1, ..Tasks::default() };
        assert_eq!(told(&waits), None, "it has no slot");
        let never = CheckpointsSeen { completed: 0, last_completed_at: None, ..healthy() };
        assert!(told(&look(Some(never), None)).is_some(), "since it started");
    }

    #[test]
    fn one_run_is_told_of_as_in_the_whole_look() {
        let document = look(Some(healthy()), Some(since(0, 4, 3)));
        assert_eq!(of_one(&document, id()), of_look(&document).pop());
        assert!(of_one(&document, id()).is_some());
        assert_eq!(of_one(&document, JobId::derived(&["another"])), None, "a run that was started since");
    }

    #[test]
    fn more_checkpoints_failed_than_completed() {
        let (kind, detail) = told(&look(Some(healthy()), Some(since(1, 4, 0)))).unwrap();
        assert_eq!(kind, AlertKind::CheckpointsFail);
        assert_eq!(detail, "4 of 5 checkpoints failed since 02:41 UTC: IOException: disk full");
        assert_eq!(told(&look(Some(healthy()), Some(since(2, 2, 0)))), None);
        assert_eq!(told(&look(Some(healthy()), Some(since(1, 4, 1)))), None, "its restart failed them");
        let just_now = Since { at: at(9_950), ..since(0, 4, 0) };
        assert_eq!(told(&look(Some(healthy()), Some(just_now))), None, "a restart may not be told of yet");
    }

    #[test]
    fn a_loop_of_restarts_explains_what_else_is_wrong() {
        let old = CheckpointsSeen { last_completed_at: Some(at(1)), ..healthy() };
        let (kind, detail) = told(&look(Some(old), Some(since(0, 4, 3)))).unwrap();
        assert_eq!(kind, AlertKind::RestartLoop);
        assert_eq!(detail, "it restarted 3 times since 02:41 UTC: IOException: disk full");
        let ended = {
            let mut document = look(Some(old), Some(since(0, 4, 3)));
            document.look.jobs[0].state = JobState::Failed;
            document
        };
        assert_eq!(told(&ended), None, "it is brought back, or told of as failed");
    }

    const NO_SLOTS: &str =
        "JobException: Recovery is suppressed\ncaused by NoResourceAvailableException: Could not acquire";

    /// The task managers are gone: each job restarts, for as long as it may, or is given up by its checkpoints.
    #[test]
    fn runs_that_find_no_slots_are_one_condition_which_tells_how_many_the_cluster_has() {
        let since = Since { failure: Some(NO_SLOTS.to_owned()), ..since(0, 0, 3) };
        let mut document = look(Some(healthy()), Some(since.clone()));
        document.look.slots = Some(Slots { total: 2, free: 0 });
        let mut add = |name: &str, since: Option<Since>, healthy: bool| {
            let id = JobId::derived(&[name]);
            let state = if healthy { JobState::Running } else { JobState::Restarting };
            document.look.jobs.push(JobSeen { id, state, ..document.look.jobs[0].clone() });
            let job = JobName::try_from(name).unwrap();
            document.expected.push(Expected { job, job_id: id, ..document.expected[0].clone() });
            document.since.extend(since.map(|since| Since { job_id: id, ..since }));
        };
        add("clicks", Some(since.clone()), false);
        add("unasked", Some(Since { failure: None, ..since.clone() }), false);
        add("up", Some(Since { failure: None, ..since.clone() }), true);
        add("full", Some(Since { failure: Some("IOException: disk full".to_owned()), ..since }), false);
        let found = of_look(&document);
        let kinds: Vec<(AlertKind, &str)> = found.iter().map(|it| (it.kind, it.subject.as_str())).collect();
        let loops = [(AlertKind::RestartLoop, "up"), (AlertKind::RestartLoop, "full")];
        assert_eq!(kinds, [&[(AlertKind::NoCapacity, "slots")], &loops[..]].concat());
        assert_eq!(
            found[0].detail,
            "3 jobs (orders, clicks, unasked) find no slots (the cluster has 2, 0 of them free) and restart again and again"
        );
        let one = of_one(&document, id()).unwrap();
        assert_eq!(one.kind, AlertKind::NoCapacity);
        assert!(one.detail.starts_with("it finds no slots (the cluster has 2, 0 of them free): it restarted 3 times"));
    }

    #[test]
    fn an_old_want_of_slots_is_not_why_checkpoints_fail() {
        let mut document = look(Some(healthy()), Some(Since { failure: Some(NO_SLOTS.to_owned()), ..since(1, 4, 0) }));
        assert_eq!(told(&document).unwrap().0, AlertKind::CheckpointsFail);
        document.look.jobs[0].state = JobState::Restarting;
        assert_eq!(told(&document).unwrap().0, AlertKind::NoCapacity);
    }

    /// A directory that cannot be written fails no run: only the checkpoint says why.
    #[test]
    fn checkpoints_that_fail_are_told_with_why_the_newest_did() {
        let old = CheckpointsSeen { last_completed_at: Some(at(1)), ..healthy() };
        let failing = |seen, since: Option<Since>| {
            let mut document = look(Some(seen), since);
            let failure = Some("IO-problem detected.".to_owned());
            document.checkpoints = vec![Checkpointed { job_id: id(), at_ms: 1, completed: true, failure }];
            of_look(&document).pop().unwrap()
        };
        let none = failing(old, None);
        assert_eq!(
            (none.kind, none.detail.ends_with("; 0 failed: IO-problem detected.")),
            (AlertKind::NoCheckpoint, true)
        );
        let some = failing(healthy(), Some(since(1, 4, 0)));
        assert!(some.detail.ends_with(": IO-problem detected."), "{}, not an older failure of the run", some.detail);
        assert_eq!(some.common, none.common, "one cause, whichever of the two is seen first");
        assert!(
            failing(old, Some(since(0, 4, 2))).detail.ends_with(": IOException: disk full"),
            "its restarts failed them"
        );
        assert!(failing(old, Some(since(0, 4, 3))).detail.ends_with(": IOException: disk full"), "a loop");
    }

    #[test]
    fn a_failure_is_told_with_its_root_cause_each_of_bounded_length() {
        let failing = |failure: &str| {
            let since = Since { failure: Some(failure.to_owned()), ..since(0, 0, 3) };
            of_look(&look(Some(healthy()), Some(since))).pop().unwrap()
        };
        let full = failing("FlinkException: lost\ncaused by IOException: disk full");
        assert_eq!(
            full.detail,
            "it restarted 3 times since 02:41 UTC: FlinkException: lost\ncaused by IOException: disk full"
        );
        let other = failing("FlinkException: lost\ncaused by TimeoutException: no broker");
        assert_ne!(full.common, other.common, "another root is another cause");
        let long = failing(&format!("{}\n{}\n{}", "x".repeat(900), "y".repeat(900), "z"));
        let lengths: Vec<usize> = long.detail.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lengths, [301, 301], "each with a sign that it is cut");
    }

    #[test]
    fn what_was_not_told_goes_on() {
        assert_eq!(untold(&look(Some(healthy()), None)), Some(BTreeSet::new()));
        assert_eq!(untold(&look(None, None)).map(|jobs| jobs.len()), Some(1));
        let mut replaced = look(Some(healthy()), None);
        replaced.replaced = Some(replaced.look.epoch.clone());
        assert!(untold(&replaced).is_some());
        replaced.expected.clear();
        assert_eq!(untold(&replaced), None);
    }
}
