//! The files people upload: reading them all at one time, and telling uploaders what was refused.
//! Must not know what follows for a job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lifecycle::diagnostics::SourceFile;
use lifecycle::documents::{read, write};
use lifecycle::inputs::{InputFile, InputFiles, Inputs, RefusedDocument, Verdict};
use lifecycle::keys::{Keys, Place, stem};
use lifecycle::manifest::{JobName, Policy};

use crate::fan_out::FanOut;
use crate::ports::{Condition, Listed, OutsideError, Store};

/// How many objects are read at one time.
const READS: usize = 16;

/// The names that some file under `queries/` carries as its stem.
pub async fn stems(store: &dyn Store, keys: &Keys) -> Result<BTreeSet<JobName>, OutsideError> {
    let listed = store.list(&keys.queries()).await?;
    Ok(listed.iter().filter_map(|l| stem(&l.key)).filter_map(|s| JobName::try_from(s).ok()).collect())
}

/// Reads and judges every uploaded file.
pub async fn load(
    store: &Arc<dyn Store>,
    keys: &Keys,
    policy: &Policy,
    timestamp_field: &str,
) -> Result<Inputs, OutsideError> {
    let queries =
        store.list(&keys.queries()).await?.into_iter().filter(|l| matches!(keys.place(&l.key), Place::Query { .. }));
    let queries = read_all(store, queries.collect()).await?;
    let config = store.list(&keys.config()).await?;
    let (tables_prefix, template, params) = (keys.tables(), keys.template(), keys.params());
    let wanted = config.into_iter().filter(|l| {
        l.key == template
            || l.key == params
            || (l.key.starts_with(&tables_prefix) && l.key.to_ascii_lowercase().ends_with(".sql"))
    });
    let mut files = InputFiles { queries, timestamp_field: timestamp_field.to_owned(), ..InputFiles::default() };
    for file in read_all(store, wanted.collect()).await? {
        if file.file.name == template {
            files.template = Some(file);
        } else if file.file.name == params {
            files.params = Some(file);
        } else {
            files.tables.push(file);
        }
    }
    Ok(Inputs::read(&files, policy))
}

/// The objects of a listing, in its order; one that is gone meanwhile is left out.
async fn read_all(store: &Arc<dyn Store>, listed: Vec<Listed>) -> Result<Vec<InputFile>, OutsideError> {
    let mut reads = FanOut::new(READS, listed, |next: Listed| {
        let store = Arc::clone(store);
        async move { store.get(&next.key).await.map(|object| (next.key, object)) }
    });
    let mut found = BTreeMap::new();
    while let Some(read) = reads.next().await {
        let read = read.map_err(|error| OutsideError::unknown("reading the uploaded files", error))?;
        if let (key, Some(object)) = read? {
            let file = SourceFile::new(key.clone(), object.bytes);
            found.insert(key, InputFile { file, etag: object.etag.0 });
        }
    }
    Ok(found.into_values().collect())
}

/// Writes why files were refused, only where that is news, and takes it back once they are accepted.
pub async fn tell(store: &dyn Store, keys: &Keys, inputs: &Inputs) -> Result<(), OutsideError> {
    let told: BTreeSet<String> =
        store.list(&format!("{}refused/", keys.prefix())).await?.into_iter().map(|l| l.key).collect();
    let verdicts: Vec<&Verdict> = inputs.manifests.iter().chain(&inputs.config).collect();
    let mut standing = BTreeSet::new();
    for verdict in verdicts {
        let key = keys.refused(&verdict.file);
        let errors = verdict.errors();
        if errors.is_empty() {
            continue;
        }
        standing.insert(key.clone());
        let document = RefusedDocument { format: 1, etag: verdict.etag.clone(), errors };
        let known = if told.contains(&key) { store.get(&key).await? } else { None };
        let same = known.and_then(|object| read::<RefusedDocument>(&object.bytes).ok()).is_some_and(|d| d == document);
        if !same {
            store.put(&key, write(&document), Condition::Always).await?;
        }
    }
    for key in told.difference(&standing) {
        store.delete(key).await?;
    }
    Ok(())
}
