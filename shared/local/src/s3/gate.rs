//! The gate in front of the operations: only signed requests pass, faults are taken, permissions worked out.
//! Must not know objects, nor how it is decided what a caller may do.

use std::sync::{Arc, Mutex};

use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{
    CompleteMultipartUploadInput, CopyObjectInput, CopySource, DeleteObjectInput, DeleteObjectsInput, ListObjectsInput,
    ListObjectsV2Input, PutObjectInput, UploadPartCopyInput,
};
use s3s::path::S3Path;
use s3s::{S3Request, S3Result, s3_error};

use super::needs::{absence, conditional, listing, needs, object_arn};
use crate::authority::Authority;
use crate::faults::{Call, Fault, Faults};
use crate::principal::Principal;
use crate::recording::{Need, Recording};
use crate::tasks::lock;

/// What is known of one request once its operation is.
#[derive(Clone, Default)]
pub(super) struct Passage(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    fault: Option<Fault>,
    asked: Option<Asked>,
}

struct Asked {
    principal: Option<Principal>,
    operation: String,
    /// Bucket and key, where it is about an object.
    object: Option<(String, String)>,
    needs: Vec<Need>,
}

impl Passage {
    /// The fault that was ordered for it.
    pub(super) fn fault(&self) -> Option<Fault> {
        lock(&self.0).fault.take()
    }

    /// Records the request, answered with `status`; one that never passed the gate is none. What is answered instead if
    /// the caller may not know that something is absent.
    pub(super) fn record(&self, recording: &Recording, authority: &Authority, status: u16) -> Option<String> {
        let mut asked = lock(&self.0).asked.take()?;
        let read = matches!(asked.operation.as_str(), "GetObject" | "HeadObject");
        if let (404, true, Some((bucket, key))) = (status, read, &asked.object) {
            let absence = absence(bucket, key);
            if let Some(refusal) = authority.refusal(asked.principal, std::slice::from_ref(&absence)) {
                return Some(refusal);
            }
            asked.needs.push(absence);
        }
        recording.note(asked.principal, format!("s3:{}", asked.operation), asked.needs);
        None
    }

    /// Ends the request here, unless the caller has every permission that it needs.
    fn pass(&self, authority: &Authority) -> S3Result<()> {
        let mut known = lock(&self.0);
        let Some(asked) = &known.asked else { return Ok(()) };
        match authority.refusal(asked.principal, &asked.needs) {
            None => Ok(()),
            Some(refusal) => {
                known.asked = None;
                Err(s3_error!(AccessDenied, "{refusal}"))
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Need>)) {
        if let Some(asked) = &mut lock(&self.0).asked {
            change(&mut asked.needs);
        }
    }
}

/// The operations whose input says what else they need.
const BY_INPUT: [&str; 8] = [
    "ListObjectsV2",
    "ListObjects",
    "PutObject",
    "CompleteMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "CopyObject",
    "UploadPartCopy",
];

pub(super) struct Gate {
    pub(super) faults: Arc<Faults>,
    pub(super) authority: Authority,
}

impl Gate {
    /// Completes the needs of a request whose input is read, and asks whether its caller has them.
    fn complete<T>(&self, request: &S3Request<T>, change: impl FnOnce(&T, &mut Vec<Need>)) -> S3Result<()> {
        let Some(passage) = request.extensions.get::<Passage>() else { return Ok(()) };
        passage.change(|needs| change(&request.input, needs));
        passage.pass(&self.authority)
    }
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(principal) = cx.credentials().map(|credentials| Principal::of_key(&credentials.access_key)) else {
            return Err(s3_error!(AccessDenied, "the request is not signed"));
        };
        let operation = cx.s3_op().name().to_owned();
        let (resource, object) = match cx.s3_path() {
            S3Path::Root => (String::new(), None),
            S3Path::Bucket { bucket } => (bucket.to_string(), None),
            S3Path::Object { bucket, key } => (format!("{bucket}/{key}"), Some((bucket.to_string(), key.to_string()))),
        };
        let needs = needs(&operation, cx.s3_path());
        let by_input = BY_INPUT.contains(&operation.as_str());
        let invocation_id =
            cx.headers().get("amz-sdk-invocation-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let invocation_id = invocation_id.to_owned();
        self.faults.record(Call { service: "s3".into(), operation: operation.clone(), resource, invocation_id });
        let fault = self.faults.take(&operation);
        let before = matches!(fault, Some(Fault::Error { .. } | Fault::DropBefore));
        // Refused before its input is read, nothing is known of what it needs.
        let asked = (!before).then_some(Asked { principal, operation, object, needs });
        if let Some(passage) = cx.extensions_mut().get::<Passage>() {
            *lock(&passage.0) = Known { fault, asked };
        }
        // Refused here, nothing is done; the fault then replaces this answer.
        if before {
            return Err(s3_error!(ServiceUnavailable, "ordered"));
        }
        match cx.extensions_mut().get::<Passage>() {
            Some(passage) if !by_input => passage.pass(&self.authority),
            Some(_) | None => Ok(()),
        }
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        self.complete(request, |input, needs| prefixed(needs, input.prefix.as_deref(), input.delimiter.as_deref()))
    }

    async fn list_objects(&self, request: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        self.complete(request, |input, needs| prefixed(needs, input.prefix.as_deref(), input.delimiter.as_deref()))
    }

    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        self.complete(request, |input, needs| {
            conditional(needs, input.if_match.is_some(), input.if_none_match.is_some());
        })
    }

    async fn complete_multipart_upload(&self, request: &mut S3Request<CompleteMultipartUploadInput>) -> S3Result<()> {
        self.complete(request, |input, needs| {
            conditional(needs, input.if_match.is_some(), input.if_none_match.is_some());
        })
    }

    async fn delete_object(&self, request: &mut S3Request<DeleteObjectInput>) -> S3Result<()> {
        self.complete(request, |input, needs| conditional(needs, input.if_match.is_some(), false))
    }

    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        self.complete(request, |input, needs| {
            let arns = input.delete.objects.iter().map(|object| object_arn(&input.bucket, &object.key));
            needs.extend(arns.map(|arn| Need::new("s3:DeleteObject", arn)));
        })
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        self.complete(request, |input, needs| needs.extend(read(&input.copy_source)))
    }

    async fn upload_part_copy(&self, request: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        self.complete(request, |input, needs| needs.extend(read(&input.copy_source)))
    }
}

fn prefixed(needs: &mut Vec<Need>, prefix: Option<&str>, delimiter: Option<&str>) {
    *needs = std::mem::take(needs).into_iter().map(|need| listing(need, prefix, delimiter)).collect();
}

/// A copy reads its source.
fn read(source: &CopySource) -> Option<Need> {
    match source {
        CopySource::Bucket { bucket, key, .. } => Some(Need::new("s3:GetObject", object_arn(bucket, key))),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => None,
    }
}
