//! The local files that a plan is asked about: their texts by the paths they would be uploaded to.
//! Must not know the bucket, nor what is planned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use desired::diagnostics::{Diagnostic, Severity};
use desired::inputs::stem;
use desired::manifest::JobName;
use orchestrator::actions::{FileAnswer, JobAnswer, MOST_ASKED, PlanAnswer, Preview};

use crate::error::CliError;
use crate::folders::{QUERIES, is_under};
use crate::layout::{Mapped, files_of};
use crate::render::diagnostics;
use crate::validate::{unreadable, warning};
use crate::{files, prune as surplus};

/// What is asked about local files, and what of them nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) asked: Preview,
    /// The files on this machine, by their paths under the prefix.
    pub(crate) local: BTreeMap<String, PathBuf>,
    /// Manifests that cannot be read: nothing is asked about them.
    pub(crate) unread: Vec<FileAnswer>,
    /// The files that nobody reads, for people.
    pub(crate) not_read: String,
}

/// Reads the files that `paths` mean; with `prune`, what is uploaded and has no file in them is taken for deleted.
pub(crate) fn gather(paths: &[PathBuf], names: BTreeSet<JobName>, prune: bool) -> Result<Gathered, CliError> {
    let mut gathered = Gathered { asked: Preview::of(names), ..Gathered::default() };
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
        match text(&file) {
            Ok(text) => {
                if alone {
                    gathered.asked.alone.insert(under.clone());
                }
                gathered.asked.files.insert(under.clone(), text);
                gathered.local.insert(under, file);
            }
            Err(error) => gathered.unread.push(unread(&file, under, error)),
        }
    }
    if !gathered.unread.is_empty() && (prune || gathered.says_nothing()) {
        let errors = gathered.unread.into_iter().flat_map(|file| file.errors).collect();
        return Err(CliError::Unread(errors));
    }
    fits(&gathered.asked)?;
    Ok(gathered)
}

/// A file that cannot be read, as a refused one: it is about the job that its name names.
fn unread(file: &Path, under: String, error: CliError) -> FileAnswer {
    let finding = match error {
        CliError::Refused(finding) => *finding,
        other => unreadable(file, &other),
    };
    let is_config = !is_under(&under, QUERIES);
    let job = stem(&under).filter(|_| !is_config).and_then(|stem| JobName::try_from(stem).ok());
    FileAnswer { file: under, jobs: job.into_iter().collect(), is_config, errors: vec![finding] }
}

impl Gathered {
    /// Whether the files that can be read are none, or mean something else without the others.
    fn says_nothing(&self) -> bool {
        let nothing = self.asked.files.is_empty() && self.asked.names.is_empty();
        nothing || self.unread.iter().any(|file| file.is_config)
    }

    /// The answer about all files: those that could not be read are refused, and named as they are named here.
    pub(crate) fn told(&self, mut answer: PlanAnswer, prefix: &str) -> PlanAnswer {
        let unread = |job: &JobAnswer| self.unread.iter().any(|file| file.jobs.contains(&job.name));
        answer.jobs.retain(|job| !unread(job));
        let placed = answer.preview.iter().flat_map(|preview| preview.placed.clone()).collect::<BTreeMap<_, _>>();
        let key = |under: &String| format!("{prefix}{}", placed.get(under).unwrap_or(under));
        let local: Vec<(String, String)> =
            self.local.iter().map(|(under, file)| (key(under), files::shown(file))).collect();
        for finding in answer.refused.iter_mut().flat_map(|file| &mut file.errors) {
            for (key, file) in &local {
                if finding.file == *key {
                    finding.file.clone_from(file);
                }
                // The way out may be another file.
                finding.help = finding.help.take().map(|help| help.replace(key, file));
            }
        }
        answer.refused.extend(self.unread.iter().cloned());
        answer
    }
}

/// A file's text: what is no text cannot be asked about, and would be refused.
pub(crate) fn text(file: &Path) -> Result<String, CliError> {
    let bytes = files::bytes(file)?;
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
    fn what_cannot_be_read_is_that_files_trouble_alone() {
        let root = folder(&[
            ("queries/a.yaml", b"a: 1"),
            ("queries/b.yaml", b"b: \xff"),
            ("queries/team/c.yaml", b"c: 1"),
            ("config/tables/t.sql", b"-- t"),
        ]);
        let link = |path: &str| std::os::unix::fs::symlink("/etc/passwd", root.path().join(path)).unwrap();
        link("queries/d.yaml");
        let of = |path: &str, prune| gather(&[root.path().join(path)], BTreeSet::new(), prune);
        let found = of("queries", false).unwrap();
        assert_eq!(found.asked.files.keys().collect::<Vec<_>>(), ["queries/a.yaml", "queries/team/c.yaml"]);
        let told: Vec<(&str, &str)> =
            found.unread.iter().map(|file| (file.file.as_str(), file.errors[0].code.as_ref())).collect();
        assert_eq!(told, [("queries/b.yaml", "not-utf-8"), ("queries/d.yaml", "unreadable")]);
        assert_eq!(found.unread[0].jobs, [JobName::try_from("b").unwrap()]);
        assert!(found.unread[1].errors[0].message.contains("leads out of its folder"), "{:?}", found.unread[1]);
        // What is not known to be there is not deleted for that.
        let error = of("queries", true).unwrap_err();
        assert_eq!(error.exit(), Exit::Invalid);
        assert!(error.to_string().starts_with("2 files cannot be read, and without that"), "{error}");
        link("config/params.yaml");
        let error = of("", false).unwrap_err().to_string();
        assert!(error.starts_with("3 files") && error.contains("config/params.yaml: the file"), "{error}");
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
