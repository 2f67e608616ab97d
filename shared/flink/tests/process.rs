//! Children end with their group, in time, and leave only what may be read.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::{Duration, Instant};

use control::secrets::Secrets;
use flink::process::{Process, ProcessError, Program};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Program {
    Program::new("bash").arguments(["-c", script])
}

fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie is dead; only its parent has not looked yet.
    !status.is_empty() && !status.contains(") Z ")
}

async fn until(what: &str, check: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !check() {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts a leader with one child and returns the child's process id, once it is there.
async fn family(script: &str, directory: &Path) -> (Process, String) {
    let file = directory.join("pid");
    let process =
        Program::new("bash").arguments(["-c", script]).variable("PIDFILE", &file).start().expect("bash starts");
    until("no child", || std::fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n'))).await;
    let pid = std::fs::read_to_string(&file).expect("a pid");
    (process, pid)
}

#[tokio::test]
async fn output_is_kept_bounded_clean_and_without_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let secrets = Secrets::new(["pass".to_owned(), "pass'word-1".to_owned(), "x".to_owned()]);
    let script =
        "cat; printf 'key=pass'\"'\"'word-1 pass''\\033[31m red\\r\\n'; printf 'sql pass'\"''\"'word-1' >&2; exit 3";
    let ended = shell(script).secrets(secrets).log(&log).run(SOON).await.expect("it ends");
    assert_eq!(ended.status.code(), Some(3));
    assert_eq!(ended.stdout, "key=*** *** [31m red ");
    assert_eq!(ended.stderr, "sql ***");
    let logged = std::fs::read_to_string(&log).expect("a log");
    assert!(logged.contains("key=*** ***") && logged.contains("sql ***"), "{logged}");

    let ended = shell("for i in $(seq 20000); do echo line $i; done; echo last").run(SOON).await.expect("it ends");
    assert!(ended.stdout.len() <= 64 * 1024 && ended.stdout.len() > 60 * 1024, "{}", ended.stdout.len());
    assert!(ended.stdout.ends_with("line 20000\nlast"));

    let ended = shell("head -c 3000000 /dev/zero | tr '\\0' y; echo; echo next").run(SOON).await.expect("it ends");
    assert!(ended.stdout.len() < 20_000 && ended.stdout.ends_with("…\nnext"), "{}", ended.stdout.len());
}

#[tokio::test]
async fn a_secret_across_the_cut_of_a_long_line_is_gone() {
    let secrets = Secrets::new(["topsecret".to_owned()]);
    let script = "head -c 16380 /dev/zero | tr '\\0' y; echo topsecret";
    let ended = shell(script).secrets(secrets).run(SOON).await.expect("it ends");
    assert!(!ended.stdout.contains("top"), "{}", &ended.stdout[16_370..]);
}

#[tokio::test]
async fn secrets_added_later_count() {
    let secrets = Secrets::default();
    let mut process = shell("sleep 0.3; echo late-secret").secrets(secrets.clone()).start().expect("bash starts");
    secrets.add(["late-secret".to_owned()]);
    process.wait().await.expect("it ends");
    assert_eq!(process.stdout(), "***");
}

#[tokio::test]
async fn a_late_program_is_ended_with_its_whole_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("pid");
    let began = Instant::now();
    let program = shell("sleep 60 & echo $! > $PIDFILE; echo why >&2; wait").variable("PIDFILE", &file);
    let error = program.run(Duration::from_millis(700)).await.expect_err("too late");
    assert!(began.elapsed() < SOON);
    let ProcessError::Late { stderr, .. } = &error else { panic!("{error}") };
    assert_eq!(stderr, "why");
    let pid = std::fs::read_to_string(&file).expect("a pid");
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn a_group_that_ignores_the_asking_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "trap '' TERM; (trap '' TERM; echo $BASHPID > $PIDFILE; sleep 60; sleep 60) & sleep 60; sleep 60";
    let (mut process, pid) = family(script, directory.path()).await;
    let began = Instant::now();
    process.end(Duration::from_millis(300)).await;
    assert!(began.elapsed() < SOON && !is_alive(&pid));
}

#[tokio::test]
async fn what_the_leader_leaves_running_ends_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut process, pid) = family("sleep 60 & echo $! > $PIDFILE; sleep 0.3", directory.path()).await;
    process.wait().await.expect("it ends");
    until("the rest of the group lives", || !is_alive(&pid)).await;
}

#[tokio::test]
async fn a_dropped_process_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (process, pid) = family("sleep 60 & echo $! > $PIDFILE; wait", directory.path()).await;
    drop(process);
    until("the group lives", || !is_alive(&pid)).await;
}

#[tokio::test]
async fn a_child_that_left_the_group_holds_nothing_up() {
    let began = Instant::now();
    let ended = shell("setsid sleep 5 & echo done").run(SOON).await.expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(ended.stdout, "done");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = Program::new("/nowhere/flink").run(SOON).await.expect_err("no such program");
    assert_eq!(error.to_string(), "cannot start /nowhere/flink");
}
