//! The submitter against a `flink` that speaks the protocol, refuses, dies, hangs or talks nonsense.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use control::ports::{OutsideError, Prepared, SecretSource, Submitted, Submitter};
use control::secrets::{SecretReader, Secrets};
use desired::digest::Digest;
use desired::launch::{Launch, LaunchKind, LaunchStatement};
use desired::manifest::JobName;
use desired::secrets::{SecretReference, SecretValue};
use flink::submitter::{FlinkRunSubmitter, Options};
use lifecycle::ids::{Hex32, JobId};
use serde_json::{Value, json};

/// Does what the job's name or the restored path says.
const FAKE: &str = r#"#!/usr/bin/env python3
import json, os, socket, sys, time
here = os.path.dirname(os.path.abspath(__file__))
def note(value):
    with open(here + "/notes", "a") as notes:
        notes.write(json.dumps(value) + "\n")
def die(code):
    print("the JVM is out of hunter2\n" + "\tat org.apache.flink.client(Client.java:7)\n" * 200, file=sys.stderr)
    sys.exit(code)
note({"argv": sys.argv[1:], "environment": dict(os.environ), "jvm": os.environ["JVM_ARGS"], "pid": os.getpid(), "script": open(sys.argv[-1]).read()})
mode = open(here + "/mode").read()
if mode == "dies": die(1)
if mode == "mute": time.sleep(60)
if mode == "no-module": die_of = "/usr/bin/python3 has no PyFlink that works: ModuleNotFoundError: No module named 'pyflink'"
runner = socket.socket(socket.AF_UNIX)
runner.connect(os.environ["FLINK_SQL_RUNNER_SOCKET"])
lines = runner.makefile("r")
def say(value):
    runner.sendall((value if isinstance(value, str) else json.dumps(value)).encode() + b"\n")
if mode == "no-module": say({"hello": 1, "python": "3.11", "broken": die_of}); time.sleep(60)
say({"hello": 2 if mode == "newer" else 1, "flink": "1.20.1", "python": "3.11"})
for line in lines:
    request = json.loads(line)
    note(request)
    answer = {"id": request["id"], "ok": True}
    act = request["job"]["name"] if request["op"] == "prepare" else request.get("restore")
    if act == "good": answer["bounded"] = True
    if act == "bad": answer.update(ok=False, error={"kind": "query", "origin": None, "message": "no hunter2\x1b\nhere", "line": 3, "column": 7})
    if act == "wide": answer["slots"] = 7
    if act == "full": answer.update(ok=False, error={"kind": "node", "message": "nothing can be written in /x: No space left on device"})
    if act == "lost": answer.update(ok=False, error={"kind": "unreachable", "message": "Connection refused"})
    if act == "dup": answer.update(ok=False, error={"kind": "duplicate-job-id", "message": "Job has already been submitted."})
    if act == "no-state": answer.update(ok=False, error={"kind": "restore", "origin": None, "message": "Cannot find\nit", "line": None, "column": None})
    if act == "die": die(7)
    if act == "hang": time.sleep(60)
    if act == "nonsense": answer = "no JSON"
    if act == "quotes": answer = {"id": "hunter2", "ok": True}
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
        let secrets = SecretReader::new(Arc::new(Vault::default()), Secrets::new(["hunter2".to_owned()]));
        let mut options = Options::new(self.directory.path().join("flink"), "python3", jobmanager, secrets);
        self.directory.path().clone_into(&mut options.scratch);
        options.passthrough = vec!["-Dx=a b".to_owned()];
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

/// Secret values by what they are referred to as; those that are not there are refused, `down` gives no answer.
#[derive(Default)]
struct Vault {
    values: HashMap<&'static str, &'static str>,
    reads: Mutex<Vec<String>>,
}

#[async_trait]
impl SecretSource for Vault {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        let name = reference.to_string();
        self.reads.lock().unwrap().push(name.clone());
        match self.values.get(name.as_str()) {
            Some(value) => Ok(SecretValue::new(*value)),
            None if name.contains("down") => Err(OutsideError::unknown("reading", "no route to host")),
            None => Err(OutsideError::refused("reading", "ParameterNotFound")),
        }
    }
}

/// A submitter that resolves references, and what it reads from.
fn resolving(stage: &Stage, values: &[(&'static str, &'static str)]) -> (FlinkRunSubmitter, Arc<Vault>, SecretReader) {
    let vault = Arc::new(Vault { values: values.iter().copied().collect(), ..Vault::default() });
    let reader = SecretReader::new(Arc::<Vault>::clone(&vault), Secrets::default());
    let mut options = stage.options();
    options.secrets = reader.clone();
    (FlinkRunSubmitter::new(options), vault, reader)
}

/// A job whose table definition and properties refer to secrets.
fn referring(name: &str, sql: &str, property: &str) -> Launch {
    let mut launch = launch(name);
    launch.statements[0].sql = format!("CREATE TABLE a WITH ('p' = '{sql}')");
    launch.properties.insert("secret".into(), property.into());
    launch
}

