//! Asking the orchestrator: the one place where a command's action goes out and its answer comes back.
//! Must not know what is asked, nor how an answer is shown.

use std::time::Duration;

use aws::{Function, FunctionError, prove};
use orchestrator::actions::{self, Action, AllowAsked, Answer, OrderAsked, RestartAsked};
use orchestrator::envelope;

use crate::cli::Dispatch;
use crate::error::CliError;
use crate::interrupt::unless_interrupted;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::{printable, span};

/// How long an answer is waited for without a word.
const SILENCE: Duration = Duration::from_secs(10);

/// Has the function do what is asked, in the name of whoever's credentials these are, within the time that the command
/// waits. Only with DISPATCH=process is it decided here.
pub(crate) async fn ask(action: Action, invocation: &Invocation) -> Result<Answer, CliError> {
    // Boxed: it holds the whole of a request and of an answer.
    let asked = Box::pin(answered(action, invocation));
    match invocation.deadline {
        Some(deadline) => {
            let answer = tokio::time::timeout_at(deadline.at, asked).await;
            answer.unwrap_or(Err(CliError::NotInTime(deadline.limit)))
        }
        None => asked.await,
    }
}

async fn answered(action: Action, invocation: &Invocation) -> Result<Answer, CliError> {
    if invocation.flags.dispatch == Some(Dispatch::Process) {
        return here(action, invocation).await;
    }
    // Nobody knows any more what came of it, unless it was only a question.
    // Boxed: an invocation holds the whole of a request and of an answer.
    let asked = unless_interrupted(Box::pin(function(&action, invocation)));
    let asked = async { asked.await.unwrap_or(Err(CliError::Interrupted)) };
    match unless_silent(asked, invocation).await {
        // Whoever may not ask, and may read the documents, reads what they say.
        Err(denied @ CliError::Function(FunctionError::Denied { .. })) if only_reads(&action) => {
            let read = here(action, invocation).await;
            read.map_err(|error| if matches!(error, CliError::Outside(_)) { denied } else { error })
        }
        answer => answer,
    }
}

/// The same, and a note about what is waited for, so that nobody takes it for a program that hangs.
async fn unless_silent<T>(asked: impl Future<Output = T>, invocation: &Invocation) -> T {
    let mut asked = std::pin::pin!(asked);
    if let Ok(answer) = tokio::time::timeout(SILENCE, &mut asked).await {
        return answer;
    }
    let name = printable(&invocation.function());
    let note = format!("still waiting for the function `{name}`, which may take up to {}\n", span(aws::LONGEST_ANSWER));
    Out::new(invocation.flags.output).note(&note);
    asked.await
}

async fn function(action: &Action, invocation: &Invocation) -> Result<Answer, CliError> {
    let defect = |error: serde_json::Error| CliError::Defect(format!("an action is no JSON: {error}"));
    let event = serde_json::to_value(action).map_err(defect)?;
    // Without a bucket nobody could say which deployment is meant.
    invocation.bucket()?;
    let about = envelope::digest(invocation.settings()?.policy.deployment.as_deref(), &event);
    let sdk = aws::load_config().await;
    let event = envelope::signed(event, &prove(&sdk, &about).await?);
    let name = invocation.function();
    let answer = Function::new(&sdk, name.as_str()).ask(event.to_string().into_bytes()).await?;
    let read = envelope::read(&answer).map_err(|error| CliError::NoAnswer { function: name, source: error })?;
    Ok(read?)
}

/// By an orchestrator in this process.
pub(crate) async fn here(action: Action, invocation: &Invocation) -> Result<Answer, CliError> {
    let reads = only_reads(&action) || matches!(action, Action::Plan(_));
    let orchestrator = if reads { invocation.reading().await? } else { invocation.acting().await? };
    Ok(actions::act(&orchestrator, action).await?)
}

/// Whether it only tells what the documents say.
fn only_reads(action: &Action) -> bool {
    match action {
        Action::Status { .. } | Action::History { .. } | Action::States { .. } => true,
        Action::Restart(RestartAsked { order: OrderAsked { dry_run, .. }, .. })
        | Action::Allow(AllowAsked { order: OrderAsked { dry_run, .. }, .. })
        | Action::Retry(OrderAsked { dry_run, .. })
        | Action::Forget(OrderAsked { dry_run, .. })
        | Action::Savepoint(OrderAsked { dry_run, .. }) => *dry_run,
        Action::Plan(_) | Action::Look {} | Action::Deploy { .. } | Action::Redeploy { .. } | Action::Sweep { .. } => {
            false
        }
    }
}
