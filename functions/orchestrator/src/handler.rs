//! From an event to an answer: reads the trigger, looks after the jobs it is about, answers in the trigger's own form.
//! Must not know AWS clients.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use control::callers::Callers;
use control::documents::fetch;
use control::orchestrator::{Orchestrator, Report, Scope};
use control::ports::OutsideError;
use lifecycle::asked_by::{CONFIGURATION_UPLOAD, LOST_RUN, SCHEDULE, STEP_ENDED, SWEEP, UPLOAD};
use lifecycle::documents::Document;
use lifecycle::documents::batch::Batch;
use lifecycle::ids::BatchId;
use serde_json::{Value, json};

use crate::actions::{Action, ActionError, PlanAnswer, act, answer};
use crate::bounds::{LIMIT, bounded};
use crate::envelope::{Asker, ErrorAnswer, Problem, opened};
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
            let rounds = look_after(orchestrator, &hint).await;
            let reports = rounds.into_iter().map(|round| round.ended).collect::<Result<Vec<Report>, OutsideError>>()?;
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
            let mut response = SqsBatchResponse::default();
            for (id, _) in failed(orchestrator, messages).await {
                response.add_failure(id);
            }
            serde_json::to_value(response).map_err(HandlerError::Answer)
        }
        Trigger::Notifications(messages) => {
            let all = messages.len();
            let failed = failed(orchestrator, messages).await;
            match failed.first() {
                Some((_, why)) => {
                    Err(HandlerError::Troubles(format!("{} of {all} notifications failed: {why}", failed.len())))
                }
                None => Ok(json!({"notifications": all})),
            }
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

/// One pass for all messages together: the ids of those that have to come back, with the reason.
async fn failed(orchestrator: &Arc<Orchestrator>, messages: Vec<Message>) -> Vec<(String, String)> {
    let together = messages.iter().fold(Hint::default(), |all, message| all.and(message.hint.clone()));
    let rounds = look_after(orchestrator, &together).await;
    let mut failed = Vec::new();
    for Message { id, hint, unread } in messages {
        // What will never be understood the queue's own limit moves to the dead letters.
        let unread = unread.map(|what| NotUnderstood::new(&what).to_string());
        if let Some(why) = unread.or_else(|| rounds.iter().find_map(|round| round.trouble_of(&hint))) {
            tracing::error!(message = id, error = why, "the message goes back to the queue");
            failed.push((id, why));
        }
    }
    failed
}

/// What jobs are looked after for.
#[derive(Clone, Copy, Debug)]
enum Occasion {
    /// Uploads and results.
    Files,
    /// A look at the cluster.
    Look,
    /// Steps or commands that ended, and schedules.
    Schedule,
}

/// How looking after some jobs ended.
struct Round {
    occasion: Occasion,
    ended: Result<Report, OutsideError>,
}

impl Round {
    /// Why a message that says this has to come back.
    fn trouble_of(&self, hint: &Hint) -> Option<String> {
        let concerned = match self.occasion {
            Occasion::Files => hint.is_of_files(),
            Occasion::Look => hint.observed,
            Occasion::Schedule => hint.is_of_schedule(),
        };
        if !concerned {
            return None;
        }
        let report = match &self.ended {
            Ok(report) => report,
            Err(error) => return Some(control::errors::error_chain(error)),
        };
        let mut troubles = report.passing().into_iter();
        let own = troubles.find(|(job, _)| hint.is_of_any_job() || hint.jobs.contains(*job));
        own.map(|(job, why)| format!("{job}: {why}")).or_else(|| report.untold.clone())
    }
}

/// Looks after what a hint is about; one occasion's failure never keeps another from being dealt with.
async fn look_after(orchestrator: &Arc<Orchestrator>, hint: &Hint) -> Vec<Round> {
    let run = |scope, by| Arc::clone(orchestrator).run(scope, by);
    let mut rounds = Vec::new();
    if hint.is_of_files() {
        let (scope, by) =
            if hint.config { (Scope::All, CONFIGURATION_UPLOAD) } else { (Scope::Jobs(hint.jobs.clone()), UPLOAD) };
        rounds.push(Round { occasion: Occasion::Files, ended: run(scope, by).await });
    }
    if hint.observed {
        let look = match readable(orchestrator, &orchestrator.settings.keys.observed()).await {
            Ok(None) => None,
            Ok(Some(document)) => Some(run(Scope::Observed(Box::new(document)), LOST_RUN).await),
            Err(error) => Some(Err(error)),
        };
        rounds.extend(look.map(|ended| Round { occasion: Occasion::Look, ended }));
    }
    let asked = if hint.redeploy { Some((Scope::Redeploy, SCHEDULE)) } else { None };
    let asked = asked.or_else(|| hint.sweep.then_some((Scope::Sweep, SWEEP)));
    if let Some((scope, by)) = asked {
        rounds.push(Round { occasion: Occasion::Schedule, ended: run(scope, by).await });
    } else {
        for batch in &hint.ended {
            rounds.push(Round { occasion: Occasion::Schedule, ended: ended(orchestrator, Some(*batch)).await });
        }
    }
    rounds
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
    Arc::clone(orchestrator).run(scope, STEP_ENDED).await
}
