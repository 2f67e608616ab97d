//! The adapters of the ports to S3, EMR, SSM with its Parameter Store, SNS, Lambda, STS and CloudWatch Logs, by features.
//! Must not know jobs, plans or what a document means: bytes and ids pass through.

use std::time::Duration;

use aws_config::BehaviorVersion;
pub use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;

#[cfg(any(
    feature = "s3",
    feature = "emr",
    feature = "parameters",
    feature = "sns",
    feature = "lambda",
    feature = "sts",
    feature = "logs"
))]
mod outcome;

#[cfg(feature = "emr")]
mod argv;
#[cfg(feature = "sts")]
mod callers;
#[cfg(feature = "emr")]
mod cluster;
#[cfg(feature = "logs")]
mod command_output;
#[cfg(feature = "emr")]
mod emr;
#[cfg(feature = "lambda")]
mod function;
#[cfg(feature = "logs")]
mod function_log;
#[cfg(feature = "logs")]
mod logged;
#[cfg(feature = "parameters")]
mod parameters;
#[cfg(feature = "ssm")]
mod primary;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_files;
#[cfg(feature = "s3")]
mod s3_notes;
#[cfg(feature = "s3")]
mod s3_store;
#[cfg(feature = "sns")]
mod sns;
#[cfg(feature = "ssm")]
mod ssm;

#[cfg(feature = "emr")]
pub use argv::StepProgram;
#[cfg(feature = "sts")]
pub use callers::{StsCallers, prove};
#[cfg(feature = "emr")]
pub use cluster::ClusterRef;
#[cfg(feature = "logs")]
pub use command_output::{CommandOutput, SsmCommands};
#[cfg(feature = "emr")]
pub use emr::EmrDispatcher;
#[cfg(feature = "lambda")]
pub use function::{Function, FunctionError, LONGEST_ANSWER};
#[cfg(feature = "logs")]
pub use function_log::{FunctionLog, IsMeant, LogFound, LogSearch};
#[cfg(feature = "logs")]
pub use logged::LoggedError;
#[cfg(feature = "parameters")]
pub use parameters::ParameterStore;
#[cfg(feature = "s3")]
pub use s3_files::S3Files;
#[cfg(feature = "s3")]
pub use s3_store::S3Store;
#[cfg(feature = "sns")]
pub use sns::SnsAlerts;
#[cfg(feature = "ssm")]
pub use ssm::SsmDispatcher;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a reply may take to begin.
const READ: Duration = Duration::from_secs(6);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(8);

/// How long one call may take with all its attempts: a margin beyond a lease has to be larger.
///
/// Only reading a body takes time after it, and dispatchers make several calls.
pub const LONGEST_CALL: Duration = Duration::from_secs(20);

/// The configuration that the environment gives: region, credentials, endpoints; every call has its limits.
pub async fn load_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts()).load().await
}

/// The limits of every call. The SDK by itself has none but that for connecting.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(LONGEST_CALL)
        .build()
}