fn id(n: u8) -> JobId {
    Hex32::from_bytes([n; 16]).into()
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
        written: None,
    }
}

fn unknown(error: &OutsideError) -> String {
    assert!(matches!(error, OutsideError::Unknown { .. }), "{error}");
    error.source().unwrap().to_string()
}

fn is_alive(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

const COMPILED: Prepared = Prepared::Compiled { bounded: None, slots: None };

#[tokio::test]
async fn one_client_prepares_and_submits_and_leaves() {
    let stage = Stage::new();
    let submitter = stage.submitter();
    assert!(stage.starts().is_empty());
    assert_eq!(
        submitter.prepare(id(1), &launch("good")).await.unwrap(),
        Prepared::Compiled { bounded: Some(true), slots: None }
    );
    let Prepared::Rejected(rejection) = submitter.prepare(id(2), &launch("bad")).await.unwrap() else { panic!() };
    assert_eq!((rejection.kind.as_str(), rejection.line, rejection.column), ("query", Some(3), Some(7)));
    assert_eq!(rejection.message, "no *** \nhere");
    assert_eq!(submitter.submit(id(1), id(11), Some("file:/sp")).await.unwrap(), Submitted::Accepted);
    assert_eq!(submitter.submit(id(1), id(11), Some("dup")).await.unwrap(), Submitted::Duplicate);
    assert_eq!(
        submitter.submit(id(1), id(11), Some("no-state")).await.unwrap(),
        Submitted::Rejected("Cannot find\nit".into())
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
    let jvm = notes[0]["jvm"].as_str().unwrap();
    let home = jvm.strip_prefix("-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir=").unwrap();
    assert!(home.starts_with(&stage.directory.path().join("fsr-").display().to_string()), "{home}");
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
    assert_eq!(
        submitter.prepare(id(1), &launch("good")).await.unwrap(),
        Prepared::Compiled { bounded: Some(true), slots: None }
    );
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
    let why = unknown(&FlinkRunSubmitter::new(options).warm_up().await.unwrap_err());
    assert!(why.contains("/nowhere/flink"), "{why}");
    assert!(stage.starts().iter().all(|pid| !is_alive(*pid)));
}

/// Breaks the options; the path is a file's, where a directory is needed.
type Breaks = fn(&mut Options, std::path::PathBuf);

/// What of a preparation is the node's fault is told as such, with what is broken and the setting that says where it is.
#[tokio::test]
async fn a_broken_node_is_told_with_what_is_broken_and_the_setting() {
    let stage = Stage::new();
    let file = stage.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = |path: &std::path::Path| path.display().to_string();
    let broken: [(&str, Breaks, [String; 2]); 8] = [
        (
            "",
            |options, _| options.flink = "/nowhere/flink".into(),
            ["/nowhere/flink".into(), "FLINK or --flink".into()],
        ),
        ("", |options, file| options.scratch = file, [path(&file), "TMPDIR".into()]),
        ("", |options, file| options.scratch = file.join("x".repeat(90)), ["xxx".into(), "TMPDIR".into()]),
        ("", |options, file| options.log = Some(file.join("log")), [path(&file.join("log")), "STATE_DIRECTORY".into()]),
        ("no-module", |_, _| {}, ["/usr/bin/python3 has no PyFlink".into(), "PYEXEC_PATH".into()]),
        (
            "dies",
            |options, _| options.python = "/venv/python".into(),
            ["the JVM is out of".into(), "/venv/python, set by PYEXEC_PATH".into()],
        ),
        ("newer", |_, _| {}, ["protocol 2".into(), "FLINK or --flink".into()]),
        ("mute", |options, _| options.limits.start = Duration::from_secs(1), ["hello".into(), "FLINK".into()]),
    ];
    for (mode, breaks, said) in broken {
        stage.mode(mode);
        let mut options = stage.options();
        breaks(&mut options, file.clone());
        let prepared = FlinkRunSubmitter::new(options).prepare(id(1), &launch("job")).await.unwrap();
        let Prepared::NodeBroken(why) = prepared else { panic!("{mode}: {prepared:?}") };
        // A record keeps the beginning of an error only.
        let kept: String = why.chars().take(1_000).collect();
        assert!(said.iter().all(|text| kept.contains(text)), "{mode} {said:?}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
    stage.mode("");
    let submitter = stage.submitter();
    let full = submitter.prepare(id(1), &launch("full")).await.unwrap();
    let Prepared::NodeBroken(why) = full else { panic!("{full:?}") };
    assert!(why.contains("written in /x: No space left on device") && why.contains("TMPDIR"), "{why}");
    // Nothing is known of a submission that the node failed, but that it may be tried again.
    assert_eq!(submitter.prepare(id(1), &launch("job")).await.unwrap(), COMPILED);
    assert!(unknown(&submitter.submit(id(1), id(11), Some("full")).await.unwrap_err()).contains("No space left"));
    // Once it is mended, everything goes on.
    let wide = submitter.prepare(id(2), &launch("wide")).await.unwrap();
    assert_eq!(wide, Prepared::Compiled { bounded: None, slots: Some(7) });
}

/// A value that would end a SQL literal, a JSON text and a line.
const AWKWARD: &str = "it's \"{x}\" ${env:NO} \\ end\nsecond line";

#[tokio::test]
async fn values_go_over_the_socket_and_nowhere_else() {
    let stage = Stage::new();
    let (submitter, vault, reader) = resolving(&stage, &[("${ssm:/awkward}", AWKWARD), ("${env:WORD}", "swordfish")]);
    let first = referring("job", "u:${env:WORD}@${ssm:/awkward}", "<${ssm:/awkward}>");
    let body_and_insert = Launch { body: "SELECT '${ssm:/awkward}'".into(), ..first };
    assert_eq!(submitter.prepare(id(1), &body_and_insert).await.unwrap(), COMPILED);
    assert_eq!(submitter.prepare(id(2), &referring("job", "${env:WORD}", "${env:WORD}")).await.unwrap(), COMPILED);
    // A client that is lost gets the same values: another one was not compiled.
    assert!(submitter.prepare(id(3), &launch("die")).await.is_err());
    assert_eq!(submitter.submit(id(1), id(11), None).await.unwrap(), Submitted::Accepted);
    submitter.shutdown().await;
    assert_eq!(*vault.reads.lock().unwrap(), ["${env:WORD}", "${ssm:/awkward}"], "each is read once");

    let notes = stage.notes();
    let prepared: Vec<&Value> =
        notes.iter().filter(|note| note["op"] == "prepare" && note["key"] == json!(id(1))).collect();
    assert_eq!(prepared.len(), 2);
    for note in prepared {
        let doubled = AWKWARD.replace('\'', "''");
        let sql = format!("CREATE TABLE a WITH ('p' = 'u:swordfish@{doubled}')");
        assert_eq!(note["job"]["statements"][0]["sql"], json!(sql));
        assert_eq!(note["job"]["properties"]["secret"], json!(format!("<{AWKWARD}>")));
        // Whoever writes the query is not who writes the configuration.
        assert_eq!(note["job"]["query"], "SELECT '${ssm:/awkward}'");
    }
    for started in notes.iter().filter(|note| note["pid"].is_i64()) {
        // Cargo sets variables of its own for this process: they are not for Flink.
        assert!(started["environment"]["PATH"].is_string() && started["environment"]["CARGO_PKG_NAME"].is_null());
        let told = format!("{}{}", started["argv"], started["environment"]);
        assert!(!told.contains("swordfish") && !told.contains("second line"), "{told}");
    }
    let shown = format!("{submitter:?}{reader:?}");
    assert!(!shown.contains("swordfish") && !shown.contains("second line"), "{shown}");
    let scrubbed =
        reader.secrets().scrub("swordfish, it's \"{x}\" ${env:NO} \\ end, it''s \"{x}\" ${env:NO} \\ end\nsecond line");
    assert_eq!(scrubbed, "***, ***, ***\n***");
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_costs_only_its_job() {
    let stage = Stage::new();
    let (submitter, _, _) =
        resolving(&stage, &[("${ssm:/good}", "swordfish"), ("${ssm:/short}", "abc"), ("${ssm:/lines}", "ab\ncd\n")]);
    for (sql, property, said) in [
        ("${ssm:/missing}", "", "tables/a.sql:1: ${ssm:/missing} cannot be read: ParameterNotFound"),
        ("${ssm:/good}", "a${env:MISSING}", "flinkProperties.secret: ${env:MISSING} cannot be read: ParameterNotFound"),
        (
            "${ssm:/short}",
            "",
            "tables/a.sql:1: the value of ${ssm:/short} cannot be kept secret: it is shorter than 4 characters",
        ),
        (
            "${ssm:/lines}",
            "",
            "tables/a.sql:1: the value of ${ssm:/lines} cannot be kept secret: it is shorter than 4 characters",
        ),
    ] {
        let prepared = submitter.prepare(id(1), &referring("job", sql, property)).await.unwrap();
        assert_eq!(prepared, Prepared::NoSecret(said.to_owned()));
    }
    let why = unknown(&submitter.prepare(id(1), &referring("job", "${ssm:/down}", "")).await.unwrap_err());
    assert!(why.contains("no route to host"), "{why}");
    assert!(stage.asked().is_empty() && stage.starts().is_empty(), "nothing is sent without its values");
    assert_eq!(submitter.prepare(id(2), &referring("job", "${ssm:/good}", "")).await.unwrap(), COMPILED);
}

#[tokio::test]
async fn what_the_client_says_of_a_value_is_not_told() {
    let stage = Stage::new();
    let (submitter, _, _) = resolving(&stage, &[("${ssm:/x}", "hunter2")]);
    let Prepared::Rejected(rejection) = submitter.prepare(id(1), &referring("bad", "${ssm:/x}", "")).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(rejection.message, "no *** \nhere");
    for name in ["quotes", "die"] {
        let why = unknown(&submitter.prepare(id(1), &referring(name, "${ssm:/x}", "")).await.unwrap_err());
        assert!(why.contains("***") && !why.contains("hunter2"), "{why}");
    }
}
