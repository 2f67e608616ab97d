//! The Flink beside the local stack, by the project's scripts: a standalone cluster, or a session on a real YARN.
//! Must not know what is deployed to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use control::errors::error_chain;
use control::ports::OutsideError;
use control::session::SessionSelector;
use desired::session_settings::{HighAvailability, SessionSettings};
use flink::cluster_arguments::managers;
use flink::endpoint::base_url;
use flink::target::{DeploymentTarget, YarnTarget};
use flink::yarn_session::SessionStarter;
use lifecycle::endpoint::Endpoint;
use tokio::process::Command;

use crate::error::{StackError, io};

/// How long a script may take.
const LIMIT: Duration = Duration::from_mins(3);

/// Which kind of Flink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlinkKind {
    /// One JobManager and one task manager.
    Standalone,
    /// The same, with a REST API that speaks TLS and asks for a certificate.
    StandaloneTls,
    /// A session on YARN; a JobManager that is started again knows no job.
    Yarn,
    /// A session on YARN whose jobs outlive a JobManager.
    YarnHa,
}

/// A Flink cluster and where it lies. Dropped while it runs, as by a test that fails, it is ended.
#[derive(Debug)]
pub struct FlinkBeside {
    kind: FlinkKind,
    project: PathBuf,
    run: PathBuf,
    /// The port of a standalone cluster's REST API.
    port: u16,
    installed: BTreeMap<String, String>,
    runs: AtomicBool,
}

impl FlinkBeside {
    /// The cluster of `kind` under `run`; starts nothing.
    pub async fn new(kind: FlinkKind, project: &Path, run: PathBuf, port: u16) -> Result<Self, StackError> {
        let mut found = BTreeMap::new();
        for component in components(kind) {
            found.extend(installed(project, component).await?);
        }
        Ok(Self { kind, project: project.to_owned(), run, port, installed: found, runs: AtomicBool::new(false) })
    }

    /// Starts it, with `s3://` and credentials as `environment` says.
    pub async fn up(&self, environment: &BTreeMap<String, String>) -> Result<(), StackError> {
        self.runs.store(true, Ordering::Relaxed);
        let mut environment = environment.clone();
        environment.extend(self.installed.clone());
        let run = self.run.display().to_string();
        match self.kind {
            FlinkKind::Standalone | FlinkKind::StandaloneTls => {
                let port = self.port.to_string();
                let mut arguments = vec!["up", "--run-dir", &run, "--rest-port", &port];
                if self.kind == FlinkKind::StandaloneTls {
                    arguments.push("--tls");
                }
                self.script("flink-cluster.sh", &arguments, &environment).await?;
            }
            FlinkKind::Yarn | FlinkKind::YarnHa => {
                self.script("yarn-cluster.sh", &["up", "--run-dir", &run], &environment).await?;
                self.start_session().await?;
                self.rest().await?;
            }
        }
        Ok(())
    }

    /// Ends it, with everything that runs on it.
    pub async fn down(&self) -> Result<(), StackError> {
        self.runs.store(false, Ordering::Relaxed);
        let run = self.run.display().to_string();
        self.script(self.cluster_script(), &["down", "--run-dir", &run], &self.installed).await.map(|_| ())
    }

