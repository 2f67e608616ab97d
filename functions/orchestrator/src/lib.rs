//! The Lambda: one binary for every trigger. Wires the adapters, reads events, answers.
//! Must not decide anything about a job.

pub mod actions;
pub mod config;
pub mod events;
pub mod handler;
pub mod metrics;
pub mod wiring;
