//! What the tests of the whole project share: an evaluator of IAM policies.
//! Must not know what any policy is about.

pub mod iam;
