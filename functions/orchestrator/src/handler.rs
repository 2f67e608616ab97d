//! From an event to an answer: reads the trigger, looks after the jobs it is about, answers in the trigger's own form.
//! Must not know AWS clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use control::callers::Callers;
use control::documents::fetch;
use control::orchestrator::{Orchestrator, Report, Scope};
use control::ports::OutsideError;
use lifecycle::documents::Document;
use lifecycle::documents::batch::Batch;
use lifecycle::ids::BatchId;
use serde_json::{Value, json};

use crate::actions::{Action, ActionError, PlanAnswer, act, answer};
use crate::asked::{Asker, ErrorAnswer, Problem, opened};
use crate::bounds::{LIMIT, bounded};
use crate::events::{self, Hint, Message, NotUnderstood, Trigger};

/// Why an event was not dealt with; the service that sent it tries again.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It is none of ours.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// The outside gave no usable answer.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// What was asked directly was not done.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// Some jobs could not be reconciled.
    #[error("{0}")]
    Troubles(String),
    /// The answer cannot be written.
    #[error("the answer cannot be written as JSON")]
    Answer(#[source] serde_json::Error),
}

/// Deals with one event.
pub async fn handle(
    orchestrator: &Arc<Orchestrator>,
    callers: &dyn Callers,
    event: Value,
) -> Result<Value, HandlerError> {
    let (event, asker) = opened(event, orchestrator.settings.policy.deployment.as_deref());
    let trigger = match events::read(event, &orchestrator.settings.keys) {
        Err(error) if asker.reads() => return told(Problem::not_understood(error.to_string())),
        trigger => trigger?,
    };
    match trigger {
        Trigger::Nothing(what) => {
            tracing::info!(what, "nothing to do");
            Ok(json!({"ignored": what}))
        }
        Trigger::Action(action) => asked(orchestrator, callers, *action, asker).await,
        Trigger::Objects(hint) => {
            let reports = look_after(orchestrator, hint).await?;
            // What another try may mend comes again; an object that cannot be read people were told of.
            let passing = |report: &Report| {
                let error = report.passing().into_iter().next().map(|(job, why)| format!("{job}: {why}"));
                error.or_else(|| report.untold.clone())
            };
            if let Some(error) = reports.iter().find_map(passing) {
                return Err(HandlerError::Troubles(error));
            }
            let limit = LIMIT / reports.len().max(1);
            let answers: Vec<PlanAnswer> = reports.into_iter().map(|report| bounded(answer(report), limit)).collect();
            serde_json::to_value(answers).map_err(HandlerError::Answer)
        }
        Trigger::Messages(messages) => {
            let response = messages_answered(orchestrator, messages).await;
            serde_json::to_value(response).map_err(HandlerError::Answer)
        }
        Trigger::Ended(batch) => {
            let report = ended(orchestrator, batch).await?;
            serde_json::to_value(bounded(answer(report), LIMIT)).map_err(HandlerError::Answer)
        }
    }
}

/// Does what is asked. A wrong order is told whoever gave it; what fails around it is told to those who read the answer,
/// and fails the invocation of a schedule, which Lambda then tries again.
async fn asked(
    orchestrator: &Arc<Orchestrator>,
    callers: &dyn Callers,
    mut action: Action,
    asker: Asker,
) -> Result<Value, HandlerError> {
    let reads = asker.reads();
    if let Err(problem) = asker.named(&mut action, callers, orchestrator).await {
        return told(problem);
    }
    match act(orchestrator, action).await {
        Ok(answer) => serde_json::to_value(answer).map_err(HandlerError::Answer),
        Err(error @ ActionError::NothingWaits { .. }) => told(Problem::of(&error)),
        Err(error @ ActionError::Outside(_)) if reads => told(Problem::of(&error)),
        Err(error @ ActionError::Outside(_)) => Err(error.into()),
    }
}

fn told(problem: Problem) -> Result<Value, HandlerError> {
    tracing::warn!(kind = ?problem.kind, error = problem.message, "an action was not done");
    serde_json::to_value(ErrorAnswer::of(problem)).map_err(HandlerError::Answer)
}

/// One round for all messages together; only those whose job was in trouble come back.
async fn messages_answered(orchestrator: &Arc<Orchestrator>, messages: Vec<Message>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let together = messages.iter().filter_map(|m| m.hint.clone()).fold(Hint::default(), Hint::and);
    match look_after(orchestrator, together).await {
        Err(error) => {
            tracing::error!(error = control::errors::error_chain(&error), "the whole batch comes back");
            for message in messages {
                response.add_failure(message.id);
            }
        }
        Ok(reports) => {
            let troubled: BTreeMap<_, _> = reports.iter().flat_map(Report::passing).collect();
            let untold = reports.iter().any(|report| report.untold.is_some());
            for message in messages {
                let Some(hint) = message.hint else {
                    // It will never be understood: the queue's own limit moves it to the dead letters.
                    tracing::error!(message = message.id, "not a notification");
                    response.add_failure(message.id);
                    continue;
                };
                let whole = (hint.config || hint.observed) && !troubled.is_empty();
                if whole || untold || hint.jobs.iter().any(|job| troubled.contains_key(job)) {
                    response.add_failure(message.id);
                }
            }
        }
    }
    response
}

async fn look_after(orchestrator: &Arc<Orchestrator>, hint: Hint) -> Result<Vec<Report>, OutsideError> {
    let mut reports = Vec::new();
    if hint.config {
        reports.push(Arc::clone(orchestrator).run(Scope::All, "configuration upload").await?);
    } else if !hint.jobs.is_empty() || hint.unnamed {
        reports.push(Arc::clone(orchestrator).run(Scope::Jobs(hint.jobs), "upload").await?);
    }
    if hint.observed
        && let Some(document) = readable(orchestrator, &orchestrator.settings.keys.observed()).await?
    {
        reports.push(Arc::clone(orchestrator).run(Scope::Observed(Box::new(document)), "lost run").await?);
    }
    Ok(reports)
}

/// A document that events are about; one that cannot be read is as good as none: looks come again, and so do sweeps.
async fn readable<T: Document>(orchestrator: &Orchestrator, key: &str) -> Result<Option<T>, OutsideError> {
    match fetch(orchestrator.store.as_ref(), key).await {
        Ok(found) => Ok(found.map(|(document, _)| document)),
        Err(error @ OutsideError::Refused { .. }) => {
            tracing::error!(error = control::errors::error_chain(&error), "an event's document cannot be read");
            Ok(None)
        }
        Err(error @ OutsideError::Unknown { .. }) => Err(error),
    }
}

/// A batch is over: its jobs are asked after; without its id, every open operation is.
async fn ended(orchestrator: &Arc<Orchestrator>, batch: Option<BatchId>) -> Result<Report, OutsideError> {
    let scope = match batch {
        None => Scope::Sweep,
        Some(id) => match readable::<Batch>(orchestrator, &orchestrator.settings.keys.batch(id)).await? {
            None => Scope::Sweep,
            Some(batch) => Scope::Ended(batch.items.into_iter().map(|item| item.job).collect()),
        },
    };
    Arc::clone(orchestrator).run(scope, "step ended").await
}
