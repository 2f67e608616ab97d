//! The protocol's terms in the objects': bodies, ranges, conditions and errors.
//! Must not know any operation.

use bytes::Bytes;
use http_body_util::BodyExt;
use s3s::dto::{ETagCondition, Range, StreamingBlob};
use s3s::{S3Error, S3Result, s3_error};

use super::object::Object;
use super::objects::{Precondition, Refused};

/// Reads an upload's whole body; one that is shorter than announced was cut.
pub(super) async fn whole(body: Option<StreamingBlob>, announced: Option<i64>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let bytes = s3s::Body::from(body).collect().await;
    let bytes = bytes.map_err(|_| s3_error!(IncompleteBody, "the body was cut"))?.to_bytes();
    match announced.and_then(|length| usize::try_from(length).ok()) {
        Some(length) if length != bytes.len() => Err(s3_error!(IncompleteBody, "the body is not as long as announced")),
        _ => Ok(bytes),
    }
}

/// `aws-chunked` is how the body travelled, not what the object is.
pub(super) fn stored_encoding(encoding: &str) -> Option<String> {
    let kept: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

pub(super) fn slice(object: &Object, range: Option<Range>) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else { return Ok((object.bytes.clone(), None)) };
    let length = object.bytes.len();
    let found = range.check(u64::try_from(length).unwrap_or(u64::MAX))?;
    let index = |at: u64| usize::try_from(at).unwrap_or(length);
    let bytes = object.bytes.slice(index(found.start)..index(found.end));
    Ok((bytes, Some(format!("bytes {}-{}/{length}", found.start, found.end - 1))))
}

pub(super) fn write_condition(is: Option<&ETagCondition>, is_not: Option<&ETagCondition>) -> S3Result<Precondition> {
    match (is, is_not) {
        (None, None) => Ok(Precondition::None),
        (Some(ETagCondition::Any), None) => Ok(Precondition::Present),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Precondition::Is(etag.value().to_owned())),
        (None, Some(ETagCondition::Any)) => Ok(Precondition::Absent),
        _ => Err(s3_error!(NotImplemented, "writes know If-Match, or If-None-Match: *")),
    }
}

pub(super) fn read_condition(
    object: &Object,
    is: Option<&ETagCondition>,
    is_not: Option<&ETagCondition>,
) -> S3Result<()> {
    let same = |condition: &ETagCondition| condition.as_etag().is_none_or(|etag| etag.value() == object.etag);
    if is.is_some_and(|condition| !same(condition)) {
        return Err(Refused::PreconditionFailed.into());
    }
    if is_not.is_some_and(same) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

impl From<Refused> for S3Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuchBucket => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            Refused::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            Refused::NoSuchUpload => s3_error!(NoSuchUpload, "The specified upload does not exist."),
            Refused::InvalidPart => s3_error!(InvalidPart, "One or more of the specified parts could not be found."),
            Refused::InvalidPartOrder => s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."),
            Refused::EntityTooSmall => s3_error!(EntityTooSmall, "A part but the last is smaller than 5 MiB."),
            Refused::PreconditionFailed => {
                s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
            }
        }
    }
}
