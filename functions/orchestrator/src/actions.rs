//! What schedules and people ask directly, and the answers as JSON.
//! Must not know how an answer is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use control::documents::fetch;
use control::orchestrator::{Orchestrator, Report, Scope};
use control::ports::OutsideError;
use lifecycle::batch::ObservedDocument;
use lifecycle::change::Change;
use lifecycle::diagnostics::Diagnostic;
use lifecycle::documents::read;
use lifecycle::ids::{JobId, OperationId};
use lifecycle::manifest::JobName;
use lifecycle::orchestrate::Reason;
use lifecycle::owed::{Cause, Purpose};
use lifecycle::permission::Permission;
use lifecycle::plan::Plan;
use lifecycle::record::{Decision, Entry, Record, Status};
use serde::{Deserialize, Serialize};

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

/// The answer to plan, deploy, redeploy, sweep, allow and retry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// `flink-sql-runner/plan`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    /// What was found about each job.
    pub jobs: Vec<JobAnswer>,
    /// Files that were refused, with every error.
    pub refused: Vec<FileAnswer>,
    /// Jobs that could not be looked after.
    pub troubles: BTreeMap<JobName, String>,
    /// The step or command that carries what was ordered.
    pub dispatched_as: Option<String>,
}

/// What was found about one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobAnswer {
    /// The job.
    pub name: JobName,
    /// What is done, or why nothing is.
    pub reason: Reason,
    /// The same for people.
    pub text: String,
    /// The change with its fields, if an operation is ordered.
    pub change: Option<Change>,
    /// The plan, if an operation is ordered.
    pub plan: Option<Plan>,
    /// Options that are set although no file sets them.
    #[serde(default)]
    pub filled_in: BTreeMap<String, String>,
}

/// A refused file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileAnswer {
    /// Its key.
    pub file: String,
    /// Everything that is wrong with it.
    pub errors: Vec<Diagnostic>,
}

/// The answer to status.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// `flink-sql-runner/status`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    /// How each job stands.
    pub jobs: Vec<JobStatus>,
    /// The last look at the cluster.
    pub observed: Option<ObservedDocument>,
}

/// How one job stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobStatus {
    /// The job.
    pub name: JobName,
    /// Its deployed version.
    pub version: Option<u32>,
    /// Whether it runs.
    pub status: Option<Status>,
    /// Its run.
    pub run: Option<JobId>,
    /// Since when it is deployed.
    pub since: Option<jiff::Timestamp>,
    /// The operation under way.
    pub operation: Option<OperationId>,
    /// What is still to be done.
    pub owed: Vec<OwedAnswer>,
    /// How its files were last judged.
    pub decision: Option<Decision>,
    /// The operation that was settled last.
    pub last: Option<Entry>,
}

/// One thing that is still to be done for a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwedAnswer {
    /// What for.
    pub purpose: Purpose,
    /// Why it is not done yet.
    pub cause: Cause,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is to be done.
    pub since: jiff::Timestamp,
    /// When it is tried again; nothing if not by itself.
    pub next: Option<jiff::Timestamp>,
    /// What went wrong, for people.
    pub error: String,
    /// The last try.
    pub operation: OperationId,
}

impl OwedAnswer {
    /// Everything that `record` says is still to be done.
    pub fn all(record: &Record) -> Vec<Self> {
        let answer = |(purpose, debt): (Purpose, &lifecycle::owed::Debt)| Self {
            purpose,
            cause: debt.cause,
            attempts: debt.attempts,
            since: debt.since,
            next: debt.next,
            error: debt.error.clone(),
            operation: debt.operation,
        };
        record.owed.debts().map(answer).collect()
    }
}

/// The answer to history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryAnswer {
    /// `flink-sql-runner/history`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    /// The job.
    pub name: JobName,
    /// Settled operations, the newest last.
    pub entries: Vec<Entry>,
}

/// Any answer.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To plan, deploy, redeploy, sweep, allow and retry.
    Plan(Box<PlanAnswer>),
    /// To status.
    Status(Box<StatusAnswer>),
    /// To history.
    History(HistoryAnswer),
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
        Action::Status {} => return Ok(Answer::Status(Box::new(status(orchestrator).await?))),
        Action::History { name } => {
            let entries = record(orchestrator, &name).await?.map(|r| r.history).unwrap_or_default();
            return Ok(Answer::History(HistoryAnswer {
                format: "flink-sql-runner/history".to_owned(),
                version: 1,
                name,
                entries,
            }));
        }
    };
    Ok(Answer::Plan(Box::new(answer(report))))
}

/// A report as an answer.
pub fn answer(report: Report) -> PlanAnswer {
    let inputs = report.inputs.unwrap_or_default();
    let filled_in = |name: &JobName| {
        inputs.manifests.iter().filter(|v| v.stem.as_ref() == Some(name)).flat_map(|v| v.added.clone()).collect()
    };
    let job = |(name, finding): (JobName, lifecycle::orchestrate::Finding)| JobAnswer {
        filled_in: filled_in(&name),
        name,
        text: finding.reason.to_string(),
        reason: finding.reason,
        change: finding.plan.as_ref().map(|p| p.change.clone()),
        plan: finding.plan,
    };
    let refused = inputs.manifests.iter().chain(&inputs.config).filter(|v| !v.errors().is_empty());
    PlanAnswer {
        format: "flink-sql-runner/plan".to_owned(),
        version: 1,
        jobs: report.findings.into_iter().map(job).collect(),
        refused: refused.map(|v| FileAnswer { file: v.file.clone(), errors: v.errors() }).collect(),
        troubles: report.troubles,
        dispatched_as: report.dispatched_as,
    }
}

async fn record(orchestrator: &Orchestrator, name: &JobName) -> Result<Option<Record>, OutsideError> {
    let found = fetch(orchestrator.store.as_ref(), &orchestrator.settings.keys.record(name)).await?;
    Ok(found.map(|(record, _)| record))
}

async fn status(orchestrator: &Orchestrator) -> Result<StatusAnswer, OutsideError> {
    let keys = &orchestrator.settings.keys;
    let mut jobs = Vec::new();
    for listed in orchestrator.store.list(&keys.records()).await? {
        let Some(name) = keys.job_of_record(&listed.key).and_then(|n| JobName::try_from(n).ok()) else { continue };
        let Some(mut record) = record(orchestrator, &name).await? else { continue };
        let deployed = record.deployed.as_ref();
        jobs.push(JobStatus {
            version: deployed.map(|d| d.meta.query_version),
            status: record.status(),
            run: deployed.and_then(lifecycle::record::Deployed::run),
            since: deployed.map(|d| d.since),
            operation: record.open.as_ref().map(|open| open.plan.operation),
            owed: OwedAnswer::all(&record),
            decision: record.decision.take(),
            last: record.history.pop(),
            name,
        });
    }
    let observed = orchestrator.store.get(&keys.observed()).await?;
    let observed = observed.and_then(|object| read(&object.bytes).ok());
    Ok(StatusAnswer { format: "flink-sql-runner/status".to_owned(), version: 2, jobs, observed })
}
