//! The answers to actions and events, as they travel as JSON.
//! Must not know how an answer is shown, nor how it comes about.

use std::collections::BTreeMap;

use control::orchestrator::Report;
use desired::diagnostics::Diagnostic;
use desired::manifest::JobName;
use lifecycle::change::{Change, ChangeKind};
use lifecycle::decision::Observed;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Decision, Entry, Record, Status};
use lifecycle::ids::{JobId, OperationId};
use lifecycle::owed::{Cause, Purpose};
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

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
    /// Why some uploaders could not be told this time what was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// What was left out or cut because there is too much of it, for people; where to find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
    /// What is planned, if an operation is ordered.
    pub plan: Option<PlannedAnswer>,
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
    /// Why the last look cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_trouble: Option<String>,
    /// What was left out or cut because there is too much of it, for people; where to find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
    /// Why it cannot be looked after: the object, the cause, the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What of an ordered operation is shown; the whole plan lies under its own key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedAnswer {
    /// The operation.
    pub operation: OperationId,
    /// Why, for people.
    pub reason: String,
    /// The version that is deployed.
    pub before: Option<u32>,
    /// The version that is started.
    pub after: Option<u32>,
    /// What most probably happens: the node picks the branch by what it sees.
    pub likely: lifecycle::decision::Action,
}

impl PlannedAnswer {
    /// What is shown of a plan.
    pub fn of(plan: &Plan) -> Self {
        let seen = match plan.change.kind {
            ChangeKind::New | ChangeKind::Unchanged => Observed::Gone,
            ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => Observed::Running,
        };
        Self {
            operation: plan.operation,
            reason: plan.reason.clone(),
            before: plan.previous.as_ref().map(|previous| previous.launch.version),
            after: plan.next.as_ref().map(|next| next.version),
            likely: plan.action(seen),
        }
    }
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
    /// What was left out or cut because there is too much of it, for people; where to find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
        plan: finding.plan.as_ref().map(PlannedAnswer::of),
    };
    let refused = inputs.manifests.iter().chain(&inputs.config).filter(|v| !v.errors().is_empty());
    PlanAnswer {
        format: "flink-sql-runner/plan".to_owned(),
        version: 2,
        jobs: report.findings.into_iter().map(job).collect(),
        refused: refused.map(|v| FileAnswer { file: v.file.clone(), errors: v.errors() }).collect(),
        troubles: report.troubles,
        dispatched_as: report.dispatched_as,
        untold: report.untold,
        left_out: Vec::new(),
    }
}
