//! The HTTP server and client that every part shares: sockets, bodies, and answers that are cut or never sent.
//! Must not know any service.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::faults::Fault;
use crate::tasks::Tasks;

/// How long a client may take to send a request's head, and how long an idle connection is kept.
const HEAD_LIMIT: Duration = Duration::from_mins(10);
/// How long a client may take to send a request's body.
const BODY_LIMIT: Duration = Duration::from_mins(10);
/// How long to wait before accepting again when the system is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A response's body.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;
/// A response, or the reason to close the connection without one.
pub(crate) type Answer = Result<Response<Body>, Closed>;

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer: {0}")]
pub(crate) struct Closed(pub(crate) &'static str);

/// Answers requests on a listener for as long as the stack lives.
pub(crate) fn serve<H, F>(tasks: &Tasks, listener: TcpListener, handler: H) -> Option<AbortHandle>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            let socket = match listener.accept().await {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Small answers must not wait for acknowledgements.
            let _ = socket.set_nodelay(true);
            let handler = handler.clone();
            connections.spawn(async move {
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_LIMIT)
                    .serve_connection(TokioIo::new(socket), service_fn(handler))
                    .await;
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended");
                }
            });
        }
    })
}

/// Opens a port; 0 takes any free one.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Reads a request's whole body.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, Closed> {
    match tokio::time::timeout(BODY_LIMIT, body.collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(_)) => Err(Closed("the request was cut")),
        Err(_) => Err(Closed("the request took too long")),
    }
}

/// A response with a body of one piece.
pub(crate) fn response(status: u16, content_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response whose body is JSON.
pub(crate) fn json_response(status: u16, body: &Value) -> Response<Body> {
    response(status, "application/json", Bytes::from(body.to_string()))
}

/// What a fault makes of the answer to a call that was carried out.
pub(crate) async fn spoil(
    answer: Response<Body>,
    fault: Option<Fault>,
    error: impl FnOnce(u16, &str, &str) -> Response<Body>,
) -> Answer {
    match fault {
        None => Ok(answer),
        Some(Fault::Error { status, kind, message } | Fault::ErrorAfter { status, kind, message }) => {
            Ok(error(status, &kind, &message))
        }
        Some(Fault::DropBefore | Fault::DropAfter) => Err(Closed("ordered")),
        Some(Fault::TruncateAfter) => truncate(answer).await,
        Some(Fault::DelayAfter(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(answer)
        }
    }
}

/// Announces the whole length, sends half of it, then closes the connection.
async fn truncate(answer: Response<Body>) -> Answer {
    let (mut head, body) = answer.into_parts();
    let bytes = body.collect().await.map_err(|_| Closed("an answer without a body"))?.to_bytes();
    head.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let half = Half { first: Some(bytes.slice(..bytes.len() / 2)), flushed: false };
    Ok(Response::from_parts(head, half.boxed_unsync()))
}

/// One good frame, then an error.
struct Half {
    first: Option<Bytes>,
    flushed: bool,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(bytes) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.flushed {
            // One turn for the connection to flush the half.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Box::new(Closed("ordered")))))
    }
}

/// The status, the `X-Amz-Function-Error` header and the body of an answer to a POST.
pub(crate) struct Posted {
    pub(crate) status: StatusCode,
    pub(crate) function_error: Option<String>,
    pub(crate) body: Bytes,
}

/// Sends JSON to a URL and reads the whole answer within the limit.
pub(crate) async fn post(url: &str, body: Bytes, limit: Duration) -> Result<Posted, BoxError> {
    let uri: Uri = url.parse()?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let exchange = async {
        let answer = client.request(request).await?;
        let status = answer.status();
        let header = answer.headers().get("x-amz-function-error").and_then(|value| value.to_str().ok());
        let function_error = header.map(str::to_owned);
        let body = answer.into_body().collect().await?.to_bytes();
        Ok::<_, BoxError>(Posted { status, function_error, body })
    };
    tokio::time::timeout(limit, exchange).await?
}

/// The body of the error that a client reads when JSON was expected.
pub(crate) fn not_found() -> Response<Body> {
    json_response(404, &json!({ "message": "no such path" }))
}

/// A header's text, empty if absent.
pub(crate) fn header<'a>(request: &'a Request<Incoming>, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
