//! What a `JobManager` answers (recorded from Flink 1.20.1), and what it does not.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on fails")]

#[path = "flink_rest/checkpoints.rs"]
mod checkpoints;
mod fake;

use std::time::{Duration, Instant};

use control::ports::{Checkpoints, Cluster, OutsideError, StopStatus};
use control::secrets::Secrets;
use fake::Server;
use flink::flink_rest::FlinkRest;
use flink::http::Timeouts;
use lifecycle::documents::claim::Saving;
use lifecycle::flink::{Epoch, JobState, Slots};
use lifecycle::ids::{Hex32, JobId, TriggerId};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const LIMITS: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(5) };

async fn rest(server: &Server) -> FlinkRest {
    FlinkRest::new(server.serve().await, LIMITS).unwrap()
}

fn id(n: u8) -> JobId {
    Hex32::from_bytes([n; 16]).into()
}

fn trigger(n: u8) -> TriggerId {
    Hex32::from_bytes([n; 16]).into()
}

fn config(life: &str) -> Value {
    json!([{"key": "rest.port", "value": "8081"}, {"key": "web.tmpdir", "value": format!("/tmp/flink-web-{life}")}])
}

fn job(n: u8, state: &str, modified: i64) -> Value {
    json!({"jid": id(n), "name": "or\u{1b}ders", "start-time": 1_795_569_826_131_i64, "end-time": -1, "duration": 6448,
        "state": state, "last-modification": modified,
        "tasks": {"running": 1, "canceling": 0, "canceled": 0, "total": 3, "finished": 2, "initializing": 0}})
}

fn errors(text: &str) -> Value {
    json!({"errors": [format!("{text}\n\tat org.apache.flink.runtime.rest.handler.X.y(X.java:1)\n")]})
}

fn is_unknown(error: &OutsideError, said: &str) -> bool {
    let OutsideError::Unknown { source, .. } = error else { return false };
    let mut text = source.to_string();
    let mut next = source.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    assert!(text.contains(said), "{text}");
    true
}

#[tokio::test]
async fn a_look_is_one_jobmanagers_whole_view() {
    let fresh = json!({"jid": id(2), "name": "new", "start-time": 5, "state": "INITIALIZING", "last-modification": 6, "tasks": {}});
    let mut waits = job(4, "RUNNING", 7);
    waits["tasks"] = json!({"total": 3, "created": 1, "scheduled": 2, "running": 0, "finished": 0});
    let flink = Server::default()
        .with("GET /jobmanager/config", 200, config("6755257b"))
        .with("GET /overview", 200, json!({"taskmanagers": 1, "slots-total": 4, "slots-available": 2}))
        .with("GET /jobs/overview", 200, json!({"jobs": [job(1, "RUNNING", 7), fresh, waits]}));
    let cluster = rest(&flink).await;
    let look = cluster.look().await.unwrap();
    assert_eq!(look.epoch.to_string(), format!("standalone:{}/flink-web-6755257b", cluster.endpoint()));
    assert_eq!(look.slots, Some(Slots { total: 4, free: 2 }));
    assert_eq!(look.jobs.len(), 3);
    assert!(look.job(id(4)).unwrap().tasks.all_wait(), "all its tasks wait for slots");
    assert!(!look.job(id(2)).unwrap().tasks.all_wait());
    let first = look.job(id(1)).unwrap();
    assert_eq!((first.name.as_str(), first.state, first.modified_ms), ("or ders", JobState::Running, 7));
    assert!(first.is_healthy());
    assert_eq!(cluster.job(id(2)).await.unwrap().unwrap().state, JobState::Initializing);
    assert_eq!(cluster.job(id(3)).await.unwrap(), None);
}

