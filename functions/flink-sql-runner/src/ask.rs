//! Asking the orchestrator: the one place where a command's action goes out and its answer comes back.
//! Must not know what is asked, nor how an answer is shown.

use orchestrator::actions::{self, Action, Answer};

use crate::error::CliError;
use crate::invocation::Invocation;

/// Has the orchestrator do what is asked.
pub(crate) async fn ask(action: Action, invocation: &Invocation) -> Result<Answer, CliError> {
    let orchestrator = match action {
        Action::Plan { .. } | Action::Status {} | Action::History { .. } => invocation.reading().await?,
        Action::Deploy { .. }
        | Action::Redeploy { .. }
        | Action::Sweep { .. }
        | Action::Allow { .. }
        | Action::Retry { .. } => invocation.acting().await?,
    };
    Ok(actions::act(&orchestrator, action).await?)
}
