//! The submitter against a `flink` that speaks the protocol, refuses, dies, hangs or talks nonsense.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use control::ports::{OutsideError, Prepared, Submitted, Submitter};
use lifecycle::ids::{Digest, Hex32, JobId};
use lifecycle::manifest::JobName;
use lifecycle::plan::{Launch, LaunchKind, LaunchStatement};
use serde_json::{Value, json};
use step_runner::process::Secrets;
use step_runner::submitter::{FlinkRunSubmitter, Options};

/// Does what the job's name or the restored path says.
const FAKE: &str = r#"#!/usr/bin/env python3
import json, os, socket, sys, time
here = os.path.dirname(os.path.abspath(__file__))
def note(value):
    with open(here + "/notes", "a") as notes:
        notes.write(json.dumps(value) + "\n")
def die(code):
    print("the JVM is out of hunter2", file=sys.stderr)
    sys.exit(code)
note({"argv": sys.argv[1:], "jvm": os.environ["JVM_ARGS"], "pid": os.getpid(), "script": open(sys.argv[-1]).read()})
mode = open(here + "/mode").read()
if mode == "dies": die(1)
if mode == "mute": time.sleep(60)
runner = socket.socket(socket.AF_UNIX)
runner.connect(os.environ["FLINK_SQL_RUNNER_SOCKET"])
lines = runner.makefile("r")
def say(value):
    runner.sendall((value if isinstance(value, str) else json.dumps(value)).encode() + b"\n")
say({"hello": 2 if mode == "newer" else 1, "flink": "1.20.1", "python": "3.11"})
for line in lines:
    request = json.loads(line)
    note(request)
    answer = {"id": request["id"], "ok": True}
    act = request["job"]["name"] if request["op"] == "prepare" else request.get("restore")
    if act == "good": answer["bounded"] = True
    if act == "bad": answer.update(ok=False, error={"kind": "query", "origin": None, "message": "no hunter2\x1b\nhere", "line": 3, "column": 7})
    if act == "lost": answer.update(ok=False, error={"kind": "unreachable", "message": "Connection refused"})
    if act == "dup": answer.update(ok=False, error={"kind": "duplicate-job-id", "message": "Job has already been submitted."})
    if act == "no-state": answer.update(ok=False, error={"kind": "restore", "origin": None, "message": "Cannot find\nit", "line": None, "column": None})
    if act == "die": die(7)
    if act == "hang": time.sleep(60)
    if act == "nonsense": answer = "no JSON"
    if act == "other": answer["id"] = 99
    say(answer)
    if request["op"] == "exit": break
"#;

struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let flink = directory.path().join("flink");
        std::fs::write(&flink, FAKE).unwrap();
        std::fs::set_permissions(&flink, std::fs::Permissions::from_mode(0o700)).unwrap();
        let stage = Self { directory };
        stage.mode("");
        stage
    }

    fn mode(&self, mode: &str) {
        std::fs::write(self.directory.path().join("mode"), mode).unwrap();
    }

    fn options(&self) -> Options {
        let jobmanager = "localhost:8081".parse().unwrap();
        let mut options = Options::new(self.directory.path().join("flink"), "python3", jobmanager);
        self.directory.path().clone_into(&mut options.scratch);
        options.passthrough = vec!["-Dx=a b".to_owned()];
        options.secrets = Secrets::new(["hunter2".to_owned()]);
        options.limits.start = Duration::from_secs(30);
        options.limits.prepare = Duration::from_secs(3);
        options.limits.submit = Duration::from_secs(3);
        options
    }

    fn submitter(&self) -> FlinkRunSubmitter {
        FlinkRunSubmitter::new(self.options())
    }

    fn notes(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.path().join("notes")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn starts(&self) -> Vec<i64> {
        self.notes().iter().filter_map(|note| note["pid"].as_i64()).collect()
    }

    fn asked(&self) -> Vec<String> {
        self.notes().iter().filter_map(|note| note["op"].as_str().map(str::to_owned)).collect()
    }
}

fn id(n: u8) -> JobId {
    Hex32::from_bytes([n; 16])
}

