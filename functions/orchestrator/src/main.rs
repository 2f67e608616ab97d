//! The Lambda's entry: clients and configuration once, then one event after the other.
//! Everything else is the library's.

use std::sync::Arc;

use control::runner::error_chain;
use control::world::SystemWorld;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use orchestrator::{config::Config, handler::handle, wiring};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = Config::from_environment()?;
    let orchestrator = wiring::orchestrator(&config, Arc::new(SystemWorld)).await;
    let orchestrator = &orchestrator;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        handle(orchestrator, event.payload).await.map_err(|error| Diagnostic {
            error_type: "OrchestratorError".to_owned(),
            error_message: error_chain(&error),
        })
    }))
    .await
}
