//! The orchestrator and the runner as wholes, over an outside in memory.
//! Must not know how a decision is made.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod acts;
mod causes;
mod flink;
mod forgetting;
mod guards;
mod isolation;
mod kit;
mod lease;
mod looks;
mod names;
mod resending;
mod stops;
mod telling;
mod watching;
mod waves;