#[tokio::test]
async fn what_a_job_runs_with_is_read_back() {
    let config = json!({"jid": id(1), "name": "a", "execution-config": {"execution-mode": "PIPELINED",
        "restart-strategy": "Cluster level default restart strategy", "job-parallelism": 2, "object-reuse-mode": true,
        "user-config": {"a": "b"}}});
    let checkpoints = json!({"mode": "exactly_once", "interval": 2000, "timeout": 600_000, "min_pause": 0,
        "max_concurrent": 1, "externalization": {"enabled": true, "delete_on_cancellation": false},
        "state_backend": "EmbeddedRocksDBStateBackend", "checkpoint_storage": "FileSystemCheckpointStorage",
        "unaligned_checkpoints": true, "tolerable_failed_checkpoints": 0, "aligned_checkpoint_timeout": 0,
        "checkpoints_after_tasks_finish": true, "state_changelog_enabled": true,
        "changelog_periodic_materialization_interval": 600_000, "changelog_storage": "memory"});
    let (one, two) = (id(1), id(2));
    let flink = Server::default()
        .with(&format!("GET /jobs/{one}/config"), 200, config.clone())
        .with(
            &format!("GET /jobs/{one}"),
            200,
            json!({"jid": one, "vertices": [{"parallelism": 1}, {"parallelism": 3}]}),
        )
        .with(&format!("GET /jobs/{one}/checkpoints/config"), 200, checkpoints)
        .with(&format!("GET /jobs/{two}/config"), 200, config)
        .with(&format!("GET /jobs/{two}"), 200, json!({"jid": two, "vertices": []}))
        .with(&format!("GET /jobs/{two}/checkpoints/config"), 404, errors("Checkpointing is not enabled"));
    let cluster = rest(&flink).await;
    let effective = cluster.effective(one).await.unwrap().unwrap();
    assert_eq!((effective.parallelism, effective.widest, effective.object_reuse), (Some(2), Some(3), Some(true)));
    let told = effective.checkpoints.unwrap();
    assert_eq!((told.interval, told.unaligned_checkpoints), (Some(2000), Some(true)));
    assert_eq!(told.externalization.map(|kept| (kept.enabled, kept.delete_on_cancellation)), Some((true, false)));
    let without = cluster.effective(two).await.unwrap().unwrap();
    assert_eq!((without.widest, without.checkpoints), (None, None));
}

#[tokio::test]
async fn a_jobmanager_replaced_within_a_look_is_noticed() {
    let flink = Server::default()
        .with("GET /jobmanager/config", 200, config("one"))
        .with("GET /jobmanager/config", 200, config("two"))
        .with("GET /overview", 200, json!({"slots-total": 4, "slots-available": 2}))
        .with("GET /jobs/overview", 200, json!({"jobs": []}));
    assert!(is_unknown(&rest(&flink).await.look().await.unwrap_err(), "flink-web-one before, standalone:"));
    let flink = Server::default().with("GET /jobmanager/config", 200, json!([]));
    assert!(is_unknown(&rest(&flink).await.look().await.unwrap_err(), "web.tmpdir"));
}

/// A new JobManager at the old address knows none of the jobs: that says nothing about them.
#[tokio::test]
async fn absence_counts_only_where_the_job_was_looked_for_before() {
    let flink = Server::default()
        .with("GET /jobmanager/config", 200, config("one"))
        .with("GET /jobmanager/config", 200, config("one"))
        .with("GET /jobmanager/config", 200, config("two"))
        .with("GET /overview", 200, json!({"slots-total": 4, "slots-available": 2}))
        .with("GET /jobs/overview", 200, json!({"jobs": []}));
    let cluster = rest(&flink).await;
    let look = cluster.look().await.unwrap();
    assert!(is_unknown(&cluster.job(id(1)).await.unwrap_err(), "the JobManager was replaced meanwhile"));
    let after = FlinkRest::new(cluster.endpoint().clone(), LIMITS).unwrap();
    assert!(after.is_over(&look.epoch).await.unwrap());
    assert!(!after.is_over(&after.epoch().await.unwrap()).await.unwrap());
}

/// What ran at another address is over once nobody listens there, or another process does.
#[tokio::test]
async fn a_life_at_another_address_is_over_only_with_a_proof() {
    let other = rest(&Server::default().with("GET /jobmanager/config", 200, config("one"))).await;
    let cluster = rest(&Server::default().with("GET /jobmanager/config", 200, config("two"))).await;
    let life = |address: &str, process: &str| Epoch::Standalone { address: address.into(), process: process.into() };
    let there = other.endpoint().to_string();
    assert!(!cluster.is_over(&life(&there, "flink-web-one")).await.unwrap());
    assert!(cluster.is_over(&life(&there, "flink-web-zero")).await.unwrap());
    assert!(cluster.is_over(&life("127.0.0.1:1", "flink-web-one")).await.unwrap());
    let session = Epoch::Yarn { application: "application_1_2".into(), attempt: 1 };
    assert!(!cluster.is_over(&session).await.unwrap());
}

