//! Where secret references are resolved on this node: its own environment, and a parameter store beside it.
//! Must not know what refers to them.

use std::sync::Arc;

use async_trait::async_trait;
use control::ports::{OutsideError, SecretSource};
use lifecycle::secrets::{SecretReference, SecretValue};

/// This process's environment, and everything else from elsewhere.
pub struct NodeSecrets {
    parameters: Arc<dyn SecretSource>,
}

impl NodeSecrets {
    /// Variables from here, parameters from there.
    pub fn new(parameters: Arc<dyn SecretSource>) -> Self {
        Self { parameters }
    }
}

#[async_trait]
impl SecretSource for NodeSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        match reference {
            SecretReference::Parameter(_) => self.parameters.read(reference).await,
            SecretReference::Variable(name) => std::env::var(name).map(SecretValue::new).map_err(|error| {
                let why = match error {
                    std::env::VarError::NotPresent => "the runner's environment has no such variable",
                    // The error itself would show the value.
                    std::env::VarError::NotUnicode(_) => "it is no UTF-8 text",
                };
                OutsideError::refused(format!("reading {reference}"), why)
            }),
        }
    }
}
