//! Finding the newest complete state of a lineage: lists directories, reads headers, lets the core pick.
//! Must not know S3 or local files.

use lifecycle::ids::OperationId;
use lifecycle::state::{
    HEADER_LENGTH, METADATA, StateLocation, StateRef, checkpoint_id, is_checkpoint, is_savepoint, newest,
};

use crate::ports::{Child, Files, OutsideError};

/// The newest complete state in any of `places`.
pub async fn find_newest(files: &dyn Files, places: &[StateLocation]) -> Result<Option<StateRef>, OutsideError> {
    Ok(newest(list_states(files, places).await?))
}

/// Every complete state in any of `places`, in no order.
pub(crate) async fn list_states(files: &dyn Files, places: &[StateLocation]) -> Result<Vec<StateRef>, OutsideError> {
    let mut found: Vec<StateRef> = Vec::new();
    for place in places {
        for directory in candidates(files, place).await? {
            if found.iter().any(|known| known.path == directory) {
                continue;
            }
            found.extend(complete(files, directory).await?);
        }
    }
    Ok(found)
}

/// Directories that may be states. Never what lies deeper: `shared/` can hold very many files.
pub(crate) async fn candidates(files: &dyn Files, place: &StateLocation) -> Result<Vec<String>, OutsideError> {
    match place {
        StateLocation::Exactly { path } => Ok(vec![path.trim_end_matches('/').to_owned()]),
        StateLocation::Checkpoints { directory } => matching(files, directory, is_checkpoint).await,
        StateLocation::Savepoints { directory, run, operations_since } => {
            let mut all = matching(files, directory, |name| is_savepoint(name, run.as_deref())).await?;
            if let Some(since) = operations_since {
                let later = |name: &str| name.parse::<OperationId>().is_ok_and(|operation| operation.is_since(*since));
                for operation in matching(files, directory, later).await? {
                    all.extend(matching(files, &operation, |name| is_savepoint(name, run.as_deref())).await?);
                }
            }
            Ok(all)
        }
        StateLocation::Version { checkpoints, savepoints, .. } => {
            let mut all = Vec::new();
            for run in matching(files, checkpoints, is_job_id).await? {
                all.extend(matching(files, &run, is_checkpoint).await?);
            }
            all.extend(matching(files, savepoints, |name| is_savepoint(name, None)).await?);
            for operation in matching(files, savepoints, is_job_id).await? {
                all.extend(matching(files, &operation, |name| is_savepoint(name, None)).await?);
            }
            Ok(all)
        }
    }
}

fn is_job_id(name: &str) -> bool {
    name.parse::<lifecycle::ids::Hex32>().is_ok()
}

async fn matching(
    files: &dyn Files,
    directory: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<String>, OutsideError> {
    let directory = directory.trim_end_matches('/');
    let children = files.children(directory).await?;
    let names = children.into_iter().filter_map(|child| match child {
        Child::Directory(name) => Some(name),
        Child::File(_) => None,
    });
    Ok(names.filter(|name| wanted(name)).map(|name| format!("{directory}/{name}")).collect())
}

/// The state in `directory`, if it is complete: only then Flink has renamed `_metadata` into place.
async fn complete(files: &dyn Files, directory: String) -> Result<Option<StateRef>, OutsideError> {
    let header = files.head(&format!("{directory}/{METADATA}"), HEADER_LENGTH).await?;
    let id = header.and_then(|header| match checkpoint_id(&header) {
        Ok(id) => Some(id),
        Err(error) => {
            tracing::warn!(directory, %error, "skipped");
            None
        }
    });
    Ok(id.map(|checkpoint_id| StateRef { path: directory, checkpoint_id }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_trait::async_trait;
    use lifecycle::ids::JobId;
    use lifecycle::state::locations_of_run;

    use super::*;

    /// Directories with a `_metadata` file: their paths, and the checkpoint id in it; none if it is cut.
    struct Disk(Vec<(String, Option<u64>)>);

    #[async_trait]
    impl Files for Disk {
        async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
            let below = self.0.iter().filter_map(|(path, _)| path.strip_prefix(directory)?.strip_prefix('/'));
            let names: BTreeSet<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
            Ok(names.into_iter().map(|name| Child::Directory(name.to_owned())).collect())
        }

        async fn head(&self, file: &str, _: usize) -> Result<Option<Vec<u8>>, OutsideError> {
            let Some((directory, METADATA)) = file.rsplit_once('/') else { return Ok(None) };
            let found = self.0.iter().find(|(path, _)| path == directory);
            Ok(found.map(|(_, id)| {
                let mut header = vec![0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4];
                match id {
                    Some(id) => header.extend(id.to_be_bytes()),
                    None => header.extend([0; 3]),
                }
                header
            }))
        }
    }

    /// An operation of this second.
    fn at(second: u64) -> OperationId {
        format!("{:012x}{:020x}", second * 1000, second).parse().unwrap()
    }

    async fn found(places: &[StateLocation], disk: &[(String, Option<u64>)]) -> Option<String> {
        find_newest(&Disk(disk.to_vec()), places).await.unwrap().map(|state| state.path)
    }

    #[tokio::test]
    async fn the_newest_complete_state_of_the_lineage_whatever_else_lies_there() {
        let (run, other) = (JobId::derived(&["run"]), JobId::derived(&["other"]));
        let (now, six) = (20_000, run.in_savepoint_names());
        let places = locations_of_run("s3://b/c", "s3://b/s", 3, run, at(now));
        let own = format!("s3://b/c/3/{run}");
        let mut disk = vec![
            (format!("{own}/chk-9"), Some(9)),
            (format!("{own}/chk-10"), Some(10)),
            // Flink had not renamed its `_metadata` into place, or its disk was full.
            (format!("{own}/chk-11"), None),
            // Another run's, another version's, of an operation long before.
            (format!("s3://b/c/3/{other}/chk-99"), Some(99)),
            (format!("s3://b/c/30/{run}/chk-98"), Some(98)),
            (format!("s3://b/s/3/savepoint-{}-0123456789ab", other.in_savepoint_names()), Some(97)),
            (format!("s3://b/s/3/{}/savepoint-{six}-0123456789ab", at(now - 9_000)), Some(96)),
            (format!("s3://b/s/3/{}/savepoint-{}-0123456789ab", at(now + 9), other.in_savepoint_names()), Some(95)),
        ];
        assert_eq!(found(&places, &disk).await, Some(format!("{own}/chk-10")));
        for path in [
            format!("s3://b/s/3/savepoint-{six}-0123456789ab"),
            // The restart of the session that stopped it.
            format!("s3://b/s/3/{}/savepoint-{six}-0123456789ab", at(now + 9)),
            format!("s3://b/s/3/{}/savepoint-{}-0123456789ab", at(now), other.in_savepoint_names()),
        ] {
            disk.push((path.clone(), Some(12)));
            assert_eq!(found(&places, &disk).await, Some(path));
            disk.pop();
        }
    }

    #[tokio::test]
    async fn nothing_is_found_where_nothing_is_complete() {
        let run = JobId::derived(&["run"]);
        let places = locations_of_run("s3://b/c", "s3://b/s", 3, run, at(1));
        assert_eq!(found(&places, &[(format!("s3://b/c/3/{run}/chk-1"), None)]).await, None);
        assert_eq!(found(&places, &[]).await, None);
        let exactly = [StateLocation::Exactly { path: "s3://b/x/".to_owned() }];
        assert_eq!(found(&exactly, &[("s3://b/x".to_owned(), Some(1))]).await, Some("s3://b/x".to_owned()));
    }
}
