//! Alerts as messages of an SNS topic.
//! Must not know what an alert is about.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Builder;
use aws_sdk_sns::types::MessageAttributeValue;
use control::alerts::{Alert, Alerts};
use control::ports::OutsideError;

use crate::outcome::outside;

/// How long one message may take with all its attempts: no job waits longer for an alert.
const LONGEST: Duration = Duration::from_secs(10);

/// Publishes alerts to a topic. `Publish` has no client token: after a lost reply a message is sent again, and
/// readers tell copies by the alert's id.
#[derive(Debug)]
pub struct SnsAlerts {
    client: Client,
    topic: String,
}

impl SnsAlerts {
    /// Messages to the topic of this ARN.
    pub fn new(config: &SdkConfig, topic: impl Into<String>) -> Self {
        let limits = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let limits = limits.operation_timeout(LONGEST).build();
        let config = Builder::from(config).timeout_config(limits).build();
        Self { client: Client::from_conf(config), topic: topic.into() }
    }
}

#[async_trait]
impl Alerts for SnsAlerts {
    async fn raise(&self, alert: &Alert) -> Result<(), OutsideError> {
        let what = format!("publishing alert {} to {}", alert.id, self.topic);
        let mut request = self.client.publish().topic_arn(&self.topic).subject(alert.subject()).message(alert.body());
        // What subscriptions can filter by.
        let id = alert.id.to_string();
        for (name, value) in [("kind", alert.kind.as_str()), ("deployment", &alert.deployment), ("alert", &id)] {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| OutsideError::refused(&what, error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        request.send().await.map(|_| ()).map_err(|error| outside(what, error))
    }
}
