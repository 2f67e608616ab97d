//! The answers to actions and events, as they travel as JSON.
//! Must not know how an answer is shown, nor how it comes about.

mod likely;
mod look;
mod unsettled;

use std::collections::{BTreeMap, BTreeSet};

use control::orchestrator::Report;
use desired::diagnostics::Diagnostic;
use desired::inputs::FileVerdict;
use desired::manifest::JobName;
use lifecycle::act::{Act, OrderedAct, SupersededAct};
use lifecycle::change::Change;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Decision, Entry, Record, Status};
use lifecycle::forgetting::Forgotten;
use lifecycle::ids::{JobId, OperationId};
use lifecycle::noted::NotedOrder;
use lifecycle::owed::{Cause, Purpose};
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

use self::likely::likely_seen;
pub use self::look::LookAnswer;
pub use self::unsettled::Unsettled;
use crate::following::FollowingAnswer;
use crate::held::{WaitsFor, told};
use crate::measured::{Measured, StateFate};
use crate::preview::answer::PreviewAnswer;
use crate::standing::{RunTrouble, Standing};
use crate::states::StatesAnswer;

/// The answer to plan, deploy, redeploy, sweep, allow and retry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// `flink-sql-runner/plan`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    /// What was found about each job.
    pub jobs: Vec<JobAnswer>,
    /// Files that were refused, with every error; of an answer about some jobs, only those that are about them.
    pub refused: Vec<FileAnswer>,
    /// How many refused files are about other jobs than those that were asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others_refused: usize,
    /// Jobs that could not be reconciled.
    pub troubles: BTreeMap<JobName, String>,
    /// The step or command that carries what was ordered.
    pub dispatched_as: Option<String>,
    /// Why some uploaders could not be told this time what was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// Names that no job has, each with the one that was probably meant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<JobName, Option<JobName>>,
    /// What the files that a plan was asked about come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewAnswer>,
    /// What is told of an order that was noted: what it is for, or what came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// What was left out or cut because there is too much of it, for people; where to find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// What was found about one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobAnswer {
    pub name: JobName,
    /// What is done, or why nothing is.
    pub reason: Reason,
    /// The same for people.
    pub text: String,
    /// The change with its fields, if an operation is ordered or a guard against clean starts holds it; in a plan also what
    /// would only be recorded.
    pub change: Option<Change>,
    /// What is planned, if an operation is ordered.
    pub plan: Option<PlannedAnswer>,
    /// What would follow the operation under way, in the answer to a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<FollowingAnswer>,
    /// Options that are set although no file sets them.
    #[serde(default)]
    pub filled_in: BTreeMap<String, String>,
}

/// A refused file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileAnswer {
    pub file: String,
    /// The jobs that it may be about: by its name, and by what it says.
    #[serde(default)]
    pub jobs: Vec<JobName>,
    /// Whether it is of the configuration: no job's upload is applied before it is correct.
    #[serde(default)]
    pub is_config: bool,
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
    /// The names that were asked for and that nothing is known of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<JobName>,
    /// The last look at the cluster.
    pub observed: Option<ObservedDocument>,
    /// Why the last look cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_trouble: Option<String>,
    /// How many uploaded files stand refused.
    #[serde(default)]
    pub refused: usize,
    /// These files, and where the errors of each are.
    #[serde(default)]
    pub refused_uploads: Vec<RefusedUpload>,
    /// Why it is not known what is uploaded and refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_trouble: Option<String>,
    /// What was left out or cut because there is too much of it, for people; where to find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// An uploaded file that stands refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedUpload {
    pub file: String,
    /// The key of the document that has every error.
    pub errors_at: String,
    /// The job that its name names.
    pub job: Option<JobName>,
    /// Since when; nothing if that cannot be read.
    pub since: Option<jiff::Timestamp>,
    /// The first of its errors.
    pub first: Option<String>,
}

/// How one job stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobStatus {
    pub name: JobName,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its deployed version.
    pub version: Option<u32>,
    /// How it stands, in the word that people read; nothing in answers of versions that did not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Standing>,
    /// Whether it runs, if it is deployed.
    pub status: Option<Status>,
    pub run: Option<JobId>,
    /// What its run that is alive suffers from, by the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_trouble: Option<RunTrouble>,
    /// Since when it stands so.
    pub since: Option<jiff::Timestamp>,
    /// The operation under way.
    pub operation: Option<OperationId>,
    /// What is still to be done.
    pub owed: Vec<OwedAnswer>,
    /// How its files were last judged.
    pub decision: Option<Decision>,
    /// What of it is held back until somebody allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<WaitsFor>,
    /// The documents that say why its upload is refused: its own, else those of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What a person ordered and waits to be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<OrderedAct>,
    /// That the name was forgotten: it is shown only where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Forgotten>,
    /// The operation that was settled last.
    pub last: Option<Entry>,
    /// Why it cannot be reconciled: the object, the cause, the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What of an ordered operation is shown; the whole plan lies under its own key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedAnswer {
    pub operation: OperationId,
    /// Why, for people.
    pub reason: String,
    /// The version that is deployed.
    pub before: Option<u32>,
    /// The version that is started.
    pub after: Option<u32>,
    /// Whether nothing of the job is to run afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
    /// What most probably happens: the node picks the branch by what it sees.
    pub likely: lifecycle::decision::PlannedAction,
    /// What becomes of the job's state.
    #[serde(default)]
    pub state: StateFate,
    /// What is known of the run that is in its place, in the answer to a plan.
    #[serde(default, skip_serializing_if = "Measured::is_empty")]
    pub measured: Measured,
    /// What a person ordered, if it carries that out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<Act>,
}

