//! Files that are not uploaded, laid over those that are: what would be desired if they were.
//! Must not know what follows for a job; nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use desired::diagnostics::SourceFile;
use desired::digest::Digest;
use desired::inputs::{InputFile, Inputs, Unread, UnreadFile, stem};
use desired::manifest::JobName;

use super::{DesiredSource, Uploads};
use crate::ports::OutsideError;
use crate::uploads::{FileRole, place, read_files};

/// The uploaded files as they would be.
#[derive(Clone)]
pub struct Overlay {
    /// Those that are uploaded.
    pub base: Uploads,
    /// The texts that would be uploaded, by their keys.
    pub files: BTreeMap<String, String>,
    /// The keys that would be deleted.
    pub removed: BTreeSet<String>,
}

impl Overlay {
    /// Whether the uploaded file at `key` would stay as it is.
    fn stays(&self, key: &str) -> bool {
        !self.files.contains_key(key) && !self.removed.contains(key)
    }
}

#[async_trait::async_trait]
impl DesiredSource for Overlay {
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        let listed = self.base.store.list(&self.base.keys.queries()).await?;
        let kept = listed.iter().map(|listed| listed.key.as_str()).filter(|key| !self.removed.contains(*key));
        let given = self.files.keys().map(String::as_str).filter(|key| is_query(&self.base, key));
        Ok(kept.chain(given).filter_map(stem).filter_map(|stem| JobName::try_from(stem).ok()).collect())
    }

    async fn load(&self) -> Result<Inputs, OutsideError> {
        let Uploads { store, keys, policy, timestamp_field } = &self.base;
        let mut files = read_files(store, keys, timestamp_field, &|key| self.stays(key)).await?;
        for (key, text) in &self.files {
            let etag = Digest::of(text.as_bytes()).to_string();
            match Unread::for_its_size(text.len() as u64) {
                None => place(&mut files, keys, InputFile { file: SourceFile::new(key.as_str(), text.as_str()), etag }),
                Some(why) => {
                    let unread = UnreadFile { file: key.clone(), etag, why };
                    match FileRole::of(keys, key) {
                        Some(FileRole::Query) => files.unread_queries.push(unread),
                        Some(FileRole::Template | FileRole::Params | FileRole::Tables) => {
                            files.unread_config.push(unread);
                        }
                        None => {}
                    }
                }
            }
        }
        // Table files run in the order of their keys.
        files.queries.sort_by(|one, other| one.file.name.cmp(&other.file.name));
        files.tables.sort_by(|one, other| one.file.name.cmp(&other.file.name));
        Ok(Inputs::read(&files, policy))
    }

    async fn tell(&self, _: &Inputs) -> Result<(), OutsideError> {
        // Nothing is uploaded: whoever asks reads it in the answer.
        Ok(())
    }
}

fn is_query(base: &Uploads, key: &str) -> bool {
    FileRole::of(&base.keys, key) == Some(FileRole::Query)
}
