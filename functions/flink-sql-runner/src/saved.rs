//! A plan in a file: what was asked, what it rests on and what it would do, for `apply`.
//! Must not know how a plan is made, nor how it is carried out.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use desired::manifest::JobName;
use lifecycle::change::{Change, ChangeKind};
use lifecycle::decision::PlannedAction;
use lifecycle::orchestrate::Ends;
use orchestrator::actions::{Basis, FollowingAnswer, JobAnswer, PlanAnswer, PlannedAnswer, Preview};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::invocation::Invocation;
use crate::out::{Out, failure};
use crate::render::printable;

/// The most bytes that a saved plan has: the files, and what it rests on.
const MOST: u64 = 16_000_000;
/// What the file says it is.
const FORMAT: &str = "flink-sql-runner/saved-plan";

/// A plan as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedPlan {
    format: String,
    version: u32,
    /// Where the plan belongs.
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// What was asked, each file by the path it goes to.
    pub(crate) asked: Preview,
    /// The paths of the uploaded files that are deleted.
    pub(crate) removals: Vec<String>,
    pub(crate) basis: Basis,
    /// What would be done.
    pub(crate) jobs: Vec<Intent>,
}

/// What would be done about one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) name: JobName,
    pub(crate) change: Option<ChangeKind>,
    pub(crate) before: Option<u32>,
    pub(crate) after: Option<u32>,
    pub(crate) likely: PlannedAction,
    /// If it is done only after the operation under way: how that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) once: Option<Ends>,
}

/// What an answer says would be done.
pub(crate) fn intents(answer: &PlanAnswer) -> Vec<Intent> {
    let of = |job: &JobAnswer, plan: &PlannedAnswer, change: &Option<Change>, ends| Intent {
        name: job.name.clone(),
        change: change.as_ref().map(|change| change.kind),
        before: plan.before,
        after: plan.after,
        likely: plan.likely,
        once: ends,
    };
    let now = |job: &JobAnswer| job.plan.as_ref().map(|plan| of(job, plan, &job.change, None));
    let later = |job: &JobAnswer| {
        let next = |next: &FollowingAnswer| Some(of(job, next.plan.as_ref()?, &next.change, Some(next.ends)));
        job.following.iter().filter_map(next).collect::<Vec<_>>()
    };
    answer.jobs.iter().flat_map(|job| now(job).into_iter().chain(later(job))).collect()
}

/// Keeps a plan in a file that nobody else may read; one that cannot be carried out is not kept.
pub(crate) fn keep(
    file: &Path,
    asked: Preview,
    answer: &PlanAnswer,
    exit: Exit,
    invocation: &Invocation,
    out: Out,
) -> Result<(), CliError> {
    if exit != Exit::Done {
        out.note(&failure("the plan was not saved", &[], Some("correct what is refused, then plan again")));
        return Ok(());
    }
    let preview = answer.preview.clone().unwrap_or_default();
    let Some(basis) = preview.basis else {
        return Err(CliError::usage(
            "the plan rests on more files and jobs than a saved plan holds",
            "plan fewer folders or jobs at a time",
        ));
    };
    let mut asked = asked;
    for (given, placed) in preview.placed {
        if let Some(text) = asked.files.remove(&given) {
            asked.files.insert(placed, text);
        }
    }
    asked.alone.clear();
    let saved = SavedPlan {
        format: FORMAT.to_owned(),
        version: 1,
        bucket: invocation.bucket()?,
        prefix: invocation.settings()?.keys.prefix().to_owned(),
        asked,
        removals: preview.removals,
        basis,
        jobs: intents(answer),
    };
    write(file, &saved).map_err(|source| CliError::NotWritten { path: file.to_owned(), source })?;
    out.note(&format!(
        "saved as {}: `flink-sql-runner apply` carries out this plan\n",
        printable(&file.to_string_lossy())
    ));
    Ok(())
}

/// Whole or not at all, and only in the place of a file.
fn write(file: &Path, saved: &SavedPlan) -> io::Result<()> {
    if fs::symlink_metadata(file).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "what is there is a folder, a link or a device"));
    }
    let name = file.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it has no file name"))?;
    let beside = file.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let write = || -> io::Result<()> {
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        to.write_all(&serde_json::to_vec_pretty(saved)?)?;
        to.sync_all()?;
        fs::rename(&beside, file)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

/// Reads a saved plan.
pub(crate) fn read(file: &Path) -> Result<SavedPlan, CliError> {
    let wrong = |source| CliError::File { path: file.to_owned(), source };
    let mut bytes = Vec::new();
    files::open(file)?.take(MOST + 1).read_to_end(&mut bytes).map_err(wrong)?;
    let no_plan = |why: &str| {
        let message = format!("`{}` is no saved plan: {why}", file.display());
        CliError::usage(message, "make one with `plan PATH… --save FILE`")
    };
    if bytes.len() as u64 > MOST {
        return Err(no_plan("it is too large"));
    }
    let saved: SavedPlan = serde_json::from_slice(&bytes).map_err(|error| no_plan(&error.to_string()))?;
    if (saved.format.as_str(), saved.version) != (FORMAT, 1) {
        return Err(no_plan("it has another format, or is of a newer version"));
    }
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A device or what a link leads to would be damaged.
    #[test]
    fn only_a_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::write(&other, "other").unwrap();
        symlink(&other, &link).unwrap();
        for there in [link.as_path(), folder.path()] {
            let source = write(there, &nothing()).unwrap_err();
            assert_eq!(source.kind(), ErrorKind::AlreadyExists);
            let error = CliError::NotWritten { path: there.to_owned(), source };
            assert_eq!(error.causes(), ["what is there is a folder, a link or a device"]);
            assert!(error.help().is_some_and(|help| help.contains("name a file")));
        }
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
    }

    fn nothing() -> SavedPlan {
        SavedPlan {
            format: FORMAT.to_owned(),
            version: 1,
            bucket: "b".to_owned(),
            prefix: "p/".to_owned(),
            asked: Preview::default(),
            removals: Vec::new(),
            basis: Basis::default(),
            jobs: Vec::new(),
        }
    }

    #[test]
    fn a_saved_plan_is_for_its_owner_only_and_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        fs::write(&file, "older").unwrap();
        let saved = nothing();
        write(&file, &saved).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&file).unwrap(), saved);
        write(&file, &SavedPlan { version: 2, ..saved }).unwrap();
        for wrong in ["{}", "[]", "", &fs::read_to_string(&file).unwrap()] {
            fs::write(&file, wrong).unwrap();
            assert_eq!(read(&file).unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }
}
