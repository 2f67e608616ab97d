//! Objects kept on disk over restarts: two files each, named by a digest of the key.
//! Must not know conditions or listings: the memory decides, the disk follows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::object::{Attributes, Object, hex};

/// A folder with one folder per bucket.
pub(super) struct Disk {
    root: PathBuf,
}

/// The description beside an object's bytes; written after them, it makes the object exist.
#[derive(Serialize, Deserialize)]
struct Described {
    key: String,
    etag: String,
    modified_millis: u64,
    bytes: String,
    attributes: Attributes,
}

impl Disk {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Reads everything back; a description without its bytes is skipped.
    pub(super) fn load(&self) -> io::Result<BTreeMap<String, BTreeMap<String, Object>>> {
        fs::create_dir_all(&self.root)?;
        let mut buckets = BTreeMap::new();
        for bucket in fs::read_dir(&self.root)? {
            let bucket = bucket?;
            let mut objects = BTreeMap::new();
            for file in fs::read_dir(bucket.path())? {
                let path = file?.path();
                if path.extension().is_some_and(|extension| extension == "json")
                    && let Some((key, object)) = read(&path)
                {
                    objects.insert(key, object);
                }
            }
            buckets.insert(bucket.file_name().to_string_lossy().into_owned(), objects);
        }
        Ok(buckets)
    }

    pub(super) fn put(&self, bucket: &str, key: &str, object: &Object) {
        if let Err(error) = self.try_put(bucket, key, object) {
            tracing::warn!(%error, bucket, key, "an object is in memory only");
        }
    }

    fn try_put(&self, bucket: &str, key: &str, object: &Object) -> io::Result<()> {
        let description = self.description(bucket, key);
        let folder = self.root.join(bucket);
        fs::create_dir_all(&folder)?;
        // New bytes never overwrite old ones: a crash between the two writes leaves the old object.
        let bytes = format!("{}.{}", stem(key), object.etag);
        fs::write(folder.join(&bytes), &object.bytes)?;
        let old = fs::read(&description).ok().and_then(|text| serde_json::from_slice::<Described>(&text).ok());
        let modified_millis = u64::try_from(crate::time::epoch_millis(object.modified)).unwrap_or_default();
        let (key, etag, attributes) = (key.to_owned(), object.etag.clone(), object.attributes.clone());
        let described = Described { key, etag, modified_millis, bytes: bytes.clone(), attributes };
        let fresh = description.with_extension("tmp");
        fs::write(&fresh, serde_json::to_vec(&described)?)?;
        fs::rename(&fresh, &description)?;
        if let Some(old) = old.filter(|old| old.bytes != bytes) {
            let _ = fs::remove_file(folder.join(old.bytes));
        }
        Ok(())
    }

    pub(super) fn delete(&self, bucket: &str, key: &str) {
        let description = self.description(bucket, key);
        let old = fs::read(&description).ok().and_then(|text| serde_json::from_slice::<Described>(&text).ok());
        if let Err(error) = fs::remove_file(&description) {
            tracing::warn!(%error, bucket, key, "a deleted object is still on disk");
        }
        if let Some(old) = old {
            let _ = fs::remove_file(self.root.join(bucket).join(old.bytes));
        }
    }

    fn description(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join(bucket).join(format!("{}.json", stem(key)))
    }
}

fn stem(key: &str) -> String {
    hex(&Md5::digest(key.as_bytes()))
}

fn read(path: &Path) -> Option<(String, Object)> {
    let described: Described = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let bytes = Bytes::from(fs::read(path.with_file_name(&described.bytes)).ok()?);
    let modified: SystemTime = UNIX_EPOCH + Duration::from_millis(described.modified_millis);
    let object = Object { bytes, etag: described.etag, modified, attributes: described.attributes };
    Some((described.key, object))
}
