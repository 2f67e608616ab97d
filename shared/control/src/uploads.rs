//! The files people upload: reading them all at one time, and telling uploaders what was refused.
//! Must not know what follows for a job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use desired::diagnostics::SourceFile;
use desired::inputs::{InputFile, InputFiles, Inputs, Unread, UnreadFile, is_misnamed, stem};
use desired::manifest::{JobName, Policy};
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::documents::{read, write};
use lifecycle::keys::{Keys, ObjectKind};

use crate::errors::error_chain;
use crate::fan_out::FanOut;
use crate::ports::{Listed, OutsideError, Precondition, Store, UploadNote};

/// How many objects are read or written at one time.
const CALLS: usize = 16;

/// The names that some file under `queries/` carries as its stem.
pub async fn stems(store: &dyn Store, keys: &Keys) -> Result<BTreeSet<JobName>, OutsideError> {
    let listed = store.list(&keys.queries()).await?;
    Ok(listed.iter().filter_map(|l| stem(&l.key)).filter_map(|s| JobName::try_from(s).ok()).collect())
}

/// Reads and judges every uploaded file. One that cannot be read is refused, and no other.
pub async fn load(
    store: &Arc<dyn Store>,
    keys: &Keys,
    policy: &Policy,
    timestamp_field: &str,
) -> Result<Inputs, OutsideError> {
    Ok(Inputs::read(&read_files(store, keys, timestamp_field, &|_| true).await?, policy))
}

/// What an uploaded file says, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// A manifest.
    Query,
    Template,
    Params,
    /// Table definitions.
    Tables,
}

impl FileRole {
    /// The role of the file at `key`; nothing if nobody reads it.
    pub fn of(keys: &Keys, key: &str) -> Option<Self> {
        match keys.kind_of(key) {
            ObjectKind::Query { .. } => Some(Self::Query),
            ObjectKind::Config if key == keys.template() => Some(Self::Template),
            ObjectKind::Config if key == keys.params() => Some(Self::Params),
            ObjectKind::Config => {
                let is_sql = key.starts_with(&keys.tables()) && key.to_ascii_lowercase().ends_with(".sql");
                is_sql.then_some(Self::Tables)
            }
            ObjectKind::Result { .. } | ObjectKind::Observed | ObjectKind::Other => None,
        }
    }
}

