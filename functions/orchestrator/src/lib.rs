//! The Lambda: one binary for every trigger. Wires the adapters, reads events, answers.
//! Must not decide anything about a job.

pub mod actions;
mod answers;
mod bounds;
pub mod config;
pub mod events;
pub mod handler;
pub mod held;
pub mod metrics;
mod orders;
mod refused;
mod status;
pub mod wiring;
