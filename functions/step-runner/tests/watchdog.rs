//! The watchdog with real processes: a live runner is left alone, a stopped one is ended.
//! Must not know what a runner does: one waits for an S3 that never answers, a `sleep` stands for the others.

#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STEP: &str = env!("CARGO_BIN_EXE_flink-sql-runner-step");

/// A process that ends by itself after `seconds`, and a watchdog of it that is sent `beats` of one each 100 ms.
fn guarded(seconds: &str, beats: u32) -> (std::process::Child, std::process::Child) {
    let runner = Command::new("sleep").arg(seconds).spawn().unwrap();
    let mut watch = Command::new(STEP);
    watch.args(["watch", "--pid", &runner.id().to_string(), "--limit-ms", "1000"]).stdin(Stdio::piped());
    let mut watch = watch.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = watch.stdin.take().unwrap();
    std::thread::spawn(move || {
        for _ in 0..beats {
            std::io::Write::write_all(&mut pipe, b".").unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        // The pipe of a stopped process stays open.
        std::thread::sleep(Duration::from_secs(30));
    });
    (runner, watch)
}

#[test]
fn one_that_says_nothing_is_killed_after_its_limit() {
    let began = Instant::now();
    let (mut runner, mut watch) = guarded("30", 5);
    assert_eq!(runner.wait().unwrap().signal(), Some(9));
    assert!(watch.wait().unwrap().success());
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
}

#[test]
fn one_that_speaks_is_left_alone() {
    let (mut runner, mut watch) = guarded("3", 60);
    assert!(runner.wait().unwrap().success(), "it ended by itself");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

/// The step that runs it ends then, and its place and its locks are free.
#[test]
fn a_runner_that_is_stopped_is_ended_after_lease_and_margin() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (zero, state) = ("0".repeat(32), folder.path().to_str().unwrap());
    let batch = format!("s3://bucket/batches/{zero}.json");
    let mut runner = Command::new(STEP);
    runner.args(["run", "--batch", &batch, "--sha256", &"0".repeat(64), "--batch-id", &zero]);
    runner.args(["--lease-ms", "500", "--margin-ms", "500", "--state-directory", state]);
    runner
        .args(["--deployment-target", "remote", "--jobmanager-address", "127.0.0.1:1"])
        .env("AWS_ENDPOINT_URL", endpoint);
    for (key, value) in
        [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "us-east-1"), ("RUST_LOG", "error")]
    {
        runner.env(key, value);
    }
    let mut runner = runner.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(runner.try_wait().unwrap().is_none(), "it waits for S3, and lives longer than lease and margin");
    let pid = rustix::process::Pid::from_raw(i32::try_from(runner.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let began = Instant::now();
    assert_eq!(runner.wait().unwrap().signal(), Some(9));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
