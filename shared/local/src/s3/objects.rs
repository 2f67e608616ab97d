//! The objects, ordered by key: every condition is checked and every write made under one lock.
//! Must not know the protocol, nor who listens to the changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::SystemTime;

use super::disk::Disk;
use super::object::{Attributes, Object};
use crate::tasks::lock;

/// A condition on the object that a write replaces, or that a deletion removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Precondition {
    #[default]
    None,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match: *`.
    Present,
    /// `If-Match: <etag>`.
    Is(String),
}

/// Why a write or deletion was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("no such bucket")]
    NoSuchBucket,
    #[error("no such key")]
    NoSuchKey,
    #[error("no such upload")]
    NoSuchUpload,
    #[error("a part is missing or has another ETag")]
    InvalidPart,
    #[error("the parts are not in order")]
    InvalidPartOrder,
    #[error("a part but the last is too small")]
    EntityTooSmall,
    #[error("at least one of the pre-conditions did not hold")]
    PreconditionFailed,
}

/// What kind of operation changed an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Put,
    CompleteMultipartUpload,
    Copy,
    Delete,
}

/// One change of one object, in the order of the changes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) size: usize,
    pub(crate) etag: String,
    pub(crate) sequencer: String,
    pub(crate) at: SystemTime,
}

type Listener = Box<dyn Fn(Change) + Send + Sync>;

/// All buckets.
pub(crate) struct Objects {
    pub(super) inner: Mutex<Inner>,
    /// Called under the lock, so that changes are heard in their order; it must only hand on.
    listener: Listener,
    disk: Option<Disk>,
}

pub(super) struct Inner {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: HashMap<String, super::multipart::Upload>,
    sequence: u64,
}

pub(super) struct Bucket {
    pub(super) created: SystemTime,
    pub(super) objects: BTreeMap<String, Object>,
}

impl Objects {
    pub(crate) fn new(
        disk: Option<&std::path::Path>,
        listener: impl Fn(Change) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let disk = disk.map(Disk::new);
        let mut buckets = BTreeMap::new();
        if let Some(disk) = &disk {
            for (name, objects) in disk.load()? {
                buckets.insert(name, Bucket { created: SystemTime::now(), objects });
            }
        }
        // Sequencers rise over restarts too.
        let sequence = u64::try_from(crate::time::epoch_millis(SystemTime::now())).unwrap_or_default() << 16;
        let inner = Inner { buckets, uploads: HashMap::new(), sequence };
        Ok(Self { inner: Mutex::new(inner), listener: Box::new(listener), disk })
    }

    /// Makes a bucket; false if it was there.
    pub(crate) fn create_bucket(&self, name: &str) -> bool {
        let mut inner = lock(&self.inner);
        if inner.buckets.contains_key(name) {
            return false;
        }
        inner.buckets.insert(name.to_owned(), Bucket { created: SystemTime::now(), objects: BTreeMap::new() });
        true
    }

    /// Writes an object that no client sent; without its bucket it is lost.
    pub(crate) fn keep(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        let object = Object::new(bytes.into(), Attributes::default());
        if let Err(refused) = self.put(ChangeKind::Put, bucket, key, object, &Precondition::None) {
            tracing::warn!(%refused, bucket, key, "an object could not be kept");
        }
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Result<Object, Refused> {
        let inner = lock(&self.inner);
        let bucket = inner.buckets.get(bucket).ok_or(Refused::NoSuchBucket)?;
        bucket.objects.get(key).cloned().ok_or(Refused::NoSuchKey)
    }

    /// Reads a bucket's objects in key order, as they are at one moment.
    pub(super) fn list<T>(
        &self,
        bucket: &str,
        read: impl FnOnce(&BTreeMap<String, Object>) -> T,
    ) -> Result<T, Refused> {
        let inner = lock(&self.inner);
        Ok(read(&inner.buckets.get(bucket).ok_or(Refused::NoSuchBucket)?.objects))
    }

    /// Checks the condition and writes the object, as one.
    pub(super) fn put(
        &self,
        kind: ChangeKind,
        bucket: &str,
        key: &str,
        object: Object,
        condition: &Precondition,
    ) -> Result<(), Refused> {
        self.write(&mut lock(&self.inner), kind, bucket, key, object, condition)
    }

    pub(super) fn write(
        &self,
        inner: &mut Inner,
        kind: ChangeKind,
        bucket: &str,
        key: &str,
        object: Object,
        condition: &Precondition,
    ) -> Result<(), Refused> {
        let found = inner.buckets.get_mut(bucket).ok_or(Refused::NoSuchBucket)?;
        condition.check(found.objects.get(key))?;
        if let Some(disk) = &self.disk {
            disk.put(bucket, key, &object);
        }
        let (size, etag, at) = (object.bytes.len(), object.etag.clone(), object.modified);
        found.objects.insert(key.to_owned(), object);
        self.tell(
            inner,
            Change { kind, bucket: bucket.into(), key: key.into(), size, etag, sequencer: String::new(), at },
        );
        Ok(())
    }

    /// Checks the condition and deletes the object, as one; a missing key is no error without a condition.
    pub(super) fn delete(&self, bucket: &str, key: &str, condition: &Precondition) -> Result<(), Refused> {
        let mut inner = lock(&self.inner);
        let found = inner.buckets.get_mut(bucket).ok_or(Refused::NoSuchBucket)?;
        condition.check(found.objects.get(key))?;
        let Some(gone) = found.objects.remove(key) else { return Ok(()) };
        if let Some(disk) = &self.disk {
            disk.delete(bucket, key);
        }
        let (kind, at) = (ChangeKind::Delete, SystemTime::now());
        let change = Change {
            kind,
            bucket: bucket.into(),
            key: key.into(),
            size: 0,
            etag: gone.etag,
            sequencer: String::new(),
            at,
        };
        self.tell(&mut inner, change);
        Ok(())
    }

    fn tell(&self, inner: &mut Inner, mut change: Change) {
        inner.sequence += 1;
        change.sequencer = format!("{:018X}", inner.sequence);
        (self.listener)(change);
    }
}

impl Precondition {
    fn check(&self, current: Option<&Object>) -> Result<(), Refused> {
        match (self, current) {
            (Self::None, _) | (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Present | Self::Is(_), None) => Err(Refused::NoSuchKey),
            (Self::Is(etag), Some(object)) if *etag == object.etag => Ok(()),
            (Self::Absent | Self::Is(_), Some(_)) => Err(Refused::PreconditionFailed),
        }
    }
}
