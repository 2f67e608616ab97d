//! The watch over a run: what counts as stable.
//! Must not know what follows from it.

use std::time::Duration;

use control::orchestrator::Scope;
use control::ports::Cluster;
use desired::diagnostics::Span;
use desired::effective::{CheckpointSettings, Effective};
use desired::written::{WrittenOption, WrittenTexts};
use lifecycle::documents::outcome::Outcome;
use lifecycle::flink::JobState;
use lifecycle::owed::Cause;

use crate::flink::Flink;
use crate::kit::{Outside, jobs};
use crate::waves::{flink, plans, runner};

/// How the operation ends whose run tells these counts of restarts, answer by answer.
async fn watched(restarts: &[Option<u64>]) -> Outcome {
    let names = jobs(1);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    outside.want(&names[0], 2);
    flink.state().slots = 10;
    flink.state().restarts = restarts.to_vec();
    let plans = plans(&outside, &names).await;
    let operation = plans[0].operation;
    assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
    outside.result(&names[0], operation).unwrap().outcome
}

/// A run that was taken over or adopted may have restarted before: only a rise in the window counts.
#[tokio::test(start_paused = true)]
async fn restarts_long_ago_are_none_of_the_window() {
    for restarts in [&[Some(7)][..], &[None, None, Some(7)], &[None], &[Some(0)], &[Some(7), None]] {
        let outcome = watched(restarts).await;
        assert!(matches!(outcome, Outcome::Deployed { unhealthy: None, .. }), "{restarts:?}: {outcome:?}");
    }
}

/// What the plan says is what is, or it is said.
#[tokio::test(start_paused = true)]
async fn what_a_run_runs_with_is_compared_with_what_was_asked_for() {
    let checkpoints = |interval| CheckpointSettings { interval: Some(interval), ..CheckpointSettings::default() };
    let told = |interval| Some(Effective { checkpoints: Some(checkpoints(interval)), ..Effective::default() });
    for (effective, expected) in [(told(10_000), 0), (told(2_000), 1), (None, 0)] {
        let names = jobs(1);
        let (outside, flink) = (Outside::with(&names), flink(&names));
        outside.want(&names[0], 2);
        flink.state().slots = 10;
        flink.state().effective = effective;
        let mut plans = plans(&outside, &names).await;
        let next = plans[0].next.as_mut().unwrap();
        next.properties.insert("execution.checkpointing.interval".to_owned(), "10s".to_owned());
        let operation = plans[0].operation;
        assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
        let result = outside.result(&names[0], operation).unwrap();
        assert!(matches!(result.outcome, Outcome::Deployed { .. }), "{result:?}");
        assert_eq!(result.differences.len(), expected, "{result:?}");
        assert!(result.differences.iter().all(|d| d.asked == "10s" && d.effective == "2 s"), "{result:?}");
    }
}

/// Whoever wrote the old spelling finds nothing of the new one in the file.
#[tokio::test(start_paused = true)]
async fn an_option_that_differs_is_told_as_the_manifest_spells_it() {
    for (spelled, expected) in [(Some("state.backend"), "state.backend"), (None, "state.backend.type")] {
        let names = jobs(1);
        let (outside, flink) = (Outside::with(&names), flink(&names));
        outside.want(&names[0], 2);
        flink.state().slots = 10;
        let state_backend = Some("EmbeddedRocksDBStateBackend".to_owned());
        let checkpoints = Some(CheckpointSettings { state_backend, ..CheckpointSettings::default() });
        flink.state().effective = Some(Effective { checkpoints, ..Effective::default() });
        let mut plans = plans(&outside, &names).await;
        let next = plans[0].next.as_mut().unwrap();
        next.properties.insert("state.backend.type".to_owned(), "hashmap".to_owned());
        let span = Span { line: 8, column: 3, length: 1 };
        let place = WrittenOption { file: "queries/a.yaml".to_owned(), span, source_line: None };
        let options = spelled.map(|spelled| (spelled.to_owned(), place)).into_iter().collect();
        next.written = Some(WrittenTexts { options, ..WrittenTexts::default() });
        let operation = plans[0].operation;
        assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
        let result = outside.result(&names[0], operation).unwrap();
        assert_eq!(result.differences.iter().map(|d| d.option.as_str()).collect::<Vec<_>>(), [expected], "{result:?}");
    }
}

