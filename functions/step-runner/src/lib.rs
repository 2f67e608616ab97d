//! The runner on the primary node: one batch, its log and its watchdog, wired to Flink, YARN and the store.
//! Must not know how a batch came to the node, nor decide anything about a job.

pub mod log;
pub mod node_secrets;
pub mod reached;
pub mod run;
pub mod watchdog;
