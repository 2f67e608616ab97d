//! YARN's answers made nasty: read without a panic, in linear time, told in lines that steer no terminal.
//! Must not know how an answer is fetched.

use fuzz::drive::fuzz;
use fuzz::growth::{is_linear, repeats};
use fuzz::seeds::texts;
use serde::de::DeserializeOwned;

use super::answers::{Applications, Cluster, Nodes, One, Setting, attempt_of_container};

/// The most that is read of an answer is 8 MiB.
const LONGEST: usize = 4 * 1024 * 1024;

const YARN: &[&str] = &[
    r#"{"apps":{"app":[{"id":"application_1_0001","name":"Flink session cluster","user":"hadoop","state":"RUNNING",
    "amRPCAddress":"ip-10-0-0-1:38081","amContainerLogs":"http://a:8042/node/containerlogs/container_e08_1_0001_01_000001/hadoop",
    "diagnostics":"a.B: c\n\tat d"}]}}"#,
    r#"{"apps":null}"#,
    r#"{"app":{"id":"application_1_0001","state":"KILLED","diagnostics":"Killed by user"}}"#,
    r#"{"clusterInfo":{"startedOn":1,"rmStateStoreName":"org.x.NullRMStateStore","haState":"ACTIVE"}}"#,
    r#"{"nodes":{"node":[{"availMemoryMB":4096},{"availMemoryMB":-1}]}}"#,
    r#"{"property":{"name":"a","value":"b"}}"#,
];

fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

fn yarn(data: &[u8]) {
    let all = read::<Applications>(data).map(Applications::into_vec).unwrap_or_default();
    for app in all.iter().chain(read::<One>(data).map(|one| one.app).iter()) {
        assert!(!app.told().chars().any(char::is_control));
        let _ = (app.described(), app.is_over(), app.running());
    }
    let _ =
        read::<Cluster>(data).map(|it| (it.is_active(), it.recovers(), it.knows_what_it_started("application_1_1")));
    let _ = (read::<Nodes>(data).map(|nodes| nodes.room_for(0)), read::<Setting>(data).is_some());
    let _ = attempt_of_container(&String::from_utf8_lossy(data));
}

#[test]
fn fuzz_yarn() {
    fuzz("yarn", &texts(YARN), yarn);
}

#[test]
fn fuzz_growth_of_yarn() {
    let answers = [
        repeats("brackets", "{\"apps\":", "[", ""),
        repeats(
            "applications",
            "{\"apps\":{\"app\":[",
            "{\"id\":\"application_1_{n}\",\"state\":\"RUNNING\"},",
            "{}]}}",
        ),
        repeats("nodes", "{\"nodes\":{\"node\":[", "{\"availMemoryMB\":{n}},", "{\"availMemoryMB\":1}]}}"),
        repeats(
            "diagnostics",
            "{\"app\":{\"id\":\"a\",\"state\":\"b\",\"diagnostics\":\"",
            "a.B: c\\nCaused by: ",
            "\"}}",
        ),
        repeats("containers", "", "container_", ""),
        repeats("paths", "", "/container_e1_1_1_", ""),
    ];
    is_linear("yarn", &answers, LONGEST, yarn);
}
