//! The Lambda: one binary for every trigger. Wires the adapters, reads events, answers.
//! Must not decide anything about a job.

pub mod actions;
mod acts;
mod answers;
mod bounds;
pub mod config;
pub mod envelope;
pub mod events;
mod following;
mod forget;
pub mod handler;
pub mod held;
mod measured;
pub mod metrics;
mod order_asked;
mod orders;
mod preview;
pub mod published;
mod refused;
pub mod runtime;
mod session_file;
mod standing;
mod states;
mod status;
pub mod wiring;
