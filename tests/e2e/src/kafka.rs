//! A real Kafka broker, with a producer that writes numbers without pause and a reader that sees what is committed.
//! Must not know the product: it uses Kafka's own command line tools.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::project;

/// What starts and ends it.
const SCRIPT: &str = "scripts/kafka-broker.sh";
/// How long one tool may take.
const LIMIT: Duration = Duration::from_mins(2);

/// A broker; it ends when it is dropped, as by a test that fails.
pub struct Kafka {
    run: PathBuf,
    jars: String,
    pub bootstrap: String,
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let mut command = std::process::Command::new(project().join(SCRIPT));
        command.args(["down", "--run-dir"]).arg(&self.run).stdin(Stdio::null());
        let _ = command.status();
    }
}

/// A producer that is at work.
pub struct Producer {
    child: Child,
    writing: JoinHandle<u64>,
}

impl Kafka {
    pub async fn up(root: &Path) -> Self {
        let run = root.join("kafka");
        script(&["up", "--run-dir", &run.display().to_string()]).await;
        let text = std::fs::read_to_string(run.join("kafka.env")).unwrap();
        let set: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        Self { jars: set["KAFKA_JARS"].to_owned(), bootstrap: set["KAFKA_BOOTSTRAP"].to_owned(), run }
    }

    fn tool(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp"])
            .arg(format!("{}/*", self.jars))
            .arg(class)
            .args(["--bootstrap-server", &self.bootstrap])
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub async fn create_topic(&self, topic: &str, partitions: u32) {
        let mut command = self.tool("org.apache.kafka.tools.TopicCommand");
        command.args(["--create", "--topic", topic, "--partitions", &partitions.to_string()]);
        let status = tokio::time::timeout(LIMIT, command.status()).await.unwrap().unwrap();
        assert!(status.success(), "{topic} was not made");
    }

    /// Writes `{"n": 1}`, `{"n": 2}`, … up to `last`, `rate` a second, without pause.
    pub fn produce(&self, topic: &str, last: u64, rate: u64) -> Producer {
        let mut command = self.tool("kafka.tools.ConsoleProducer");
        command.args(["--topic", topic, "--request-required-acks", "all"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            let mut n = 0;
            while n < last {
                ticks.tick().await;
                let until = last.min(n + rate / 10);
                let mut lines = String::new();
                for n in n + 1..=until {
                    let _ = writeln!(lines, "{{\"n\": {n}}}");
                }
                stdin.write_all(lines.as_bytes()).await.unwrap();
                stdin.flush().await.unwrap();
                n = until;
            }
            n
        });
        Producer { child, writing }
    }

    /// Every record of a topic that a reader of committed ones sees now.
    pub async fn committed(&self, topic: &str) -> Vec<String> {
        let mut command = self.tool("org.apache.kafka.tools.consumer.ConsoleConsumer");
        command.args(["--topic", topic, "--from-beginning", "--isolation-level", "read_committed"]);
        command.args(["--timeout-ms", "4000"]);
        let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

impl Producer {
    /// Waits until everything is written and acknowledged.
    pub async fn finished(mut self) -> u64 {
        let written = self.writing.await.unwrap();
        let status = tokio::time::timeout(LIMIT, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "the producer ended with {status}");
        written
    }
}

async fn script(arguments: &[&str]) {
    let mut command = Command::new(project().join(SCRIPT));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "kafka-broker.sh {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
