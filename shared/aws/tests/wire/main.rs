//! The adapters as built, with the real SDK clients, against a server that misbehaves as told.
//! Must not know how the adapters are made: only the ports and what goes over the wire.
#![cfg(all(
    feature = "s3",
    feature = "ssm",
    feature = "parameters",
    feature = "sns",
    feature = "lambda",
    feature = "sts",
    feature = "logs"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callers;
mod dispatch;
mod fake;
mod function;
mod logs;
mod parameters;
mod s3;
mod sns;
