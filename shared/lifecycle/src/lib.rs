//! The pure core: what changed, what is to be done, the documents, and the machines that do it.
//! Must not know I/O, clocks, randomness, tokio or AWS.

pub mod act;
pub mod alert_conditions;
pub mod asked_by;
pub mod change;
pub mod common_cause;
pub mod decision;
pub mod documents;
pub mod endpoint;
pub mod execute;
pub mod facts;
pub mod flink;
pub mod forgetting;
pub mod ids;
pub mod keys;
pub mod moment;
pub mod noted;
pub mod orchestrate;
pub mod orders;
pub mod owed;
pub mod own_states;
pub mod permission;
pub mod reason;
pub mod run_conditions;
pub mod session;
pub mod state;
