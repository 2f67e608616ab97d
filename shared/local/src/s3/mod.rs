//! The S3 server: the protocol over the objects, faults, and the log of calls.
//! Must not know who is told about a write.

mod disk;
mod listing;
mod multipart;
pub(crate) mod notify;
mod objects;
mod operations;
mod pages;
mod terms;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};

use crate::config::{ACCESS_KEY, SECRET_KEY};
use crate::faults::{Call, Fault, Faults};
use crate::http::{self, Answer, Body, Closed};
use crate::tasks::lock;

pub(crate) use objects::{Change, Objects, hex};

/// The server in front of the objects.
#[derive(Clone)]
pub(crate) struct S3Server {
    service: S3Service,
}

/// The fault taken for one request once its operation is known.
#[derive(Clone, Default)]
struct Ordered(Arc<Mutex<Option<Fault>>>);

struct Gate {
    faults: Arc<Faults>,
}

impl S3Server {
    pub(crate) fn new(objects: Arc<Objects>, faults: Arc<Faults>) -> Self {
        let mut builder = S3ServiceBuilder::new(operations::Operations::new(objects));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_access(Gate { faults });
        Self { service: builder.build() }
    }

    pub(crate) async fn answer(self, request: Request<Incoming>) -> Answer {
        let ordered = Ordered::default();
        let mut request = request.map(s3s::Body::from);
        request.extensions_mut().insert(ordered.clone());
        let answer = self.service.call(request).await.map_err(|_| Closed("S3 could not answer"))?;
        let answer = answer.map(|body| body.map_err(Into::into).boxed_unsync());
        let fault = lock(&ordered.0).take();
        http::spoil(answer, fault, error).await
    }
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "the request is not signed"));
        }
        let operation = cx.s3_op().name().to_owned();
        let resource = match cx.s3_path() {
            S3Path::Root => String::new(),
            S3Path::Bucket { bucket } => bucket.to_string(),
            S3Path::Object { bucket, key } => format!("{bucket}/{key}"),
        };
        let invocation_id =
            cx.headers().get("amz-sdk-invocation-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let invocation_id = invocation_id.to_owned();
        self.faults.record(Call { service: "s3".into(), operation: operation.clone(), resource, invocation_id });
        let Some(fault) = self.faults.take(&operation) else { return Ok(()) };
        let before = matches!(fault, Fault::Error { .. } | Fault::DropBefore);
        if let Some(ordered) = cx.extensions_mut().get::<Ordered>() {
            *lock(&ordered.0) = Some(fault);
        }
        // Refused here, nothing is done; the fault then replaces this answer.
        if before { Err(s3_error!(ServiceUnavailable, "ordered")) } else { Ok(()) }
    }
}

fn error(status: u16, kind: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{kind}</Code><Message>{message}</Message><RequestId>ORDERED</RequestId></Error>"
    );
    http::response(status, "application/xml", Bytes::from(body))
}