/// Whoever wrote a plan could have written anything into it.
#[tokio::test(start_paused = true)]
async fn a_launch_is_judged_again_before_it_reaches_flink() {
    for (directory, passes) in [("s3://bucket/prefix/claims/x", false), ("s3://bucket/prefix/checkpoints/job-1", true)]
    {
        let names = jobs(1);
        let (outside, flink) = (Outside::with(&names), flink(&names));
        outside.want(&names[0], 2);
        flink.state().slots = 10;
        let mut plans = plans(&outside, &names).await;
        let next = plans[0].next.as_mut().unwrap();
        next.properties.insert("execution.checkpointing.dir".to_owned(), directory.replace("job-1", names[0].as_str()));
        let (operation, before) = (plans[0].operation, flink.look().await.unwrap().jobs);
        assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
        let outcome = outside.result(&names[0], operation).unwrap().outcome;
        assert_eq!(matches!(outcome, Outcome::Deployed { .. }), passes, "{outcome:?}");
        assert_eq!(flink.look().await.unwrap().jobs == before, !passes, "what runs was touched");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_window_is_seen_even_if_no_look_met_it() {
    for restarts in [&[Some(0), Some(1)][..], &[Some(7), Some(8)], &[None, Some(7), Some(8)]] {
        let outcome = watched(restarts).await;
        // There is no state here to roll back from.
        let Outcome::Failed { reason, .. } = &outcome else { panic!("{restarts:?}: {outcome:?}") };
        assert!(reason.contains("restarted within the stability window"), "{reason}");
    }
}

/// A new job's operation, whose watch gets the next answers about restarts so late; it fails for good at `fails`.
async fn watched_late(answers: &[u64], fails: Option<Duration>) -> Option<Outcome> {
    let names = jobs(1);
    let (outside, flink) = (Outside::default(), Flink::default());
    outside.want(&names[0], 1);
    flink.state().slots = 10;
    flink.state().tells_late = answers.iter().copied().map(Duration::from_secs).collect();
    let mut plans = plans(&outside, &names).await;
    plans[0].windows.startup_ms = 60_000;
    let operation = plans[0].operation;
    if let Some(after) = fails {
        let flink = flink.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            flink.state().failure = Some((JobState::Restarting, "Division by zero"));
        });
    }
    runner(&outside, &flink, 1).run(plans).await.unwrap();
    outside.result(&names[0], operation).map(|result| result.outcome)
}

/// What an answer tells was so when it was asked for: a run that failed while an answer was on its way is no stable one.
#[tokio::test(start_paused = true)]
async fn a_window_does_not_pass_while_one_answer_is_waited_for() {
    // After 3 s the run has been seen long enough; after 12 s of which nobody saw anything, the window begins anew.
    for (late, fails) in [(3, Duration::from_secs(2)), (12, Duration::from_millis(12_165))] {
        let outcome = watched_late(&[late], Some(fails)).await;
        let Some(Outcome::Failed { reason, .. }) = &outcome else { panic!("{late} s: {outcome:?}") };
        assert!(reason.contains("Division by zero"), "{reason}");
    }
    for late in [3, 12] {
        let outcome = watched_late(&[late], None).await;
        assert!(matches!(outcome, Some(Outcome::Deployed { unhealthy: None, .. })), "{late} s: {outcome:?}");
    }
}

