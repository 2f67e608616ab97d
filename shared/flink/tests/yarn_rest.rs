//! Finding the session and reading the ResourceManager, against its recorded answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake;

use std::time::Duration;

use control::ports::{Cluster, OutsideError};
use control::session::{Life, SessionSeen, SessionSelector};
use fake::Server;
use flink::http::Timeouts;
use flink::target::{DeploymentTarget, YarnTarget};
use flink::yarn_rest::YarnRest;
use lifecycle::endpoint::Endpoint;
use lifecycle::flink::{Epoch, Slots};
use serde_json::{Value, json};

const LIMITS: Timeouts = Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(500) };
const APPS: &str =
    "GET /ws/v1/cluster/apps?states=NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING&applicationTypes=Apache%20Flink";
const INFO: &str = "GET /ws/v1/cluster/info";
const NAME: &str = "Flink session cluster";

fn named(name: &str) -> SessionSelector {
    SessionSelector::Named(name.to_owned())
}

/// As recorded on Hadoop 3.4.1, the fields that are not read left out.
fn app(number: u32, name: &str, state: &str, jobmanager: &Endpoint) -> Value {
    let mut app = json!({
        "id": format!("application_1795420459345_000{number}"), "user": "root", "name": name, "state": state,
        "finalStatus": "UNDEFINED", "trackingUI": "ApplicationMaster", "clusterId": 1_795_420_459_345_u64,
        "applicationType": "Apache Flink",
        "amContainerLogs": format!("http://localhost:8042/node/containerlogs/container_1795420459345_000{number}_02_000001/root"),
    });
    if state == "RUNNING" || state == "FINISHED" {
        app["amRPCAddress"] = json!(jobmanager.to_string());
    }
    app
}

/// As recorded, the fields that are not read left out.
fn info(started: u64, store: &str, state: &str) -> Value {
    let name = format!("org.apache.hadoop.yarn.server.resourcemanager.recovery.{store}");
    json!({"clusterInfo": {
        "id": started, "startedOn": started, "state": "STARTED", "haState": state, "rmStateStoreName": name,
    }})
}

fn active() -> Value {
    info(1_795_420_459_345, "FileSystemRMStateStore", "ACTIVE")
}

fn nowhere() -> Endpoint {
    "127.0.0.1:1".parse().unwrap()
}

async fn yarn(server: &Server) -> YarnRest {
    YarnRest::new(&[server.serve().await], LIMITS).unwrap()
}

async fn seen(apps: Value, selector: &SessionSelector) -> SessionSeen {
    let server = Server::default().with(APPS, 200, json!({"apps": apps})).with(INFO, 200, active());
    yarn(&server).await.session(selector).await.unwrap()
}

#[tokio::test]
async fn exactly_one_session_of_exactly_this_name() {
    let apps =
        json!({"app": [app(1, NAME, "RUNNING", &nowhere()), app(2, "Flink session cluster 2", "RUNNING", &nowhere())]});
    let SessionSeen::Running(session) = seen(apps, &named(NAME)).await else { panic!("not found") };
    assert_eq!((session.application.as_str(), session.attempt), ("application_1795420459345_0001", 2));
    assert_eq!(session.endpoint, nowhere());
    // Nothing is there: Hadoop writes either.
    for none in [Value::Null, json!({}), json!({"app": []})] {
        assert_eq!(seen(none, &named(NAME)).await, SessionSeen::Absent { others: Vec::new() });
    }
    let twins = json!({"app": [app(1, NAME, "RUNNING", &nowhere()), app(2, NAME, "ACCEPTED", &nowhere())]});
    let SessionSeen::Several(all) = seen(twins.clone(), &named(NAME)).await else { panic!("not several") };
    assert_eq!(all[1], "application_1795420459345_0002 `Flink session cluster` of root (ACCEPTED)");
    let by_id = SessionSelector::Application("application_1795420459345_0001".to_owned());
    assert!(matches!(seen(twins, &by_id).await, SessionSeen::Running(_)));
}

#[tokio::test]
async fn an_attempt_that_is_started_has_no_address() {
    let apps = json!({"app": [app(1, NAME, "ACCEPTED", &nowhere())]});
    let starting = SessionSeen::Starting { application: "application_1795420459345_0001".to_owned() };
    assert_eq!(seen(apps, &named(NAME)).await, starting);
}

