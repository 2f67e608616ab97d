//! The Runtime API of one sandbox: hands out work with its deadline, takes answers and errors.
//! Must not know the process behind it, nor when it is ended.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::http::{self, Answer, Closed};
use crate::tasks::lock;
use crate::time::epoch_millis;

const PREFIX: &str = "/2018-06-01/runtime/";

/// One invocation for a sandbox.
pub(super) struct Work {
    pub(super) id: String,
    pub(super) payload: Bytes,
    /// Told when the work is handed out; the function's time starts here.
    pub(super) handed: oneshot::Sender<()>,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What the function said about its work.
#[derive(Debug)]
pub(super) enum Reply {
    Response(Bytes),
    Error(Bytes),
}

/// The server side of one sandbox.
#[derive(Clone)]
pub(super) struct RuntimeApi(Arc<Inner>);

struct Inner {
    work: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
    init_error: Mutex<Option<Bytes>>,
    timeout: Duration,
    arn: String,
}

impl RuntimeApi {
    pub(super) fn new(work: mpsc::Receiver<Work>, timeout: Duration, arn: String) -> Self {
        let work = tokio::sync::Mutex::new(work);
        Self(Arc::new(Inner { work, current: Mutex::default(), init_error: Mutex::default(), timeout, arn }))
    }

    /// What the runtime said went wrong before it asked for work.
    pub(super) fn init_error(&self) -> Option<Bytes> {
        lock(&self.0.init_error).clone()
    }

    pub(super) async fn answer(self, request: Request<Incoming>) -> Answer {
        let Some(path) = request.uri().path().strip_prefix(PREFIX).map(str::to_owned) else {
            return Ok(http::not_found());
        };
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let body = http::read(request.into_body()).await?;
                Ok(self.reply(id, Reply::Response(body)))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                let body = http::read(request.into_body()).await?;
                Ok(self.reply(id, Reply::Error(body)))
            }
            (&Method::POST, ["init", "error"]) => {
                let body = http::read(request.into_body()).await?;
                *lock(&self.0.init_error) = Some(body);
                Ok(accepted())
            }
            _ => Ok(http::not_found()),
        }
    }

    /// The long poll has no limit of its own: the sandbox is idle in it, and ends it by ending.
    async fn next(&self) -> Answer {
        let Some(work) = self.0.work.lock().await.recv().await else { return Err(Closed("the sandbox ends")) };
        let deadline = epoch_millis(SystemTime::now() + self.0.timeout);
        let trace = format!("Root=1-{:08x}-{:.24};Sampled=0", deadline / 1000, work.id.replace('-', ""));
        let mut response = http::response(200, "application/json", work.payload);
        let headers = [
            ("lambda-runtime-aws-request-id", work.id.clone()),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            ("lambda-runtime-invoked-function-arn", self.0.arn.clone()),
            ("lambda-runtime-trace-id", trace),
        ];
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).map_err(|_| Closed("a header"))?;
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        *lock(&self.0.current) = Some((work.id, work.reply));
        let _ = work.handed.send(());
        Ok(response)
    }

    fn reply(&self, id: &str, reply: Reply) -> hyper::Response<http::Body> {
        let mut current = lock(&self.0.current);
        match current.take_if(|(known, _)| known == id) {
            Some((_, waiting)) => {
                let _ = waiting.send(reply);
                accepted()
            }
            None => http::json_response(
                400,
                &json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" }),
            ),
        }
    }
}

fn accepted() -> hyper::Response<http::Body> {
    http::json_response(202, &json!({ "status": "OK" }))
}
