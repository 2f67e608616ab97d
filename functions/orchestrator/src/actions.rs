//! What schedules and people ask directly, and how it is done.
//! Must not know how an answer is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use control::documents::fetch;
use control::orchestrator::{Orchestrator, Scope};
use control::ports::OutsideError;
use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::ids::JobId;
use lifecycle::permission::Permission;
use serde::{Deserialize, Serialize};

pub use crate::answers::{
    Answer, FileAnswer, HistoryAnswer, JobAnswer, JobStatus, OwedAnswer, PlanAnswer, PlannedAnswer, StatusAnswer,
    answer,
};
use crate::bounds::{LIMIT, bounded};
use crate::status::status;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// What would be done; nothing is.
    Plan {
        /// The jobs; all if none is named.
        #[serde(default)]
        names: BTreeSet<JobName>,
    },
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
    Allow {
        /// The job.
        name: JobName,
        /// What is allowed.
        permission: Permission,
        /// The run to adopt, if several carry the name.
        #[serde(default)]
        run: Option<JobId>,
        /// Who allows it.
        #[serde(default)]
        by: Option<String>,
    },
    /// Try again at once what failed or waits.
    Retry {
        /// The job.
        name: JobName,
        /// Who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// How all jobs stand.
    Status {},
    /// What was done about a job.
    History {
        /// The job.
        name: JobName,
    },
}

/// Does what is asked.
pub async fn act(orchestrator: &Arc<Orchestrator>, action: Action) -> Result<Answer, OutsideError> {
    let all = |names: BTreeSet<JobName>| if names.is_empty() { Scope::All } else { Scope::Jobs(names) };
    let who = |by: Option<String>, default: &str| by.unwrap_or_else(|| default.to_owned());
    let this = Arc::clone(orchestrator);
    let report = match action {
        Action::Plan { names } => this.plan(all(names), "plan").await?,
        Action::Deploy { names, by } => this.run(all(names), &who(by, "deploy")).await?,
        Action::Redeploy { by } => this.run(Scope::Redeploy, &who(by, "schedule")).await?,
        Action::Sweep { by } => this.run(Scope::Sweep, &who(by, "sweep")).await?,
        Action::Allow { name, permission, run, by } => {
            let by = who(by, "allow");
            this.allow(&name, permission, run, &by).await?;
            Arc::clone(orchestrator).run(Scope::Jobs(BTreeSet::from([name])), &by).await?
        }
        Action::Retry { name, by } => {
            let by = who(by, "retry");
            this.retry(&name).await?;
            Arc::clone(orchestrator).run(Scope::Jobs(BTreeSet::from([name])), &by).await?
        }
        Action::Status {} => return Ok(Answer::Status(Box::new(bounded(status(orchestrator).await?, LIMIT)))),
        Action::History { name } => {
            let key = orchestrator.settings.keys.record(&name);
            let record = fetch::<Record>(orchestrator.store.as_ref(), &key).await?;
            let entries = record.map(|(record, _)| record.history).unwrap_or_default();
            let (format, left_out) = ("flink-sql-runner/history".to_owned(), Vec::new());
            return Ok(Answer::History(bounded(HistoryAnswer { format, version: 1, name, entries, left_out }, LIMIT)));
        }
    };
    Ok(Answer::Plan(Box::new(bounded(answer(report), LIMIT))))
}
