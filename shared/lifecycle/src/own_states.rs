//! Which states are provably a job's own, by their paths alone.
//! Must not know whether a state is there, or is complete.

use std::collections::BTreeSet;

use desired::target::{Target, version_directory};

use crate::documents::plan::KnownRun;
use crate::documents::record::Record;
use crate::ids::{Hex32, JobId, OperationId, rollback_id, run_id};
use crate::state::{StateLocation, is_checkpoint, is_savepoint, locations_of_run};

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

    /// The directories that are named after the job: whatever lies in one is its own. `deployment` is the place of the
    /// deployment, below which jobs keep their states unless they say otherwise.
    pub fn directories_of_its_own(&self, deployment: Option<&str>) -> BTreeSet<String> {
        let name = self.name.as_str();
        let runs = self.deployed.iter().flat_map(|deployed| &deployed.runs).chain(&self.orphans);
        let of_runs = runs.flat_map(|run| [run.checkpoints.clone(), run.savepoints.clone()]);
        let of_target = self.deployed.iter().flat_map(|deployed| directories_of(&deployed.target));
        let usual = deployment.into_iter().flat_map(|deployment| {
            ["checkpoints", "savepoints"].map(|kind| format!("{}/{kind}/{name}", deployment.trim_end_matches('/')))
        });
        let of_it = of_runs.chain(of_target).filter(|directory| directory.split('/').any(|segment| segment == name));
        of_it.chain(usual).map(|directory| directory.trim_end_matches('/').to_owned()).collect()
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

/// Of how many versions states are listed, the newest first.
const VERSIONS: usize = 10;

impl Record {
    /// The versions that states are listed of: the newest that something was started of, as far as that is known, and
    /// where these are few the newest numbers that were given out.
    fn listed_versions(&self) -> BTreeSet<u32> {
        let deployed = self.deployed.iter().map(|deployed| deployed.meta.query_version);
        let runs = self.deployed.iter().flat_map(|deployed| &deployed.runs).chain(&self.orphans).map(|run| run.version);
        let started = self.history.iter().filter(|entry| !entry.started_nothing()).map(|entry| entry.version);
        let known: BTreeSet<u32> = deployed.chain(runs).chain(started).collect();
        let others = (1..=self.highest_version).rev().filter(|version| !known.contains(version));
        known.iter().rev().copied().chain(others).take(VERSIONS).collect()
    }

    /// Where the states of this job lie, of the newest versions, as far as they are provably its own.
    pub fn state_places(&self) -> Vec<StateLocation> {
        let mut places: Vec<StateLocation> =
            self.noted_states().map(|path| StateLocation::Exactly { path: path.clone() }).collect();
        let Some(deployed) = &self.deployed else { return places };
        let [checkpoints, savepoints] = directories_of(&deployed.target);
        let listed = self.listed_versions();
        if deployed.target.has_directories_of_its_own() {
            let of_version = |version| StateLocation::Version {
                checkpoints: version_directory(&checkpoints, version),
                savepoints: version_directory(&savepoints, version),
                shared: false,
            };
            places.extend(listed.iter().rev().copied().map(of_version));
        }
        places.extend(deployed.runs.iter().chain(&self.orphans).flat_map(KnownRun::places));
        for entry in self.history.iter().filter(|entry| listed.contains(&entry.version)) {
            for run in [run_id(entry.operation), rollback_id(entry.operation)] {
                places.extend(locations_of_run(&checkpoints, &savepoints, entry.version, run, entry.operation));
            }
        }
        let mut known = BTreeSet::new();
        places.retain(|place| known.insert(format!("{place:?}")));
        places
    }
}

/// What the path of a state tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub savepoint: bool,
    pub version: Option<u32>,
    /// The run that wrote it: its id, or for a savepoint the first digits of that.
    pub run: Option<String>,
    /// The operation that asked for it.
    pub operation: Option<OperationId>,
}

impl Written {
    /// By the last segments of the path.
    pub fn by(path: &str) -> Self {
        let mut segments = path.trim_end_matches('/').rsplit('/');
        let name = segments.next().unwrap_or_default();
        let above: Vec<&str> = segments.take(2).collect();
        let version = above.iter().find_map(|segment| segment.parse().ok());
        let id = above.first().filter(|segment| segment.parse::<Hex32>().is_ok());
        if !is_savepoint(name, None) {
            return Self { savepoint: false, version, run: id.map(|id| (*id).to_owned()), operation: None };
        }
        let run = name.split('-').nth(1).map(str::to_owned);
        Self { savepoint: true, version, run, operation: id.and_then(|id| id.parse().ok()) }
    }
}

fn directories_of(target: &Target) -> [String; 2] {
    [target.checkpoint_directory(), target.savepoint_directory()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_who_wrote_the_state() {
        let id = "0197f0a1b2c3700080000000000000aa";
        let of = |path: &str| Written::by(path);
        let (run, operation) = (Some(id.to_owned()), id.parse().ok());
        let checkpoint = Written { savepoint: false, version: Some(12), run, operation: None };
        assert_eq!(of(&format!("s3://b/c/orders/12/{id}/chk-7")), checkpoint);
        let digits = Some("ac8dd3".to_owned());
        let taken = Written { savepoint: true, version: Some(3), run: digits, operation };
        assert_eq!(of(&format!("s3://b/s/orders/3/{id}/savepoint-ac8dd3-bab3bbd81f7a/")), taken);
        let beside = Written { operation: None, ..taken };
        assert_eq!(of("s3://b/s/orders/3/savepoint-ac8dd3-bab3bbd81f7a"), beside);
        assert_eq!(of("elsewhere"), Written::default());
    }
}
