//! What Flink tells of a job's checkpoints and savepoints, and how it is understood.
//! Must not know how a job is stopped.

use super::*;

#[tokio::test]
async fn checkpoints_tell_whether_a_savepoint_is_the_last_of_them() {
    let path = format!("GET /jobs/{}/checkpoints", id(1));
    let point = |n: u64, path: &str| {
        json!({"className": "completed", "id": n, "is_savepoint": true, "external_path": path, "trigger_timestamp": n * 1000,
        "latest_ack_timestamp": n * 1000 + 40, "end_to_end_duration": 50, "state_size": 1234 + n})
    };
    let answer = |completed: Value, savepoint: Value, restored: Value| {
        json!({"counts": {"restored": 0, "total": 36, "in_progress": 0, "completed": 30, "failed": 6}, "history": [],
            "latest": {"completed": completed, "savepoint": savepoint, "failed": null, "restored": restored}})
    };
    let flink = Server::default()
        .with(&path, 200, answer(Value::Null, Value::Null, Value::Null))
        .with(
            &path,
            200,
            answer(point(31, "file:/ck/chk-31"), point(32, "file:/sp/savepoint-1"), point(7, "file:/ck/chk-7")),
        )
        .with(&path, 200, answer(point(31, "file:/ck/chk-31"), point(30, "file:/sp/savepoint-1"), Value::Null))
        .with(&path, 200, answer(Value::Null, point(2, "<checkpoint-not-externally-addressable>"), Value::Null))
        .with(&path, 404, errors("org.apache.flink.runtime.rest.NotFoundException: Job 01 not found"));
    let cluster = rest(&flink).await;
    let savepoint = Some("file:/sp/savepoint-1".to_owned());
    for expected in [
        Some(Checkpoints { completed: 30, failed: 6, ..Checkpoints::default() }),
        Some(Checkpoints {
            completed: 30,
            failed: 6,
            failure: None,
            savepoint: savepoint.clone(),
            newest: Some("file:/ck/chk-31".into()),
            newest_ms: Some(31_000),
            triggered_ms: Some(32_000),
            completed_ms: Some(32_050),
            size: Some(1266),
            ends_in_savepoint: true,
            restored: Some("file:/ck/chk-7".into()),
            savepoint_in_progress: false,
            saving: None,
        }),
        Some(Checkpoints {
            completed: 30,
            failed: 6,
            failure: None,
            savepoint,
            newest: Some("file:/ck/chk-31".into()),
            newest_ms: Some(31_000),
            triggered_ms: Some(31_000),
            completed_ms: Some(31_050),
            size: Some(1265),
            ends_in_savepoint: false,
            restored: None,
            savepoint_in_progress: false,
            saving: None,
        }),
        Some(Checkpoints {
            completed: 30,
            failed: 6,
            failure: None,
            savepoint: None,
            newest: None,
            newest_ms: None,
            triggered_ms: Some(2000),
            completed_ms: Some(2_050),
            size: Some(1236),
            ends_in_savepoint: true,
            restored: None,
            savepoint_in_progress: false,
            saving: None,
        }),
        None,
    ] {
        assert_eq!(cluster.checkpoints(id(1)).await.unwrap(), expected);
    }
}

/// A directory that cannot be written fails every checkpoint, and fails no run: only this says why.
#[tokio::test]
async fn the_newest_checkpoint_that_failed_tells_why_until_one_completes() {
    let path = format!("GET /jobs/{}/checkpoints", id(1));
    let answer = |completed: Value, failed: Value| {
        json!({"counts": {"completed": 1, "failed": 73}, "history": [],
            "latest": {"completed": completed, "savepoint": null, "failed": failed, "restored": null}})
    };
    let failed = |message: &str| json!({"className": "failed", "id": 74, "failure_message": message});
    let words = "An Exception occurred while triggering the checkpoint. IO-problem detected.";
    let completed = |id: u64| json!({"id": id, "trigger_timestamp": 5, "external_path": "file:/ck/chk"});
    let flink = Server::default()
        .with(&path, 200, answer(Value::Null, failed(words)))
        .with(&path, 200, answer(completed(73), failed(words)))
        .with(&path, 200, answer(completed(75), failed(words)))
        .with(&path, 200, answer(Value::Null, failed(&format!("{}\u{1b}", "x".repeat(5_000)))))
        .with(&path, 200, answer(Value::Null, json!({"id": 74})));
    let cluster = rest(&flink).await;
    for expected in [Some(words), Some(words), None] {
        assert_eq!(cluster.checkpoints(id(1)).await.unwrap().unwrap().failure.as_deref(), expected);
    }
    let long = cluster.checkpoints(id(1)).await.unwrap().unwrap().failure.unwrap();
    assert!(long.chars().count() <= 1_001 && !long.contains('\u{1b}'), "{long}");
    assert_eq!(cluster.checkpoints(id(1)).await.unwrap().unwrap().failure, None, "it does not say why");
}

