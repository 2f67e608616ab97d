//! The runner on the primary node: Flink's REST API, processes, locks and the batch submitter behind control's ports.
//! Must not know how a batch came to the node, nor decide anything about a job.

pub mod flink_rest;
pub mod local_files;
pub mod locks;
pub mod process;
pub mod run;
pub mod submitter;
pub mod target;
mod text;
