//! What a step and a command start: the fixed text that verifies a release's script before it runs it.
//! Must not know what the script does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use local::Fault;
use serde_json::json;

use super::{Bench, finish, program, project};

const SCRIPT: &str = "flink-sql-runner-node.sh";
/// Leaves a trace wherever it is run.
const FOREIGN: &str = "#!/usr/bin/env bash\ntouch evidence\necho tampered\n";
const BATCH: [&str; 7] = ["run", "--batch", "s3://b/x", "--sha256", "0a", "--batch-id", "1b"];
const RAN: &str = "<run><--batch><s3://b/x><--sha256><0a><--batch-id><1b>\n";

/// The ways to the node.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// An EMR step: the text and the data as arguments.
    Step,
    /// An SSM command: the lines of the document, as the agent has them run by `sh`.
    Command,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Step, Self::Command];

    fn words(self, bench: &Bench) -> Vec<String> {
        match self {
            Self::Step => {
                let text = fs::read_to_string(project().join("infra/node/verified.sh")).unwrap();
                let url = bench.release.url();
                let words = ["bash", "-c", &text, "flink-sql-runner", &url];
                words.into_iter().chain(BATCH).map(str::to_owned).collect()
            }
            Self::Command => {
                let source = project().join("infra/flink-sql-runner-run.json");
                let document = bench.release.render_document(&source, bench.folder.path()).unwrap();
                let document: serde_json::Value = serde_json::from_slice(&fs::read(document).unwrap()).unwrap();
                let lines = document["mainSteps"][0]["inputs"]["runCommand"].as_array().unwrap();
                let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
                let text = lines.join("\n");
                let text = [("Batch", BATCH[2]), ("Sha256", BATCH[4]), ("BatchId", BATCH[6])]
                    .into_iter()
                    .fold(text, |text, (name, value)| text.replace(&format!("{{{{ {name} }}}}"), value));
                ["sh".to_owned(), "-c".to_owned(), text].into()
            }
        }
    }

    /// Runs it with caches of its own; answers its exit code, output and errors.
    async fn run(self, bench: &Bench) -> (i32, String, String) {
        let words = self.words(bench);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(bench.folder.path()).env_clear().envs(bench.environment());
        command.env("XDG_CACHE_HOME", self.caches(bench)).stdin(Stdio::null());
        finish(command).await
    }

    fn caches(self, bench: &Bench) -> PathBuf {
        bench.path(&format!("caches/{self:?}"))
    }

    /// Where it keeps the script of the release.
    fn folder(self, bench: &Bench) -> PathBuf {
        self.caches(bench).join("flink-sql-runner").join(bench.installed().file_name().unwrap())
    }

    /// Nothing of what was there is run, and nothing of it is kept.
    async fn refuses(self, bench: &Bench, why: &str) {
        let (code, out, aside) = self.run(bench).await;
        assert!(code == 6 && out.is_empty() && aside.contains(why), "{self:?}: {code} {out} {aside}");
        assert!(!bench.path("evidence").exists(), "{self:?}");
        assert_eq!(fs::read_dir(self.folder(bench)).unwrap().count(), 0, "{self:?}");
    }
}

/// Puts a text in the place of a file that may be a link to ours.
fn replace(file: &Path, text: &str) {
    fs::remove_file(file).unwrap();
    program(file, text);
}

fn damaged(release: &Path) {
    replace(&release.join(SCRIPT), FOREIGN);
}

fn truncated(release: &Path) {
    let script = fs::read_to_string(release.join(SCRIPT)).unwrap();
    replace(&release.join(SCRIPT), &script[..script.len() / 2]);
}