fn launch(name: &str) -> Launch {
    Launch {
        name: JobName::try_from(name.to_owned()).unwrap(),
        version: 1,
        query_id: "q".into(),
        created: "2024-01-01 00:00:00".into(),
        kind: LaunchKind::Sql,
        statements: vec![LaunchStatement { origin: "tables/a.sql:1".into(), sql: "CREATE TABLE a".into() }],
        body: "SELECT 1".into(),
        insert: "INSERT INTO t SELECT * FROM v".into(),
        properties: BTreeMap::from([("pipeline.name".into(), name.into())]),
        slots: 1,
        target: Digest::of(b"t"),
    }
}

fn unknown(error: &OutsideError) -> String {
    assert!(matches!(error, OutsideError::Unknown { .. }), "{error}");
    error.source().unwrap().to_string()
}

fn is_alive(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

const COMPILED: Prepared = Prepared::Compiled { bounded: None };

#[tokio::test]
async fn one_client_prepares_and_submits_and_leaves() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    assert!(stage.starts().is_empty());
    assert_eq!(submitter.prepare(id(1), &launch("good")).await.unwrap(), Prepared::Compiled { bounded: Some(true) });
    let Prepared::Rejected(rejection) = submitter.prepare(id(2), &launch("bad")).await.unwrap() else { panic!() };
    assert_eq!((rejection.kind.as_str(), rejection.line, rejection.column), ("query", Some(3), Some(7)));
    assert_eq!(rejection.message, "no *** \nhere");
    assert_eq!(submitter.submit(id(1), id(11), Some("file:/sp")).await.unwrap(), Submitted::Accepted);
    assert_eq!(submitter.submit(id(1), id(11), Some("dup")).await.unwrap(), Submitted::Duplicate);
    assert_eq!(
        submitter.submit(id(1), id(11), Some("no-state")).await.unwrap(),
        Submitted::Rejected("Cannot find it".into())
    );
    assert!(unknown(&submitter.submit(id(1), id(11), Some("lost")).await.unwrap_err()).contains("Connection refused"));
    assert!(unknown(&submitter.prepare(id(3), &launch("lost")).await.unwrap_err()).contains("Connection refused"));
    submitter.forget(id(1)).await;
    submitter.shutdown().await;

    let notes = stage.notes();
    let argv: Vec<&str> = notes[0]["argv"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let head = [
        "run",
        "-t",
        "remote",
        "-Drest.address=localhost",
        "-Drest.port=8081",
        "-Dhigh-availability.type=NONE",
        "-pyclientexec",
        "python3",
        "-pyexec",
        "python3",
        "-Dx=a b",
        "-py",
    ];
    assert_eq!(argv[..12], head);
    assert_eq!(notes[0]["jvm"], "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC");
    assert!(notes[0]["script"].as_str().unwrap().contains("FLINK_SQL_RUNNER_SOCKET"));
    let job = json!({"name": "good", "kind": "sql", "properties": {"pipeline.name": "good"}, "query": "SELECT 1", "code": null,
        "insert": "INSERT INTO t SELECT * FROM v", "statements": [{"origin": "tables/a.sql:1", "sql": "CREATE TABLE a"}]});
    assert_eq!(notes[1], json!({"id": 1, "op": "prepare", "key": id(1), "job": job}));
    assert_eq!(notes[3], json!({"id": 3, "op": "submit", "key": id(1), "job_id": id(11), "restore": "file:/sp"}));
    assert_eq!(stage.asked().last().map(String::as_str), Some("exit"));
    let starts = stage.starts();
    assert!(starts.len() == 1 && !is_alive(starts[0]));
    let left: Vec<_> = std::fs::read_dir(stage.directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("fsr-")), "{left:?}");
}

