//! What a look for the orchestrator holds beside the list of jobs.
//! Must not know what follows from it.

use control::ports::Checkpoints;
use desired::effective::{CheckpointSettings, Effective};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::batch::{Batch, FORMAT};
use lifecycle::documents::observed::{Checkpointed, ObservedDocument};
use lifecycle::flink::CheckpointsSeen;
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
    assert_eq!(document.checkpoints, [Checkpointed { job_id: id, at_ms: 5_000, completed: true }]);
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
