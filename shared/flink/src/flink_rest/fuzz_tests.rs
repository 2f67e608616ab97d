//! Flink's answers made nasty: read without a panic, in linear time, told in lines that steer no terminal.
//! Must not know how an answer is fetched.

use control::secrets::Secrets;
use control::session::RunningSession;
use desired::printable::readable;
use fuzz::drive::fuzz;
use fuzz::growth::{is_linear, repeats};
use fuzz::seeds::texts;
use lifecycle::endpoint::Endpoint;
use lifecycle::flink::JobSeen;
use serde::de::DeserializeOwned;

use super::answers::{CheckpointsAnswer, Exceptions, Metric, Overview, OverviewOfJobs, SavepointAnswer};
use super::configuration::{ConfigEntry, Configuration, Environment};

/// The most that is read of an answer is 8 MiB.
const LONGEST: usize = 4 * 1024 * 1024;

const FLINK: &[&str] = &[
    r#"{"jobs":[{"jid":"0197f0a1b2c37000800000000000b001","name":"a","start-time":1,"end-time":-1,"duration":5,
    "state":"RUNNING","last-modification":2,"tasks":{"total":2,"created":0,"scheduled":0,"running":2,"finished":0}}]}"#,
    r#"{"status":{"id":"COMPLETED"},"operation":{"location":"s3://b/savepoint-1","failure-cause":null}}"#,
    r#"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"java.util.concurrent.CompletionException",
    "stack-trace":"java.util.concurrent.CompletionException: a.B: c\n\tat a.B.c(D.java:1)\nCaused by: a.B: d\n\t... 3 more"}}}"#,
    r#"{"counts":{"completed":3,"in_progress":1},"latest":{"completed":{"id":3,"trigger_timestamp":1,"external_path":
    "s3://b/chk-3"},"savepoint":null,"failed":{"id":4,"failure_message":"IO-problem detected. a.B: c"},"restored":{"id":1,"external_path":"<checkpoint-not-externally-addressable>"}},
    "history":[{"id":3,"status":"IN_PROGRESS","is_savepoint":true}]}"#,
    r#"{"root-exception":"a.B: c\n\tat d","exceptionHistory":{"entries":[{"exceptionName":"a.B","stacktrace":"a.B: c",
    "timestamp":5}],"truncated":false}}"#,
    r#"[{"id":"numRestarts","value":"3"}]"#,
    r#"{"slots-total":4,"slots-available":2,"taskmanagers":1}"#,
    r#"[{"key":"rest.port","value":"8081"},{"key":"taskmanager.memory.process.size","value":"1728m"},
    {"key":"taskmanager.numberOfTaskSlots","value":"4"},{"key":"high-availability.cluster-id","value":"application_1_1"}]"#,
    r#"{"jvm":{"version":"11","options":["-Dlog.file=/var/log/container_1_0001_01_000001/jobmanager.log","-Xmx1g"]}}"#,
    r#"{"errors":["Job 0 not found","org.x.CheckpointException: IO-problem detected.\n\tat a.B.c(D.java:1)\n"]}"#,
];

fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

fn flink(data: &[u8]) {
    let secrets = Secrets::default();
    if let Some(OverviewOfJobs { jobs }) = read(data) {
        let seen: Vec<Result<JobSeen, String>> = jobs.into_iter().map(JobSeen::try_from).collect();
        seen.iter().filter_map(|seen| seen.as_ref().ok()).for_each(|seen| assert_eq!(seen.name, readable(&seen.name)));
    }
    let _ = read::<SavepointAnswer>(data).map(|answer| answer.status(&secrets));
    if let Some(told) = read::<CheckpointsAnswer>(data).and_then(|answer| answer.told(&secrets).failure) {
        assert!(told.lines().count() <= 2 && told.lines().all(|line| line == readable(line)), "{told}");
    }
    if let Some(told) = read::<Exceptions>(data).and_then(|answer| answer.newest(&secrets)) {
        assert!(told.lines().count() <= 2 && told.lines().all(|line| line == readable(line)), "{told}");
    }
    let _ = (read::<Vec<Metric>>(data).is_some(), read::<Overview>(data).is_some());
    let endpoint = Endpoint { host: "a".to_owned(), port: 1 };
    if let Some(entries) = read::<Vec<ConfigEntry>>(data) {
        let configuration = Configuration(entries);
        let _ = (configuration.process(&endpoint), configuration.taskmanager().is_some());
        let _ = configuration.into_options();
    }
    let application = "application_1_0001".to_owned();
    let session = RunningSession { application, attempt: 1, endpoint };
    let _ = read::<Environment>(data).map(|environment| environment.attempt(&session));
}

#[test]
fn fuzz_flink() {
    fuzz("flink", &texts(FLINK), flink);
}

#[test]
fn fuzz_growth_of_flink() {
    let job = r#"{"jid":"0197f0a1b2c37000800000000000b001","name":"a{n}","start-time":1,"state":"RUNNING","last-modification":2},"#;
    let answers = [
        repeats("brackets", "{\"jobs\":", "[", ""),
        repeats("jobs", "{\"jobs\":[", job, "{}]}"),
        repeats("causes", "{\"root-exception\":\"a.B: c", "\\nCaused by: a.B{n}: d", "\"}"),
        repeats("frames", "{\"root-exception\":\"a.B: c", "\\n\\tat a.B.c(D.java:{n})", "\"}"),
        repeats("wrappers", "{\"root-exception\":\"", "java.util.concurrent.CompletionException: ", "\"}"),
        repeats("lines", "{\"root-exception\":\"a", "\\n", "\"}"),
        repeats("options", "{\"jvm\":{\"options\":[", "\"container_e1_1_{n}\",", "\"a\"]}}"),
        repeats("settings", "[", "{\"key\":\"a{n}\",\"value\":\"b\"},", "{\"key\":\"c\"}]"),
        repeats(
            "applications",
            "{\"apps\":{\"app\":[",
            "{\"id\":\"application_1_{n}\",\"state\":\"RUNNING\"},",
            "{}]}}",
        ),
        repeats("containers", "", "container_", ""),
        repeats("paths", "", "/container_e1_1_1_", ""),
    ];
    is_linear("flink", &answers, LONGEST, flink);
}