#[tokio::test]
async fn a_client_that_dies_leaves_an_unknown_outcome_and_is_replaced() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    assert_eq!(submitter.prepare(id(1), &launch("job")).await.unwrap(), COMPILED);
    let why = unknown(&submitter.prepare(id(2), &launch("die")).await.unwrap_err());
    assert!(why.contains("exit status: 7") || why.contains("hung up"), "{why}");
    assert!(why.contains("out of ***") && !why.contains("hunter2"), "{why}");
    // What another job did to the client costs this one nothing: it is prepared again, then submitted.
    assert_eq!(submitter.submit(id(1), id(11), None).await.unwrap(), Submitted::Accepted);
    assert_eq!(stage.asked(), ["prepare", "prepare", "prepare", "submit"]);
    let why = unknown(&submitter.submit(id(1), id(12), Some("die")).await.unwrap_err());
    assert!(why.contains("out of ***"), "{why}");
    assert_eq!(submitter.prepare(id(3), &launch("job")).await.unwrap(), COMPILED);
    assert_eq!(stage.starts().len(), 3);
}

#[tokio::test]
async fn a_client_that_dies_between_requests_is_replaced_unnoticed() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    assert_eq!(submitter.prepare(id(1), &launch("job")).await.unwrap(), COMPILED);
    let pid = i32::try_from(stage.starts()[0]).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
    while is_alive(pid.into()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(submitter.submit(id(1), id(11), None).await.unwrap(), Submitted::Accepted);
    assert_eq!(stage.asked(), ["prepare", "prepare", "submit"]);
}

#[tokio::test]
async fn a_late_answer_is_no_answer_and_its_client_is_killed() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    let began = Instant::now();
    let why = unknown(&submitter.prepare(id(1), &launch("hang")).await.unwrap_err());
    assert!(why.contains("did not answer in time") && began.elapsed() < Duration::from_secs(20), "{why}");
    assert!(!is_alive(stage.starts()[0]));
    assert_eq!(submitter.prepare(id(1), &launch("good")).await.unwrap(), Prepared::Compiled { bounded: Some(true) });
}

#[tokio::test]
async fn an_answer_that_is_none_is_unknown() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    for (name, said) in [("nonsense", "no answer"), ("other", "answered request 99")] {
        let why = unknown(&submitter.prepare(id(1), &launch(name)).await.unwrap_err());
        assert!(why.contains(said), "{why}");
    }
    assert!(stage.starts().iter().all(|pid| !is_alive(*pid)));
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_the_client_along() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    submitter.warm_up().await.unwrap();
    let hung = launch("hang");
    assert!(tokio::time::timeout(Duration::from_millis(300), submitter.prepare(id(1), &hung)).await.is_err());
    assert_eq!(submitter.prepare(id(1), &launch("job")).await.unwrap(), COMPILED);
    let starts = stage.starts();
    assert!(starts.len() == 2 && !is_alive(starts[0]));
}

#[tokio::test]
async fn what_was_never_prepared_is_not_submitted() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    let why = unknown(&submitter.submit(id(1), id(11), None).await.unwrap_err());
    assert!(why.contains("not prepared here: nothing was sent"), "{why}");
    submitter.prepare(id(1), &launch("bad")).await.unwrap();
    assert!(submitter.submit(id(1), id(11), None).await.is_err());
    assert_eq!(stage.asked(), ["prepare"]);
}

#[tokio::test]
async fn a_client_that_does_not_start_is_told() {
    let stage = Stage::new();
    stage.mode("dies");
    let why = unknown(&stage.submitter().warm_up().await.unwrap_err());
    assert!(why.contains("exit status: 1") && why.contains("out of ***"), "{why}");
    stage.mode("newer");
    assert!(unknown(&stage.submitter().warm_up().await.unwrap_err()).contains("protocol 2"));
    stage.mode("mute");
    let mut options = stage.options();
    options.limits.start = Duration::from_secs(1);
    let why = unknown(&FlinkRunSubmitter::new(options.clone()).warm_up().await.unwrap_err());
    assert!(why.contains("did not say hello"), "{why}");
    options.flink = "/nowhere/flink".into();
    let error = FlinkRunSubmitter::new(options).warm_up().await.unwrap_err();
    assert!(matches!(&error, OutsideError::Refused { .. }) && error.to_string().contains("/nowhere/flink"), "{error}");
    assert!(stage.starts().iter().all(|pid| !is_alive(*pid)));
}
