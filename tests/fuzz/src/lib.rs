//! Fuzzing: every parser that is reached from outside gets valid inputs made nasty. None may panic, use more than linear
//! time, or memory far beyond its input. Knows the pure core's parsers; those of other packages are driven by their tests.
//!
//! `make fuzz PARSER=query FUZZ_SECONDS=600` runs on after the seconds that the unit tests give it.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::allow_attributes,
    reason = "a kit of tests: what a target does wrong ends the test"
)]

pub mod drive;
pub mod growth;
pub mod mutate;
pub mod random;
pub mod seeds;
pub mod targets;
