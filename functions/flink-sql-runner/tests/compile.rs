//! `validate --compile` with a `flink` that speaks the submitter's protocol: what it says is told in people's own files.
//! What the real one says is the submitter's tests' and the end-to-end tests'.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Takes every job but one, and says of that what Flink says.
const FLINK: &str = r#"#!/usr/bin/env python3
import json, os, socket
runner = socket.socket(socket.AF_UNIX)
runner.connect(os.environ["FLINK_SQL_RUNNER_SOCKET"])
runner.sendall(b'{"hello": 1, "flink": "1.20.1", "python": "3.11"}\n')
for line in runner.makefile("r"):
    request = json.loads(line)
    answer = {"id": request["id"], "ok": True}
    if request["op"] == "prepare" and request["job"]["name"] == "filter-expensive-items":
        message = "From line 1, column 28 to line 1, column 32: Column 'price' not found in any table"
        answer.update(ok=False, error={"kind": "query", "origin": None, "message": message, "line": 1, "column": 28})
    runner.sendall((json.dumps(answer) + "\n").encode())
    if request["op"] == "exit": break
"#;

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
    command.args(arguments).current_dir(examples).env_clear().env("PATH", std::env::var("PATH").unwrap());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn what_does_not_compile_is_told_where_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let flink = folder.path().join("flink");
    fs::write(&flink, FLINK).unwrap();
    fs::set_permissions(&flink, fs::Permissions::from_mode(0o755)).unwrap();
    let flink = flink.to_string_lossy().into_owned();
    let (code, said) = run(&["validate", ".", "--compile", "--flink", &flink]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("filter-expensive-items.yaml:7:") && said.contains("price"), "{said}");
    assert!(said.contains("4 manifests: 3 valid, 1 invalid"), "{said}");
    let (code, said) = run(&["validate", "queries/order-numbers.yaml", "--compile", "--flink", &flink]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn without_pyflink_the_settings_are_named() {
    for more in [&["--pyexec-path", "/bin/false"][..], &["--flink", "/bin/false"]] {
        let (code, said) = run(&[&["validate", ".", "--compile"], more].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("PYEXEC_PATH") && said.contains("FLINK"), "{said}");
    }
}
