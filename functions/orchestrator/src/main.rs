//! The Lambda's entry: clients and configuration once, then one event after the other.
//! Everything else is the library's.

use std::sync::Arc;

use control::clock_and_ids::SystemWorld;
use control::errors::error_chain;
use control::log_lines;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use orchestrator::config::Config;
use orchestrator::handler::handle;
use orchestrator::wiring;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::subscriber::set_global_default(log_lines::subscriber(log_filter(), std::io::stdout))?;
    let config = Config::from_environment()?;
    let orchestrator = wiring::function(&config, Arc::new(SystemWorld)).await;
    let orchestrator = &orchestrator;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        handle(orchestrator, event.payload).await.map_err(|error| Diagnostic {
            error_type: "OrchestratorError".to_owned(),
            error_message: error_chain(&error),
        })
    }))
    .await
}

/// Lambda's own setting of the level, then the usual one, then `info`.
fn log_filter() -> EnvFilter {
    let set = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let wanted = set("AWS_LAMBDA_LOG_LEVEL").or_else(|| set("RUST_LOG"));
    // Lambda's highest level is none of ours.
    let wanted = wanted.map(|text| if text.eq_ignore_ascii_case("fatal") { "error".to_owned() } else { text });
    wanted.and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| EnvFilter::new("info"))
}