    fn cluster_script(&self) -> &'static str {
        match self.kind {
            FlinkKind::Standalone | FlinkKind::StandaloneTls => "flink-cluster.sh",
            FlinkKind::Yarn | FlinkKind::YarnHa => "yarn-cluster.sh",
        }
    }

    /// The settings of a session: small, for a machine that does other things as well.
    fn session_settings(&self, zookeeper: &str) -> SessionSettings {
        let ha = HighAvailability {
            zookeeper: zookeeper.to_owned(),
            storage: "s3://local/flink-sql-runner/ha".to_owned(),
            session_timeout_s: 8,
        };
        SessionSettings {
            jobmanager_memory: "1024m".to_owned(),
            taskmanager_memory: "2304m".to_owned(),
            slots: 40,
            high_availability: match self.kind {
                FlinkKind::YarnHa => Some(ha),
                FlinkKind::Standalone | FlinkKind::StandaloneTls | FlinkKind::Yarn => None,
            },
            ..SessionSettings::default()
        }
    }

    /// Starts a session, whether or not one of its name runs.
    pub async fn start_session(&self) -> Result<(), StackError> {
        let environment = std::fs::read_to_string(self.run.join("yarn.env")).map_err(io("reading yarn.env"))?;
        let zookeeper = variables(&environment).get("ZOOKEEPER").cloned().unwrap_or_default();
        let starter = SessionStarter {
            program: PathBuf::from(format!("{}/bin/yarn-session.sh", self.home())),
            environment: self.node().into_iter().collect(),
            log: Some(self.run.join("log/yarn-session.log")),
            limit: LIMIT,
        };
        let settings = self.session_settings(&zookeeper);
        starter.start(&settings, "local").await.map_err(|error| StackError::Session(error.to_string()))
    }

    /// The ResourceManager's REST API.
    pub fn resource_manager(&self) -> Result<String, StackError> {
        let managers = self.resource_managers()?;
        let first = managers.first().ok_or_else(|| StackError::Session("it has no ResourceManager".to_owned()))?;
        Ok(base_url(first))
    }

    fn resource_managers(&self) -> Result<Vec<Endpoint>, StackError> {
        managers(&self.run.join("hadoop-conf")).map_err(|error| StackError::Session(error_chain(&error)))
    }

    fn home(&self) -> &str {
        self.installed.get("FLINK_HOME").map_or("", String::as_str)
    }

    /// The JobManager's REST API, as it is found now.
    pub async fn rest(&self) -> Result<String, StackError> {
        let failed = |error: OutsideError| StackError::Session(error_chain(&error));
        match self.kind {
            FlinkKind::Standalone => Ok(format!("http://127.0.0.1:{}", self.port)),
            FlinkKind::StandaloneTls => Ok(format!("https://127.0.0.1:{}", self.port)),
            FlinkKind::Yarn | FlinkKind::YarnHa => {
                let managers = self.resource_managers()?;
                let session = SessionSelector::Named(SessionSettings::default().name);
                let timeouts = flink::http::Timeouts::default();
                let target = DeploymentTarget::Yarn(YarnTarget { managers, session, wait: LIMIT, timeouts, tls: None });
                Ok(base_url(target.resolve().await.map_err(failed)?.endpoint()))
            }
        }
    }

    /// What the jobs' print tables wrote, by the task managers in the order they were started.
    pub fn printed(&self) -> String {
        let files = match self.kind {
            FlinkKind::Standalone | FlinkKind::StandaloneTls => {
                ["taskmanager.out.before", "taskmanager.out"].map(|file| self.run.join("log").join(file)).into()
            }
            FlinkKind::Yarn | FlinkKind::YarnHa => {
                let mut files = container_outputs(&self.run.join("nm-logs"));
                files.sort();
                files
            }
        };
        files.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect()
    }

    /// What a command on the primary node finds in its environment.
    pub fn node(&self) -> BTreeMap<String, String> {
        let of = |name: &str| self.run.join(name).display().to_string();
        let python = self.installed.get("FLINK_PYTHON").cloned().unwrap_or_default();
        let common = [("FLINK", format!("{}/bin/flink", self.home())), ("PYEXEC_PATH", python)];
        let own = match self.kind {
            FlinkKind::Standalone => vec![
                ("DEPLOYMENT_TARGET", "remote".to_owned()),
                ("JOBMANAGER_ADDRESS", format!("127.0.0.1:{}", self.port)),
                ("FLINK_CONF_DIR", of("conf")),
            ],
            FlinkKind::StandaloneTls => vec![
                ("DEPLOYMENT_TARGET", "remote".to_owned()),
                ("JOBMANAGER_ADDRESS", format!("https://127.0.0.1:{}", self.port)),
                ("JOBMANAGER_CA", of("tls/ca.pem")),
                ("JOBMANAGER_CERT", of("tls/client.pem")),
                ("JOBMANAGER_KEY", of("tls/client.key")),
                ("FLINK_CONF_DIR", of("conf")),
            ],
            FlinkKind::Yarn | FlinkKind::YarnHa => {
                let jars = self.installed.get("HADOOP_JARS").cloned().unwrap_or_default();
                vec![
                    ("DEPLOYMENT_TARGET", "yarn".to_owned()),
                    ("HADOOP_CONF_DIR", of("hadoop-conf")),
                    ("HADOOP_CLASSPATH", format!("{}:{jars}/*", of("hadoop-conf"))),
                    ("FLINK_CONF_DIR", of("flink-conf")),
                    ("YARN_SESSION", format!("{}/bin/yarn-session.sh", self.home())),
                ]
            }
        };
        common.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    async fn script(
        &self,
        name: &str,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> Result<String, StackError> {
        script(&self.project, name, arguments, environment).await
    }
}

impl Drop for FlinkBeside {
    fn drop(&mut self) {
        if self.runs.load(Ordering::Relaxed) {
            let script = self.project.join("scripts").join(self.cluster_script());
            let mut command = std::process::Command::new(script);
            command.args(["down", "--run-dir"]).arg(&self.run).envs(&self.installed).stdin(Stdio::null());
            if let Err(error) = command.status() {
                tracing::warn!(%error, "Flink could not be ended");
            }
        }
    }
}

fn components(kind: FlinkKind) -> &'static [&'static str] {
    match kind {
        FlinkKind::Standalone | FlinkKind::StandaloneTls => &["flink"],
        FlinkKind::Yarn | FlinkKind::YarnHa => &["flink", "hadoop"],
    }
}

/// `<logs>/<application>/<container>/taskmanager.out`.
fn container_outputs(logs: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let read = std::fs::read_dir(folder).into_iter().flatten();
        read.filter_map(|entry| Some(entry.ok()?.path())).collect::<Vec<_>>()
    };
    let containers = entries(logs).into_iter().flat_map(|application| entries(&application));
    containers.map(|container| container.join("taskmanager.out")).filter(|file| file.exists()).collect()
}

/// The `NAME=value` lines of what a script prints.
fn variables(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_uppercase())).filter_map(line).collect()
}

async fn script(
    project: &Path,
    name: &str,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
) -> Result<String, StackError> {
    output(&project.join("scripts").join(name), arguments, environment).await
}

/// Where a component of `scripts/install-flink.sh` is installed, as the script tells it.
pub async fn installed(project: &Path, component: &str) -> Result<BTreeMap<String, String>, StackError> {
    let printed = script(project, "install-flink.sh", &[component, "--print-env"], &BTreeMap::new()).await?;
    Ok(variables(&printed))
}

/// What a program prints, if it ends well.
pub(crate) async fn output(
    path: &Path,
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
) -> Result<String, StackError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut command = Command::new(path);
    // The caller's own cloud must not leak in.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let failed = |output: String| StackError::Script { script: format!("{name} {}", arguments.join(" ")), output };
    let output = output.map_err(|_| failed(format!("no end within {} s", LIMIT.as_secs())))?;
    let output = output.map_err(io(format!("starting {}", path.display())))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(failed(text(&output.stderr))) }
}