#[tokio::test]
async fn the_active_manager_is_found_among_several() {
    let standby = Server::default().with(APPS, 307, "This is standby RM. The redirect url is: http://x/");
    let active = Server::default().with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "RUNNING", &nowhere())]}}));
    let addresses = [nowhere(), standby.serve().await, active.serve().await];
    let found = YarnRest::new(&addresses, LIMITS).unwrap().session(&named(NAME)).await.unwrap();
    assert!(matches!(found, SessionSeen::Running(_)));
    let alone = YarnRest::new(&addresses[..2], LIMITS).unwrap().session(&named(NAME)).await.unwrap_err();
    assert!(matches!(alone, OutsideError::Unknown { .. }));
}

/// An application that is not known any more is over where the manager cannot have forgotten a live one.
#[tokio::test]
async fn an_application_is_over_only_with_a_proof() {
    let id = "application_1795420459345_0001";
    let path = format!("GET /ws/v1/cluster/apps/{id}");
    let unknown =
        |info: Value| Server::default().with(&path, 404, json!({"RemoteException": {}})).with(INFO, 200, info);
    let known = |state: &str| Server::default().with(&path, 200, json!({"app": app(1, NAME, state, &nowhere())}));
    for (server, expected) in [
        (known("RUNNING"), Life::Live),
        (known("ACCEPTED"), Life::Live),
        (known("FINISHED"), Life::Over),
        (known("KILLED"), Life::Over),
        (known("FAILED"), Life::Over),
        (unknown(info(1_795_420_459_345, "NullRMStateStore", "ACTIVE")), Life::Over),
        (unknown(info(1_795_429_999_999, "FileSystemRMStateStore", "ACTIVE")), Life::Over),
        (unknown(info(1_795_429_999_999, "NullRMStateStore", "ACTIVE")), Life::Forgotten),
        // For two seconds after its start it answers without having read its state (measured).
        (unknown(info(1_795_429_999_999, "FileSystemRMStateStore", "INITIALIZING")), Life::Forgotten),
    ] {
        assert_eq!(yarn(&server).await.life(id).await.unwrap(), expected);
    }
}

fn flink(attempt: u32) -> Server {
    flink_with(attempt, &[("taskmanager.memory.process.size", "2048m"), ("taskmanager.numberOfTaskSlots", "4")])
}

/// A JobManager that is configured like this.
fn flink_with(attempt: u32, options: &[(&str, &str)]) -> Server {
    let options = options.iter().chain(&[("web.tmpdir", "/tmp/flink-web-1")]);
    let options: Vec<Value> = options.map(|(key, value)| json!({"key": key, "value": value})).collect();
    let log = format!("/logs/application_1795420459345_0001/container_1795420459345_0001_0{attempt}_000001");
    Server::default()
        .with("GET /jobmanager/config", 200, json!(options))
        .with(
            "GET /jobmanager/environment",
            200,
            json!({"jvm": {"version": "17", "options": ["-Xmx1g", format!("-Dlog.file={log}/jobmanager.log")]}, "classpath": []}),
        )
        .with("GET /overview", 200, json!({"slots-total": 4, "slots-available": 1}))
        .with("GET /jobs/overview", 200, json!({"jobs": []}))
}

fn target(manager: Endpoint, wait: u64) -> DeploymentTarget {
    let wait = Duration::from_millis(wait);
    DeploymentTarget::Yarn(YarnTarget {
        managers: vec![manager],
        session: named(NAME),
        wait,
        timeouts: LIMITS,
        tls: None,
    })
}

/// Slots come on demand: what the nodes can still hold counts as free.
#[tokio::test]
async fn a_session_is_waited_for_and_looked_at() {
    let jobmanager = flink(2).serve().await;
    let manager = Server::default()
        .with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "ACCEPTED", &jobmanager)]}}))
        .with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "RUNNING", &jobmanager)]}}))
        .with(
            "GET /ws/v1/cluster/nodes?states=RUNNING",
            200,
            json!({"nodes": {"node": [{"availMemoryMB": 4100}, {"availMemoryMB": 2047}, {"availMemoryMB": 2048}]}}),
        );
    let cluster = target(manager.serve().await, 5_000).resolve().await.unwrap();
    let look = cluster.look().await.unwrap();
    assert_eq!(look.epoch, Epoch::Yarn { application: "application_1795420459345_0001".to_owned(), attempt: 2 });
    assert_eq!(look.slots, Some(Slots { total: 16, free: 13 }));
    assert!(
        cluster
            .is_over(&Epoch::Yarn { application: "application_1795420459345_0001".to_owned(), attempt: 1 })
            .await
            .unwrap()
    );
}

