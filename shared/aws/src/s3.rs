//! What the store and the files share: the client, URLs, bodies with limits, the server's clock.
//! Must not know which objects exist or what they mean.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use control::ports::OutsideError;
use jiff::Timestamp;

/// How long the body of a reply may take; the SDK's limits end with its head.
const BODY: Duration = Duration::from_secs(10);

/// How many pages a listing may have, of a thousand keys each.
pub(crate) const MAX_PAGES: usize = 1000;

/// A client for the endpoint that the environment names, by the SDK's names or by the predecessor's.
pub(crate) fn client(config: &SdkConfig) -> Client {
    let named = ["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT"];
    let endpoint = named.into_iter().find_map(|name| std::env::var(name).ok().filter(|url| !url.is_empty()));
    client_at(config, endpoint.or_else(|| config.endpoint_url().map(str::to_owned)))
}

fn client_at(config: &SdkConfig, endpoint: Option<String>) -> Client {
    let builder = aws_sdk_s3::config::Builder::from(config);
    Client::from_conf(match endpoint {
        // Servers other than AWS rarely answer for host names made of bucket names.
        Some(url) => builder.endpoint_url(url).force_path_style(true).build(),
        None => builder.build(),
    })
}

/// The bucket and the key that a URL names.
pub(crate) fn parts(url: &str) -> Result<(&str, String), OutsideError> {
    let rest = ["s3://", "s3a://", "s3p://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Err(OutsideError::refused(url, "not a URL of S3"));
    };
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(OutsideError::refused(url, "no bucket in the URL"));
    }
    // Flink takes several slashes as one before it writes.
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    Ok((bucket, names.join("/")))
}

/// The first `limit` bytes of a body.
pub(crate) async fn read(what: &str, mut body: ByteStream, limit: usize) -> Result<Vec<u8>, OutsideError> {
    let reading = async {
        let mut bytes = Vec::new();
        while bytes.len() < limit
            && let Some(chunk) = body.try_next().await?
        {
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(limit);
        Ok::<_, aws_sdk_s3::primitives::ByteStreamError>(bytes)
    };
    match tokio::time::timeout(BODY, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(OutsideError::unknown(what, error)),
        Err(late) => Err(OutsideError::unknown(what, late)),
    }
}

/// An instant of the SDK's as ours.
pub(crate) fn timestamp(time: DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}

/// Keeps the `Date` of the last reply: the outputs of the SDK do not have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerClock(Arc<Mutex<Option<String>>>);

impl ServerClock {
    /// When the server answered.
    pub(crate) fn read(&self) -> Option<Timestamp> {
        let date = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        timestamp(DateTime::from_str(date.as_deref()?, DateTimeFormat::HttpDate).ok()?)
    }
}

#[dyn_dispatch_hint]
impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_bucket_and_key_as_flink_writes_them() {
        let table = [
            ("s3://b/a/c", "b", "a/c"),
            ("s3a://b//a///c/", "b", "a/c"),
            ("s3p://b", "b", ""),
            ("s3://b/a%20b+c", "b", "a%20b+c"),
        ];
        for (url, bucket, key) in table {
            let found = parts(url).ok();
            assert_eq!(found, Some((bucket, key.to_owned())), "{url}");
        }
        for url in ["file:///a", "hdfs://a/b", "s3:///a", "b/a"] {
            assert!(parts(url).is_err(), "{url}");
        }
    }
}
