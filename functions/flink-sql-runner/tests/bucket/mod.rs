//! A client of the stack's S3 for tests: what a node would have written is put there.
//! Must not know what lies in the bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use local::Stack;

/// A client with the owner's credentials.
pub(crate) fn client(stack: &Stack) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(local::REGION))
        .credentials_provider(Credentials::new(local::ACCESS_KEY, local::SECRET_KEY, None, None, "test"))
        .endpoint_url(stack.s3_url())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}
