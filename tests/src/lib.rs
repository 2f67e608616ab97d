//! What the tests of the whole project share: an evaluator of IAM policies, and the policies of a deployment.
//! Must not know which calls are made.

pub mod deployment;
pub mod iam;
