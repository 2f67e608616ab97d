//! The primary node: runs an argument vector with the node's environment, its output in files.
//! Must not know whether a step or a command asked for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use process_group::{GRACE, Group};
use tokio::process::Command;
use tokio::time::Instant;

use crate::config::NodeConfig;
use crate::process::{GroupChild, Groups};

#[derive(Clone)]
pub(crate) struct Node {
    env: BTreeMap<String, String>,
    path: Vec<PathBuf>,
    work_dir: PathBuf,
    groups: Groups,
}

impl Node {
    /// `env` is what the stack adds under the configured environment: its endpoints and credentials.
    pub(crate) fn new(config: &NodeConfig, env: &BTreeMap<String, String>, groups: Groups) -> Self {
        let mut whole = env.clone();
        whole.extend(config.env.clone());
        Self { env: whole, path: config.path.clone(), work_dir: config.work_dir.clone(), groups }
    }

    /// Where one step or command leaves its output.
    pub(super) fn folder(&self, kind: &str, id: &str) -> PathBuf {
        self.work_dir.join(kind).join(id)
    }

    /// Starts an argument vector in a folder of its own.
    pub(super) fn start(
        &self,
        folder: &Path,
        argv: &[String],
        env: &BTreeMap<String, String>,
    ) -> io::Result<GroupChild> {
        let [program, rest @ ..] = argv else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program was given"));
        };
        std::fs::create_dir_all(folder)?;
        let mut command = Command::new(program);
        // The caller's own cloud must not leak in: the node has the stack's credentials and endpoints.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.args(rest).envs(&self.env).envs(env).env("PATH", self.search_path()?);
        command.stdin(Stdio::null());
        command.stdout(File::create(folder.join("stdout"))?).stderr(File::create(folder.join("stderr"))?);
        self.groups.spawn(&mut command)
    }

    fn search_path(&self) -> io::Result<OsString> {
        let inherited =
            self.env.get("PATH").map(OsString::from).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let folders = self.path.iter().cloned().chain(std::env::split_paths(&inherited));
        std::env::join_paths(folders).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}

/// Asks a group to end and makes it after the grace.
pub(super) async fn end(group: Group) {
    group.terminate();
    if !group.is_empty_by(Instant::now() + GRACE).await {
        group.kill();
    }
}
