//! The Lambda's entry.
//! Everything else is the library's.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    orchestrator::runtime::run().await
}