/// Reads the uploaded files whose keys are wanted.
pub async fn read_files(
    store: &Arc<dyn Store>,
    keys: &Keys,
    timestamp_field: &str,
    wanted: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<InputFiles, OutsideError> {
    let read = |listed: &Listed| FileRole::of(keys, &listed.key).is_some() && wanted(&listed.key);
    let (queries, others): (Vec<Listed>, Vec<Listed>) =
        store.list(&keys.queries()).await?.into_iter().filter(|listed| wanted(&listed.key)).partition(&read);
    let misnamed =
        UnreadFile::misnamed(others.into_iter().filter(|it| is_misnamed(&it.key)).map(|it| (it.key, it.etag.0)));
    let queries = read_all(store, queries).await?;
    let config = store.list(&keys.config()).await?.into_iter().filter(&read);
    let config = read_all(store, config.collect()).await?;
    for unread in &config.unread {
        match &unread.why {
            Unread::TooLarge { .. } | Unread::Refused(_) | Unread::Here(_) | Unread::Misnamed { .. } => {}
            // It is about every job, and the next try may tell.
            Unread::NotNow(why) => {
                return Err(OutsideError::unknown(format!("reading {}", unread.file), why.as_str()));
            }
        }
    }
    let mut files = InputFiles {
        queries: queries.files,
        unread_queries: queries.unread.into_iter().chain(misnamed).collect(),
        notes: queries.notes,
        unread_config: config.unread,
        timestamp_field: timestamp_field.to_owned(),
        ..InputFiles::default()
    };
    for file in config.files {
        place(&mut files, keys, file);
    }
    Ok(files)
}

/// Puts a file where its key says; one that nobody reads goes nowhere.
pub fn place(files: &mut InputFiles, keys: &Keys, file: InputFile) {
    match FileRole::of(keys, &file.file.name) {
        Some(FileRole::Query) => files.queries.push(file),
        Some(FileRole::Template) => files.template = Some(file),
        Some(FileRole::Params) => files.params = Some(file),
        Some(FileRole::Tables) => files.tables.push(file),
        None => {}
    }
}

/// What came of reading the objects of a listing.
struct ReadAll {
    /// Those that were read, in the listing's order.
    files: Vec<InputFile>,
    /// What was said with them.
    notes: BTreeMap<String, UploadNote>,
    /// Those that were not.
    unread: Vec<UnreadFile>,
}

/// The objects of a listing; one that is gone meanwhile is left out.
async fn read_all(store: &Arc<dyn Store>, listed: Vec<Listed>) -> Result<ReadAll, OutsideError> {
    let mut unread = Vec::new();
    let mut wanted = Vec::new();
    for object in listed {
        match Unread::for_its_size(object.size) {
            Some(why) => unread.push(UnreadFile { file: object.key, etag: object.etag.0, why }),
            None => wanted.push(object),
        }
    }
    let mut reads = FanOut::new(CALLS, wanted, |next: Listed| {
        let store = Arc::clone(store);
        async move { (store.get(&next.key).await, next) }
    });
    let (mut found, mut notes) = (BTreeMap::new(), BTreeMap::new());
    while let Some(read) = reads.next().await {
        let (read, Listed { key, etag, .. }) =
            read.map_err(|error| OutsideError::unknown("reading the uploaded files", error))?;
        let why = match read {
            Ok(None) => continue,
            Ok(Some(object)) => {
                if !object.note.is_empty() {
                    notes.insert(key.clone(), object.note);
                }
                let file = SourceFile::new(key.clone(), object.bytes);
                found.insert(key, InputFile { file, etag: object.etag.0 });
                continue;
            }
            Err(OutsideError::Refused { message, .. }) => Unread::Refused(message),
            Err(error @ OutsideError::Unknown { .. }) => Unread::NotNow(error_chain(&error)),
        };
        unread.push(UnreadFile { file: key, etag: etag.0, why });
    }
    Ok(ReadAll { files: found.into_values().collect(), notes, unread })
}

/// What is done about one document of refusals.
enum Telling {
    /// Written, unless it says so already.
    Write { document: Box<RefusedDocument>, there: bool },
    /// Taken back: its file is accepted, or gone.
    Delete,
}

/// Writes why files were refused, only where that is news, and takes it back once they are accepted. One that cannot be
/// written keeps no other from being told; an error means that some were not, and may be the next time.
pub async fn tell(store: &Arc<dyn Store>, keys: &Keys, inputs: &Inputs) -> Result<(), OutsideError> {
    let told = store.list(&format!("{}refused/", keys.prefix())).await?;
    let told: BTreeSet<String> = told.into_iter().map(|l| l.key).collect();
    let mut left = told.clone();
    let mut work = Vec::new();
    let config = Some(inputs.configuration());
    for verdict in inputs.manifests.iter().chain(&inputs.config) {
        let key = keys.refused(&verdict.file);
        let errors = verdict.told();
        if errors.is_empty() {
            continue;
        }
        left.remove(&key);
        if !inputs.not_now.contains_key(&verdict.file) {
            let document =
                Box::new(RefusedDocument { format: 1, etag: verdict.etag.clone(), config: config.clone(), errors });
            work.push((key.clone(), Telling::Write { there: told.contains(&key), document }));
        }
    }
    work.extend(left.into_iter().map(|key| (key, Telling::Delete)));
    let mut calls = FanOut::new(CALLS, work, |(key, telling)| {
        let store = Arc::clone(store);
        async move { tell_of(store.as_ref(), &key, telling).await }
    });
    let mut untold = None;
    while let Some(ended) = calls.next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = error_chain(&error), "an uploader could not be told");
                untold = untold.or_else(|| matches!(error, OutsideError::Unknown { .. }).then_some(error));
            }
            Err(error) => tracing::error!(%error, "a task that tells uploaders broke"),
        }
    }
    untold.map_or(Ok(()), Err)
}

async fn tell_of(store: &dyn Store, key: &str, telling: Telling) -> Result<(), OutsideError> {
    match telling {
        Telling::Delete => store.delete(key).await,
        Telling::Write { document, there } => {
            // One that cannot be read is written anew.
            let known = if there { store.get(key).await.unwrap_or_default() } else { None };
            let known = known.and_then(|object| read::<RefusedDocument>(&object.bytes).ok());
            if known.as_ref() != Some(document.as_ref()) {
                store.put(key, write(document.as_ref()), Precondition::Always).await?;
            }
            Ok(())
        }
    }
}
