//! The local files that a plan is asked about: their texts by the paths they would be uploaded to.
//! Must not know the bucket, nor what is planned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use desired::diagnostics::{Diagnostic, Severity};
use desired::manifest::JobName;
use orchestrator::actions::{MOST_ASKED, Preview};

use crate::error::CliError;
use crate::layout::{Mapped, files_of};
use crate::render::diagnostics;
use crate::validate::warning;
use crate::{files, prune as surplus};

/// What is asked about local files, and what of them nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) asked: Preview,
    /// The files that nobody reads, for people.
    pub(crate) not_read: String,
}

/// Reads the files that `paths` mean; with `prune`, what is uploaded and has no file in them is taken for deleted.
pub(crate) fn gather(paths: &[PathBuf], names: BTreeSet<JobName>, prune: bool) -> Result<Gathered, CliError> {
    let mut gathered = Gathered { asked: Preview::of(names), not_read: String::new() };
    let mapped = files_of(paths)?;
    for path in paths {
        let not_read = files::never_read(path)?;
        if path.is_file() && !not_read.is_empty() {
            return Err(CliError::usage(format!("`{}` is a file that is never read", path.display()), files::NAMES));
        }
        gathered.not_read.push_str(&diagnostics::all(&not_read.iter().map(|it| warning(it)).collect::<Vec<_>>()));
    }
    if prune {
        gathered.asked.without = surplus::folders(paths, &mapped)?;
    }
    for Mapped { file, under, alone } in mapped {
        if alone {
            gathered.asked.alone.insert(under.clone());
        }
        gathered.asked.files.insert(under, text(&file)?);
    }
    fits(&gathered.asked)?;
    Ok(gathered)
}

/// A file's text: what is no text cannot be asked about, and would be refused.
pub(crate) fn text(file: &Path) -> Result<String, CliError> {
    let bytes = std::fs::read(file).map_err(|source| CliError::File { path: file.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let message = format!("the file is not UTF-8: byte {} is none", valid + 1);
        let found = Diagnostic::new(Severity::Error, "not-utf-8", &files::shown(file), message);
        CliError::Refused(Box::new(found.with_help("save it as UTF-8")))
    })
}

/// What is asked travels in one call of the function, which takes only so much.
fn fits(asked: &Preview) -> Result<(), CliError> {
    let bytes = serde_json::to_vec(asked).map_or(0, |bytes| bytes.len());
    if bytes <= MOST_ASKED {
        return Ok(());
    }
    let mb = |bytes: usize| format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    Err(CliError::usage(
        format!("the files have {} together, a plan takes {} at most", mb(bytes), mb(MOST_ASKED)),
        "plan one folder after the other, each with `config` if that changed",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, bytes) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        root
    }

    fn gathered(root: &tempfile::TempDir, paths: &[&str], prune: bool) -> Result<Preview, CliError> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.path().join(path)).collect();
        gather(&paths, BTreeSet::new(), prune).map(|gathered| gathered.asked)
    }

    #[test]
    fn files_travel_by_the_paths_they_would_get() {
        let root = folder(&[
            ("queries/a.yaml", b"a: 1"),
            ("queries/team/b.yaml", b"b: 1"),
            ("config/tables/t.sql", b"-- t"),
            ("elsewhere/c.yaml", b"c: 1"),
        ]);
        let all = gathered(&root, &["."], true).unwrap();
        let paths: Vec<&str> = all.files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["config/tables/t.sql", "queries/a.yaml", "queries/team/b.yaml"]);
        assert_eq!(all.files["queries/a.yaml"], "a: 1");
        assert_eq!(all.without, ["config/", "queries/"].map(str::to_owned).into());
        assert!(all.alone.is_empty());
        let one = gathered(&root, &["elsewhere/c.yaml"], false).unwrap();
        assert_eq!((one.alone.len(), one.files.len(), one.without.len()), (1, 1, 0));
    }

    #[test]
    fn what_cannot_be_asked_about_is_said() {
        let root = folder(&[
            ("queries/a.yaml", b"a: 1"),
            ("other/a.yaml", b"a: 2"),
            ("broken/b.yaml", b"b: \xff"),
            ("notes/readme.txt", b"x"),
        ]);
        std::fs::write(root.path().join("queries/large.yaml"), vec![b'x'; MOST_ASKED]).unwrap();
        let exit = |paths: &[&str], prune| gathered(&root, paths, prune).unwrap_err().exit();
        assert_eq!(exit(&["queries/a.yaml", "other/a.yaml"], false), Exit::Usage, "two files for one key");
        assert_eq!(exit(&["broken"], false), Exit::Invalid, "no text");
        assert_eq!(exit(&["notes"], false), Exit::Usage, "no manifests");
        assert_eq!(exit(&["other"], true), Exit::Usage, "nothing says that it is all there is");
        // A folder that is empty says nothing either: everything would be deleted.
        let root_empty = folder(&[("config/tables/t.sql", b"-- t"), ("queries/.keep", b"")]);
        let empty = |paths: &[&str], prune| gathered(&root_empty, paths, prune).map(drop).map_err(|error| error.exit());
        assert_eq!(empty(&["queries"], true), Err(Exit::Usage));
        assert_eq!(empty(&["."], true), Err(Exit::Usage), "an empty `queries`");
        assert_eq!(empty(&["config"], true), Ok(()));
        assert_eq!(empty(&["."], false), Ok(()));
        let large = gathered(&root, &["queries"], false).unwrap_err().to_string();
        assert_eq!(large, "the files have 5.5 MB together, a plan takes 5.5 MB at most");
    }
}
