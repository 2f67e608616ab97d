//! What the tests of the whole project share: an evaluator of IAM policies, the policies of a deployment, the sources.
//! Must not know which calls are made.

pub mod deployment;
pub mod iam;
pub mod sources;