/// The host may be cut off, or hang, while its JobManager and the job run on.
#[tokio::test]
async fn a_host_that_cannot_be_reached_proves_nothing() {
    let cluster = rest(&Server::default().with("GET /jobmanager/config", 200, config("two"))).await;
    // Nobody takes what waits to be accepted: once that is full, a connection is neither made nor refused.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let hangs = socket.listen(1).unwrap();
    let address = hangs.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(made) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(made.unwrap());
    }
    // No single host has the second address: the system refuses to connect, nobody there does.
    for there in [address.to_string().as_str(), "255.255.255.255:8081", "not an address"] {
        let life = Epoch::Standalone { address: there.into(), process: "flink-web-one".into() };
        assert!(!cluster.is_over(&life).await.unwrap(), "{there}");
    }
}

#[tokio::test]
async fn a_state_that_is_not_known_is_named() {
    let flink = Server::default().with("GET /jobs/overview", 200, json!({"jobs": [job(1, "DREAM\u{7}ING", 7)]}));
    assert!(is_unknown(&rest(&flink).await.job(id(2)).await.unwrap_err(), "`DREAM ING`"));
}

#[tokio::test]
async fn a_stop_is_asked_for_under_its_trigger() {
    let path = format!("POST /jobs/{}/stop", id(1));
    let flink = Server::default()
        .with(&path, 202, json!({"request-id": id(9)}))
        .with(
            &path,
            400,
            errors("org.apache.flink.runtime.rest.handler.RestHandlerException: Config key [x] is not set."),
        )
        .with(&path, 503, "Service temporarily unavailable");
    let cluster = rest(&flink).await;
    cluster.stop(id(1), trigger(9), "file:/sp").await.unwrap();
    let body: Value = serde_json::from_str(&flink.asked.lock().unwrap()[0].2).unwrap();
    assert_eq!(body, json!({"targetDirectory": "file:/sp", "drain": false, "triggerId": id(9)}));
    let refused = cluster.stop(id(1), trigger(9), "file:/sp").await.unwrap_err();
    assert!(matches!(refused, OutsideError::Refused { .. }));
    assert!(refused.to_string().ends_with("RestHandlerException: Config key [x] is not set."), "{refused}");
    assert!(is_unknown(
        &cluster.stop(id(1), trigger(9), "file:/sp").await.unwrap_err(),
        "Service temporarily unavailable"
    ));
}

#[tokio::test]
async fn a_savepoint_without_a_stop_is_asked_for_under_its_trigger() {
    let path = format!("POST /jobs/{}/savepoints", id(1));
    let flink = Server::default().with(&path, 202, json!({"request-id": id(9)})).with(
        &path,
        503,
        "Service temporarily unavailable",
    );
    let cluster = rest(&flink).await;
    cluster.savepoint(id(1), trigger(9), "file:/sp").await.unwrap();
    let body: Value = serde_json::from_str(&flink.asked.lock().unwrap()[0].2).unwrap();
    assert_eq!(body, json!({"target-directory": "file:/sp", "cancel-job": false, "triggerId": id(9)}));
    let error = cluster.savepoint(id(1), trigger(9), "file:/sp").await.unwrap_err();
    assert!(is_unknown(&error, "Service temporarily unavailable"));
}

