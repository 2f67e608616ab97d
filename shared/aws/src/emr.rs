//! Batches as EMR steps.
//! Must not know what a batch holds or when it is sent again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_emr::Client;
use aws_sdk_emr::config::Builder;
use aws_sdk_emr::primitives::DateTime;
use aws_sdk_emr::types::{ActionOnFailure, HadoopJarStepConfig, StepConfig, StepState, StepSummary};
use control::ports::{BatchOrder, Dispatcher, OutsideError, Progress};
use lifecycle::ids::BatchId;

use crate::argv::{StepProgram, argv, name};
use crate::cluster::{ClusterRef, Locator};
use crate::outcome::{at_most_once, outside};

/// How many pages of steps are looked at, of fifty each: EMR shows no more than a thousand.
const MAX_PAGES: usize = 20;
/// How far back ended steps are looked at: EMR answers few calls a second, and an older one may as well be absent.
pub(crate) const LOOK_BACK: Duration = Duration::from_hours(6);
/// EMR's program that runs an argument vector on the primary node.
const COMMAND_RUNNER: &str = "command-runner.jar";
/// The states of a step that is not over.
const LIVE: [StepState; 3] = [StepState::Pending, StepState::Running, StepState::CancelPending];

/// Sends batches as steps to a cluster.
#[derive(Debug)]
pub struct EmrDispatcher {
    client: Client,
    locator: Locator,
    program: StepProgram,
    bucket: String,
    /// Whether the cluster was asked how many steps it runs at a time.
    asked: AtomicBool,
}

impl EmrDispatcher {
    /// Steps on that cluster, that start `program` and read batches from `bucket`.
    pub fn new(config: &SdkConfig, cluster: ClusterRef, program: StepProgram, bucket: impl Into<String>) -> Self {
        let client = Client::new(config);
        let locator = Locator::new(client.clone(), cluster);
        Self { client, locator, program, bucket: bucket.into(), asked: AtomicBool::new(false) }
    }

    /// Warns of a cluster that runs one step at a time, once in a process, and never fails: the step is sent already.
    async fn warn_of_one_step(&self, cluster: &str) {
        if self.asked.swap(true, Ordering::Relaxed) {
            return;
        }
        match self.locator.step_concurrency(cluster).await {
            Ok(Some(level)) if level < 2 => tracing::warn!(
                cluster,
                "the cluster runs one step at a time, so that one job's long savepoint holds up every upload: \
                 raise its StepConcurrencyLevel"
            ),
            Ok(_) => {}
            Err(error) => tracing::info!(cluster, %error, "how many steps the cluster runs at a time is not known"),
        }
    }

    /// The batch's step among those in these states; in any state, among the recent ones.
    #[expect(clippy::disallowed_methods, reason = "AWS compares it with its own clock")]
    async fn search(
        &self,
        cluster: &str,
        batch: BatchId,
        states: Option<Vec<StepState>>,
    ) -> Result<Progress, OutsideError> {
        let name = name(batch);
        let oldest = match states {
            None => SystemTime::now().checked_sub(LOOK_BACK).map(DateTime::from),
            Some(_) => None,
        };
        let mut pages = self.client.list_steps().cluster_id(cluster).set_step_states(states).into_paginator().send();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else { break };
            let page =
                page.map_err(|error| outside(format!("looking for the step of batch {batch} on {cluster}"), error))?;
            let steps = page.steps.unwrap_or_default();
            let ours = steps.iter().filter(|step| step.name() == Some(&name)).map(progress);
            if let Some(found) = ours.max_by_key(liveliness) {
                return Ok(found);
            }
            // Newest first: what follows is older still.
            if steps.last().and_then(created).zip(oldest).is_some_and(|(created, oldest)| created < oldest) {
                break;
            }
        }
        Ok(Progress::NotFound)
    }
}

#[async_trait]
impl Dispatcher for EmrDispatcher {
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        let cluster = self.locator.id().await?;
        match self.search(&cluster, batch, None).await? {
            // It may have waited for longer than that; few steps do.
            Progress::NotFound => self.search(&cluster, batch, Some(LIVE.to_vec())).await,
            found @ (Progress::Pending(_) | Progress::Running(_) | Progress::Ended(_)) => Ok(found),
        }
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        let cluster = self.locator.id().await?;
        let what = format!("adding the step of batch {} on {cluster}", order.batch);
        let args = argv(&self.program, &self.bucket, order);
        let jar = HadoopJarStepConfig::builder().jar(COMMAND_RUNNER).set_args(Some(args));
        let step = StepConfig::builder()
            .name(name(order.batch))
            .action_on_failure(ActionOnFailure::Continue)
            .hadoop_jar_step(jar.build())
            .build();
        let request = self.client.add_job_flow_steps().job_flow_id(&cluster).steps(step);
        let call = || {
            // There is no client token: a retry after a lost reply would add the step twice.
            let once = Builder::new().retry_config(RetryConfig::disabled());
            request.clone().customize().config_override(once).send()
        };
        match at_most_once(&what, call).await {
            Ok(output) => {
                self.warn_of_one_step(&cluster).await;
                let id = output.step_ids.unwrap_or_default().into_iter().next();
                id.ok_or_else(|| OutsideError::unknown(what, "no step id in the reply"))
            }
            Err(OutsideError::Refused { message, .. }) => {
                self.locator.forget();
                Err(OutsideError::refused(what, readable(message)))
            }
            Err(lost @ OutsideError::Unknown { .. }) => Err(lost),
        }
    }

    fn log_of(&self, sent_as: &str) -> Option<String> {
        self.locator.log_of(sent_as)
    }
}

/// The refusal in the user's terms, where EMR's are unclear.
fn readable(message: String) -> String {
    if message.contains("Maximum number of active steps") {
        format!("too many steps wait or run on the cluster: try again when some have ended ({message})")
    } else {
        message
    }
}

fn created(step: &StepSummary) -> Option<DateTime> {
    step.status()?.timeline()?.creation_date_time().copied()
}

fn progress(step: &StepSummary) -> Progress {
    let state = step.status().and_then(|status| status.state());
    let shown = state.map_or("in no state", StepState::as_str);
    let text = format!("step {} is {shown}", step.id().unwrap_or("without id"));
    match state {
        Some(StepState::Pending) => Progress::Pending(text),
        Some(StepState::Completed | StepState::Cancelled | StepState::Failed | StepState::Interrupted) => {
            let details = step.status().and_then(|status| status.failure_details());
            let reasons = details.map(|details| [details.reason(), details.message()]).unwrap_or_default();
            Progress::Ended(reasons.into_iter().flatten().fold(text, |text, reason| format!("{text}: {reason}")))
        }
        // A cancel may come too late, and a state of EMR's future is no proof of an end.
        Some(_) | None => Progress::Running(text),
    }
}

/// Which of several steps of one batch counts: one that still works, then one that will.
pub(crate) fn liveliness(progress: &Progress) -> u8 {
    match progress {
        Progress::NotFound => 0,
        Progress::Ended(_) => 1,
        Progress::Pending(_) => 2,
        Progress::Running(_) => 3,
    }
}
