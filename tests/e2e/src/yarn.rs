//! Faults of a session on YARN: its JobManager killed, itself killed, a second of its name, a ResourceManager down or hung.
//! Must not know what the product does about them.

use std::process::Stdio;
use std::time::Duration;

use local::Principal;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{Bench, binaries};

/// The longest that a script may take.
const LIMIT: Duration = Duration::from_mins(4);

impl Bench {
    /// `scripts/yarn-cluster.sh` with `command`, for example `["pause", "rm"]`.
    pub async fn yarn(&self, command: &[&str]) {
        self.script("yarn-cluster.sh", command, LIMIT).await;
    }

    /// `flink-sql-runner session …` on the primary node, not started yet.
    fn session_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries().join("flink-sql-runner"));
        command.args(["--output", "json", "session"]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
            .envs(self.stack.settings())
            .envs(self.stack.node())
            .envs(self.stack.aws.aws_env_of(Principal::Administrator));
        command.env("DISPATCH", self.dispatch.lock().unwrap().as_str());
        command
    }

    /// The session's document.
    pub async fn session_document(&self) -> Value {
        let text = self.read("session/session.json").await.unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Starts `flink-sql-runner session …` and kills it with SIGKILL once the session's document is as `when` says.
    pub async fn session_killed(&self, arguments: &[&str], when: impl Fn(&Value) -> bool) -> Value {
        let mut child = self.session_command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = tokio::time::Instant::now();
        let document = loop {
            let document = self.session_document().await;
            if when(&document) {
                break document;
            }
            assert!(child.try_wait().unwrap().is_none(), "session {arguments:?} ended before: {document:#}");
            assert!(began.elapsed() < LIMIT, "session {arguments:?} did not come so far: {document:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        child.kill().await.unwrap();
        document
    }

    /// `flink-sql-runner session …` on the primary node; answers its exit code and its document.
    pub async fn session(&self, arguments: &[&str]) -> (i32, Value) {
        let mut command = self.session_command(arguments);
        let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
        eprintln!("session {arguments:?}: {} {document}", output.status);
        (output.status.code().unwrap_or(-1), document)
    }

    async fn manager(&self, path: &str) -> Value {
        let url = format!("{}/ws/v1/cluster/{path}", self.stack.flink.resource_manager().unwrap());
        let answer = self.http.get(url).timeout(Duration::from_secs(10)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The sessions that run: id, attempt's container, address.
    pub async fn sessions(&self) -> Vec<String> {
        let apps = self.manager("apps?states=RUNNING&applicationTypes=Apache%20Flink").await;
        let apps = apps["apps"]["app"].as_array().cloned().unwrap_or_default();
        apps.iter().map(|app| app["id"].as_str().unwrap().to_owned()).collect()
    }

    /// SIGKILL for the process of a session's JobManager.
    pub async fn kill_jobmanager(&self, application: &str) {
        let mark = format!("{application}/container_");
        let mut killed = 0;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(command) = std::fs::read(entry.path().join("cmdline")) else { continue };
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let java = command.split(' ').next().is_some_and(|program| program.ends_with("/java"));
            if java && command.contains(&mark) && command.contains("YarnSessionClusterEntrypoint") {
                let pid = entry.file_name().to_string_lossy().into_owned();
                let status = Command::new("kill").args(["-KILL", &pid]).status().await.unwrap();
                assert!(status.success());
                killed += 1;
            }
        }
        assert_eq!(killed, 1, "the JobManager of {application}");
    }

    /// What `yarn application -kill` does.
    pub async fn kill_session(&self, application: &str) {
        let manager = self.stack.flink.resource_manager().unwrap();
        let url = format!("{manager}/ws/v1/cluster/apps/{application}/state?user.name=root");
        let answer =
            self.http.put(url).json(&json!({"state": "KILLED"})).timeout(Duration::from_secs(10)).send().await.unwrap();
        assert!(answer.status().is_success(), "kill {application}: {}", answer.status());
        self.wait("the session is gone", || async {
            (!self.sessions().await.iter().any(|id| id == application)).then_some(())
        })
        .await;
    }
}
