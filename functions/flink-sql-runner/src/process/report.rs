//! What was done on the node in one call, and how it ended.
//! Must not know how it was done.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use control::documents::fetch;
use control::orchestrator::{Orchestrator, Report};
use desired::manifest::JobName;
use lifecycle::documents::Document;
use lifecycle::documents::record::Record;
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::OperationId;
use lifecycle::reason::Reason;
use orchestrator::actions::{FileAnswer, JobAnswer, answer};
use orchestrator::held::told;
use serde::Serialize;
use serde_json::json;

use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::Ended;
use crate::out::{Out, failure};
use crate::plan::reason_exit;
use crate::render::{change, count, diagnostics};

/// One operation and how it ended.
#[derive(Debug)]
struct Done {
    job: JobName,
    operation: OperationId,
    answer: JobAnswer,
    ended: Option<Ended>,
}

/// What was done in one call.
#[derive(Debug, Default)]
pub(super) struct Carried {
    done: Vec<Done>,
    /// Why nothing (more) is done, by job, as of the last round.
    reasons: BTreeMap<JobName, Reason>,
    refused: Vec<FileAnswer>,
    troubles: BTreeMap<JobName, String>,
}

async fn document<T: Document>(orchestrator: &Orchestrator, key: &str) -> Result<Option<T>, CliError> {
    Ok(fetch(orchestrator.store.as_ref(), key).await?.map(|(document, _)| document))
}

impl Carried {
    /// One more round.
    pub(super) fn add(&mut self, report: Report) {
        let answer = answer(report);
        for job in answer.jobs {
            self.troubles.remove(&job.name);
            self.reasons.insert(job.name.clone(), job.reason.clone());
            if let Reason::Ordered { operation } = job.reason {
                // A sending that is repeated is the same operation.
                self.done.retain(|done| done.operation != operation);
                self.done.push(Done { job: job.name.clone(), operation, answer: job, ended: None });
            }
        }
        self.troubles.extend(answer.troubles);
        self.refused = answer.refused;
    }

    /// Reads how each operation ended.
    pub(super) async fn settle(&mut self, orchestrator: &Orchestrator) -> Result<(), CliError> {
        let keys = &orchestrator.settings.keys;
        for done in &mut self.done {
            let record: Option<Record> = document(orchestrator, &keys.record(&done.job)).await?;
            let result: Option<OperationResult> =
                document(orchestrator, &keys.result(&done.job, done.operation)).await?;
            let entry = record.as_ref().and_then(|r| r.history.iter().find(|entry| entry.operation == done.operation));
            done.ended = entry.map(|entry| Ended::by_entry(entry, result.as_ref()));
        }
        Ok(())
    }

    /// The code of the whole call: each job counts by its last operation.
    pub(super) fn exit(&self) -> Exit {
        let last: BTreeMap<&JobName, Exit> =
            self.done.iter().map(|d| (&d.job, d.ended.as_ref().map_or(Exit::Unknown, |ended| ended.exit))).collect();
        let reasons = self.reasons.iter().filter(|(job, _)| !last.contains_key(job)).map(|(_, reason)| match reason {
            Reason::Waits { .. } => Exit::Unknown,
            other => reason_exit(other),
        });
        let refused = if self.refused.is_empty() { Exit::Done } else { Exit::Invalid };
        let trouble = if self.troubles.is_empty() { Exit::Done } else { Exit::Unreachable };
        last.values().copied().chain(reasons).fold(refused.and(trouble), Exit::and)
    }

    /// Prints it.
    pub(super) fn show(&self, out: Out) {
        let job = |done: &Done| {
            let ended = done.ended.as_ref();
            json!({
                "name": done.job,
                "operation": done.operation,
                "change": done.answer.change,
                "job_version": ended.and_then(|e| e.version),
                "outcome": ended.map(|e| e.outcome.clone()),
                "detail": ended.map(|e| e.detail.clone()),
                "exit": ended.map_or(Exit::Unknown, |e| e.exit).code(),
            })
        };
        let document = json!({
            "format": "flink-sql-runner/process",
            "version": 1,
            "operations": self.done.iter().map(job).collect::<Vec<_>>(),
            "jobs": self.reasons.iter().map(|(name, reason)| Left { name, reason, text: told(reason, name) }).collect::<Vec<_>>(),
            "refused": self.refused,
            "troubles": self.troubles,
            "exit": self.exit().code(),
        });
        out.result(&document, || self.text());
        out.note(&self.failures());
    }

    /// The good ends and the sum.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut sums: BTreeMap<String, usize> = BTreeMap::new();
        for done in &self.done {
            let outcome = done.ended.as_ref().map_or("unknown", |ended| ended.outcome.as_str());
            *sums.entry(outcome.to_owned()).or_default() += 1;
            let kind = done.answer.change.as_ref().map(|change| change::kind(change.kind)).unwrap_or_default();
            let version = done.ended.as_ref().and_then(|e| e.version).map(|v| format!("v{v}  ")).unwrap_or_default();
            let _ = writeln!(text, "{}  {version}{kind}  {outcome}", done.job);
            text.push_str(
                &done.answer.change.as_ref().map(|change| change::differences(&change.differences)).unwrap_or_default(),
            );
        }
        let changed: std::collections::BTreeSet<&JobName> = self.done.iter().map(|done| &done.job).collect();
        let still = |reason: &Reason| matches!(reason, Reason::Unchanged | Reason::Complete | Reason::Suspended);
        let unchanged = self.reasons.iter().filter(|(job, reason)| !changed.contains(job) && still(reason)).count();
        let mut parts: Vec<String> = sums.into_iter().map(|(outcome, number)| format!("{number} {outcome}")).collect();
        if unchanged > 0 || parts.is_empty() {
            parts.push(format!("{unchanged} unchanged"));
        }
        if !self.refused.is_empty() {
            parts.push(format!("{} refused", count(self.refused.len(), "file")));
        }
        let _ = writeln!(text, "Done: {}.", parts.join(", "));
        text
    }

    /// What did not go well, each once.
    fn failures(&self) -> String {
        let mut text = diagnostics::all(self.refused.iter().flat_map(|file| &file.errors));
        for done in &self.done {
            match &done.ended {
                Some(ended) if ended.exit != Exit::Done => text.push_str(&ended.failure(&done.job)),
                Some(_) => {}
                None => {
                    let message =
                        format!("how operation {} of {} ended is not known", done.operation.short(), done.job);
                    text.push_str(&failure(&message, &[], Some("run the same again: it looks first")));
                }
            }
        }
        let done = |job: &JobName| self.done.iter().any(|d| d.job == *job);
        for (job, reason) in self.reasons.iter().filter(|(job, _)| !done(job)) {
            if reason_exit(reason) != Exit::Done && *reason != Reason::UploadRefused {
                text.push_str(&failure(&format!("{job}: {}", told(reason, job)), &[], None));
            }
        }
        for (job, trouble) in &self.troubles {
            text.push_str(&failure(&format!("{job} could not be reconciled"), std::slice::from_ref(trouble), None));
        }
        text
    }
}

/// Why nothing is done about a job.
#[derive(Serialize)]
struct Left<'a> {
    name: &'a JobName,
    reason: &'a Reason,
    text: String,
}
