//! Where secret references are resolved on this node: its own environment, and a parameter store beside it.
//! Must not know what refers to them.

use std::sync::Arc;

use async_trait::async_trait;
use control::ports::{OutsideError, SecretSource};
use desired::secrets::{SecretReference, SecretValue};
use flink::environment::is_for_flink;

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
            // It would be in the Flink client's log before anyone looked for it.
            SecretReference::Variable(name) if is_for_flink(name) => Err(OutsideError::refused(
                format!("reading {reference}"),
                "it is a setting of the node, which Flink's client writes into its log: give the secret another name",
            )),
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    #[async_trait]
    impl SecretSource for Nowhere {
        async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
            Err(OutsideError::refused("reading", format!("{reference} was asked for elsewhere")))
        }
    }

    #[tokio::test]
    async fn variables_from_here_and_parameters_from_elsewhere() {
        let secrets = NodeSecrets::new(Arc::new(Nowhere));
        let variable = |name: &str| SecretReference::Variable(name.to_owned());
        // Cargo sets it for every test.
        let read = secrets.read(&variable("CARGO_PKG_NAME")).await.unwrap();
        assert_eq!(read.reveal(), "step-runner");
        for (reference, said) in [
            (variable("NO_SUCH_VARIABLE"), "has no such variable"),
            (variable("PATH"), "a setting of the node"),
            (variable("AWS_SECRET_ACCESS_KEY"), "a setting of the node"),
            (SecretReference::Parameter("/x".to_owned()), "${ssm:/x} was asked for elsewhere"),
        ] {
            let refused = secrets.read(&reference).await.unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