#[tokio::test]
async fn how_a_stop_stands_is_read_from_whatever_flink_sends() {
    let path = format!("GET /jobs/{}/savepoints/{}", id(1), id(9));
    // As recorded: the wrapper as the class, the trace, and 37 kB (here far more) of a serialised throwable.
    let failure = |trace: &str| {
        json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {
            "class": "java.util.concurrent.CompletionException", "stack-trace": trace,
            "serialized-throwable": "rO0ABXNy".repeat(200_000)}}})
    };
    let gone = "java.util.concurrent.CompletionException: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (01)\n\
                \tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(CompletableFuture.java:332)\n\
                Caused by: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (01)\n\t... 31 more\n";
    let directory = "java.util.concurrent.CompletionException: org.apache.flink.runtime.checkpoint.CheckpointException: An Exception occurred while triggering the checkpoint. IO-problem detected.\n\
                \tat java.base/java.util.concurrent.CompletableFuture.encodeRelay(CompletableFuture.java:368)\n\
                Caused by: org.apache.flink.runtime.checkpoint.CheckpointException: An Exception occurred while triggering the checkpoint. IO-problem detected.\n\
                \tat org.apache.flink.X.y(X.java:1)\n\
                Caused by: java.io.IOException: Failed to create savepoint directory at file:/proc/none/x\n\t... 12 more\n";
    let flink = Server::default()
        .with(&path, 200, json!({"status": {"id": "IN_PROGRESS"}, "operation": null}))
        .with(
            &path,
            200,
            json!({"status": {"id": "COMPLETED"}, "operation": {"location": "file:/sp/savepoint-010101-33470797b588"}}),
        )
        .with(&path, 200, failure(gone))
        .with(&path, 200, failure(directory))
        .with(&path, 200, failure(""))
        .with(&path, 404, errors("org.x.RestHandlerException: There is no savepoint operation with triggerId=09"))
        .with(&path, 500, errors("org.x.RestHandlerException: Internal server error."));
    let cluster = rest(&flink).await;
    let failed = |class: &str, message: &str| StopStatus::Failed { class: class.into(), message: message.into() };
    for expected in [
        StopStatus::InProgress,
        StopStatus::Completed("file:/sp/savepoint-010101-33470797b588".into()),
        failed("FlinkJobNotFoundException", "Could not find Flink job (01)"),
        failed(
            "CheckpointException",
            "An Exception occurred while triggering the checkpoint. IO-problem detected., caused by IOException: Failed to create savepoint directory at file:/proc/none/x",
        ),
        failed("CompletionException", ""),
        StopStatus::Forgotten,
    ] {
        assert_eq!(cluster.stop_status(id(1), trigger(9)).await.unwrap(), expected);
    }
    assert!(is_unknown(&cluster.stop_status(id(1), trigger(9)).await.unwrap_err(), "Internal server error."));
}

#[tokio::test]
async fn cancelling_what_has_ended_is_fine() {
    let path = format!("PATCH /jobs/{}?mode=cancel", id(1));
    let flink = Server::default()
        .with(&path, 202, "{}")
        .with(&path, 404, errors("org.x.RestHandlerException: Job could not be found."))
        .with(&path, 409, errors("org.x.RestHandlerException: Job cancellation failed because the job has already reached another terminal state (FINISHED)."))
        .with(&path, 500, errors("org.x.RestHandlerException: Job cancellation timed out."));
    let cluster = rest(&flink).await;
    for _ in 0..3 {
        cluster.cancel(id(1)).await.unwrap();
    }
    assert!(is_unknown(&cluster.cancel(id(1)).await.unwrap_err(), "timed out"));
}

#[tokio::test]
async fn failures_and_restarts_are_told_in_short() {
    let exceptions = format!("GET /jobs/{}/exceptions?maxExceptions=1", id(1));
    let trace = "java.lang.ArithmeticException: / by zero\n\tat StreamExecCalc$5.processElement(Unknown Source)\n";
    let older = json!({"exceptionName": "x.Y", "stacktrace": "x.Y: older", "timestamp": 1});
    let newest = json!({"exceptionName": "java.lang.ArithmeticException", "stacktrace": trace, "timestamp": 2, "taskName": null});
    let metrics = format!("GET /jobs/{}/metrics?get=numRestarts", id(1));
    let flink = Server::default()
        .with(&exceptions, 200, json!({"root-exception": trace, "timestamp": 2, "all-exceptions": [], "truncated": false,
            "exceptionHistory": {"entries": [older, newest], "truncated": true}}))
        .with(&exceptions, 200, json!({"root-exception": null, "timestamp": null, "all-exceptions": [], "exceptionHistory": {"entries": []}}))
        .with(&exceptions, 404, errors("org.x.NotFoundException: Job 01 not found"))
        .with(&metrics, 200, "[]")
        .with(&metrics, 200, json!([{"id": "numRestarts", "value": "3"}]));
    let cluster = rest(&flink).await;
    assert_eq!(cluster.failure(id(1)).await.unwrap().as_deref(), Some("ArithmeticException: / by zero"));
    assert_eq!(cluster.failure(id(1)).await.unwrap(), None);
    assert_eq!(cluster.failure(id(1)).await.unwrap(), None);
    assert_eq!(cluster.restarts(id(1)).await.unwrap(), None);
    assert_eq!(cluster.restarts(id(1)).await.unwrap(), Some(3));
}

