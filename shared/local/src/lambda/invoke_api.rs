//! Lambda's Invoke API: one path, three invocation types.
//! Must not know sandboxes or retries.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::Function;
use crate::authority::Authority;
use crate::faults::{Call, Fault, Faults};
use crate::http::{self, Answer, Body, Closed, header};
use crate::principal::Principal;
use crate::recording::{Need, Recording};

/// The API in front of the function.
#[derive(Clone)]
pub(crate) struct InvokeApi {
    pub(crate) function: Arc<Function>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) recording: Arc<Recording>,
    pub(crate) authority: Authority,
}

impl InvokeApi {
    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let name = path.strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
        let Some(name) = name.filter(|_| request.method() == Method::POST).map(str::to_owned) else {
            return Ok(http::not_found());
        };
        let principal = Principal::of_authorization(header(&request, "authorization"));
        let needs = vec![Need::new("lambda:InvokeFunction", super::arn(self.function.name()))];
        if let Some(refusal) = self.authority.refusal(principal, &needs) {
            return Ok(error(403, "AccessDeniedException", &refusal));
        }
        self.recording.note(principal, "lambda:Invoke".to_owned(), needs);
        let (service, operation) = ("lambda".to_owned(), "Invoke".to_owned());
        let invocation_id = header(&request, "amz-sdk-invocation-id").to_owned();
        self.faults.record(Call { service, operation, resource: name.clone(), invocation_id });
        let kind = header(&request, "x-amz-invocation-type").to_owned();
        let body = http::read(request.into_body()).await?;
        let fault = self.faults.take("Invoke");
        let done = match &fault {
            Some(Fault::DropBefore) => return Err(Closed("ordered")),
            Some(Fault::Error { .. }) => error(500, "ServiceException", "ordered"),
            _ => invoke(&self.function, &name, &kind, &body).await,
        };
        http::spoil(done, fault, error).await
    }
}

async fn invoke(function: &Arc<Function>, name: &str, kind: &str, body: &[u8]) -> Response<Body> {
    // A function is named by its name, with a qualifier, or by its ARN.
    let plain = name.split("%3A").flat_map(|part| part.split(':')).any(|part| part == function.name());
    if !plain {
        return error(404, "ResourceNotFoundException", &format!("Function not found: {}", super::arn(name)));
    }
    let payload = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(body) };
    let Ok(payload) = payload else {
        return error(400, "InvalidRequestContentException", "Could not parse request body into json");
    };
    match kind {
        "Event" => {
            function.invoke_async(payload);
            http::response(202, "application/json", bytes::Bytes::new())
        }
        "DryRun" => http::response(204, "application/json", bytes::Bytes::new()),
        _ => {
            let outcome = function.run(bytes::Bytes::from(payload.to_string())).await;
            let mut response = http::response(200, "application/json", outcome.body);
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static("x-amz-executed-version"), HeaderValue::from_static("$LATEST"));
            if outcome.function_error.is_some() {
                headers.insert(HeaderName::from_static("x-amz-function-error"), HeaderValue::from_static("Unhandled"));
            }
            response
        }
    }
}

fn error(status: u16, kind: &str, message: &str) -> Response<Body> {
    let mut response = http::json_response(status, &json!({ "Type": "User", "Message": message }));
    if let Ok(kind) = HeaderValue::from_str(kind) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), kind);
    }
    response
}
