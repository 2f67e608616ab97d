//! `init`: a project of manifests that deploys as it is, and the note how to go on.
//! Must not know the bucket's contents; it writes files on this machine only, and never over another one.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::Init;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files::shown;
use crate::invocation::Invocation;
use crate::out::Out;

/// A file of the project: its path, its content, whether it is a program.
type Template = (&'static str, &'static str, bool);

/// What is written, the words between `@` filled in.
const PROJECT: [Template; 8] = [
    ("README.md", include_str!("../project/README.md"), false),
    ("ci.sh", include_str!("../project/ci.sh"), true),
    ("config/job-template.yaml", include_str!("../project/config/job-template.yaml"), false),
    ("config/params.yaml", include_str!("../project/config/params.yaml"), false),
    ("config/tables/inputs.sql", include_str!("../project/config/tables/inputs.sql"), false),
    ("config/tables/outputs.sql", include_str!("../project/config/tables/outputs.sql"), false),
    ("manifest.schema.json", include_str!("../../../docs/manifest.schema.json"), false),
    ("queries/orders-per-buyer.yaml", include_str!("../project/queries/orders-per-buyer.yaml"), false),
];

/// Writes the project.
pub(crate) fn run(arguments: &Init, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let bucket = bucket(invocation)?;
    let prefix = invocation.settings()?.keys.prefix().to_owned();
    let folder = &arguments.folder;
    refuse_what_is_there(folder)?;
    let written = PROJECT.iter().map(|file| write(folder, file, &bucket, &prefix)).collect::<Result<Vec<_>, _>>()?;
    let document = json!({"format": "flink-sql-runner/init", "version": 1, "files": written});
    let folder = shown(folder);
    out.result(&document, || {
        let files = written.join("\nwrote ");
        format!(
            "wrote {files}\nNext: flink-sql-runner validate {}; {folder}/README.md says how to deploy.\n",
            quoted(&folder)
        )
    });
    Ok(Exit::Done)
}

/// The bucket of the jobs' states; its name becomes part of a YAML file and of a command for people.
fn bucket(invocation: &Invocation) -> Result<String, CliError> {
    let missing = |_| {
        let help = "give --bucket NAME, or set BUCKET: the states of jobs are kept there (`local` on the local stack)";
        CliError::usage("no bucket is named", help)
    };
    let name = invocation.bucket().map_err(missing)?;
    let is_plain = (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    if is_plain {
        return Ok(name);
    }
    Err(CliError::usage(
        format!("`{name}` is no name of a bucket"),
        "3 to 63 lower-case letters, digits, dots and hyphens are expected",
    ))
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%,".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// All or nothing: a file of the project that is there already refuses the whole.
fn refuse_what_is_there(folder: &Path) -> Result<(), CliError> {
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    match PROJECT.iter().map(|(path, ..)| folder.join(path)).find(is_there) {
        None => Ok(()),
        Some(path) => Err(taken(&path)),
    }
}

fn taken(path: &Path) -> CliError {
    CliError::usage(
        format!("`{}` is there already: nothing was written over it", shown(path)),
        "name a folder that does not exist yet, or move the file away",
    )
}

/// Writes one file that must not exist, and says its name.
fn write(folder: &Path, file: &Template, bucket: &str, prefix: &str) -> Result<String, CliError> {
    let (name, content, is_program) = file;
    let path = folder.join(name);
    let wrong = |source| CliError::NotWritten { path: path.clone(), source };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).create(parent).map_err(wrong)?;
    }
    let mode = if *is_program { 0o755 } else { 0o644 };
    let mut opened = match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
        Ok(opened) => opened,
        // Somebody else wrote it meanwhile.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(taken(&path)),
        Err(error) => return Err(wrong(error)),
    };
    let content = content.replace("@BUCKET@", bucket).replace("@PREFIX@", prefix);
    opened.write_all(content.as_bytes()).map_err(wrong)?;
    Ok(shown(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Global;
    use crate::out::Form;

    fn init(folder: &Path, bucket: Option<&str>) -> Result<Exit, CliError> {
        let flags = Global { bucket: bucket.map(str::to_owned), prefix: Some("jobs/".to_owned()), ..Global::default() };
        run(&Init { folder: folder.to_owned() }, &Invocation::new(flags), Out::new(Form::Json))
    }

    #[test]
    fn everything_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        init(&folder.path().join("new"), Some("some-bucket")).unwrap();
        for (name, ..) in PROJECT {
            let text = std::fs::read_to_string(folder.path().join("new").join(name)).unwrap();
            assert!(!text.contains("@BUCKET@") && !text.contains("@PREFIX@"), "{name}");
        }
        let template = std::fs::read_to_string(folder.path().join("new/config/job-template.yaml")).unwrap();
        assert!(template.contains("s3://some-bucket/jobs/checkpoints/{job_name}/"), "{template}");
        let metadata = std::fs::metadata(folder.path().join("new/ci.sh")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o755);
    }

    #[test]
    fn the_next_command_can_be_pasted() {
        assert_eq!(["jobs/new", "a b", "it's"].map(quoted), ["jobs/new", "'a b'", r"'it'\''s'"]);
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("queries/orders-per-buyer.yaml");
        std::fs::create_dir(folder.path().join("queries")).unwrap();
        std::fs::write(&mine, "mine").unwrap();
        let error = init(folder.path(), Some("some-bucket")).unwrap_err();
        assert!(error.to_string().contains("queries/orders-per-buyer.yaml"), "{error}");
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "all or nothing");
    }

    #[test]
    fn a_bucket_is_named_and_is_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "a", "UPPER", "a b c", "x\"\ny: z"] {
            let error = init(&folder.path().join("new"), Some(name)).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{name}");
        }
        assert!(!folder.path().join("new").exists());
    }
}
