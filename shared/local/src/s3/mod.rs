//! The S3 server: the protocol over the objects, faults, and the log of calls.
//! Must not know who is told about a write.

mod disk;
mod gate;
mod listing;
mod multipart;
mod needs;
pub(crate) mod notify;
mod object;
mod objects;
mod operations;
mod pages;
mod terms;

use std::sync::Arc;

use bytes::Bytes;
use gate::{Gate, Passage};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
pub(crate) use object::hex;
pub(crate) use objects::{Change, Objects};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::authority::Authority;
use crate::config::SECRET_KEY;
use crate::faults::Faults;
use crate::http::{self, Answer, Body, Closed};
use crate::principal::Principal;
use crate::recording::Recording;

/// The server in front of the objects.
#[derive(Clone)]
pub(crate) struct S3Server {
    service: S3Service,
    recording: Arc<Recording>,
    authority: Authority,
    faults: Arc<Faults>,
}

impl S3Server {
    pub(crate) fn new(
        objects: Arc<Objects>,
        faults: Arc<Faults>,
        recording: Arc<Recording>,
        authority: Authority,
    ) -> Self {
        let mut builder = S3ServiceBuilder::new(operations::Operations::new(objects));
        let mut auth = SimpleAuth::new();
        for principal in Principal::ALL {
            auth.register(principal.access_key().to_owned(), SECRET_KEY.into());
        }
        builder.set_auth(auth);
        builder.set_access(Gate { faults: faults.clone(), authority: authority.clone() });
        Self { service: builder.build(), recording, authority, faults }
    }

    pub(crate) async fn answer(self, request: Request<Incoming>) -> Answer {
        if writes(&request).is_some_and(|key| self.faults.refuses(key)) {
            // Like S3, which reads what is sent: the connection goes on.
            http::read(request.into_body()).await?;
            return Ok(error(403, "AccessDenied", "nobody may write this object now"));
        }
        let passage = Passage::default();
        let mut request = request.map(s3s::Body::from);
        request.extensions_mut().insert(passage.clone());
        let answer = self.service.call(request).await.map_err(|_| Closed("S3 could not answer"))?;
        let hides = passage.record(&self.recording, &self.authority, answer.status().as_u16());
        if let Some(refusal) = hides {
            return Ok(error(403, "AccessDenied", &refusal));
        }
        let answer = answer.map(|body| body.map_err(Into::into).boxed_unsync());
        http::spoil(answer, passage.fault(), error).await
    }
}

/// The key, as the address has it, of the object that the request writes, whole or in part.
fn writes(request: &Request<Incoming>) -> Option<&str> {
    let (_, key) = request.uri().path().trim_start_matches('/').split_once('/')?;
    let brings_about = matches!(*request.method(), Method::PUT | Method::POST) && !key.is_empty();
    brings_about.then_some(key)
}

fn error(status: u16, kind: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{kind}</Code><Message>{message}</Message><RequestId>ORDERED</RequestId></Error>"
    );
    http::response(status, "application/xml", Bytes::from(body))
}
