//! One bounded request to a `JobManager` or `ResourceManager` and its whole answer.
//! Must not know what is asked.

use std::time::Duration;

use control::ports::OutsideError;
use control::secrets::Secrets;
use desired::printable::cut;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::text::one_line;
use crate::tls::{self, JobManagerTls};

/// The most that is read of an answer. A failed stop is 60 kB of Java; the overview is 0.4 kB a job.
const ANSWER: usize = 8 * 1024 * 1024;
/// The most that is read of a refusal: its first line says it all.
const REFUSAL: usize = 64 * 1024;
/// How much of a refusal is told.
const TOLD: usize = 1000;
/// What a plain request to a `JobManager` behind TLS comes to.
const TLS_ONLY: &str =
    "it answers over TLS only: set JOBMANAGER_CA to the PEM file with the certificates that sign its own";

/// The limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the last byte of its answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    base: String,
    secrets: Secrets,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum HttpReply {
    /// 200, with its content.
    Content(Vec<u8>),
    /// 202: will be done.
    Accepted,
    /// Anything else, in one line.
    Refused(StatusCode, String),
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

impl Http {
    /// Without `tls` the address is spoken to in plain text.
    pub(crate) fn new(base_url: &str, timeouts: Timeouts, tls: Option<&JobManagerTls>) -> Result<Self, OutsideError> {
        let what = "set up the HTTP client";
        let own = tls.map_or_else(tls::nobody, |tls| Ok(tls.config()));
        // No proxy and no redirect: stops and cancels reach the JobManager itself or nobody.
        let client = Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .tls_backend_preconfigured(own.map_err(|error| OutsideError::unknown(what, error))?)
            // The ResourceManager's configuration is XML unless asked for.
            .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]))
            .build()
            .map_err(|error| OutsideError::unknown(what, error))?;
        Ok(Self { client, base: base_url.trim_end_matches('/').to_owned(), secrets: Secrets::default() })
    }

    /// With values that no refusal may hold.
    pub(crate) fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<HttpReply, OutsideError> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> Result<HttpReply, OutsideError> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str) -> Result<HttpReply, OutsideError> {
        self.send(Method::PATCH, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<HttpReply, OutsideError> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<HttpReply, OutsideError> {
        let what = || format!("{method} {path}");
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| failed(what(), error))?;
        let status = response.status();
        if status.is_redirection() && leads_to_tls(response.headers()) {
            return Ok(HttpReply::Refused(status, TLS_ONLY.to_owned()));
        }
        if status == StatusCode::ACCEPTED {
            return Ok(HttpReply::Accepted);
        }
        let limit = if status == StatusCode::OK { ANSWER } else { REFUSAL };
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(what(), error))? {
            let room = limit - content.len();
            if chunk.len() > room {
                content.extend(chunk.iter().take(room));
                if status == StatusCode::OK {
                    return Err(OutsideError::unknown(what(), format!("the answer is longer than {limit} bytes")));
                }
                break;
            }
            content.extend(chunk);
        }
        if status == StatusCode::OK {
            Ok(HttpReply::Content(content))
        } else {
            Ok(HttpReply::Refused(status, message(&content, &self.secrets)))
        }
    }
}

impl HttpReply {
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(StatusCode::NOT_FOUND, _))
    }

    /// A standby `ResourceManager` refers to the active one.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self, Self::Refused(status, _) if status.is_redirection())
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(StatusCode::CONFLICT, _))
    }

    pub(crate) fn json<T: DeserializeOwned>(self, what: &str) -> Result<T, OutsideError> {
        match self {
            Self::Content(content) => {
                serde_json::from_slice(&content).map_err(|error| OutsideError::unknown(what, error))
            }
            other => Err(other.unexpected(what)),
        }
    }

    /// The error that this answer is where another one was expected.
    pub(crate) fn unexpected(self, what: &str) -> OutsideError {
        match self {
            // The request itself was wrong: it was not carried out, and never will be.
            Self::Refused(status, message) if status.is_client_error() && !passing(status) => {
                OutsideError::refused(what, format!("{status}: {message}"))
            }
            Self::Refused(status, message) => OutsideError::unknown(what, format!("{status}: {message}")),
            Self::Content(_) => OutsideError::unknown(what, "answered with content where none was expected"),
            Self::Accepted => OutsideError::unknown(what, "accepted without an answer"),
        }
    }
}

/// What a broken handshake means comes before what the library says of it.
fn failed(what: String, error: reqwest::Error) -> OutsideError {
    match tls::meaning(&error) {
        Some(meaning) => OutsideError::unknown(what, meaning),
        None => OutsideError::unknown(what, error),
    }
}

fn leads_to_tls(headers: &HeaderMap) -> bool {
    headers.get(LOCATION).is_some_and(|location| location.as_bytes().starts_with(b"https://"))
}

fn passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// What Flink says in `{"errors": [...]}`, or the first line of what is no such answer.
pub(crate) fn message(content: &[u8], secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(content);
    let said = match serde_json::from_str::<Errors>(&text) {
        // The last one is the trace, where there are several.
        Ok(Errors { errors }) => errors.last().map(|error| one_line(&secrets.scrub(error))),
        // Cut short, or no JSON: Flink escapes the line ends within.
        Err(_) => Some(one_line(&secrets.scrub(&text).replace("\\n", "\n").replace("\\t", "\t"))),
    };
    cut(&said.unwrap_or_default(), TOLD)
}
