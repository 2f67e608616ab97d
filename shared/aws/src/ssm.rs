//! Batches as SSM commands on a primary instance.
//! Must not know what a batch holds or when it is sent again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::types::{Command, CommandFilter, CommandFilterKey, CommandStatus};
use control::ports::{BatchOrder, Dispatcher, OutsideError, Progress};
use jiff::Timestamp;
use lifecycle::ids::BatchId;

use crate::argv::{name, url};
use crate::cluster::{ClusterRef, Locator};
use crate::emr::{LOOK_BACK, liveliness};
use crate::outcome::{at_most_once, outside};
use crate::primary::primaries;

/// How many pages of commands are looked at.
const MAX_PAGES: usize = 20;
/// How many commands a page has at most.
const PAGE: i32 = 50;
/// Of how many commands it is remembered which instance they went to.
const REMEMBERED: usize = 100;
/// How many seconds the agent may take to start a command before SSM gives it up.
const START_WITHIN: i32 = 600;

/// Sends batches as commands to a primary instance of a cluster: any of several, as claims say who works on what.
#[derive(Debug)]
pub struct SsmDispatcher {
    client: Client,
    emr: aws_sdk_emr::Client,
    locator: Locator,
    document: String,
    bucket: String,
    /// The instances of commands that were sent from here.
    instances: Mutex<BTreeMap<String, String>>,
}

impl SsmDispatcher {
    /// Commands of that document on the primary of that cluster, that read batches from `bucket`.
    pub fn new(
        config: &SdkConfig,
        cluster: ClusterRef,
        document: impl Into<String>,
        bucket: impl Into<String>,
    ) -> Self {
        let emr = aws_sdk_emr::Client::new(config);
        Self {
            client: Client::new(config),
            locator: Locator::new(emr.clone(), cluster),
            emr,
            document: document.into(),
            bucket: bucket.into(),
            instances: Mutex::default(),
        }
    }

    fn remember(&self, command: &Command, instance: &str) {
        let Some(id) = command.command_id() else { return };
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() >= REMEMBERED {
            instances.clear();
        }
        instances.insert(id.to_owned(), instance.to_owned());
    }

    /// The batch's command among those of our document that pass the filter.
    async fn search(&self, batch: BatchId, key: CommandFilterKey, value: String) -> Result<Progress, OutsideError> {
        let what = format!("looking for the command of batch {batch}");
        let comment = name(batch);
        let mut filters = Vec::new();
        for (key, value) in [(CommandFilterKey::DocumentName, self.document.clone()), (key, value)] {
            let filter = CommandFilter::builder().key(key).value(value).build();
            filters.push(filter.map_err(|error| OutsideError::refused(&what, error.to_string()))?);
        }
        let request = self.client.list_commands().set_filters(Some(filters)).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else { break };
            let commands = page.map_err(|error| outside(&what, error))?.commands.unwrap_or_default();
            let ours = commands.iter().filter(|command| command.comment() == Some(&comment));
            if let Some(found) = ours.map(progress).max_by_key(liveliness) {
                return Ok(found);
            }
        }
        Ok(Progress::NotFound)
    }
}

#[async_trait]
impl Dispatcher for SsmDispatcher {
    #[expect(clippy::disallowed_methods, reason = "AWS compares it with its own clock")]
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        let now = Timestamp::now().as_second();
        let since = Timestamp::from_second(now - LOOK_BACK.as_secs().cast_signed());
        let since = since.map_err(|error| OutsideError::refused("reading the clock", error.to_string()))?;
        match self.search(batch, CommandFilterKey::InvokedAfter, since.to_string()).await? {
            // It may run for longer than that; few commands do, and none waits that long.
            Progress::NotFound => {
                self.search(batch, CommandFilterKey::Status, CommandStatus::InProgress.to_string()).await
            }
            found @ (Progress::Pending(_) | Progress::Running(_) | Progress::Ended(_)) => Ok(found),
        }
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        let cluster = self.locator.id().await?;
        let instances = primaries(&self.emr, &cluster).await.inspect_err(|_| self.locator.forget())?;
        let mut last = None;
        for instance in instances {
            match self.send_to(&instance, order).await {
                // It has no agent, for example: nothing was sent, so that another one may have it.
                Err(refused @ OutsideError::Refused { .. }) => last = Some(refused),
                sent_or_unknown => return sent_or_unknown,
            }
        }
        Err(last.unwrap_or_else(|| OutsideError::refused("sending the command", "no primary instance runs")))
    }

    fn instance_of(&self, sent_as: &str) -> Option<String> {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.get(sent_as).cloned()
    }
}

impl SsmDispatcher {
    async fn send_to(&self, instance: &str, order: &BatchOrder) -> Result<String, OutsideError> {
        let what = format!("sending the command of batch {} to {instance}", order.batch);
        let parameters = [
            ("Batch", url(&self.bucket, order)),
            ("Sha256", order.digest.to_string()),
            ("BatchId", order.batch.to_string()),
        ];
        let parameters: HashMap<_, _> =
            parameters.into_iter().map(|(key, value)| (key.to_owned(), vec![value])).collect();
        let request = self
            .client
            .send_command()
            .document_name(&self.document)
            .instance_ids(instance)
            .comment(name(order.batch))
            .set_parameters(Some(parameters))
            .timeout_seconds(START_WITHIN);
        let call = || {
            // There is no client token: a retry after a lost reply would send the command twice.
            let once = Builder::new().retry_config(RetryConfig::disabled());
            request.clone().customize().config_override(once).send()
        };
        let output = at_most_once(&what, call).await?;
        let command = output.command.inspect(|command| self.remember(command, instance));
        let id = command.and_then(|command| command.command_id);
        id.ok_or_else(|| OutsideError::unknown(what, "no command id in the reply"))
    }
}

fn progress(command: &Command) -> Progress {
    let status = command.status();
    let shown = command.status_details().or(status.map(CommandStatus::as_str)).unwrap_or("in no status");
    let text = format!("command {} is {shown}", command.command_id().unwrap_or("without id"));
    match status {
        Some(CommandStatus::Pending) => Progress::Pending(text),
        Some(CommandStatus::Success | CommandStatus::Cancelled | CommandStatus::Failed | CommandStatus::TimedOut) => {
            Progress::Ended(text)
        }
        // A cancel may come too late, and a status of SSM's future is no proof of an end.
        Some(_) | None => Progress::Running(text),
    }
}
