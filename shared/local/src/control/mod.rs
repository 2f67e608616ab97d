//! The control planes of EMR, SSM, SNS, STS and CloudWatch Logs on one port, told apart by target header and form, with faults.
//! Must not know what steps and commands do.

mod commands;
mod document;
mod emr;
mod logs;
mod needs;
mod node;
mod parameters;
mod sns;
mod ssm;
mod step;
mod steps;
mod sts;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use commands::Commands;
pub(crate) use document::{CommandDocumentError, Document};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
pub(crate) use node::Node;
pub(crate) use parameters::Parameters;
use serde::Deserialize;
use serde_json::{Value, json};
pub(crate) use sns::Topics;
pub(crate) use steps::{Cluster, Steps};
pub use views::{CommandView, MessageView, StepView};

use crate::authority::Authority;
use crate::faults::{Call, Fault, Faults};
use crate::http::{self, Answer, Body, Closed, header};
use crate::lambda::LogGroup;
use crate::principal::Principal;
use crate::recording::Recording;

/// The services behind the port.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) steps: Arc<Steps>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) topics: Arc<Topics>,
    /// The one log group, that of the function.
    pub(crate) log: Option<LogGroup>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) recording: Arc<Recording>,
    pub(crate) authority: Authority,
    /// Everything the stack shows of itself to other processes.
    pub(crate) shown: Arc<dyn Fn() -> Value + Send + Sync>,
}

/// An awsJson error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}: {message}")]
pub(crate) struct ServiceError {
    status: u16,
    kind: &'static str,
    message: String,
}

type Reply = Result<Value, ServiceError>;

#[derive(Deserialize)]
struct Order {
    operation: String,
    fault: Fault,
}

impl ServiceError {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, kind, message: message.into() }
    }
}

