//! Finding the newest complete state of a lineage: lists directories, reads headers, lets the core pick.
//! Must not know S3 or local files.

use lifecycle::state::{HEADER_LENGTH, METADATA, Place, StateRef, checkpoint_id, is_checkpoint, is_savepoint, newest};

use crate::ports::{Child, Files, OutsideError};

/// The newest complete state in any of `places`.
pub async fn find_newest(files: &dyn Files, places: &[Place]) -> Result<Option<StateRef>, OutsideError> {
    let mut found: Vec<StateRef> = Vec::new();
    for place in places {
        for directory in candidates(files, place).await? {
            if found.iter().any(|known| known.path == directory) {
                continue;
            }
            found.extend(complete(files, directory).await?);
        }
    }
    Ok(newest(found))
}

/// Directories that may be states. Never what lies deeper: `shared/` can hold very many files.
async fn candidates(files: &dyn Files, place: &Place) -> Result<Vec<String>, OutsideError> {
    match place {
        Place::Exactly { path } => Ok(vec![path.trim_end_matches('/').to_owned()]),
        Place::Checkpoints { directory } => matching(files, directory, is_checkpoint).await,
        Place::Savepoints { directory, run } => {
            matching(files, directory, |name| is_savepoint(name, run.as_deref())).await
        }
        Place::Version { checkpoints, savepoints } => {
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
