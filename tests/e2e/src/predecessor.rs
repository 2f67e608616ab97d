//! The Python tool of the same name, as it is published, against the stack's Flink and S3.
//! Must not know what becomes of its jobs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_stack::release::{BUCKET, PREFIX};
use tokio::process::Command;

use crate::{Bench, project};

/// The longest that one run of it may take: it starts a JVM for every look at a job.
const LIMIT: Duration = Duration::from_mins(4);
/// Its command, that looks twice instead of ten times whether a job stays up, three seconds apart.
const DEPLOY: &str = "import runpy
from flink_sql_runner.flink_clients import FlinkCli
FlinkCli.JOB_RUNNING_CHECK_RETRIES_COUNT = 2
runpy.run_module('flink_sql_runner.deploy', run_name='__main__')
";

/// The tool with the files of its own that it reads.
pub struct PythonTool {
    python: PathBuf,
    folder: PathBuf,
}

impl PythonTool {
    /// With the example's template and tables, and no query yet.
    pub async fn new(bench: &Bench) -> Self {
        let script = project().join("scripts/install-flink.sh");
        let output = Command::new(script).args(["predecessor", "--print-env"]).output().await.unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let python = printed.lines().find_map(|line| line.strip_prefix("PREDECESSOR_PYTHON="));
        let python = PathBuf::from(python.expect("the Python tool is installed"));
        let folder = bench.root.join("python-tool");
        std::fs::create_dir_all(folder.join("queries")).unwrap();
        let tool = Self { python, folder };
        for name in ["job-template.yaml", "tables/inputs.sql", "tables/outputs.sql"] {
            let text = std::fs::read_to_string(project().join("examples/config").join(name)).unwrap();
            tool.write(Path::new(name).file_name().unwrap().to_str().unwrap(), &text);
        }
        tool
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    /// Gives it a query's file, new or changed.
    pub fn query(&self, name: &str, text: &str) {
        self.write(&format!("queries/{name}.yaml"), text);
    }

    fn packages(&self) -> PathBuf {
        self.python.parent().unwrap().join("../lib/python3.11/site-packages")
    }

    /// Its `deploy` over all its queries; answers what it printed.
    pub async fn deploy(&self, bench: &Bench, parameters: &str) -> String {
        let node = bench.stack.node();
        let at = |name: &str| self.folder.join(name).display().to_string();
        let flink = Path::new(&node["FLINK"]).parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(std::iter::once(flink).chain(std::env::split_paths(&path))).unwrap();
        let address = bench.rest().await.trim_start_matches("http://").to_owned();
        let mut command = Command::new(&self.python);
        command
            .args(["-c", DEPLOY, "--path", &at("queries"), "--template-file", &at("job-template.yaml")])
            .arg("--pyflink-runner-dir")
            .arg(self.packages().join("flink_sql_runner/runner"))
            .args(["--pyexec-path", &node["PYEXEC_PATH"], "--external-job-config-bucket", BUCKET])
            .args(["--external-job-config-prefix", &format!("{PREFIX}manifests/")])
            .args(["--table-definition-path", &at("inputs.sql"), &at("outputs.sql")])
            .args(["--deployment-target", "remote", "--jobmanager-address", &address])
            .args(["--template-params", parameters])
            .envs(node)
            .envs(bench.stack.aws.aws_env())
            .env("AWS_S3_ENDPOINT", bench.stack.aws.s3_url())
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("PATH", path)
            // What it runs inside `flink run` imports packages of its own.
            .env("PYTHONPATH", self.packages())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "the Python tool ended with {}: {printed}", output.status);
        printed
    }
}