#[tokio::test]
async fn no_answer_within_the_limit_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(300) };
    let cluster = FlinkRest::new(address.to_string().parse().unwrap(), limits).unwrap();
    let began = Instant::now();
    assert!(is_unknown(&cluster.look().await.unwrap_err(), "operation timed out"));
    assert!(is_unknown(&cluster.stop(id(1), trigger(2), "x").await.unwrap_err(), "operation timed out"));
    assert!(is_unknown(&cluster.cancel(id(1)).await.unwrap_err(), "operation timed out"));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(listener);
    assert!(is_unknown(&cluster.job(id(1)).await.unwrap_err(), "refused"));
}

#[tokio::test]
async fn an_answer_without_end_or_sense_is_unknown() {
    let endless = format!("[{}]", " ".repeat(9 * 1024 * 1024));
    let flink = Server::default()
        .with("GET /jobs/overview", 200, endless)
        .with("GET /jobs/overview", 200, "<html>proxy</html>")
        .with("GET /jobs/overview", 403, "<html>\u{1b}no</html>".repeat(50_000));
    let cluster = rest(&flink).await;
    assert!(is_unknown(&cluster.job(id(1)).await.unwrap_err(), "longer than"));
    assert!(is_unknown(&cluster.job(id(1)).await.unwrap_err(), "expected value"));
    let refused = cluster.job(id(1)).await.unwrap_err();
    assert!(
        matches!(&refused, OutsideError::Refused { message, .. } if message.len() < 1200 && !message.contains('\u{1b}'))
    );
}

/// A job's exception quotes its configuration; what is cut or made one line first would show a part of it.
#[tokio::test]
async fn nothing_that_flink_says_holds_a_secret() {
    let password = "hunter2 and a second\nline of it";
    let secrets = Secrets::new([password.to_owned(), "x".repeat(900)]);
    let trace = format!("java.lang.X: {} url jdbc:p={password}\n\tat a.B.c(D.java:1)\n", "x".repeat(900));
    let exceptions = format!("GET /jobs/{}/exceptions?maxExceptions=1", id(1));
    let status = format!("GET /jobs/{}/savepoints/{}", id(1), id(2));
    let history = |name: &str, trace: &str| json!({"exceptionHistory": {"entries": [{"exceptionName": name, "stacktrace": trace, "timestamp": 2}]}});
    let failed = json!({"status": {"id": "COMPLETED"}, "operation":
        {"failure-cause": {"class": "org.x.CheckpointException", "stack-trace": format!("org.x.CheckpointException: no\nCaused by: {trace}")}}});
    let flink = Server::default()
        .with(&exceptions, 200, history("", &trace))
        .with(&exceptions, 200, history("p=hunter2 and a second", ""))
        .with(&exceptions, 200, json!({"root-exception": trace}))
        .with(&exceptions, 400, errors(&trace))
        .with(&status, 200, failed)
        .with(&format!("PATCH /jobs/{}?mode=cancel", id(1)), 500, errors("p=hunter2 and a second"));
    let cluster = rest(&flink).await.with_secrets(&secrets);
    for _ in 0..3 {
        let told = cluster.failure(id(1)).await.unwrap().unwrap();
        assert!(told.contains("p=***") && !told.contains("hunter2") && !told.contains("xxx"), "{told}");
    }
    let OutsideError::Refused { message, .. } = cluster.failure(id(1)).await.unwrap_err() else { panic!() };
    assert!(message.contains("p=***") && !message.contains("hunter2"), "{message}");
    let StopStatus::Failed { message, .. } = cluster.stop_status(id(1), trigger(2)).await.unwrap() else { panic!() };
    assert!(message.contains("p=***") && !message.contains("hunter2"), "{message}");
    assert!(is_unknown(&cluster.cancel(id(1)).await.unwrap_err(), "p=***"));
}