/// Where nothing counts its restarts and every answer takes long, nobody can say whether it is stable.
#[tokio::test(start_paused = true)]
async fn a_watch_that_never_sees_enough_ends_as_unknown() {
    assert_eq!(watched_late(&[12; 100], None).await, None);
}

/// Flink gives up after `slot.request.timeout`, and only the exception's name tells why.
#[tokio::test(start_paused = true)]
async fn a_start_that_flink_gave_up_for_want_of_slots_waits_for_the_environment() {
    let slots = "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum \
                 required resources.";
    for (state, words, waits) in [
        (JobState::Failed, slots, true),
        (JobState::Restarting, slots, true),
        (JobState::Failed, "FlinkException: lost\ncaused by ArithmeticException: Division by zero", false),
    ] {
        let names = jobs(1);
        let (outside, flink) = (Outside::default(), Flink::default());
        outside.want(&names[0], 1);
        flink.state().slots = 10;
        flink.state().failure = Some((state, words));
        let plans = plans(&outside, &names).await;
        let operation = plans[0].operation;
        assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
        let outcome = outside.result(&names[0], operation).unwrap().outcome;
        let Outcome::Failed { reason, cause, .. } = &outcome else { panic!("{outcome:?}") };
        assert_eq!(*cause == Cause::NoCapacity { needed: 1, free: 1 }, waits, "{outcome:?}");
        // It is told in one line.
        assert!(reason.contains(&words.replace('\n', ", ")), "{reason}");
    }
}

/// It compiles and might run: only slots are missing, so that it is tried again by itself.
#[tokio::test(start_paused = true)]
async fn a_start_that_never_gets_its_slots_waits_for_the_environment() {
    let names = jobs(1);
    let (outside, flink) = (Outside::default(), Flink::default());
    outside.want(&names[0], 1);
    flink.state().slots = 10;
    flink.state().gives_no_slots = true;
    let plans = plans(&outside, &names).await;
    let operation = plans[0].operation;
    assert_eq!(runner(&outside, &flink, 1).run(plans).await.unwrap().finished, 1);
    let outcome = outside.result(&names[0], operation).unwrap().outcome;
    let Outcome::Failed { reason, cause: Cause::NoCapacity { needed: 1, .. }, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(reason.contains("no slots"), "{reason}");
    outside.run(Scope::Jobs(names.iter().cloned().collect())).await;
    let owed = outside.record(&names[0]).owed.apply.unwrap().debt;
    assert!(owed.cause.is_environment() && owed.next.is_some(), "{owed:?}");
}

/// How a new job's operation ends, where the JobManager gives no answer to its watch for these lengths of time, each
/// followed by one answer; nothing if it ends without a result.
async fn watched_through(silences: &[usize]) -> Option<Outcome> {
    let names = jobs(1);
    let (outside, flink) = (Outside::default(), Flink::default());
    outside.want(&names[0], 1);
    flink.state().slots = 10;
    let silent = |length: &usize| std::iter::repeat_n(false, *length).chain([true]);
    flink.state().answers = silences.iter().flat_map(silent).collect();
    let plans = plans(&outside, &names).await;
    let operation = plans[0].operation;
    let report = runner(&outside, &flink, 1).run(plans).await.unwrap();
    assert!(flink.state().answers.is_empty() || report.finished == 0, "not all silences were met");
    outside.result(&names[0], operation).map(|result| result.outcome)
}

/// A JobManager that collects garbage says nothing of the job: only one that is silent for long leaves it unknown.
#[tokio::test(start_paused = true)]
async fn a_jobmanager_may_be_silent_for_twenty_questions_in_a_row_again_and_again() {
    for silences in
        [&[1][..], &[20], &[20, 20, 20], &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]
    {
        let outcome = watched_through(silences).await;
        assert!(matches!(outcome, Some(Outcome::Deployed { unhealthy: None, .. })), "{silences:?}: {outcome:?}");
    }
    assert_eq!(watched_through(&[21]).await, None, "what is unknown is no failure");
}
