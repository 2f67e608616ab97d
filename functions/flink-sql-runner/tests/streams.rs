//! The program's streams and signals: a result that cannot be written, an answer that never comes, Ctrl-C meanwhile.
//! No AWS here: what is asked is a listener that says nothing.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// As on a full disk: whoever reads the half of it must not take it for the whole.
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program(&["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(said(&output).starts_with("error: the result could not be written to stdout"), "{}", said(&output));
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for asked in [["--help"].as_slice(), &["--version"], &["plan", "-h"], &["help", "session"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = program(asked).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{asked:?}");
        let output = program(asked).stdout(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""), "{asked:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("flink-sql-runner"), "{asked:?}");
    }
}

/// Whoever reads no further wants no more.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = program(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
}

/// A comment that is empty cannot be posted, and would say that nothing changes.
#[test]
fn a_plan_that_cannot_be_made_is_a_comment_too() {
    let output = program(&["plan", "nowhere.yaml", "--bucket", "b", "--output", "markdown"])
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let comment = String::from_utf8(output.stdout).unwrap();
    assert!(comment.starts_with("<!-- flink-sql-runner plan -->\n### Plan: could not be made\n"), "{comment}");
    assert!(comment.contains("nowhere.yaml"), "{comment}");
}

/// It is none of a plan.
#[test]
fn another_command_that_fails_is_a_comment_about_that_command() {
    let output = program(&["status", "--output", "markdown"]).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let comment = String::from_utf8(output.stdout).unwrap();
    assert!(comment.starts_with("<!-- flink-sql-runner status -->\n### `status` failed\n"), "{comment}");
}

#[test]
fn ctrl_c_before_the_answer_says_that_the_outcome_is_unknown() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = program(&["redeploy", "--bucket", "b"])
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", silent.local_addr().unwrap()))
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _asked = silent.accept().unwrap();
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("whether it did what was asked is unknown"), "{}", said(&output));
}
