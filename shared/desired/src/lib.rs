//! The pure front: what people write, and what it means.
//! Must not know I/O, clocks or randomness, nor any document of ours.

pub mod diagnostics;
pub mod digest;
pub mod effective;
mod flink_errors;
pub mod inputs;
pub mod launch;
mod launch_rules;
pub mod manifest;
mod place;
pub mod printable;
pub mod secrets;
pub mod session_settings;
pub mod settings;
pub mod sql;
mod suggest;
pub mod tables;
pub mod target;
pub mod time_span;
pub mod written;

pub use flink_errors::explain;
