//! Which states are provably a job's own, by their paths alone.
//! Must not know whether a state is there, or is complete.

use desired::target::Target;

use crate::documents::record::Record;
use crate::ids::{JobId, OperationId, rollback_id, run_id};
use crate::state::{is_checkpoint, is_savepoint};

/// What the path of a state tells of it, below the directory that a job keeps its states in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told<'a> {
    /// `<version>/<job id>/chk-<n>`.
    Checkpoint { run: JobId },
    /// `<version>/savepoint-<run>-<random>`, by the first digits of its run's id.
    Savepoint { run: &'a str },
    /// `<version>/<operation>/savepoint-<run>-<random>`.
    Taken { operation: OperationId, run: &'a str },
}

impl<'a> Told<'a> {
    fn by(below: &'a str) -> Option<Self> {
        let parts: Vec<&str> = below.split('/').collect();
        let (version, rest) = parts.split_first()?;
        version.parse::<u32>().ok()?;
        let run = |name: &'a str| name.strip_prefix("savepoint-")?.split_once('-').map(|(run, _)| run);
        match rest {
            [id, name] if is_checkpoint(name) => Some(Self::Checkpoint { run: id.parse().ok()? }),
            [name] if is_savepoint(name, None) => Some(Self::Savepoint { run: run(name)? }),
            [id, name] if is_savepoint(name, None) => {
                Some(Self::Taken { operation: id.parse().ok()?, run: run(name)? })
            }
            _ => None,
        }
    }
}

/// The state below one of these directories, if the path has its shape: nothing above a directory is reached.
fn below<'a>(path: &'a str, directory: &str) -> Option<Told<'a>> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?.strip_prefix('/')?;
    Told::by(rest)
}

impl Record {
    /// Whether the state at `path` is provably this job's: it lies in a directory that is named after the job, or was
    /// written by one of its runs or operations.
    pub fn owns_state(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        if self.noted_states().any(|noted| noted.trim_end_matches('/') == path) {
            return true;
        }
        let Some(deployed) = &self.deployed else { return false };
        let target = &deployed.target;
        let owns = target.has_directories_of_its_own();
        let runs = deployed.runs.iter().chain(&self.orphans);
        let directories = runs.flat_map(|run| [run.checkpoints.clone(), run.savepoints.clone()]);
        let mut directories = directories.chain(directories_of(target));
        directories.any(|directory| below(path, &directory).is_some_and(|told| owns || self.wrote(told)))
    }

    /// The states that the record itself names.
    fn noted_states(&self) -> impl Iterator<Item = &String> {
        let restored = self.deployed.iter().filter_map(|deployed| deployed.restore_point.as_ref());
        let told = self.history.iter().flat_map(|entry| entry.from.iter().chain(&entry.savepoint));
        restored.chain(told)
    }

    /// Whether one of its runs or operations wrote it, where the directory is shared with other jobs.
    fn wrote(&self, told: Told<'_>) -> bool {
        let deployed = self.deployed.iter().flat_map(|deployed| &deployed.runs);
        let known = || deployed.clone().chain(&self.orphans).map(|run| run.job_id);
        let operations = || self.history.iter().map(|entry| entry.operation);
        let started = || operations().flat_map(|operation| [run_id(operation), rollback_id(operation)]);
        let of_run = |digits: &str| known().chain(started()).any(|id| id.in_savepoint_names() == digits);
        match told {
            Told::Checkpoint { run } => known().chain(started()).any(|id| id == run),
            Told::Savepoint { run } => of_run(run),
            Told::Taken { operation, run } => operations().any(|known| known == operation) || of_run(run),
        }
    }
}

fn directories_of(target: &Target) -> [String; 2] {
    [target.checkpoint_directory(), target.savepoint_directory()]
}
