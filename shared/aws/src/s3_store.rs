//! The objects of one bucket, with conditional writes.
//! Must not know what the objects hold or whose write won.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use control::ports::{Etag, Listed, Object, OutsideError, Precondition, Put, Store, UploadNote};

use crate::outcome::{Reply, outside};
use crate::s3::{MAX_PAGES, ServerClock, client, read, timestamp};
use crate::s3_notes;

/// The largest object that is read: uploads are people's, memory is not.
const MAX_OBJECT: usize = 32 << 20;

/// The objects of one bucket on S3.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
}

impl S3Store {
    /// The bucket of that name.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self { client: client(config), bucket: bucket.into() }
    }

    fn what(&self, verb: &str, key: &str) -> String {
        format!("{verb} s3://{}/{key}", self.bucket)
    }
}

/// Whether the reply says that there is no such object, as against no such bucket.
fn is_absent(reply: &Reply) -> bool {
    reply.status == 404 && reply.code != "NoSuchBucket"
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, key: &str) -> Result<Option<Object>, OutsideError> {
        let what = self.what("reading", key);
        let clock = ServerClock::default();
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let output = match request.customize().interceptor(clock.clone()).send().await {
            Ok(output) => output,
            Err(error) if Reply::of(&error).is_some_and(|reply| is_absent(&reply)) => return Ok(None),
            Err(error) => return Err(outside(what, error)),
        };
        // Leases are counted between these two: a guess at either could take one over too early.
        let Some(now) = clock.read() else {
            return Err(OutsideError::refused(what, "no readable Date in the reply"));
        };
        let Some(modified) = output.last_modified.and_then(timestamp) else {
            return Err(OutsideError::refused(what, "no readable Last-Modified in the reply"));
        };
        let note = s3_notes::note(output.metadata.as_ref());
        let Some(etag) = output.e_tag else {
            return Err(OutsideError::refused(what, "no ETag in the reply"));
        };
        // The head of the reply tells before anything of the body is read; a server may say nothing there.
        let announced = output.content_length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let bytes = if announced > MAX_OBJECT { Vec::new() } else { read(&what, output.body, MAX_OBJECT + 1).await? };
        let size = announced.max(bytes.len());
        if size > MAX_OBJECT {
            let told = format!(
                "it is larger than {MAX_OBJECT} bytes (nothing that we write is: put back an earlier version; deleting a \
                 record loses history and permissions)"
            );
            return Err(OutsideError::refused(what, told));
        }
        Ok(Some(Object { bytes, etag: Etag(etag), modified, now, note }))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        self.put_noted(key, bytes, condition, &UploadNote::default()).await
    }

    async fn put_noted(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: Precondition,
        note: &UploadNote,
    ) -> Result<Put, OutsideError> {
        let what = self.what("writing", key);
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes));
        let request = request.set_metadata(s3_notes::metadata(note));
        let changes = matches!(condition, Precondition::Unchanged(_));
        let request = match condition {
            Precondition::Always => request,
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Unchanged(etag) => request.if_match(etag.0),
        };
        let error = match request.send().await {
            // Without its version the write is as good as lost: the caller reads again.
            Ok(output) => {
                return output
                    .e_tag
                    .map(|etag| Put::Written(Etag(etag)))
                    .ok_or_else(|| OutsideError::unknown(what, "no ETag in the reply"));
            }
            Err(error) => error,
        };
        match Reply::of(&error) {
            // Also when our own first attempt was written and its reply lost: the caller's nonce tells.
            Some(reply) if matches!(reply.status, 409 | 412) => Ok(Put::Conflict),
            Some(reply) if changes && is_absent(&reply) => Ok(Put::Conflict),
            Some(_) | None => Err(outside(what, error)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        match self.client.delete_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) if Reply::of(&error).is_some_and(|reply| is_absent(&reply)) => Ok(()),
            Err(error) => Err(outside(self.what("deleting", key), error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        let what = self.what("listing", prefix);
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else {
                return Ok(found);
            };
            let page = page.map_err(|error| outside(&what, error))?;
            found.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                // Without an ETag the object counts as changed: no version equals the empty one.
                // Without a size it counts as empty: whoever reads it meets the limit on bodies.
                let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                Some(Listed { key: object.key?, etag: Etag(object.e_tag.unwrap_or_default()), size })
            }));
        }
        Err(OutsideError::refused(what, format!("more than {MAX_PAGES} pages of objects")))
    }
}
