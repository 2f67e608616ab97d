//! The pure core: what a manifest means, what changed, what is to be done, and the two protocol machines.
//! Must not know I/O, clocks, randomness, tokio or AWS.

pub mod attention;
pub mod batch;
pub mod change;
pub mod claim;
pub mod decision;
pub mod diagnostics;
pub mod documents;
pub mod effective;
pub mod execute;
pub mod facts;
pub mod flink;
mod flink_errors;
pub mod ids;
pub mod inputs;
pub mod keys;
mod launch_rules;
pub mod manifest;
pub mod orchestrate;
pub mod owed;
pub mod permission;
pub mod plan;
pub mod record;
pub mod secrets;
pub mod session;
pub mod sql;
pub mod state;
mod suggest;
pub mod tables;
pub mod target;
pub mod written;
