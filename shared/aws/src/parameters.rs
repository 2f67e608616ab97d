//! Secret values from Parameter Store, decrypted.
//! Must not know what refers to them.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use control::ports::{OutsideError, SecretSource};
use desired::secrets::{SecretReference, SecretValue};

use crate::outcome::outside;

/// Reading is safe to repeat, and a batch of many jobs reads faster than the 40 a second that an account has.
const ATTEMPTS: u32 = 6;
/// The longest first pause; each later one is up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The parameters that the node may read.
#[derive(Debug)]
pub struct ParameterStore {
    client: Client,
}

impl ParameterStore {
    /// The Parameter Store that this configuration reaches; every read ends within [`crate::LONGEST_CALL`].
    pub fn new(config: &SdkConfig) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
        Self { client: Client::from_conf(Builder::from(config).retry_config(retry).build()) }
    }
}

#[async_trait]
impl SecretSource for ParameterStore {
    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
        let what = format!("reading {reference}");
        let name = match reference {
            SecretReference::Parameter(name) => name,
            SecretReference::Variable(_) => return Err(OutsideError::refused(what, "it is no parameter")),
        };
        let answer = self.client.get_parameter().name(name).with_decryption(true).send().await;
        let answer = answer.map_err(|error| outside(&what, error))?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.map(SecretValue::new).ok_or_else(|| OutsideError::unknown(what, "no value in the reply"))
    }
}
