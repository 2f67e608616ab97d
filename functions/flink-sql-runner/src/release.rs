//! A release of the node's programs on the local stack, as `make package` builds one and as it is uploaded.
//! Must not know what the programs do, nor who starts them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lifecycle::ids::Digest;
use serde_json::Value;

use crate::flink_beside::{installed, output};
use crate::stack::{BUCKET, PREFIX, StackError, io};

/// The sums of all other files of a release; its own sum is the release's digest.
const SUMS: &str = "SHA256SUMS";

/// A release that lies in a folder.
#[derive(Clone, Debug)]
pub struct Release {
    folder: PathBuf,
    digest: Digest,
}

impl Release {
    /// Makes the release of the project's scripts and the runner among `binaries` in a new folder under `root`.
    pub fn gather(project: &Path, binaries: &Path, root: &Path) -> Result<Self, StackError> {
        let files = [
            ("bootstrap-python.sh".to_owned(), project.join("infra/node/bootstrap-python.sh")),
            ("flink-sql-runner-node.sh".to_owned(), project.join("infra/node/flink-sql-runner-node.sh")),
            (format!("flink-sql-runner-step-{}", std::env::consts::ARCH), binaries.join("flink-sql-runner-step")),
            ("requirements-flink.txt".to_owned(), project.join("scripts/requirements-flink.txt")),
        ];
        let folder = root.join("release");
        let doing = |what: &str, path: &Path| io(format!("{what} {}", path.display()));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(doing("clearing", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(doing("making", &folder))?;
        let mut sums = Vec::new();
        for (name, source) in files {
            let bytes = fs::read(&source).map_err(doing("reading", &source))?;
            sums.push(format!("{}  {name}\n", Digest::of(&bytes)));
            symlink(&source, folder.join(name)).map_err(doing("linking to", &source))?;
        }
        let sums = sums.concat();
        fs::write(folder.join(SUMS), &sums).map_err(doing("writing the sums in", &folder))?;
        Ok(Self { folder, digest: Digest::of(sums.as_bytes()) })
    }

    /// Its name: the URL that it is uploaded to.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}/{PREFIX}node/{}", self.digest)
    }

    /// Uploads it with the AWS command line at `aws`, to the S3 and with the credentials of `environment`.
    pub async fn upload(&self, aws: &Path, environment: &BTreeMap<String, String>) -> Result<(), StackError> {
        let (from, to) = (self.folder.display().to_string(), format!("{}/", self.url()));
        let arguments = ["s3", "cp", "--recursive", "--only-show-errors", from.as_str(), to.as_str()];
        output(aws, &arguments, environment).await.map(|_| ())
    }

    /// The SSM document at `source` as the template makes it of this release, in a file of that name under `root`.
    pub fn render_document(&self, source: &Path, root: &Path) -> Result<PathBuf, StackError> {
        let file = root.join(source.file_name().unwrap_or(source.as_os_str()));
        let render = || -> std::io::Result<()> {
            let mut document: Value = serde_json::from_slice(&fs::read(source)?)?;
            substitute(&mut document, &self.url());
            fs::write(&file, serde_json::to_vec_pretty(&document)?)
        };
        render().map_err(io(format!("rendering {}", source.display())))?;
        Ok(file)
    }
}

/// Replaces the one intrinsic that the document may have: `{"Fn::Sub": "…${NodeRelease}…"}`.
fn substitute(value: &mut Value, release: &str) {
    if let Some(text) = value.get("Fn::Sub").and_then(Value::as_str) {
        *value = Value::String(text.replace("${NodeRelease}", release));
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| substitute(item, release)),
        Value::Object(members) => members.values_mut().for_each(|member| substitute(member, release)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A folder under `root` whose only program is the installed AWS command line, for the node's `PATH`.
pub async fn aws_on_path(project: &Path, root: &Path) -> Result<PathBuf, StackError> {
    let found = installed(project, "aws").await?;
    let program = Path::new(found.get("AWS_BIN").map_or("", String::as_str)).join("aws");
    let folder = root.join("bin");
    let link = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        let _ = fs::remove_file(folder.join("aws"));
        symlink(&program, folder.join("aws"))
    };
    link().map_err(io(format!("linking to {}", program.display())))?;
    Ok(folder)
}

/// Writes the node's settings as the bootstrap action does, one `NAME=VALUE` a line.
pub fn write_settings(file: &Path, settings: &BTreeMap<String, String>) -> Result<(), StackError> {
    let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    fs::write(file, lines.concat()).map_err(io(format!("writing {}", file.display())))
}
