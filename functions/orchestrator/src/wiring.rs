//! Builds the orchestrator from its configuration and the AWS clients, once per process.
//! Must not know events.

use std::sync::Arc;

use aws::{EmrDispatcher, S3Files, S3Store, SsmDispatcher};
use control::orchestrator::{Orchestrator, Uploads};
use control::ports::{Dispatcher, Store, World};

use crate::config::{Config, Dispatch};

/// The orchestrator of `config`.
pub async fn orchestrator(config: &Config, world: Arc<dyn World>) -> Arc<Orchestrator> {
    let sdk = aws::load_config().await;
    let store: Arc<dyn Store> = Arc::new(S3Store::new(&sdk, config.bucket.as_str()));
    let cluster = config.cluster.clone();
    let dispatcher: Arc<dyn Dispatcher> = match &config.dispatch {
        Dispatch::Emr => Arc::new(EmrDispatcher::new(&sdk, cluster, config.program.clone(), config.bucket.as_str())),
        Dispatch::Ssm { document } => {
            Arc::new(SsmDispatcher::new(&sdk, cluster, document.as_str(), config.bucket.as_str()))
        }
    };
    let settings = config.settings.clone();
    let desired = Uploads {
        store: Arc::clone(&store),
        keys: settings.keys.clone(),
        policy: settings.policy.clone(),
        timestamp_field: settings.timestamp_field.clone(),
    };
    let files = Arc::new(S3Files::new(&sdk));
    Arc::new(Orchestrator { store, desired: Arc::new(desired), dispatcher, files, world, settings })
}
