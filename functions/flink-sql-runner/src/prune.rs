//! Uploaded files that have no file any more in the folders that say what there is to be: found, shown, deleted.
//! Must not know what follows for a job.

use std::collections::BTreeSet;
use std::path::PathBuf;

use control::ports::Store;
use control::uploads::FileRole;
use desired::inputs::stem;
use lifecycle::keys::Keys;

use crate::error::CliError;
use crate::upload::{below_queries, map, whole};

/// The folders under the prefix that `paths` have whole; none is wrong usage.
pub(crate) fn folders(paths: &[PathBuf]) -> Result<BTreeSet<String>, CliError> {
    let mut folders = BTreeSet::new();
    for path in paths {
        folders.extend(whole(path)?);
    }
    if folders.is_empty() {
        return Err(CliError::usage(
            "--prune is given, and no folder says what there is to be",
            "give a folder `queries`, or one that has it",
        ));
    }
    Ok(folders)
}

/// The keys in these folders of the bucket that no file of `paths` belongs to.
pub(crate) async fn surplus(store: &dyn Store, keys: &Keys, paths: &[PathBuf]) -> Result<Vec<String>, CliError> {
    let folders = folders(paths)?;
    let (mut wanted, mut alone) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        for (_, under) in map(path)? {
            if path.is_file() && !below_queries(path) {
                // It replaces the manifest of its name, wherever that lies.
                alone.extend(stem(&under).map(str::to_owned));
            }
            wanted.insert(format!("{}{under}", keys.prefix()));
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        let listed = store.list(&format!("{}{folder}", keys.prefix())).await?;
        let read = listed.into_iter().map(|listed| listed.key).filter(|key| FileRole::of(keys, key).is_some());
        let replaced = |key: &String| stem(key).is_some_and(|stem| alone.contains(stem));
        found.extend(read.filter(|key| !wanted.contains(key) && !replaced(key)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Deletes these objects, manifests before the tables that they use.
pub(crate) async fn delete(store: &dyn Store, found: &[String]) -> Result<(), CliError> {
    for key in found.iter().rev() {
        store.delete(key).await?;
    }
    Ok(())
}
