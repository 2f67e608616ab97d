//! The runner on the primary node: Flink's REST API, processes, locks and the batch submitter behind control's ports.
//! Must not know how a batch came to the node, nor decide anything about a job.

pub mod cluster_arguments;
pub mod endpoint;
pub mod environment;
pub mod flink_rest;
#[cfg(test)]
mod fuzz_tests;
pub mod http;
pub mod local_files;
pub mod locks;
pub mod log;
mod no_session;
pub mod node_secrets;
pub mod process;
pub mod run;
pub mod session_admin;
pub mod submitter;
pub mod target;
mod text;
pub mod watchdog;
pub mod yarn_rest;
pub mod yarn_session;
pub mod yarn_site;
