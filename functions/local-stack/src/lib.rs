//! The whole product on one machine, for people who try it and for the end-to-end tests. Never packaged.
//! Must not know the command line.

pub mod error;
pub mod flink_cluster;
pub mod release;
pub mod stack;
