//! The adapters to Flink and YARN: REST, processes, the batch submitter and the files of a node behind control's ports.
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
pub mod no_session;
pub mod process;
pub mod submitter;
pub mod target;
mod text;
pub mod tls;
pub mod yarn_rest;
pub mod yarn_session;
pub mod yarn_sessions;
pub mod yarn_site;
