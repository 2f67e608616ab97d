//! What the paths of one command mean together: each file with the one path that it gets, and no path for two files.
//! Must not know the bucket, nor what the files say.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use desired::inputs::stem;

use crate::error::CliError;
use crate::files;
use crate::folders::{QUERIES, is_under};
use crate::place::below_queries;
use crate::upload::map;

/// A file, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) file: PathBuf,
    /// Its path under the prefix.
    pub(crate) under: String,
    /// Whether it is a manifest that was given alone: it replaces the only uploaded one of its name, wherever that lies.
    pub(crate) alone: bool,
}

/// The files that paths mean, in the order of their places; a path without any is wrong usage.
pub(crate) fn files_of(paths: &[PathBuf]) -> Result<Vec<Mapped>, CliError> {
    for path in paths {
        if map(path)?.is_empty() {
            return Err(nothing_in(path));
        }
    }
    files_if_any(paths)
}

/// The same where some paths may mean none; a file that is meant twice counts once.
pub(crate) fn files_if_any(paths: &[PathBuf]) -> Result<Vec<Mapped>, CliError> {
    let mut found: BTreeMap<String, Mapped> = BTreeMap::new();
    for path in paths {
        let given_alone = path.is_file() && below_queries(path).is_none();
        for (file, under) in map(path)? {
            let alone = given_alone && is_under(&under, QUERIES);
            let new = Mapped { file, under: under.clone(), alone };
            match found.insert(under, new.clone()) {
                Some(other) if other.file != new.file => return Err(two_for(&new.under, &other.file, &new.file)),
                Some(_) | None => {}
            }
        }
    }
    let found: Vec<Mapped> = found.into_values().collect();
    for alone in found.iter().filter(|it| it.alone) {
        let same = |other: &&Mapped| other.under != alone.under && name(other).is_some() && name(other) == name(alone);
        if let Some(other) = found.iter().find(same) {
            return Err(two_for(&other.under, &other.file, &alone.file));
        }
    }
    Ok(found)
}

/// The name of the job that a manifest is about.
fn name(mapped: &Mapped) -> Option<&str> {
    is_under(&mapped.under, QUERIES).then(|| stem(&mapped.under)).flatten()
}

fn two_for(under: &str, one: &Path, other: &Path) -> CliError {
    let message = format!("`{}` and `{}` would both be uploaded to {under}", files::shown(one), files::shown(other));
    CliError::usage(message, "give only one of them")
}

fn nothing_in(path: &Path) -> CliError {
    let message = format!("there are no manifests in `{}`", path.display());
    CliError::usage(message, "manifests end in .yaml or .yml")
}

/// A path without `..`: where a file lies says which key it gets. One that cannot be resolved stays as it is, and is
/// told of by whoever reads it.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let has_parents = path.components().any(|part| part == Component::ParentDir);
    if has_parents { without_parents(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

fn without_parents(path: &Path) -> std::io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        if part == Component::ParentDir {
            // What is above a link is above the folder that it leads to.
            resolved = std::fs::canonicalize(&resolved)?;
            resolved.pop();
        } else {
            resolved.push(part);
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::test_kit::folder;

    fn places(root: &tempfile::TempDir, paths: &[&str]) -> Result<Vec<String>, CliError> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| resolved(&root.path().join(path))).collect();
        Ok(files_of(&paths)?.into_iter().map(|mapped| mapped.under).collect())
    }

    #[test]
    fn two_files_for_one_place_are_refused() {
        let root = folder(&[
            "p5/queries/a1.yaml",
            "p5/config/tables/t.sql",
            "p7/queries/a1.yaml",
            "p7/config/tables/t.sql",
            "loose/a1.yaml",
            "p5/queries/team/a2.yaml",
            "loose/a2.yaml",
        ]);
        let wrong = [
            ["p5/queries/a1.yaml", "p7/queries/a1.yaml"],
            ["p5/config", "p7/config"],
            ["p5", "p7"],
            ["p5/queries", "loose/a1.yaml"],
            ["p5/queries/team/a2.yaml", "loose/a2.yaml"],
        ];
        for paths in wrong {
            let error = places(&root, &paths).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{paths:?}");
            assert!(error.to_string().contains("would both be uploaded to"), "{error}");
        }
        assert_eq!(
            places(&root, &["p5/queries/a1.yaml", "p5/queries/../queries/a1.yaml"]).unwrap(),
            ["queries/a1.yaml"]
        );
        assert!(places(&root, &["p5", "p5/queries", "loose/a2.yaml"]).is_err());
    }

    #[test]
    fn a_path_means_the_same_however_it_is_written() {
        let root = folder(&["queries/team/a.yaml", "queries/b.yaml", "config/tables/t.sql"]);
        assert_eq!(places(&root, &["queries/team/../b.yaml"]).unwrap(), ["queries/b.yaml"]);
        assert_eq!(places(&root, &["queries/team/.."]).unwrap(), ["queries/b.yaml", "queries/team/a.yaml"]);
        assert_eq!(places(&root, &["queries/team/../../config"]).unwrap(), ["config/tables/t.sql"]);
        std::os::unix::fs::symlink(root.path().join("queries/team"), root.path().join("link")).unwrap();
        assert_eq!(places(&root, &["link/../b.yaml"]).unwrap(), ["queries/b.yaml"]);
    }
}