/// As Flink reads its own configuration: a task manager gives one slot where nothing else is set.
#[tokio::test]
async fn what_can_still_be_granted_is_counted_in_slots_of_its_task_managers() {
    let memory = ("taskmanager.memory.process.size", "2048m");
    for (options, expected) in [
        (&[memory, ("taskmanager.numberOfTaskSlots", "4")][..], Some(Slots { total: 16, free: 13 })),
        (&[memory, ("taskmanager.numberOfTaskSlots", " 2 ")], Some(Slots { total: 10, free: 7 })),
        (&[memory], Some(Slots { total: 7, free: 4 })),
        // Nobody knows how many fit: nothing is said of slots, and nothing waits for them.
        (&[memory, ("taskmanager.numberOfTaskSlots", "many")], None),
        (&[("taskmanager.numberOfTaskSlots", "4")], None),
    ] {
        let jobmanager = flink_with(2, options).serve().await;
        let nodes =
            json!({"nodes": {"node": [{"availMemoryMB": 4100}, {"availMemoryMB": 2047}, {"availMemoryMB": 2048}]}});
        let manager = Server::default()
            .with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "RUNNING", &jobmanager)]}}))
            .with("GET /ws/v1/cluster/nodes?states=RUNNING", 200, nodes);
        let cluster = target(manager.serve().await, 0).resolve().await.unwrap();
        assert_eq!(cluster.look().await.unwrap().slots, expected, "{options:?}");
    }
}

/// The ResourceManager shows an attempt that just ended for a moment: whoever answers there is not spoken to.
#[tokio::test]
async fn another_attempt_at_the_address_is_not_taken() {
    let jobmanager = flink(1).serve().await;
    let manager = Server::default().with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "RUNNING", &jobmanager)]}}));
    let error = target(manager.serve().await, 0).resolve().await.unwrap_err();
    let OutsideError::Unknown { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("attempt 1 of application_1795420459345_0001 answers"), "{source}");
}

#[tokio::test]
async fn several_or_no_sessions_are_refused_with_a_list() {
    let other = json!({"apps": {"app": [app(7, "other", "RUNNING", &nowhere())]}});
    let manager = Server::default().with(APPS, 200, other).with(INFO, 200, active()).serve().await;
    let OutsideError::Refused { what, message } = target(manager, 0).resolve().await.unwrap_err() else { panic!() };
    assert_eq!(what, "find the Flink session `Flink session cluster` on YARN");
    assert!(message.contains("application_1795420459345_0007 `other` of root (RUNNING)"), "{message}");
    let twins = json!({"apps": {"app": [app(1, NAME, "RUNNING", &nowhere()), app(2, NAME, "RUNNING", &nowhere())]}});
    let manager = Server::default().with(APPS, 200, twins).serve().await;
    let OutsideError::Refused { message, .. } = target(manager, 60_000).resolve().await.unwrap_err() else { panic!() };
    assert!(message.contains("_0001") && message.contains("_0002") && message.contains("--session-id"), "{message}");
}

/// A ResourceManager that is being started lists nothing: nothing is concluded from that.
#[tokio::test]
async fn a_manager_that_has_not_read_its_state_is_waited_for() {
    let jobmanager = flink(2).serve().await;
    let manager = Server::default()
        .with(APPS, 200, json!({"apps": {}}))
        .with(APPS, 200, json!({"apps": {"app": [app(1, NAME, "RUNNING", &jobmanager)]}}))
        .with(INFO, 200, info(1_795_429_999_999, "FileSystemRMStateStore", "INITIALIZING"))
        .with("GET /ws/v1/cluster/nodes?states=RUNNING", 200, json!({"nodes": {}}));
    let cluster = target(manager.serve().await, 5_000).resolve().await.unwrap();
    assert_eq!(cluster.look().await.unwrap().slots, None, "what it can grant is not known yet");
}

#[tokio::test]
async fn a_manager_that_hangs_is_waited_for_within_the_budget() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let manager = listener.local_addr().unwrap().to_string().parse().unwrap();
    let began = std::time::Instant::now();
    let error = target(manager, 1_000).resolve().await.unwrap_err();
    assert!(matches!(error, OutsideError::Unknown { .. }));
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(4));
}
