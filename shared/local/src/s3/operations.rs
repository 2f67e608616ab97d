//! S3's operations in the protocol's terms over the objects.
//! Must not know notifications, faults or the disk.

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket as BucketDto, BucketLocationConstraint,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult,
    CopyPartResult, CopySource, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, ETag, Error as ErrorDto, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, MetadataDirective, MultipartUpload,
    Part as PartDto, PutObjectInput, PutObjectOutput, Range, StreamingBlob, Timestamp, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::listing::PAGE;
use super::object::{Attributes, Object};
use super::objects::{ChangeKind, Objects, Precondition, Refused};
use super::pages;
use super::terms::{read_condition, slice, stored_encoding, whole, write_condition};
use crate::config::REGION;
use crate::tasks::lock;

/// The operations over one set of objects.
pub(super) struct Operations(Arc<Objects>);

type Answer<T> = S3Result<S3Response<T>>;

impl Operations {
    pub(super) fn new(objects: Arc<Objects>) -> Self {
        Self(objects)
    }

    fn source(&self, source: &CopySource) -> S3Result<Object> {
        match source {
            CopySource::Bucket { bucket, key, .. } => Ok(self.0.get(bucket, key)?),
            _ => Err(s3_error!(NotImplemented, "only objects of buckets are copied")),
        }
    }
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let inner = lock(&self.0.inner);
        let bucket = |(name, bucket): (&String, &super::objects::Bucket)| BucketDto {
            name: Some(name.clone()),
            creation_date: Some(bucket.created.into()),
            ..BucketDto::default()
        };
        let buckets = inner.buckets.iter().map(bucket).collect();
        ok(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() })
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        if !self.0.create_bucket(&req.input.bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "the bucket exists"));
        }
        ok(CreateBucketOutput { location: Some(format!("/{}", req.input.bucket)) })
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.known(&req.input.bucket)?;
        ok(HeadBucketOutput { bucket_region: Some(REGION.into()), ..HeadBucketOutput::default() })
    }

    async fn get_bucket_location(&self, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.known(&req.input.bucket)?;
        // The first region is written as none.
        ok(GetBucketLocationOutput { location_constraint: None::<BucketLocationConstraint> })
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let input = req.input;
        let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let attributes = Attributes {
            content_type: input.content_type,
            content_encoding: input.content_encoding.and_then(|encoding| stored_encoding(&encoding)),
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        };
        let object = Object::new(whole(input.body, input.content_length).await?, attributes);
        let etag = object.etag.clone();
        self.0.put(ChangeKind::Put, &input.bucket, &input.key, object, &condition)?;
        ok(PutObjectOutput { e_tag: Some(ETag::Strong(etag)), ..PutObjectOutput::default() })
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let object = self.0.get(&input.bucket, &input.key)?;
        read_condition(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (bytes, content_range) = slice(&object, input.range)?;
        let attributes = object.attributes;
        ok(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(bytes.len()).ok(),
            body: Some(StreamingBlob::from(s3s::Body::from(bytes))),
            content_range,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            content_type: attributes.content_type.or_else(|| Some("binary/octet-stream".into())),
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            metadata: Some(attributes.metadata.into_iter().collect()),
            ..GetObjectOutput::default()
        })
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = req.input;
        let object = self.0.get(&input.bucket, &input.key)?;
        read_condition(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (bytes, content_range) = slice(&object, input.range)?;
        let attributes = object.attributes;
        ok(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(bytes.len()).ok(),
            content_range,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            content_type: attributes.content_type.or_else(|| Some("binary/octet-stream".into())),
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            metadata: Some(attributes.metadata.into_iter().collect()),
            ..HeadObjectOutput::default()
        })
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let condition = write_condition(req.input.if_match.as_ref(), None)?;
        self.0.delete(&req.input.bucket, &req.input.key, &condition)?;
        ok(DeleteObjectOutput::default())
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let delete = req.input.delete;
        if delete.objects.len() > PAGE {
            return Err(s3_error!(MalformedXML, "more than 1000 keys"));
        }
        self.known(&req.input.bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in delete.objects {
            let condition = object.e_tag.map_or(Precondition::None, |etag| Precondition::Is(etag.into_value()));
            match self.0.delete(&req.input.bucket, &object.key, &condition) {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(refused) => {
                    let error = S3Error::from(refused);
                    errors.push(ErrorDto {
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        key: Some(object.key),
                        version_id: None,
                    });
                }
            }
        }
        let deleted = (!delete.quiet.unwrap_or_default()).then_some(deleted);
        let errors = (!errors.is_empty()).then_some(errors);
        ok(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() })
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = req.input;
        let source = self.source(&input.copy_source)?;
        let (is, is_not) = (input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
        // A source that is not as asked is a failed precondition, never "not modified".
        read_condition(&source, is, is_not).map_err(|_| S3Error::from(Refused::PreconditionFailed))?;
        let replace =
            input.metadata_directive.is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let attributes = if replace {
            Attributes {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
                metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            }
        } else {
            source.attributes
        };
        let object = Object::new(source.bytes, attributes);
        let (etag, modified) = (object.etag.clone(), object.modified);
        self.0.put(ChangeKind::Copy, &input.bucket, &input.key, object, &Precondition::None)?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(modified.into()),
            ..CopyObjectResult::default()
        };
        ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        ok(pages::list_v2(&self.0, req.input)?)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        ok(pages::list_v1(&self.0, req.input)?)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = req.input;
        let attributes = Attributes {
            content_type: input.content_type,
            content_encoding: input.content_encoding.and_then(|encoding| stored_encoding(&encoding)),
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        };
        let id = self.0.create_upload(&input.bucket, &input.key, attributes)?;
        ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let input = req.input;
        let bytes = whole(input.body, input.content_length).await?;
        let part = self.0.put_part(&input.bucket, &input.key, &input.upload_id, input.part_number, bytes)?;
        ok(UploadPartOutput { e_tag: Some(ETag::Strong(part.etag)), ..UploadPartOutput::default() })
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        let input = req.input;
        let source = self.source(&input.copy_source)?;
        let range = input.copy_source_range.as_deref().map(Range::parse).transpose();
        let range = range.map_err(|_| s3_error!(InvalidArgument, "the copy source range is malformed"))?;
        let (bytes, _) = slice(&source, range)?;
        let part = self.0.put_part(&input.bucket, &input.key, &input.upload_id, input.part_number, bytes)?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(part.modified.into()),
            ..CopyPartResult::default()
        };
        ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = req.input;
        let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let named: Vec<(i32, Option<String>)> = parts
            .into_iter()
            .map(|part| (part.part_number.unwrap_or_default(), part.e_tag.map(ETag::into_value)))
            .collect();
        let etag = self.0.complete_upload(&input.bucket, &input.key, &input.upload_id, &named, &condition)?;
        ok(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.0.abort_upload(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
        ok(AbortMultipartUploadOutput::default())
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = req.input;
        let upload = self.0.upload(&input.bucket, &input.key, &input.upload_id)?;
        let part = |(number, part): (&i32, &super::multipart::Part)| PartDto {
            part_number: Some(*number),
            e_tag: Some(ETag::Strong(part.etag.clone())),
            size: i64::try_from(part.bytes.len()).ok(),
            last_modified: Some(part.modified.into()),
            ..PartDto::default()
        };
        let after = input.part_number_marker.unwrap_or_default();
        let parts: Vec<PartDto> = upload.parts.range(after.saturating_add(1)..).take(PAGE).map(part).collect();
        let next = parts.last().and_then(|part| part.part_number).unwrap_or(after);
        ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(upload.parts.range(next.saturating_add(1)..).next().is_some()),
            next_part_number_marker: Some(next),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = req.input;
        self.known(&input.bucket)?;
        let found = self.0.uploads(&input.bucket, input.prefix.as_deref().unwrap_or_default());
        let uploads = found.into_iter().map(|(id, upload)| MultipartUpload {
            upload_id: Some(id),
            key: Some(upload.key),
            initiated: Some(Timestamp::from(upload.initiated)),
            ..MultipartUpload::default()
        });
        ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(false),
            uploads: Some(uploads.collect()),
            ..ListMultipartUploadsOutput::default()
        })
    }
}

impl Operations {
    fn known(&self, bucket: &str) -> S3Result<()> {
        if lock(&self.0.inner).buckets.contains_key(bucket) { Ok(()) } else { Err(Refused::NoSuchBucket.into()) }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every operation answers a result")]
fn ok<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}
