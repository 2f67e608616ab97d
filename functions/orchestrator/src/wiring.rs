//! Builds the orchestrator from its configuration and the AWS clients, once per process.
//! Must not know events.

use std::sync::Arc;

use aws::{EmrDispatcher, S3Files, S3Store, SdkConfig, SnsAlerts, SsmDispatcher};
use control::alerts::{Alerts, OnlyLogged};
use control::orchestrator::{Facts, NoFacts, Orchestrator, Uploads};
use control::ports::{Dispatcher, Store, World};

use crate::config::{Config, Dispatch};
use crate::metrics::Metrics;

/// The orchestrator of `config` in the function: it measures, and tells people.
pub async fn function(config: &Config, world: Arc<dyn World>) -> Arc<Orchestrator> {
    let sdk = aws::load_config().await;
    let alerts: Arc<dyn Alerts> = match &config.alert_topic {
        Some(topic) => Arc::new(SnsAlerts::new(&sdk, topic.as_str())),
        None => Arc::new(OnlyLogged),
    };
    let (namespace, deployment) = (config.metrics_namespace.clone(), config.settings.deployment.clone());
    orchestrator(config, &sdk, world, Some(alerts), Arc::new(Metrics { namespace, deployment }))
}

/// The orchestrator of `config` for interactive use: measures and alerts are the function's.
pub async fn by_hand(config: &Config, world: Arc<dyn World>) -> Arc<Orchestrator> {
    orchestrator(config, &aws::load_config().await, world, None, Arc::new(NoFacts))
}

fn orchestrator(
    config: &Config,
    sdk: &SdkConfig,
    world: Arc<dyn World>,
    alerts: Option<Arc<dyn Alerts>>,
    facts: Arc<dyn Facts>,
) -> Arc<Orchestrator> {
    let store: Arc<dyn Store> = Arc::new(S3Store::new(sdk, config.bucket.as_str()));
    let cluster = config.cluster.clone();
    let dispatcher: Arc<dyn Dispatcher> = match &config.dispatch {
        Dispatch::Emr => Arc::new(EmrDispatcher::new(sdk, cluster, config.program.clone(), config.bucket.as_str())),
        Dispatch::Ssm { document } => {
            Arc::new(SsmDispatcher::new(sdk, cluster, document.as_str(), config.bucket.as_str()))
        }
    };
    let settings = config.settings.clone();
    let desired = Uploads {
        store: Arc::clone(&store),
        keys: settings.keys.clone(),
        policy: settings.policy.clone(),
        timestamp_field: settings.timestamp_field.clone(),
    };
    let files = Arc::new(S3Files::new(sdk));
    Arc::new(Orchestrator { store, desired: Arc::new(desired), dispatcher, files, world, alerts, facts, settings })
}
