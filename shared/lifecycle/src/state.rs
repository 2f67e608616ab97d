//! Where the state of a run lies and which of several states is the newest.
//! Must not know how directories are listed or files read.

use desired::launch::Launch;
use desired::manifest::{CHECKPOINT_DIR, SAVEPOINT_DIR};
use desired::target::version_directory;
use serde::{Deserialize, Serialize};

use crate::ids::{JobId, OperationId};

/// The first four bytes of every `_metadata` file of Flink.
const MAGIC: [u8; 4] = [0x49, 0x60, 0x67, 0x2d];
/// How many bytes of a `_metadata` file tell its checkpoint id.
pub const HEADER_LENGTH: usize = 16;
/// The file whose presence makes a checkpoint or savepoint complete.
pub const METADATA: &str = "_metadata";

/// A complete checkpoint or savepoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StateRef {
    /// Its directory, as Flink restores from it.
    pub path: String,
    /// Its checkpoint id: orders all states of one version.
    pub checkpoint_id: u64,
}

/// One place where states of a lineage can lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateLocation {
    /// `chk-*` of one run.
    Checkpoints {
        /// `<checkpoint directory>/<version>/<job id>`.
        directory: String,
    },
    /// `savepoint-*`, all or those of one run.
    Savepoints {
        /// The directory that holds them.
        directory: String,
        /// Only names that begin `savepoint-<this>-`.
        run: Option<String>,
        /// Also in the directories of operations from this one on: a restart of the session has an operation's id too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operations_since: Option<OperationId>,
    },
    /// One state known by its path.
    Exactly { path: String },
    /// Everything under a version: only when taking over from the Python tool.
    Version {
        /// `<checkpoint directory>/<version>`.
        checkpoints: String,
        /// `<savepoint directory>/<version>`.
        savepoints: String,
        /// Whether states of other jobs may lie here as well: what is found belongs to nobody then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shared: bool,
    },
}

impl StateLocation {
    /// The checkpoints of one run below the directory of its version, or below the one that its launch names.
    pub fn checkpoints_of(run: JobId, directory: &str) -> Self {
        Self::Checkpoints { directory: format!("{}/{run}", directory.trim_end_matches('/')) }
    }

    /// Those savepoints in a directory that are named by one run.
    pub fn savepoints_of(run: JobId, directory: &str, operations_since: Option<OperationId>) -> Self {
        let run = Some(run.in_savepoint_names());
        Self::Savepoints { directory: directory.to_owned(), run, operations_since }
    }

    /// All savepoints directly in one directory.
    pub fn savepoints(directory: impl Into<String>) -> Self {
        Self::Savepoints { directory: directory.into(), run: None, operations_since: None }
    }

    /// Whether what lies here is provably one job's.
    pub fn is_provable(&self) -> bool {
        match self {
            Self::Checkpoints { .. } | Self::Savepoints { .. } | Self::Exactly { .. } => true,
            Self::Version { shared, .. } => !shared,
        }
    }
}

/// Where a run keeps its states, by the path of a checkpoint under its own id: the directory and the version.
pub fn kept_at(path: &str, run: JobId) -> Option<(String, u32)> {
    let (directory, checkpoint) = path.trim_end_matches('/').rsplit_once('/')?;
    let (directory, id) = directory.rsplit_once('/')?;
    let (directory, version) = directory.rsplit_once('/')?;
    let is_own = is_checkpoint(checkpoint) && id == run.to_string();
    is_own.then(|| Some((directory.to_owned(), version.parse().ok()?))).flatten()
}

/// Where the checkpoints of a run lie, by the path of one that Flink told of it.
pub fn beside(path: &str) -> StateLocation {
    let path = path.trim_end_matches('/');
    let directory = path.rsplit_once('/').filter(|(_, name)| is_checkpoint(name)).map(|(directory, _)| directory);
    let of_one_run = |directory: &&str| directory.rsplit('/').next().is_some_and(|id| id.parse::<JobId>().is_ok());
    match directory.filter(of_one_run) {
        // A newer one may have taken its place meanwhile.
        Some(directory) => StateLocation::Checkpoints { directory: directory.to_owned() },
        None => StateLocation::Exactly { path: path.to_owned() },
    }
}

/// A `_metadata` file that Flink did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the header of a Flink checkpoint or savepoint")]
pub struct NotMetadata;

/// The checkpoint id in the header of a `_metadata` file.
pub fn checkpoint_id(header: &[u8]) -> Result<u64, NotMetadata> {
    let (Some(magic), Some(id)) = (header.get(..4), header.get(8..HEADER_LENGTH)) else {
        return Err(NotMetadata);
    };
    if magic != MAGIC {
        return Err(NotMetadata);
    }
    id.try_into().map(u64::from_be_bytes).map_err(|_| NotMetadata)
}

