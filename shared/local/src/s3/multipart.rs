//! Multipart uploads: parts wait here and become one object as one write.
//! Must not know the protocol.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};

use super::object::{Attributes, Object, hex};
use super::objects::{ChangeKind, Objects, Precondition, Refused};
use crate::tasks::lock;

/// Every part but the last has at least this many bytes.
const MIN_PART: usize = 5 * 1024 * 1024;

/// An upload that is not complete yet.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) initiated: SystemTime,
    pub(super) parts: BTreeMap<i32, Part>,
    attributes: Attributes,
}

/// One part of an upload.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    digest: [u8; 16],
}

impl Objects {
    pub(super) fn create_upload(&self, bucket: &str, key: &str, attributes: Attributes) -> Result<String, Refused> {
        let mut inner = lock(&self.inner);
        if !inner.buckets.contains_key(bucket) {
            return Err(Refused::NoSuchBucket);
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let upload = Upload { bucket, key, initiated: SystemTime::now(), parts: BTreeMap::new(), attributes };
        inner.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    pub(super) fn put_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<Part, Refused> {
        let digest: [u8; 16] = Md5::digest(&bytes).into();
        let part = Part { bytes, etag: hex(&digest), modified: SystemTime::now(), digest };
        let mut inner = lock(&self.inner);
        let upload =
            inner.uploads.get_mut(id).filter(|upload| upload.is_for(bucket, key)).ok_or(Refused::NoSuchUpload)?;
        upload.parts.insert(number, part.clone());
        Ok(part)
    }

    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, Refused> {
        let inner = lock(&self.inner);
        inner.uploads.get(id).filter(|upload| upload.is_for(bucket, key)).cloned().ok_or(Refused::NoSuchUpload)
    }

    pub(super) fn uploads(&self, bucket: &str, prefix: &str) -> Vec<(String, Upload)> {
        let inner = lock(&self.inner);
        let of_prefix =
            inner.uploads.iter().filter(|(_, upload)| upload.bucket == bucket && upload.key.starts_with(prefix));
        let mut found: Vec<_> = of_prefix.map(|(id, upload)| (id.clone(), upload.clone())).collect();
        found.sort_by(|a, b| (&a.1.key, &a.0).cmp(&(&b.1.key, &b.0)));
        found
    }

    pub(super) fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> Result<(), Refused> {
        let mut inner = lock(&self.inner);
        if !inner.uploads.get(id).is_some_and(|upload| upload.is_for(bucket, key)) {
            return Err(Refused::NoSuchUpload);
        }
        inner.uploads.remove(id);
        Ok(())
    }

    /// Joins the named parts into the object; returns its `ETag`.
    pub(super) fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        named: &[(i32, Option<String>)],
        condition: &Precondition,
    ) -> Result<String, Refused> {
        let mut inner = lock(&self.inner);
        let upload = inner.uploads.get(id).filter(|upload| upload.is_for(bucket, key)).ok_or(Refused::NoSuchUpload)?;
        if named.is_empty() {
            return Err(Refused::InvalidPart);
        }
        if named.windows(2).any(|pair| matches!(pair, [a, b] if a.0 >= b.0)) {
            return Err(Refused::InvalidPartOrder);
        }
        let (mut whole, mut digests) = (BytesMut::new(), Md5::new());
        for (at, (number, etag)) in named.iter().enumerate() {
            let part = upload.parts.get(number).ok_or(Refused::InvalidPart)?;
            if etag.as_ref().is_some_and(|etag| *etag != part.etag) {
                return Err(Refused::InvalidPart);
            }
            if at + 1 < named.len() && part.bytes.len() < MIN_PART {
                return Err(Refused::EntityTooSmall);
            }
            whole.extend_from_slice(&part.bytes);
            digests.update(part.digest);
        }
        let etag = format!("{}-{}", hex(&digests.finalize()), named.len());
        let attributes = upload.attributes.clone();
        let object = Object { bytes: whole.freeze(), etag: etag.clone(), modified: SystemTime::now(), attributes };
        self.write(&mut inner, ChangeKind::CompleteMultipartUpload, bucket, key, object, condition)?;
        inner.uploads.remove(id);
        Ok(etag)
    }
}

impl Upload {
    fn is_for(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && self.key == key
    }
}
