//! Carries out the protocol machines' effects over ports: store, dispatcher, cluster, submitter, files.
//! Must not know AWS, HTTP or processes.

pub mod alerts;
pub mod claims;
pub mod documents;
pub mod end_run;
pub mod fan_out;
mod health;
pub mod log_lines;
pub mod orchestrator;
pub mod ports;
pub mod runner;
mod search;
pub mod secrets;
pub mod uploads;
pub mod world;

pub use search::find_newest;
