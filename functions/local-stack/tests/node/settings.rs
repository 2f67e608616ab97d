//! The settings of a node: who writes them where, and who may read them.
//! Must not know what the runner makes of them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use local_stack::release::write_settings;

use super::{Bench, finish, is_root, mode, program};

#[tokio::test(flavor = "multi_thread")]
async fn the_bootstrap_action_is_repeatable() {
    let bench = Bench::start(|_| {}).await;
    let url = bench.release.url();
    let file = bench.path("etc/node.env");
    let run = |settings: &[&str]| {
        let mut command = bench.command("bootstrap-python.sh", &[&["--release", url.as_str()], settings].concat());
        command.env("FLINK_SQL_RUNNER_HOME", bench.path("opt")).env("FLINK_SQL_RUNNER_ENV", &file);
        finish(command)
    };
    let python = bench.path("opt/python/bin/python3");
    let (code, _, aside) = run(&["A=$(touch evaluated) 'x'", "B="]).await;
    assert_eq!(code, 0, "{aside}");
    let expected = format!("PYEXEC_PATH={}\nA=$(touch evaluated) 'x'\nB=\n", python.display());
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    assert!(!bench.path("evaluated").exists());
    let answers =
        || Command::new(&python).args(["-c", "import probe; assert probe.ANSWER == 42"]).status().unwrap().success();
    assert!(answers());

    // A setting that is none changes nothing.
    for bad in ["a=1", "hidden", "A=x\nB=y"] {
        let (code, _, aside) = run(&["OK=1", bad]).await;
        assert!(code == 2 && aside.contains("setting 2") && !aside.contains("hidden"), "{bad}: {code} {aside}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);

    // Once more: the environment stays, the settings are replaced.
    let environment = fs::canonicalize(bench.path("opt/python")).unwrap();
    let made = || fs::metadata(environment.join(".complete")).unwrap().modified().unwrap();
    let before = made();
    assert_eq!(run(&["PYEXEC_PATH=/own/python"]).await.0, 0);
    assert_eq!(made(), before);
    assert!(fs::read_to_string(&file).unwrap().ends_with("\nPYEXEC_PATH=/own/python\n"));

    // Killed while packages were installed: it is made anew.
    fs::remove_file(environment.join(".complete")).unwrap();
    fs::remove_file(bench.path("opt/python")).unwrap();
    let package = Command::new("find").arg(&environment).args(["-name", "probe.py", "-delete"]).status().unwrap();
    assert!(package.success());
    let (code, _, aside) = run(&[]).await;
    assert!(code == 0 && answers(), "{aside}");
}

/// Mode and owner of a file.
fn access(file: &Path) -> (u32, u32) {
    let found = fs::metadata(file).unwrap();
    (found.permissions().mode() & 0o7777, found.uid())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_closed_to_others_before_they_have_content() {
    let bench = Bench::start(|_| {}).await;
    let file = bench.path("etc/node.env");
    let run = |settings: &[&str]| {
        let url = bench.release.url();
        let mut command = bench.command("bootstrap-python.sh", &[&["--release", url.as_str()], settings].concat());
        command.env("FLINK_SQL_RUNNER_HOME", bench.path("opt")).env("FLINK_SQL_RUNNER_ENV", &file);
        command.env("FLINK_SQL_RUNNER_INSTANCE", bench.path("instance.json"));
        finish(command)
    };
    // What is written to is looked at just before.
    let seen = bench.path("seen");
    let tee = format!("#!/bin/sh\nstat -c '%a %s' -- \"$2\" >>{}\nexec /usr/bin/tee \"$@\"\n", seen.display());
    program(&bench.aws.join("tee"), &tee);

    // An older release left them open, and was killed in the middle of them.
    for name in ["etc/node.env", "etc/node.env.new"] {
        program(&bench.path(name), "OLD=1\n");
        mode(&bench.path(name), 0o644);
    }
    let (code, out, aside) = run(&["GREETING=secret-word"]).await;
    assert_eq!(code, 0, "{aside}");
    assert!(!out.contains("secret-word") && !aside.contains("secret-word"), "{out} {aside}");
    let me = fs::metadata(bench.folder.path()).unwrap().uid();
    let hadoop = Command::new("id").args(["-u", "hadoop"]).output().unwrap();
    let owner = String::from_utf8(hadoop.stdout).unwrap().trim().parse().unwrap_or(me);
    assert_eq!(access(&file), (0o600, owner));
    assert!(fs::read_to_string(&file).unwrap().ends_with("\nGREETING=secret-word\n"));
    assert!(!bench.path("etc/node.env.new").exists());

    if is_root() {
        assert_eq!(run(&["RUN_AS=root", "RUN_AS=daemon"]).await.0, 0);
        assert_eq!(access(&file), (0o600, 1));
        let (code, _, aside) = run(&["RUN_AS=nobody-of-that-name"]).await;
        assert!(code == 2 && aside.contains("there is no user"), "{aside}");
    }
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.lines().count() >= 1 && seen.lines().all(|line| line == "600 0"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_on_the_primary_node_alone() {
    let bench = Bench::start(|_| {}).await;
    let file = bench.path("etc/node.env");
    let run = |instance: &str| {
        fs::write(bench.path("instance.json"), instance).unwrap();
        let url = bench.release.url();
        let mut command = bench.command("bootstrap-python.sh", &["--release", &url, "A=1"]);
        command.env("FLINK_SQL_RUNNER_HOME", bench.path("opt")).env("FLINK_SQL_RUNNER_ENV", &file);
        command.env("FLINK_SQL_RUNNER_INSTANCE", bench.path("instance.json"));
        finish(command)
    };
    // As EMR writes it.
    let says =
        |primary: &str| format!(r#"{{"instanceGroupId": "ig-1", "isMaster": {primary}, "isRunningNameNode": false}}"#);
    let (code, out, aside) = run(&says("false")).await;
    assert!(code == 0 && out.contains("on the primary node alone") && !file.exists(), "{code} {out} {aside}");
    assert!(bench.path("opt/python/bin/python3").exists());
    let (code, _, aside) = run(&says("true")).await;
    assert!(code == 0 && file.exists(), "{code} {aside}");
    for unclear in ["", "{}", "{\"isMaster\": \"true\"}x", "{\"isMaster\": 1}"] {
        let (code, _, aside) = run(unclear).await;
        assert!(
            code == 2 && aside.contains("does not say whether this is the primary node"),
            "{unclear}: {code} {aside}"
        );
    }
    // What an older release left on every node goes.
    assert_eq!(run(&says("false")).await.0, 0);
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_others_may_write_are_refused_and_those_they_may_read_are_warned_of() {
    let bench = Bench::start(|_| {}).await;
    let file = bench.path("node.env");
    for open in [0o620, 0o602, 0o666] {
        mode(&file, open);
        let (code, out, aside) = bench.run(&["run"]).await;
        assert!(code == 2 && out.is_empty() && aside.contains("others may write the settings"), "{code} {out} {aside}");
    }
    for (given, warned) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        mode(&file, given);
        let (code, out, aside) = bench.run(&["run"]).await;
        assert!(code == 0 && out.starts_with("<run>\n"), "{given:o}: {code} {out} {aside}");
        assert_eq!(aside.matches("warning: others may read the settings").count(), usize::from(warned), "{aside}");
    }
}

/// Who steps run as may write the file: he must not become root by it.
#[tokio::test(flavor = "multi_thread")]
async fn the_user_whose_file_the_settings_are_makes_nobody_else_run_steps() {
    if !is_root() {
        return;
    }
    let bench = Bench::start(|_| {}).await;
    for (owner, number) in [("daemon", 1), ("root", 0)] {
        bench.settings("RUN_AS=root\n");
        assert!(Command::new("chown").arg(owner).arg(bench.path("node.env")).status().unwrap().success());
        let (code, out, aside) = bench.run(&["run"]).await;
        if number == 0 {
            assert!(code == 0 && out.starts_with("<run>\n"), "{code} {out} {aside}");
        } else {
            assert!(
                code == 2 && out.is_empty() && aside.contains("cannot say that 'root' runs steps"),
                "{code} {aside}"
            );
        }
    }
}

#[test]
fn the_local_stack_closes_its_settings_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.env");
    fs::write(&file, "OLD=1\n").unwrap();
    mode(&file, 0o644);
    write_settings(&file, &[("A".to_owned(), "b".to_owned())].into()).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "A=b\n");
    assert_eq!(access(&file).0, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