impl PlannedAnswer {
    /// What is shown of a plan, for a job that stands so.
    pub fn of(plan: &Plan, status: Option<Status>) -> Self {
        let ordered = plan.ordered.as_ref().map(|ordered| ordered.act.clone());
        Self {
            operation: plan.operation,
            reason: plan.reason.clone(),
            before: plan.previous.as_ref().map(|previous| previous.launch.version),
            after: plan.next.as_ref().filter(|_| !plan.suspends).map(|next| next.version),
            suspends: plan.suspends,
            likely: plan.action(likely_seen(plan, status)),
            state: StateFate::of(plan),
            measured: Measured {
                slots: plan.next.as_ref().filter(|_| !plan.suspends).map(|next| next.slots),
                ..Measured::default()
            },
            ordered,
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
    pub name: JobName,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether nothing is known of a job of this name: no record, no upload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Settled operations, the newest last.
    pub entries: Vec<Entry>,
    /// What people ordered and was noted in its record, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<NotedOrder>,
    /// What people ordered and was not carried out, as something else came before it, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<SupersededAct>,
    /// What is under way or waits, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Unsettled>,
    /// The files that keep its upload from being applied, with every error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<FileAnswer>,
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
    /// To states.
    States(StatesAnswer),
    /// To look.
    Look(LookAnswer),
}

/// Nothing to tell of.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl PlanAnswer {
    /// The answer to an order about these jobs: what is wrong with files of others is only counted.
    #[must_use]
    pub fn about(self, names: &BTreeSet<JobName>) -> Self {
        self.about_files(names, &BTreeSet::new())
    }

    /// The same, where whoever asks wants to know of these files as well, whatever job they are about.
    #[must_use]
    pub(crate) fn about_files(mut self, names: &BTreeSet<JobName>, files: &BTreeSet<String>) -> Self {
        // The configuration concerns them where their uploads cannot be judged without it.
        let unjudged = |job: &JobAnswer| names.contains(&job.name) && job.reason == Reason::UploadRefused;
        let config = self.jobs.iter().any(unjudged);
        let all = self.refused.len();
        let concerns =
            |file: &FileAnswer| file.jobs.iter().any(|job| names.contains(job)) || files.contains(&file.file);
        self.refused.retain(|file| concerns(file) || (file.is_config && config));
        self.others_refused += all - self.refused.len();
        self.jobs.retain(|job| names.contains(&job.name));
        self
    }
}

/// A report as an answer.
pub fn answer(report: Report) -> PlanAnswer {
    let inputs = report.inputs.unwrap_or_default();
    let filled_in = |name: &JobName| {
        inputs.manifests.iter().filter(|v| v.stem.as_ref() == Some(name)).flat_map(|v| v.added.clone()).collect()
    };
    let job = |(name, finding): (JobName, lifecycle::orchestrate::Finding)| JobAnswer {
        filled_in: filled_in(&name),
        text: told(&finding.reason, &name),
        following: FollowingAnswer::all(&name, finding.following),
        name,
        reason: finding.reason,
        change: finding.plan.as_ref().map(|p| p.change.clone()),
        plan: finding.plan.as_ref().map(|plan| PlannedAnswer::of(plan, finding.status)),
    };
    let file = |verdict: &FileVerdict, is_config: bool| {
        let errors = verdict.errors();
        let jobs = verdict.stem.iter().chain(&verdict.named).cloned().collect();
        (!errors.is_empty()).then(|| FileAnswer { file: verdict.file.clone(), jobs, is_config, errors })
    };
    let manifests = inputs.manifests.iter().filter_map(|verdict| file(verdict, false));
    let config = inputs.config.iter().filter_map(|verdict| file(verdict, true));
    PlanAnswer {
        format: "flink-sql-runner/plan".to_owned(),
        version: 2,
        jobs: report.findings.into_iter().map(job).collect(),
        refused: manifests.chain(config).collect(),
        others_refused: 0,
        troubles: report.troubles,
        dispatched_as: report.dispatched_as,
        untold: report.untold,
        unknown: BTreeMap::new(),
        preview: None,
        told: Vec::new(),
        left_out: Vec::new(),
    }
}