/// Sums that fit the foreign script are not those that the release is named by.
fn foreign(release: &Path) {
    damaged(release);
    let mut sums = Command::new("sh");
    sums.args(["-c", "rm SHA256SUMS; sha256sum * >sums; mv sums SHA256SUMS"]).current_dir(release);
    assert!(sums.status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_not_the_releases_is_refused_on_both_ways() {
    for change in [damaged, truncated, foreign] {
        let bench = Bench::start(change).await;
        for way in Way::BOTH {
            way.refuses(&bench, "flink-sql-runner-node.sh is not that of the release").await;
        }
    }
    let bench = Bench::without_release().await;
    for way in Way::BOTH {
        way.refuses(&bench, "SHA256SUMS cannot be downloaded").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_ends_early_is_refused_on_both_ways() {
    for way in Way::BOTH {
        let bench = Bench::start(|_| {}).await;
        // The sums come whole, the script never does, however often the command line tries.
        bench.stack.order_fault("GetObject", Fault::DelayAfter(Duration::ZERO));
        (0..100).for_each(|_| bench.stack.order_fault("GetObject", Fault::TruncateAfter));
        way.refuses(&bench, "flink-sql-runner-node.sh cannot be downloaded").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_kept_is_run_without_a_download_unless_it_was_damaged() {
    let bench = Bench::start(|_| {}).await;
    for way in Way::BOTH {
        let (code, out, aside) = way.run(&bench).await;
        assert!(code == 0 && out.starts_with(RAN), "{way:?}: {code} {out} {aside}");
    }
    let asked = bench.stack.calls().len();
    fs::rename(bench.aws.join("aws"), bench.path("aws")).unwrap();
    program(&bench.aws.join("aws"), "#!/bin/sh\nexit 1\n");
    for way in Way::BOTH {
        let (code, out, aside) = way.run(&bench).await;
        assert!(code == 0 && out.starts_with(RAN), "{way:?}: {code} {out} {aside}");
        for (file, text) in [(SCRIPT, FOREIGN), ("SHA256SUMS", "")] {
            let kept = fs::read_to_string(way.folder(&bench).join(file)).unwrap();
            program(&way.folder(&bench).join(file), text);
            let (code, out, aside) = way.run(&bench).await;
            assert!(code == 6 && out.is_empty(), "{way:?} {file}: {code} {out} {aside}");
            assert!(aside.contains("SHA256SUMS cannot be downloaded") && !bench.path("evidence").exists(), "{aside}");
            program(&way.folder(&bench).join(file), &kept);
        }
        program(&way.folder(&bench).join(SCRIPT), FOREIGN);
    }
    assert_eq!(bench.stack.calls().len(), asked);
    // With S3 back, the damaged copy is replaced.
    fs::rename(bench.path("aws"), bench.aws.join("aws")).unwrap();
    for way in Way::BOTH {
        let (code, out, aside) = way.run(&bench).await;
        assert!(code == 0 && out.starts_with(RAN), "{way:?}: {code} {out} {aside}");
    }
}

/// SSM's agent takes 194 for the order to restart the node.
#[tokio::test(flavor = "multi_thread")]
async fn no_exit_code_restarts_the_node() {
    let bench = Bench::start(|_| {}).await;
    for (given, left) in [(0, 0), (1, 1), (5, 5), (193, 193), (194, 70), (195, 195)] {
        bench.settings(&format!("RUN_AS=root\nCODE={given}\n"));
        for way in Way::BOTH {
            let (code, out, aside) = way.run(&bench).await;
            assert!(code == left && out.starts_with(RAN), "{way:?} {given}: {code} {out} {aside}");
        }
    }
}

/// Whoever knows only the shell that it started ends the runner with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_runner_ends_when_its_shell_is_to_end() {
    let bench = Bench::start(|_| {}).await;
    bench.settings("RUN_AS=root\nSTAY=60\n");
    for way in Way::BOTH {
        let words = way.words(&bench);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(bench.folder.path()).env_clear().envs(bench.environment());
        command.env("XDG_CACHE_HOME", way.caches(&bench)).stdin(Stdio::null());
        let mut shell = command.spawn().unwrap();
        let began = Instant::now();
        let runner = loop {
            let told = fs::read_to_string(bench.path("staying")).unwrap_or_default();
            if let Some(pid) = told.strip_suffix('\n') {
                break PathBuf::from(format!("/proc/{pid}"));
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{way:?}: it never began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(runner.exists());
        assert!(Command::new("kill").arg(shell.id().to_string()).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || shell.wait().unwrap()).await.unwrap();
        assert_eq!(ended.code(), Some(128 + 15), "{way:?}");
        assert!(!runner.exists(), "{way:?}: the runner lives on");
        fs::remove_file(bench.path("staying")).unwrap();
    }
}

/// Through EMR as the stack plays it: the step has the node's rights, and fails with the refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_fetches_with_the_rights_of_the_node() {
    let bench = Bench::start(|_| {}).await;
    add_step(&bench).await;
    assert_eq!(ended(&bench, 0).await, Some(0));
    let gets: Vec<_> =
        bench.stack.recorded().into_iter().filter(|call| call.request.operation == "s3:GetObject").collect();
    let fetched: Vec<&str> =
        gets.iter().flat_map(|call| &call.request.needs).map(|need| need.resource.as_str()).collect();
    assert!(fetched.iter().any(|resource| resource.ends_with(SCRIPT)), "{fetched:?}");
    assert!(gets.iter().all(|call| call.request.principal == "node"), "{gets:?}");

    damaged(bench.release.folder());
    bench.upload().await;
    fs::remove_dir_all(bench.path("home/.cache")).unwrap();
    add_step(&bench).await;
    assert_eq!(ended(&bench, 1).await, Some(6));
    assert!(!bench.path("evidence").exists());
}

/// Adds the step with the AWS command line, as the function does with its SDK.
async fn add_step(bench: &Bench) {
    let args = Way::Step.words(bench);
    let step = json!({"Name": "a step", "ActionOnFailure": "CONTINUE", "Type": "CUSTOM_JAR", "Jar": "command-runner.jar", "Args": args});
    let mut command = Command::new(bench.aws.join("aws"));
    command.args(["emr", "add-steps", "--cluster-id", "j-LOCAL00000000", "--steps", &json!([step]).to_string()]);
    command.env_clear().envs(bench.environment()).env("AWS_DEFAULT_REGION", "us-east-1");
    let (code, _, aside) = finish(command).await;
    assert_eq!(code, 0, "{aside}");
}

/// The exit code of a step, once it has one.
async fn ended(bench: &Bench, step: usize) -> Option<i32> {
    let began = Instant::now();
    loop {
        let seen = bench.stack.steps()[step].clone();
        if matches!(seen.state.as_str(), "COMPLETED" | "FAILED") {
            return seen.exit_code;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
