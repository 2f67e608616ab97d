//! Asking a function, by Lambda's Invoke: one request, one answer, never a second try.
//! Must not know what is asked, nor what an answer means.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use control::ports::OutsideError;
use desired::printable::cut;

use crate::outcome::{Reply, outside};

/// How long an answer may take: more than the longest time that Lambda gives a function.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(15 * 60 + 20);
/// How many bytes a synchronous invocation takes, and answers, at most.
const LARGEST: usize = 6 * 1024 * 1024;
/// How many characters of a failure are told.
const TOLD: usize = 2_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// There is no such function.
    #[error("there is no function `{0}`")]
    NotThere(String),
    /// The caller may not ask it.
    #[error("`{function}` may not be asked by you: {message}")]
    Denied { function: String, message: String },
    /// Too many ask at once: nothing was done.
    #[error("`{function}` is too busy: {message}")]
    Throttled { function: String, message: String },
    /// What is asked does not fit into an invocation.
    #[error("what is asked has {0} bytes: an invocation takes {LARGEST}")]
    TooLarge(usize),
    /// The function began and failed: what it did is unknown.
    #[error("`{function}` failed: {message}")]
    Failed { function: String, message: String },
    /// No usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

/// A function that is asked.
#[derive(Debug)]
pub struct Function {
    client: Client,
    name: String,
}

impl Function {
    /// The function of this name or ARN.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let limits = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let limits = limits.read_timeout(LONGEST_ANSWER).operation_attempt_timeout(LONGEST_ANSWER);
        let limits = limits.operation_timeout(LONGEST_ANSWER).build();
        // After a lost reply a second try would have it done twice.
        let config = Builder::from(config).timeout_config(limits).retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), name: name.into() }
    }

    /// Has it answer `payload`.
    pub async fn ask(&self, payload: Vec<u8>) -> Result<Vec<u8>, FunctionError> {
        if payload.len() > LARGEST {
            return Err(FunctionError::TooLarge(payload.len()));
        }
        let (what, function) = (format!("asking the function {}", self.name), self.name.clone());
        let call = self.client.invoke().function_name(&self.name).invocation_type(InvocationType::RequestResponse);
        let answer = match call.payload(Blob::new(payload)).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let Some(reply) = Reply::of(&error) else { return Err(outside(what, error).into()) };
                return Err(match reply.code.as_str() {
                    _ if reply.is_throttled() => FunctionError::Throttled { function, message: reply.text() },
                    "ResourceNotFoundException" => FunctionError::NotThere(function),
                    "AccessDeniedException" | "AccessDenied" => {
                        FunctionError::Denied { function, message: reply.text() }
                    }
                    _ => outside(what, error).into(),
                });
            }
        };
        let bytes = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if bytes.len() > LARGEST {
            return Err(OutsideError::refused(what, format!("an answer of {} bytes", bytes.len())).into());
        }
        match answer.function_error {
            None => Ok(bytes),
            Some(_) => Err(FunctionError::Failed { function, message: failure(&bytes) }),
        }
    }
}

/// What a function that failed says of it.
fn failure(bytes: &[u8]) -> String {
    cut(&String::from_utf8_lossy(bytes), TOLD)
}