/// The newest of several states: the highest checkpoint id wins, never a time stamp.
pub fn newest(found: Vec<StateRef>) -> Option<StateRef> {
    found.into_iter().max_by(|a, b| a.checkpoint_id.cmp(&b.checkpoint_id).then_with(|| a.path.cmp(&b.path)))
}

/// Whether a directory's name is a checkpoint's: `chk-` and digits, no marker.
pub fn is_checkpoint(name: &str) -> bool {
    name.strip_prefix("chk-").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a directory's name is a savepoint's, of `run` if given (its first six digits).
pub fn is_savepoint(name: &str, run: Option<&str>) -> bool {
    let Some(rest) = name.strip_prefix("savepoint-") else { return false };
    let good = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    rest.split_once('-')
        .is_some_and(|(job, random)| good(job, 6) && good(random, 12) && run.is_none_or(|run| run == job))
}

/// Where a stop of `operation` puts its savepoint.
pub fn savepoint_directory(savepoints: &str, version: u32, operation: OperationId) -> String {
    format!("{}/{operation}", version_directory(savepoints, version))
}

/// The places where the states of one run of ours lie.
pub fn locations_of_run(
    checkpoints: &str,
    savepoints: &str,
    version: u32,
    run: JobId,
    operation: OperationId,
) -> Vec<StateLocation> {
    vec![
        StateLocation::checkpoints_of(run, &version_directory(checkpoints, version)),
        StateLocation::savepoints(savepoint_directory(savepoints, version, operation)),
        StateLocation::savepoints_of(run, &version_directory(savepoints, version), Some(operation)),
    ]
}

/// The places where the states of a run lie that `operation` starts: its own checkpoints, and savepoints named by it.
pub fn locations_of_start(launch: &Launch, run: JobId, operation: OperationId) -> Vec<StateLocation> {
    let directory = |option| launch.properties.get(option);
    let checkpoints = directory(CHECKPOINT_DIR).map(|directory| StateLocation::checkpoints_of(run, directory));
    let of_run = |directory: &String| StateLocation::savepoints_of(run, directory, Some(operation));
    checkpoints.into_iter().chain(directory(SAVEPOINT_DIR).map(of_run)).collect()
}

/// Whether the path of a state is a savepoint's.
pub fn is_savepoint_at(path: &str) -> bool {
    path.trim_end_matches('/').rsplit('/').next().is_some_and(|name| is_savepoint(name, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_checkpoint_id() {
        let mut header = vec![0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4];
        header.extend(1234_u64.to_be_bytes());
        assert_eq!(checkpoint_id(&header), Ok(1234));
        assert_eq!(checkpoint_id(&header[..15]), Err(NotMetadata));
        header[0] = 0;
        assert_eq!(checkpoint_id(&header), Err(NotMetadata));
    }

    /// B9: never by time, always by the checkpoint id, and 10 is newer than 9.
    #[test]
    fn the_highest_checkpoint_id_wins() {
        let at = |path: &str, checkpoint_id| StateRef { path: path.into(), checkpoint_id };
        assert_eq!(newest(vec![at("a/chk-9", 9), at("a/chk-10", 10), at("b/chk-2", 2)]), Some(at("a/chk-10", 10)));
        assert_eq!(newest(vec![]), None);
    }

    /// B8: version 1's directory is not a prefix that also matches version 10's.
    #[test]
    fn versions_are_whole_path_segments() {
        let one = version_directory("s3://b/c/", 1);
        assert_eq!(one, "s3://b/c/1");
        let places = locations_of_run("s3://b/c/", "s3://b/s", 1, JobId::derived(&["r"]), OperationId::derived(&["o"]));
        assert!(places.iter().all(|p| match p {
            StateLocation::Checkpoints { directory } | StateLocation::Savepoints { directory, .. } =>
                directory.contains("/1/") || directory.ends_with("/1"),
            StateLocation::Exactly { .. } | StateLocation::Version { .. } => false,
        }));
    }

    #[test]
    fn markers_and_strangers_are_no_states() {
        for name in ["chk-", "chk-1_$folder$", "chk-1x", "shared", "savepoint"] {
            assert!(!is_checkpoint(name), "{name}");
        }
        assert!(is_checkpoint("chk-1416"));
        assert!(is_savepoint("savepoint-ac8dd3-bab3bbd81f7a", Some("ac8dd3")));
        assert!(!is_savepoint("savepoint-ac8dd3-bab3bbd81f7a_$folder$", None));
        assert!(!is_savepoint("savepoint-ac8dd3-bab3bbd81f7a", Some("ac8dd4")));
    }
}
