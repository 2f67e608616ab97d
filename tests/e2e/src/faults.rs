//! Faults of a standalone cluster and of its primary node: processes killed or stopped, a Python without PyFlink.
//! Must not know what the product does about them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use local_stack::flink_cluster::installed;
use tokio::process::Command;

use crate::{Bench, project};

impl Bench {
    /// `scripts/flink-cluster.sh` with `command`, for example `["stop", "taskmanager"]`.
    pub async fn standalone(&self, command: &[&str]) {
        self.script("flink-cluster.sh", command, crate::LIMIT).await;
    }

    /// SIGSTOP for the one runner that works on this node; its watchdog is another process.
    pub async fn stop_runner(&self) -> u32 {
        let pid = self.wait("a runner works", || async { self.runners().first().copied() }).await;
        let status = Command::new("kill").args(["-STOP", &pid.to_string()]).status().await.unwrap();
        assert!(status.success());
        pid
    }

    /// The processes that carry out a batch on this node.
    pub fn runners(&self) -> Vec<u32> {
        let ours = self.root.join("node");
        let runs = |entry: std::fs::DirEntry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
            let mut arguments = arguments.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let program = arguments.next()?;
            (Path::new(&*program).starts_with(&ours) && arguments.next()? == "run").then_some(pid)
        };
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(runs).collect()
    }
}

/// A Python of the node that can be broken and mended: a program at a path that stays the same.
pub struct NodePython {
    pub path: PathBuf,
    real: String,
}

impl NodePython {
    pub async fn new(folder: &Path) -> Self {
        let found = installed(&project(), "flink").await.unwrap();
        let python = Self { path: folder.join("python"), real: found["FLINK_PYTHON"].clone() };
        python.mend();
        python
    }

    /// Another interpreter, which has never heard of Flink.
    pub fn without_flink(&self) {
        self.runs("python3");
    }

    pub fn mend(&self) {
        self.runs(&format!("'{}'", self.real));
    }

    fn runs(&self, program: &str) {
        let next = self.path.with_extension("next");
        std::fs::write(&next, format!("#!/bin/sh\nexec {program} \"$@\"\n")).unwrap();
        std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&next, &self.path).unwrap();
    }
}