/// Anybody can order a checkpoint while a stop is under way; and a job whose savepoint was taken while it ran on may come
/// to its own end right after.
#[tokio::test]
async fn only_a_stop_ends_a_run_in_its_savepoint() {
    let point = |n: u64, kind: &str| json!({"id": n, "checkpoint_type": kind, "trigger_timestamp": n * 1000, "external_path": format!("file:/x/{n}")});
    let restored =
        |n: u64, at: u64| json!({"id": n, "restore_timestamp": at * 1000, "external_path": format!("file:/x/{n}")});
    for (completed, savepoint, restored, ends) in [
        (point(62, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), Value::Null, true),
        (point(64, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), Value::Null, true),
        (point(64, "UNALIGNED_CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), restored(7, 8), true),
        (point(62, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), restored(62, 63), true),
        // It failed before it was at its end, and went on from the checkpoint before.
        (point(62, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), restored(62, 64), false),
        (point(500, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), restored(62, 64), false),
        (point(65, "CHECKPOINT"), point(63, "SYNC_SAVEPOINT"), Value::Null, false),
        (point(62, "CHECKPOINT"), point(63, "SAVEPOINT"), Value::Null, false),
        (point(62, "CHECKPOINT"), point(63, "OF_A_LATER_FLINK"), Value::Null, true),
        (point(64, "CHECKPOINT"), point(63, "OF_A_LATER_FLINK"), Value::Null, false),
    ] {
        let latest = json!({"completed": completed, "savepoint": savepoint, "restored": restored});
        let answer = json!({"counts": {"completed": 9}, "latest": latest});
        let flink = Server::default().with(&format!("GET /jobs/{}/checkpoints", id(1)), 200, &answer);
        let checkpoints = rest(&flink).await.checkpoints(id(1)).await.unwrap().unwrap();
        assert_eq!(checkpoints.ends_in_savepoint, ends, "{answer}");
    }
}

/// For 3 s after its end a job's checkpoints are those of before (measured): asked then, a job that was stopped with a
/// savepoint would look as if it had come to its own end.
#[tokio::test]
async fn a_job_that_just_ended_is_not_asked_before_the_cache_is_past() {
    let now = jiff::Timestamp::now().as_millisecond();
    let checkpoints =
        json!({"counts": {"completed": 1}, "latest": {"completed": null, "savepoint": null, "restored": null}});
    let flink = Server::default()
        .with(
            "GET /jobs/overview",
            200,
            json!({"jobs": [job(1, "FINISHED", now), job(2, "FINISHED", now - 100_000), job(3, "RUNNING", now)]}),
        )
        .with(&format!("GET /jobs/{}/checkpoints", id(1)), 200, &checkpoints)
        .with(&format!("GET /jobs/{}/checkpoints", id(2)), 200, &checkpoints)
        .with(&format!("GET /jobs/{}/checkpoints", id(3)), 200, &checkpoints);
    let cluster = rest(&flink).await;
    cluster.job(id(1)).await.unwrap();
    for n in [2, 3, 1, 1] {
        cluster.checkpoints(id(n)).await.unwrap();
    }
    let asked = flink.asked.lock().unwrap();
    let after = |n: usize| asked[n].0 - asked[0].0;
    assert!(after(2) < Duration::from_secs(2), "{:?}", after(2));
    assert!(after(3) > Duration::from_secs(3), "{:?}", after(3));
    assert!(after(4) < after(3) + Duration::from_secs(2));
}

/// One that many checkpoints overtook is not among the newest any more, and is counted all the same.
#[tokio::test]
async fn a_savepoint_that_is_being_written_is_told() {
    let path = format!("GET /jobs/{}/checkpoints", id(1));
    let point = |status: &str, savepoint: bool| json!({"id": 3, "status": status, "is_savepoint": savepoint});
    let answer = |in_progress: u32, history: &[Value]| json!({"counts": {"in_progress": in_progress, "completed": 2}, "history": history, "latest": {}});
    let cases = [
        (answer(0, &[point("COMPLETED", true), point("FAILED", true)]), false),
        (answer(1, &[point("IN_PROGRESS", false), point("COMPLETED", true)]), false),
        (answer(1, &[point("IN_PROGRESS", true)]), true),
        (answer(2, &[point("IN_PROGRESS", false), point("IN_PROGRESS", true)]), true),
        (answer(1, &[point("COMPLETED", false)]), true),
        (answer(2, &[point("IN_PROGRESS", false)]), true),
    ];
    let flink = cases.iter().fold(Server::default(), |flink, (answer, _)| flink.with(&path, 200, answer));
    let cluster = rest(&flink).await;
    for (answer, told) in &cases {
        let checkpoints = cluster.checkpoints(id(1)).await.unwrap().unwrap();
        assert_eq!(checkpoints.savepoint_in_progress, *told, "{answer}");
    }
    let mut savepoint = point("IN_PROGRESS", true);
    savepoint["state_size"] = json!(4096);
    savepoint["num_subtasks"] = json!(8);
    savepoint["num_acknowledged_subtasks"] = json!(3);
    let flink = Server::default().with(&path, 200, answer(2, &[point("IN_PROGRESS", false), savepoint]));
    let checkpoints = rest(&flink).await.checkpoints(id(1)).await.unwrap().unwrap();
    assert_eq!(checkpoints.saving, Some(Saving { done: 3, of: 8, bytes: 4096 }));
}
