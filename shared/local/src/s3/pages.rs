//! The two list calls of the protocol as pages of a listing.
//! Must not know how objects are kept.

use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object as ObjectDto, ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::listing::{Entry, PAGE, Page, Query, page};
use super::notify::url_encode;
use super::objects::Objects;

/// One page in the protocol's terms.
struct Shown {
    contents: Vec<ObjectDto>,
    prefixes: Vec<CommonPrefix>,
    count: i32,
}

pub(super) fn list_v2(objects: &Objects, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let after = match &input.continuation_token {
        Some(token) => from_token(token)
            .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.unwrap_or_default();
    let limit = limit(input.max_keys);
    let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, limit };
    let page = objects.list(&input.bucket, |objects| page(objects, &query))?;
    let write = writer(input.encoding_type.as_ref());
    let next = page.next.as_deref().map(token);
    let shown = show(page, write);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(write(&prefix)),
        delimiter: (!delimiter.is_empty()).then(|| write(&delimiter)),
        max_keys: i32::try_from(limit).ok(),
        key_count: Some(shown.count),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        continuation_token: input.continuation_token,
        start_after: input.start_after.as_deref().map(write),
        encoding_type: input.encoding_type,
        contents: Some(shown.contents),
        common_prefixes: Some(shown.prefixes),
        ..ListObjectsV2Output::default()
    })
}

pub(super) fn list_v1(objects: &Objects, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let marker = input.marker.unwrap_or_default();
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.unwrap_or_default();
    let limit = limit(input.max_keys);
    let query = Query { prefix: &prefix, delimiter: &delimiter, after: &marker, limit };
    let page = objects.list(&input.bucket, |objects| page(objects, &query))?;
    let write = writer(input.encoding_type.as_ref());
    let truncated = page.next.is_some();
    // Only a listing with a delimiter names where it goes on; else it is the last key.
    let next_marker = page.next.as_deref().filter(|_| !delimiter.is_empty()).map(write);
    let shown = show(page, write);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(write(&prefix)),
        marker: Some(write(&marker)),
        delimiter: (!delimiter.is_empty()).then(|| write(&delimiter)),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        next_marker,
        encoding_type: input.encoding_type,
        contents: Some(shown.contents),
        common_prefixes: Some(shown.prefixes),
        ..ListObjectsOutput::default()
    })
}

fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE).min(PAGE)
}

/// How keys are written: encoded for clients that ask for it, since XML cannot hold every character.
fn writer(encoding: Option<&EncodingType>) -> fn(&str) -> String {
    if encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL) { url_encode } else { str::to_owned }
}

fn show(page: Page, write: fn(&str) -> String) -> Shown {
    let count = i32::try_from(page.entries.len()).unwrap_or(i32::MAX);
    let mut shown = Shown { contents: Vec::new(), prefixes: Vec::new(), count };
    for entry in page.entries {
        match entry {
            Entry::Prefix(prefix) => shown.prefixes.push(CommonPrefix { prefix: Some(write(&prefix)) }),
            Entry::Key(key, object) => shown.contents.push(ObjectDto {
                key: Some(write(&key)),
                e_tag: Some(ETag::Strong(object.etag)),
                last_modified: Some(object.modified.into()),
                size: i64::try_from(object.bytes.len()).ok(),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..ObjectDto::default()
            }),
        }
    }
    shown
}

/// A continuation token is opaque to clients: the last entry in hexadecimal digits.
fn token(last: &str) -> String {
    super::object::hex(last.as_bytes())
}

fn from_token(token: &str) -> Option<String> {
    let digits = token.as_bytes();
    if !digits.len().is_multiple_of(2) || !token.is_ascii() {
        return None;
    }
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    String::from_utf8(digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?).ok()
}
