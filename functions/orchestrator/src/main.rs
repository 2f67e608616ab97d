//! The Lambda's entry.
//! Must not know anything else: that is the library's.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    orchestrator::runtime::run().await
}