impl Control {
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/") => self.call(request).await,
            (&Method::POST, "/_faults") => self.order(request).await,
            (&Method::GET, "/_stack") => Ok(http::json_response(200, &(self.shown)())),
            _ => Ok(http::not_found()),
        }
    }

    /// The stack's own: one fault from another process.
    async fn order(&self, request: Request<Incoming>) -> Answer {
        let body = http::read(request.into_body()).await?;
        Ok(match serde_json::from_slice::<Order>(&body) {
            Ok(order) => {
                self.faults.order(&order.operation, order.fault);
                http::json_response(200, &json!({}))
            }
            Err(error) => http::json_response(400, &json!({ "message": error.to_string() })),
        })
    }

    async fn call(&self, request: Request<Incoming>) -> Answer {
        let target = header(&request, "x-amz-target").to_owned();
        let invocation_id = header(&request, "amz-sdk-invocation-id").to_owned();
        let form = header(&request, "content-type").starts_with("application/x-www-form-urlencoded");
        let principal = Principal::of_authorization(header(&request, "authorization"));
        let (head, body) = request.into_parts();
        let body = http::read(body).await?;
        if target.is_empty() && form {
            let form = sns::form(&body);
            if sts::is_for(&form) {
                return self.who(principal, &form, &head.headers, &body).await;
            }
            return self.query(principal, &form, invocation_id).await;
        }
        let input = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(&body) };
        let Some((service, operation)) = target.split_once('.') else {
            return Ok(error(400, "UnknownOperationException", ""));
        };
        let Ok(input) = input else { return Ok(error(400, "SerializationException", "the body is not JSON")) };
        let service = match service {
            "ElasticMapReduce" => "emr",
            "AmazonSSM" => "ssm",
            "Logs_20140328" => "logs",
            _ => return Ok(error(400, "UnknownOperationException", "")),
        };
        let needs = needs::needs(service, operation, &input, &self.tagged());
        if let Some(refusal) = self.authority.refusal(principal, &needs) {
            return Ok(error(400, "AccessDeniedException", &refusal));
        }
        self.recording.note(principal, format!("{service}:{operation}"), needs);
        let (operation, resource) = (operation.to_owned(), resource(&input));
        self.faults.record(Call { service: service.into(), operation: operation.clone(), resource, invocation_id });
        let fault = self.faults.take(&operation);
        let done = match &fault {
            Some(Fault::DropBefore) => return Err(Closed("ordered")),
            Some(Fault::Error { .. }) => Ok(json!({})),
            _ if service == "emr" => emr::answer(&self.steps, &operation, &input),
            _ if service == "logs" => logs::answer(self.log.as_ref(), &operation, &input),
            _ if operation == "GetParameter" => self.parameters.get(&input),
            _ => ssm::answer(&self.commands, &operation, &input),
        };
        let answer = match done {
            Ok(body) => answer(200, &body),
            Err(refused) => error(refused.status, refused.kind, &refused.message),
        };
        http::spoil(answer, fault, error).await
    }

    fn tagged(&self) -> needs::Tagged<'_> {
        let cluster = &self.steps.cluster;
        needs::Tagged { cluster: &cluster.id, tags: &cluster.tags }
    }

    /// A question who somebody is, which needs no permission.
    async fn who(
        &self,
        principal: Option<Principal>,
        form: &BTreeMap<String, String>,
        headers: &hyper::HeaderMap,
        body: &[u8],
    ) -> Answer {
        self.recording.note(principal, "sts:GetCallerIdentity".to_owned(), Vec::new());
        let fault = self.faults.take("GetCallerIdentity");
        if matches!(fault, Some(Fault::DropBefore)) {
            return Err(Closed("ordered"));
        }
        http::spoil(sts::answer(form, headers, body), fault, sns::error).await
    }

    /// A call by SNS's query protocol.
    async fn query(
        &self,
        principal: Option<Principal>,
        form: &BTreeMap<String, String>,
        invocation_id: String,
    ) -> Answer {
        let of = |name: &str| form.get(name).cloned().unwrap_or_default();
        let (operation, resource) = (of("Action"), of("TopicArn"));
        let needed = needs::needs("sns", &operation, &json!({ "TopicArn": resource }), &self.tagged());
        if let Some(refusal) = self.authority.refusal(principal, &needed) {
            return Ok(sns::error(403, "AuthorizationError", &refusal));
        }
        self.recording.note(principal, format!("sns:{operation}"), needed);
        self.faults.record(Call { service: "sns".into(), operation: operation.clone(), resource, invocation_id });
        let fault = self.faults.take(&operation);
        let done = match &fault {
            Some(Fault::DropBefore) => return Err(Closed("ordered")),
            Some(Fault::Error { .. }) => Ok(String::new()),
            _ => self.topics.answer(form),
        };
        let answer = match done {
            Ok(result) => sns::response(&operation, &result),
            Err(refused) => sns::error(refused.status, refused.code, &refused.message),
        };
        http::spoil(answer, fault, sns::error).await
    }
}

fn answer(status: u16, body: &Value) -> Response<Body> {
    let mut response = http::response(status, "application/x-amz-json-1.1", body.to_string().into());
    if let Ok(id) = uuid::Uuid::now_v7().to_string().parse() {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn error(status: u16, kind: &str, message: &str) -> Response<Body> {
    answer(status, &json!({ "__type": kind, "message": message }))
}

/// What a call is about, for the log of calls.
fn resource(input: &Value) -> String {
    let names = ["StepId", "CommandId", "JobFlowId", "ClusterId", "DocumentName", "Name", "logGroupName"];
    names.iter().find_map(|name| input[name].as_str()).unwrap_or_default().to_owned()
}

/// A member that is text; empty if absent.
fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

/// A member that is a list of texts; `None` if absent.
fn texts(input: &Value, name: &str) -> Option<Vec<String>> {
    let list = input[name].as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// One page by a marker that is an offset.
fn paged<T>(all: Vec<T>, marker: &str, size: usize) -> Result<(Vec<T>, Option<String>), ServiceError> {
    let from: usize = if marker.is_empty() {
        0
    } else {
        marker.parse().map_err(|_| ServiceError::new("ValidationException", "the marker is not valid"))?
    };
    let more = all.len() > from.saturating_add(size);
    let page = all.into_iter().skip(from).take(size).collect();
    Ok((page, more.then(|| (from + size).to_string())))
}
