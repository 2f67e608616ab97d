//! What schedules and people ask directly, and how it is done.
//! Must not know how an answer is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::orchestrator::{Orchestrator, Scope};
use desired::manifest::JobName;
use lifecycle::asked_by::{SCHEDULE, SWEEP};
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

use crate::acts::{restart, savepoint};
pub use crate::answers::{
    Answer, FileAnswer, HistoryAnswer, JobAnswer, JobStatus, LookAnswer, OwedAnswer, PlanAnswer, PlannedAnswer,
    RefusedUpload, StatusAnswer, Unsettled, answer,
};
use crate::bounds::{LIMIT, bounded};
pub use crate::following::FollowingAnswer;
use crate::forget::forget;
pub use crate::measured::{Downtime, Measured, NewestState, StateFate};
pub use crate::order_asked::{AllowAsked, NothingElse, OrderAsked, RestartAsked};
pub use crate::orders::{ActionError, note_allowed, said};
use crate::orders::{Noted, allow, retry};
use crate::preview::preview;
pub use crate::preview::{Basis, MOST_ASKED, Preview, PreviewAnswer, SlotsSeen};
pub use crate::session_file::SessionChange;
pub use crate::standing::{NoStanding, RunTrouble, Standing};
use crate::states::states;
pub use crate::states::{StateAnswer, StatesAnswer};
use crate::status::{history, status};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// What would be done; nothing is.
    Plan(Preview),
    /// Bring these jobs to what is desired of them.
    Deploy {
        /// The jobs; all if none is named.
        #[serde(default)]
        names: BTreeSet<JobName>,
        /// Who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// All jobs, and one look at the cluster.
    Redeploy {
        /// Who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// Open operations and due retries.
    Sweep {
        /// Who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// Allow once what a guard holds.
    Allow(AllowAsked),
    /// Try again at once what failed or waits.
    Retry(OrderAsked),
    /// A name of which nothing is left counts no more.
    Forget(OrderAsked),
    /// Start a running job again: from a savepoint of now, without state, or from an older state.
    Restart(RestartAsked),
    /// Take a savepoint of a running job.
    Savepoint(OrderAsked),
    /// Every state of a job that it could go on from.
    States { name: JobName },
    /// How jobs stand.
    Status {
        /// The jobs; all if none is named.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        names: BTreeSet<JobName>,
    },
    /// One look at the cluster by the node.
    Look {},
    /// What was done about a job.
    History { name: JobName },
}

impl Action {
    /// Who asks, of an action of which that is kept.
    pub(crate) fn by_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Deploy { by, .. }
            | Self::Redeploy { by }
            | Self::Sweep { by }
            | Self::Allow(AllowAsked { order: OrderAsked { by, .. }, .. })
            | Self::Retry(OrderAsked { by, .. })
            | Self::Forget(OrderAsked { by, .. })
            | Self::Restart(RestartAsked { order: OrderAsked { by, .. }, .. })
            | Self::Savepoint(OrderAsked { by, .. }) => Some(by),
            Self::Plan { .. } | Self::Status { .. } | Self::Look {} | Self::History { .. } | Self::States { .. } => {
                None
            }
        }
    }
}

/// Does what is asked. What is answered is about the jobs that were asked for; of refused files of others it counts.
pub async fn act(orchestrator: &Arc<Orchestrator>, action: Action) -> Result<Answer, ActionError> {
    let all = |names: &BTreeSet<JobName>| if names.is_empty() { Scope::All } else { Scope::Jobs(names.clone()) };
    let who = |by: Option<String>, default: &str| by.unwrap_or_else(|| default.to_owned());
    let this = Arc::clone(orchestrator);
    let some = |names: BTreeSet<JobName>| (!names.is_empty()).then_some(names);
    let (report, about) = match action {
        Action::Plan(asked) => {
            let answer = bounded(preview(orchestrator, asked).await?, LIMIT);
            return Ok(Answer::Plan(Box::new(answer)));
        }
        Action::Deploy { names, by } => (this.run(all(&names), &who(by, "deploy")).await?, some(names)),
        Action::Redeploy { by } => (this.run(Scope::Redeploy, &who(by, SCHEDULE)).await?, None),
        Action::Sweep { by } => {
            let report = this.run(Scope::Sweep, &who(by, SWEEP)).await?;
            // What is owed and open, not what was uploaded: of that whoever uploaded it is told.
            let due = report.findings.iter().filter(|(_, finding)| finding.reason != Reason::UploadRefused);
            let about = due.map(|(name, _)| name).chain(report.troubles.keys()).cloned().collect();
            (report, Some(about))
        }
        Action::Allow(asked) => {
            let names = BTreeSet::from([asked.order.name.clone()]);
            return Ok(noted(allow(orchestrator, asked).await?, &names));
        }
        Action::Retry(asked) => {
            let names = BTreeSet::from([asked.name.clone()]);
            return Ok(noted(retry(orchestrator, asked).await?, &names));
        }
        Action::Forget(asked) => {
            let names = BTreeSet::from([asked.name.clone()]);
            return Ok(noted(forget(orchestrator, asked).await?, &names));
        }
        Action::Restart(asked) => {
            let names = BTreeSet::from([asked.order.name.clone()]);
            (restart(orchestrator, asked).await?, Some(names))
        }
        Action::Savepoint(asked) => {
            let names = BTreeSet::from([asked.name.clone()]);
            (savepoint(orchestrator, asked).await?, Some(names))
        }
        Action::States { name } => return Ok(Answer::States(states(orchestrator, &name).await?)),
        Action::Status { names } => {
            return Ok(Answer::Status(Box::new(bounded(status(orchestrator, &names).await?, LIMIT))));
        }
        Action::Look {} => return Ok(Answer::Look(orchestrator.look().await?.into())),
        Action::History { name } => {
            return Ok(Answer::History(bounded(history(orchestrator, name).await?, LIMIT)));
        }
    };
    let answer = answer(report);
    let answer = match about {
        Some(names) => answer.about(&names),
        None => answer,
    };
    Ok(Answer::Plan(Box::new(bounded(answer, LIMIT))))
}

/// What came of an order that is noted, with what it is for.
fn noted(noted: Noted, names: &BTreeSet<JobName>) -> Answer {
    let answer = answer(noted.report).about(names);
    Answer::Plan(Box::new(bounded(PlanAnswer { told: noted.told, ..answer }, LIMIT)))
}
