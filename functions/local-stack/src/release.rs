//! A release of the node's programs on the local stack, as `make package` builds one and as it is uploaded.
//! Must not know what the programs do, nor who starts them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{StackError, io};
use crate::flink_cluster::{installed, output};

/// The bucket of the local stack.
pub const BUCKET: &str = "local";
/// The prefix of all keys.
pub const PREFIX: &str = "flink-sql-runner/";

/// A release that lies in a folder of its name.
#[derive(Clone, Debug)]
pub struct Release {
    folder: PathBuf,
    digest: String,
}

impl Release {
    /// Makes the release of the project's scripts and the runner among `binaries` in a new folder under `root`.
    pub async fn gather(project: &Path, binaries: &Path, root: &Path) -> Result<Self, StackError> {
        let folder = root.join("release");
        let (runner, to) = (binaries.join("flink-sql-runner-step").display().to_string(), folder.display().to_string());
        let arguments = [runner.as_str(), std::env::consts::ARCH, to.as_str()];
        let printed = output(&project.join("scripts/node-release.sh"), &arguments, &BTreeMap::new()).await?;
        let digest = printed.trim().to_owned();
        Ok(Self { folder: folder.join(&digest), digest })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
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

/// Writes the node's settings as the bootstrap action does: one `NAME=VALUE` a line, in a file that was closed to others
/// before it had any content.
pub fn write_settings(file: &Path, settings: &BTreeMap<String, String>) -> Result<(), StackError> {
    let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let new = file.with_extension("new");
    let write = || -> std::io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(&new)?.write_all(lines.concat().as_bytes())?;
        fs::rename(&new, file)
    };
    write().map_err(io(format!("writing {}", file.display())))
}
