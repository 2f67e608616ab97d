//! What a look for the orchestrator holds beside the list of jobs.
//! Must not know what follows from it.

use control::orchestrator::Scope;
use control::ports::Checkpoints;
use desired::effective::{CheckpointSettings, Effective};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::batch::{Batch, FORMAT};
use lifecycle::documents::observed::{Checkpointed, ObservedDocument, Since};
use lifecycle::flink::{CheckpointsSeen, JobState};
use lifecycle::ids::BatchId;

use crate::flink::Flink;
use crate::kit::{Outside, jobs, keys, run_of};
use crate::waves::{flink, runner};

/// What a runner writes that was asked for a look.
async fn published(outside: &Outside, flink: &Flink, names: &[JobName]) -> ObservedDocument {
    let expected = names.iter().map(|name| outside.expected(name)).collect();
    let (id, at) = (BatchId::derived(&["look"]), Timestamp::UNIX_EPOCH);
    let batch = Batch { format: FORMAT, id, at, items: Vec::new(), expected, look: true };
    runner(outside, flink, 1).publish_look(&batch).await.unwrap();
    serde_json::from_value(outside.json(&keys().observed()).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_look_holds_what_the_expected_runs_tell_of_themselves() {
    let names = jobs(2);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    let settings = CheckpointSettings { interval: Some(60_000), ..CheckpointSettings::default() };
    flink.state().effective = Some(Effective { checkpoints: Some(settings), ..Effective::default() });
    flink.state().restarts = vec![Some(3), Some(4)];
    flink.state().checkpoints = Some(Checkpoints {
        completed: 7,
        failed: 2,
        triggered_ms: Some(5_000),
        completed_ms: Some(6_000),
        size: Some(1_234),
        ..Checkpoints::default()
    });
    let document = published(&outside, &flink, &names[..1]).await;
    let id = run_of(&names[0]).into();
    let seen = document.look.job(id).unwrap();
    let last_completed_at = Some(Timestamp::from_second(6).unwrap());
    let (last_size, interval_ms) = (Some(1_234), Some(60_000));
    let checkpoints = CheckpointsSeen { completed: 7, failed: 2, last_completed_at, last_size, interval_ms };
    assert_eq!(seen.checkpoints, Some(checkpoints));
    assert_eq!(seen.restarts, Some(4), "the first answer may be as old as the last look");
    assert_eq!(document.checkpoints, [Checkpointed { job_id: id, at_ms: 5_000, completed: true, failure: None }]);
    let other = document.look.job(run_of(&names[1]).into()).unwrap();
    assert_eq!((other.checkpoints, other.restarts), (None, None), "nobody expects it");
}

#[tokio::test(start_paused = true)]
async fn a_look_is_written_whatever_runs_do_not_tell() {
    let names = jobs(2);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    flink.state().tells_nothing = true;
    let document = published(&outside, &flink, &names).await;
    assert_eq!(document.look.jobs.len(), 2);
    assert!(document.look.jobs.iter().all(|job| job.checkpoints.is_none() && job.restarts.is_none()));
    assert!(document.checkpoints.is_empty());
}

/// What a run tells of itself: checkpoints that completed and failed, when the last one did, restarts.
fn tells(flink: &Flink, (completed, failed, last): (u64, u64, i64), restarts: u64) {
    let mut state = flink.state();
    state.restarts = vec![Some(restarts)];
    let (triggered_ms, completed_ms) = (Some(last * 1000), Some(last * 1000));
    state.checkpoints = Some(Checkpoints { completed, failed, triggered_ms, completed_ms, ..Checkpoints::default() });
}

/// A look is the epoch's first second unless this outside is told otherwise: what is older than that is before it.
async fn noticed(outside: &Outside, flink: &Flink, names: &[JobName]) -> Vec<Since> {
    let document = published(outside, flink, names).await;
    let since = document.since.clone();
    outside.run(Scope::Observed(Box::new(document))).await;
    since
}

#[tokio::test(start_paused = true)]
async fn jobs_that_run_and_do_not_fare_well_are_told_of_once_and_no_more_once_they_do() {
    let names = jobs(12);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    let settings = CheckpointSettings { interval: Some(60_000), ..CheckpointSettings::default() };
    flink.state().effective = Some(Effective { checkpoints: Some(settings), ..Effective::default() });
    flink.state().said = Some("KafkaException: no metadata\ncaused by IOException: broker 10.0.0.7 is gone");
    tells(&flink, (10, 0, 0), 1);
    assert_eq!(noticed(&outside, &flink, &names).await, []);
    assert_eq!(outside.told(), []);

    tells(&flink, (10, 0, 0), 6);
    let since = noticed(&outside, &flink, &names).await;
    assert_eq!((since.len(), since[0].restarts), (12, 5));
    assert_eq!(outside.told(), [("restart-loop", 12)], "one cause");
    let body = outside.state().alerts[0].body();
    let told =
        "it restarted 5 times since 00:00 UTC: KafkaException: no metadata\n  caused by IOException: broker 10.0.0.7";
    assert!(body.contains(told), "{body}");
    assert!(body.contains("flink-sql-runner logs job-00\n") && body.matches("broker").count() == 1, "{body}");
    noticed(&outside, &flink, &names).await;
    assert_eq!(outside.told().len(), 1, "it goes on");

    // Nobody tells: it goes on. The next that tell ended it.
    flink.state().tells_nothing = true;
    noticed(&outside, &flink, &names).await;
    let standing = |outside: &Outside| outside.json(&keys().alerts()).unwrap()["standing"].as_array().unwrap().len();
    assert_eq!(standing(&outside), 12);
    flink.state().tells_nothing = false;
    noticed(&outside, &flink, &names).await;
    assert_eq!(standing(&outside), 0);

    // Checkpoints that fail by a restart of which Flink does not tell yet are not told of apart from it.
    tells(&flink, (11, 5, 0), 6);
    noticed(&outside, &flink, &names).await;
    assert_eq!(outside.told().len(), 1, "a minute may tell more");
    flink.state().second = 300;
    tells(&flink, (12, 9, 290), 6);
    noticed(&outside, &flink, &names).await;
    assert_eq!(outside.told()[1..], [("checkpoints-fail", 12)]);
    tells(&flink, (32, 9, 290), 6);
    noticed(&outside, &flink, &names).await;
    assert_eq!(standing(&outside), 0);
}

/// It may be the first look at all: nothing is known of before.
#[tokio::test(start_paused = true)]
async fn a_run_that_failed_or_is_between_two_attempts_tells_why_at_once() {
    let names = jobs(1);
    for state in [JobState::Failed, JobState::Restarting] {
        let (outside, flink) = (Outside::with(&names), flink(&names));
        flink.state().failure = Some((state, "FlinkException: lost\ncaused by IOException: disk full\nand more"));
        let document = published(&outside, &flink, &names).await;
        let failure = document.since[0].failure.as_deref();
        assert_eq!(failure, Some("FlinkException: lost\ncaused by IOException: disk full"), "{state:?}");
    }
    let (outside, flink) = (Outside::with(&names), flink(&names));
    flink.state().said = Some("an old failure");
    assert_eq!(published(&outside, &flink, &names).await.since, [], "it runs");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_checkpoint_for_three_intervals_is_told_of() {
    let names = jobs(2);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    let settings = CheckpointSettings { interval: Some(60_000), ..CheckpointSettings::default() };
    flink.state().effective = Some(Effective { checkpoints: Some(settings), ..Effective::default() });
    tells(&flink, (3, 0, 0), 0);
    let mut document = published(&outside, &flink, &names).await;
    document.look.at = Timestamp::from_second(181).unwrap();
    assert!(document.look.jobs.iter().all(|job| job.state == JobState::Running));
    outside.run(Scope::Observed(Box::new(document.clone()))).await;
    assert_eq!(outside.told(), [("no-checkpoint", 2)]);
    document.look.at = Timestamp::from_second(179).unwrap();
    outside.run(Scope::Observed(Box::new(document.clone()))).await;
    document.look.at = Timestamp::from_second(200).unwrap();
    outside.run(Scope::Observed(Box::new(document))).await;
    assert_eq!(outside.told().len(), 2, "it ended and began again");
}

/// Every five minutes: one batch, one call to the control plane, and nothing is written that grows with the jobs.
#[tokio::test]
async fn a_redeploy_with_nothing_to_do_is_one_step_and_writes_only_its_batch() {
    for count in [1, 30] {
        let outside = Outside::with(&jobs(count));
        outside.run(Scope::Redeploy).await;
        outside.later(300);
        let before = outside.versions();
        let calls = |outside: &Outside| {
            let state = outside.state();
            (state.asked.len(), state.sent.len())
        };
        let (asked, sent) = calls(&outside);
        let batch = outside.run(Scope::Redeploy).await.batch.unwrap();
        assert_eq!(calls(&outside), (asked, sent + 1), "its id is fresh: there is nothing to look for");
        let written = outside.versions().into_iter().filter(|(key, version)| before.get(key) != Some(version));
        let mut expected = [keys().batch(batch), keys().receipt(batch)];
        expected.sort();
        assert_eq!(written.map(|(key, _)| key).collect::<Vec<_>>(), expected);
    }
}

/// The document is read by every event: it must not grow with a trouble of all jobs.
#[tokio::test(start_paused = true)]
async fn the_beginning_of_a_failure_is_kept_of_thirty_two_runs_at_most() {
    let names = jobs(40);
    let (outside, flink) = (Outside::with(&names), flink(&names));
    flink.state().said = Some("x".repeat(5_000).leak());
    tells(&flink, (10, 0, 0), 1);
    published(&outside, &flink, &names).await;
    tells(&flink, (10, 0, 0), 2);
    flink.state().checkpoints.as_mut().unwrap().failure = Some("y".repeat(5_000));
    let document = published(&outside, &flink, &names).await;
    let failed =
        document.checkpoints.iter().filter_map(|checkpoint| Some(checkpoint.failure.as_ref()?.chars().count()));
    assert_eq!((document.checkpoints.len(), failed.collect::<Vec<_>>()), (40, vec![301; 32]), "of checkpoints as well");
    let since = document.since;
    let failures: Vec<usize> = since.iter().filter_map(|since| Some(since.failure.as_ref()?.chars().count())).collect();
    assert_eq!((since.len(), failures), (40, vec![301; 32]), "300 characters and a sign that it is cut");
}
