//! The local AWS: S3, EMR steps, SSM commands, STS, a queue, schedules and a Lambda host, behind their wire protocols.
//! Must not know what its users store, send or run.

#![expect(clippy::disallowed_methods, reason = "the services have clocks and ids of their own")]

mod authority;
mod config;
mod control;
mod events;
mod faults;
mod http;
mod lambda;
mod notifications;
mod principal;
mod process;
mod queue;
mod recording;
mod s3;
mod schedule;
mod stack;
mod tasks;
mod time;

pub use authority::Authority;
pub use config::{
    ACCESS_KEY, ACCOUNT, Delivery, LambdaConfig, NodeConfig, NotifyVia, ParameterConfig, Ports, QueueConfig, REGION,
    SECRET_KEY, Schedule, StackConfig,
};
pub use control::{CommandView, MessageView, StepView};
pub use faults::{Call, Fault};
pub use lambda::Invocation;
pub use principal::Principal;
pub use recording::{Need, Recorded, Request};
pub use stack::{LocalAwsError, Stack};
