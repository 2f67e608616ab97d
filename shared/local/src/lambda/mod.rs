//! The function: synchronous and asynchronous invocations, their retries, and what failed for good.
//! Must not know who invokes it, nor what a payload means.

mod invoke_api;
mod log;
mod runtime_api;
mod sandbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
pub(crate) use invoke_api::InvokeApi;
pub(crate) use log::{LogGroup, LogLine};
use serde_json::{Value, json};

use crate::config::{ACCOUNT, Delivery, LambdaConfig, REGION};
use crate::http;
use crate::process::Groups;
use crate::tasks::{Tasks, lock};
use crate::time::iso_millis;

/// A server that hosts the function itself may compile it at the first invocation.
const ENDPOINT_LIMIT: Duration = Duration::from_mins(10);

/// What a synchronous invocation answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The function's answer, or its error.
    pub payload: Value,
    /// `Unhandled` if the function failed.
    pub function_error: Option<String>,
}

/// The answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) body: Bytes,
    pub(crate) function_error: Option<String>,
}

/// The one function of the stack.
pub(crate) struct Function {
    config: LambdaConfig,
    host: Option<sandbox::Host>,
    tasks: Tasks,
    dead: Mutex<Vec<Value>>,
}

impl Function {
    /// `env` is what the stack adds under the configured environment: its endpoints and credentials.
    pub(crate) fn new(config: LambdaConfig, env: &BTreeMap<String, String>, groups: Groups, tasks: Tasks) -> Self {
        let host = match &config.delivery {
            Delivery::Host { bootstrap } => Some(sandbox::Host::new(bootstrap, &config, env, groups, tasks.clone())),
            Delivery::Endpoint { .. } => None,
        };
        Self { config, host, tasks, dead: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// The log of its sandboxes; none where it is hosted elsewhere, or its output is dropped.
    pub(crate) fn log_group(&self) -> Option<LogGroup> {
        let LambdaConfig { name, log, log_delay, .. } = &self.config;
        self.host.as_ref().and_then(|_| LogGroup::of(name, log.as_ref(), *log_delay))
    }

    /// Changes one variable of the function's environment; a function that is hosted elsewhere has its own.
    pub(crate) fn configure(&self, name: &str, value: &str) {
        if let Some(host) = &self.host {
            host.configure(name, value);
        }
    }

    pub(crate) async fn invoke(&self, payload: &Value) -> Invocation {
        let outcome = self.run(Bytes::from(payload.to_string())).await;
        let text = || Value::String(String::from_utf8_lossy(&outcome.body).into_owned());
        let payload = serde_json::from_slice(&outcome.body).unwrap_or_else(|_| text());
        Invocation { payload, function_error: outcome.function_error }
    }

    /// One attempt.
    pub(crate) async fn run(&self, payload: Bytes) -> Outcome {
        match (&self.config.delivery, &self.host) {
            (Delivery::Endpoint { url }, _) => self.post(url, payload).await,
            (Delivery::Host { .. }, Some(host)) => host.run(payload).await,
            (Delivery::Host { .. }, None) => Outcome::error("Runtime.Unknown", "no host"),
        }
    }

    async fn post(&self, url: &str, payload: Bytes) -> Outcome {
        match http::post(url, payload, self.config.timeout.max(ENDPOINT_LIMIT)).await {
            Ok(posted) => {
                let failed =
                    posted.function_error.or_else(|| (!posted.status.is_success()).then(|| "Unhandled".to_owned()));
                Outcome { body: posted.body, function_error: failed }
            }
            Err(error) => Outcome::error("Endpoint.Unreachable", &error.to_string()),
        }
    }

    /// Accepts an invocation: attempts with pauses, then a dead letter.
    pub(crate) fn invoke_async(self: &Arc<Self>, payload: Value) {
        let function = self.clone();
        self.tasks.spawn(async move {
            let body = Bytes::from(payload.to_string());
            let mut pauses = function.config.async_retry_delays.iter();
            let mut attempts = 0;
            loop {
                attempts += 1;
                let outcome = function.run(body.clone()).await;
                let Some(error) = outcome.function_error else { return };
                let Some(pause) = pauses.next() else {
                    function.bury(function.failed(&payload, attempts, &error, &outcome.body));
                    return;
                };
                tokio::time::sleep(*pause).await;
            }
        });
    }

    /// Keeps what failed for good.
    pub(crate) fn bury(&self, letter: Value) {
        tracing::warn!(function = self.config.name, "a dead letter");
        lock(&self.dead).push(letter);
    }

    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        lock(&self.dead).clone()
    }

    /// The record that Lambda sends to the destination of failed asynchronous invocations.
    fn failed(&self, payload: &Value, attempts: u32, error: &str, body: &[u8]) -> Value {
        json!({
            "version": "1.0",
            "timestamp": iso_millis(SystemTime::now()),
            "requestContext": {
                "requestId": uuid::Uuid::now_v7().to_string(),
                "functionArn": format!("{}:$LATEST", arn(&self.config.name)),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": payload,
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": error },
            "responsePayload": serde_json::from_slice::<Value>(body).unwrap_or(Value::Null),
        })
    }
}

impl Outcome {
    fn error(kind: &str, message: &str) -> Self {
        let body = Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string());
        Self { body, function_error: Some("Unhandled".into()) }
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}
