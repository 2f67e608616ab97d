//! Instants as the services write them.
//! Must not know which document an instant goes into.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Epoch seconds with milliseconds, as awsJson writes instants.
pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).trunc() / 1000.0
}

/// Epoch milliseconds.
pub(crate) fn epoch_millis(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// `2016-12-16T20:53:09Z`, as `EventBridge` writes instants.
pub(crate) fn iso_seconds(at: SystemTime) -> String {
    format(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2016-12-16T20:53:09.123Z`, as S3 notifications and SSM events write instants.
pub(crate) fn iso_millis(at: SystemTime) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// `2016-12-16 20:53 UTC`, as EMR's messages write instants.
pub(crate) fn minute(at: SystemTime) -> String {
    format(at, "%Y-%m-%d %H:%M UTC")
}

fn format(at: SystemTime, pattern: &str) -> String {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).strftime(pattern).to_string()
}
