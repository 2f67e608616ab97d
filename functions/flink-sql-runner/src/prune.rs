//! Uploaded files that have no file any more in the folders that say what there is to be: found, shown, deleted.
//! Must not know what follows for a job.

use std::collections::BTreeSet;
use std::path::PathBuf;

use control::ports::Store;
use control::uploads::FileRole;
use desired::inputs::stem;
use lifecycle::keys::Keys;

use crate::error::CliError;
use crate::files;
use crate::layout::Mapped;
use crate::upload::whole;

/// The folders under the prefix that `paths` have whole. Wrong usage if there is none, or one that has no file: that is a
/// checkout that went wrong far sooner than a wish to stop everything. So is a manifest whose name is spelled so that it is
/// not read: its job would count as one without a file.
pub(crate) fn folders(paths: &[PathBuf], mapped: &[Mapped]) -> Result<BTreeSet<String>, CliError> {
    let mut folders = BTreeSet::new();
    for path in paths {
        folders.extend(whole(path)?);
        if let Some(misspelt) = files::never_read(path)?.iter().find(|file| files::is_spelled_otherwise(file)) {
            let message =
                format!("--prune is given, and `{}` is not read: its job would be removed", files::shown(misspelt));
            return Err(CliError::usage(message, files::NAMES));
        }
    }
    if folders.is_empty() {
        return Err(CliError::usage(
            "--prune needs a folder that says what is to exist",
            "give a folder `queries`, a folder inside it, or one that contains it",
        ));
    }
    match folders.iter().find(|folder| !mapped.iter().any(|file| file.under.starts_with(folder.as_str()))) {
        Some(empty) => Err(CliError::usage(
            format!("--prune is given, and the folder for {empty} has no files: everything there would be deleted"),
            "check the folder; `remove NAME…` removes jobs",
        )),
        None => Ok(folders),
    }
}

/// The keys in these folders of the bucket that no file of `paths` belongs to.
pub(crate) async fn surplus(
    store: &dyn Store,
    keys: &Keys,
    paths: &[PathBuf],
    mapped: &[Mapped],
) -> Result<Vec<String>, CliError> {
    let folders = folders(paths, mapped)?;
    let wanted: BTreeSet<String> = mapped.iter().map(|file| format!("{}{}", keys.prefix(), file.under)).collect();
    // Such a one replaces the manifest of its name, wherever that lies.
    let alone: BTreeSet<&str> = mapped.iter().filter(|file| file.alone).filter_map(|file| stem(&file.under)).collect();
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
