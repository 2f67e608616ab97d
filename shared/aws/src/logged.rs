//! Why something that was logged cannot be had: it is not there, the caller may not read it, or there was no answer.
//! Must not know what was logged, nor how it is shown.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use control::ports::OutsideError;

use crate::outcome::{Reply, outside};

/// Why there are no lines.
#[derive(Debug, thiserror::Error)]
pub enum LoggedError {
    /// The service knows nothing of that name.
    #[error("{0}: there is none")]
    NotThere(String),
    /// The caller lacks a right.
    #[error("{what}: {message}")]
    Denied { what: String, message: String },
    /// No usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

/// What an error of a call means; one of the codes in `absent` says that there is nothing.
pub(crate) fn logged<E>(what: &str, absent: &[&str], error: SdkError<E, HttpResponse>) -> LoggedError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match Reply::of(&error) {
        Some(reply) if absent.contains(&reply.code.as_str()) => LoggedError::NotThere(what.to_owned()),
        Some(reply) if matches!(reply.code.as_str(), "AccessDeniedException" | "AccessDenied") => {
            LoggedError::Denied { what: what.to_owned(), message: reply.text() }
        }
        Some(_) | None => outside(what, error).into(),
    }
}
