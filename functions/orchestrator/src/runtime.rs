//! The function in its process: clients and configuration once, then one event after the other.
//! Must not know what an event asks for.

use std::sync::Arc;

use aws::StsCallers;
use control::clock_and_ids::SystemWorld;
use control::errors::error_chain;
use control::log_lines;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::sync::OnceCell;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::handler::handle;
use crate::{published, wiring};

/// Answers events until the process is ended.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    tracing::subscriber::set_global_default(log_lines::subscriber(log_filter(), std::io::stdout))?;
    let config = Config::from_environment()?;
    let orchestrator = &wiring::function(&config, Arc::new(SystemWorld)).await;
    let callers = &StsCallers::new(&aws::load_config().await);
    let (settings, told) = (&published::document(&config, name()), &OnceCell::new());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let key = orchestrator.settings.keys.settings();
        told.get_or_init(|| published::publish(orchestrator.store.as_ref(), &key, settings)).await;
        Box::pin(handle(orchestrator, callers, event.payload)).await.map_err(|error| Diagnostic {
            error_type: "OrchestratorError".to_owned(),
            error_message: error_chain(&error),
        })
    }))
    .await
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// The name that the command line asks for: where something else hosts the function, it is set.
fn name() -> Option<String> {
    set("FUNCTION").or_else(|| set("AWS_LAMBDA_FUNCTION_NAME"))
}

/// Lambda's own setting of the level, then the usual one, then `info`.
fn log_filter() -> EnvFilter {
    let wanted = set("AWS_LAMBDA_LOG_LEVEL").or_else(|| set("RUST_LOG"));
    // Lambda's highest level is none of ours.
    let wanted = wanted.map(|text| if text.eq_ignore_ascii_case("fatal") { "error".to_owned() } else { text });
    wanted.and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| EnvFilter::new("info"))
}
