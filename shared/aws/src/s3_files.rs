//! Directories and files where Flink keeps state, in any bucket.
//! Must not know which of them are checkpoints or savepoints.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use control::ports::{Child, Extent, Files, OutsideError};

use crate::outcome::{Reply, outside};
use crate::s3::{MAX_PAGES, client, parts, read, timestamp};

/// What old EMRFS leaves beside a directory.
const FOLDER_MARKER: &str = "_$folder$";

/// The file system of S3, by URL.
#[derive(Clone, Debug)]
pub struct S3Files {
    client: Client,
}

impl S3Files {
    /// All buckets that the configuration reaches.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: client(config) }
    }
}

#[async_trait]
impl Files for S3Files {
    async fn children(&self, directory: &str) -> Result<Vec<Child>, OutsideError> {
        let what = format!("listing {directory}");
        let (bucket, key) = parts(directory)?;
        // With the slash, so that the directory of version 1 is not also that of version 10.
        let prefix = if key.is_empty() { key } else { format!("{key}/") };
        let request = self.client.list_objects_v2().bucket(bucket).prefix(&prefix).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else {
                return Ok(found);
            };
            let page = page.map_err(|error| outside(&what, error))?;
            let directories = page.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix);
            found.extend(directories.filter_map(|path| name(&path, &prefix).map(Child::Directory)));
            let files = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            let files = files.filter(|key| !key.ends_with(FOLDER_MARKER));
            found.extend(files.filter_map(|path| name(&path, &prefix).map(Child::File)));
        }
        Err(OutsideError::refused(what, format!("more than {MAX_PAGES} pages of entries")))
    }

    async fn extent(&self, directory: &str) -> Result<Option<Extent>, OutsideError> {
        let what = format!("listing {directory}");
        let (bucket, key) = parts(directory)?;
        let request = self.client.list_objects_v2().bucket(bucket).prefix(format!("{key}/")).delimiter("/");
        let page = request.send().await.map_err(|error| outside(&what, error))?;
        let objects = page.contents.unwrap_or_default();
        let bytes = objects.iter().filter_map(|object| u64::try_from(object.size?).ok()).sum();
        let written = objects.iter().filter_map(|object| timestamp(object.last_modified?)).max();
        Ok(written.map(|written| Extent { bytes, written }))
    }

    async fn head(&self, file: &str, length: usize) -> Result<Option<Vec<u8>>, OutsideError> {
        let what = format!("reading {file}");
        let (bucket, key) = parts(file)?;
        // A range cannot be empty.
        let last = length.max(1) - 1;
        let request = self.client.get_object().bucket(bucket).key(key).range(format!("bytes=0-{last}"));
        let error = match request.send().await {
            Ok(output) => return read(&what, output.body, length).await.map(Some),
            Err(error) => error,
        };
        match Reply::of(&error) {
            Some(reply) if reply.status == 404 && reply.code != "NoSuchBucket" => Ok(None),
            // No byte of an empty file is in any range.
            Some(reply) if reply.status == 416 => Ok(Some(Vec::new())),
            Some(_) | None => Err(outside(what, error)),
        }
    }
}

/// The name under the prefix; none for the marker of the directory itself.
fn name(path: &str, prefix: &str) -> Option<String> {
    let name = path.strip_prefix(prefix)?.trim_end_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}
