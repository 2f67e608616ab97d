//! The product on the local stack, for the command line's `local` and for the end-to-end tests.
//! Must not know the command line.

pub mod flink_beside;
pub mod release;
pub mod stack;
