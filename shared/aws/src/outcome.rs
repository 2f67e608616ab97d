//! What an SDK error means: a refusal, or an unknown outcome.
//! Must not know what was asked; callers name it.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use control::errors::error_chain;
use control::ports::OutsideError;

/// The codes that say "not now" before anything was accepted.
const THROTTLED: [&str; 10] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "BandwidthLimitExceeded",
    "SlowDown",
];

/// The codes of client errors that are the network's doing.
const TRANSIENT: [&str; 2] = ["RequestTimeout", "RequestTimeoutException"];

/// What to do about refusals that people can end, by their codes.
const WAYS_OUT: [(&str, &str); 7] = [
    ("AccessDenied", "the caller's role, the bucket's policy and the object's KMS key have to allow it"),
    ("InvalidObjectState", "it is archived: restore it to the standard storage class, or upload it again"),
    ("KeyTooLongError", "a key has at most 1024 bytes: shorten the path"),
    ("EntityTooLarge", "upload it smaller"),
    ("KMS.DisabledException", "its KMS key is disabled: enable it, or upload the object again under another"),
    ("KMS.NotFoundException", "its KMS key is gone: upload the object again under another"),
    ("KMS.KMSInvalidStateException", "its KMS key cannot be used now: upload the object again under another"),
];

/// An error that the service itself answered.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The error's code; empty if it has none.
    pub(crate) code: String,
    /// What it says; empty if nothing.
    message: String,
}

impl Reply {
    /// The service's answer, if the error is one.
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Self> {
        let SdkError::ServiceError(context) = error else {
            return None;
        };
        Some(Self {
            status: context.raw().status().as_u16(),
            code: context.err().code().unwrap_or_default().to_owned(),
            message: context.err().message().unwrap_or_default().to_owned(),
        })
    }

    /// Whether nothing was accepted because calls come too fast.
    pub(crate) fn is_throttled(&self) -> bool {
        self.status == 429 || (self.status < 500 && THROTTLED.contains(&self.code.as_str()))
    }

    /// Whether the service said no, and would say it again.
    fn is_refusal(&self) -> bool {
        self.status < 500 && !self.is_throttled() && !TRANSIENT.contains(&self.code.as_str())
    }

    /// Code, message and the way out in one line, or the status if there is no code.
    pub(crate) fn text(&self) -> String {
        let told = match (self.code.as_str(), self.message.as_str()) {
            ("", "") => format!("HTTP status {}", self.status),
            ("", message) => format!("HTTP status {}: {message}", self.status),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        let help = WAYS_OUT.iter().find(|(code, _)| self.code == *code);
        help.map_or_else(|| told.clone(), |(_, help)| format!("{told} ({help})"))
    }
}

/// The error of a call as the ports have it.
pub(crate) fn outside<E>(what: impl Into<String>, error: SdkError<E, HttpResponse>) -> OutsideError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match Reply::of(&error) {
        Some(reply) if reply.is_refusal() => OutsideError::refused(what, reply.text()),
        // A request that could not be built was never sent.
        None if matches!(error, SdkError::ConstructionFailure(_)) => OutsideError::refused(what, error_chain(&error)),
        Some(_) | None => OutsideError::unknown(what, error),
    }
}

#[cfg(feature = "emr")]
pub(crate) use sending::at_most_once;

#[cfg(feature = "emr")]
mod sending {
    use std::time::Duration;

    use super::{Error, HttpResponse, OutsideError, ProvideErrorMetadata, Reply, SdkError, outside};

    /// The pauses after throttled attempts: under three seconds together.
    const PAUSES: [Duration; 3] = [Duration::from_millis(300), Duration::from_millis(800), Duration::from_millis(1600)];

    /// Makes a call that must not happen twice: again only if it was throttled, so that nothing was accepted.
    ///
    /// `call` must have the SDK's own retries off: after a lost reply they send again.
    pub(crate) async fn at_most_once<T, E, F>(what: &str, call: impl Fn() -> F + Send) -> Result<T, OutsideError>
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match (Reply::of(&error).filter(Reply::is_throttled), pauses.next()) {
                (Some(reply), Some(pause)) => {
                    tracing::debug!(what, code = reply.code, "throttled, trying again");
                    tokio::time::sleep(*pause).await;
                }
                (Some(reply), None) => {
                    return Err(OutsideError::refused(what, format!("throttled: {}", reply.text())));
                }
                (None, _) => return Err(outside(what, error)),
            }
        }
    }
}
