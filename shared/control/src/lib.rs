//! Carries out the protocol machines' effects over ports: store, dispatcher, cluster, submitter, files.
//! Must not know AWS, HTTP or processes.

pub mod alerts;
pub mod callers;
pub mod claims;
pub mod clock_and_ids;
pub mod documents;
pub mod errors;
pub mod fan_out;
mod health;
pub mod log_lines;
pub mod orchestrator;
pub mod poll;
pub mod ports;
pub mod runner;
mod search;
pub mod secrets;
pub mod session;
pub mod stop_run;
pub mod uploads;

pub use search::find_newest;
