//! Who is told of what was found: facts to whoever measures, conditions to people, each of them once.
//! Must not know how a condition comes about, nor who carries an alert.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use desired::manifest::JobName;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::documents::alerts::{AlertsDocument, FORMAT, Seen};
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::{DocumentError, read};
use lifecycle::facts::{Fact, Looked, Swept};
use lifecycle::flink::{Epoch, JobSeen};
use lifecycle::ids::Nonce;
use lifecycle::orchestrate::{Finding, Lost};
use lifecycle::run_conditions;

use super::records::{Records, Versioned};
use super::{Orchestrator, Report};
use crate::alerts::{Alert, Alerts};
use crate::documents::{self, Change, unreadable};
use crate::errors::error_chain;
use crate::ports::{Object, OutsideError};

/// Measures facts. It must not wait for anything outside.
pub trait Facts: Send + Sync {
    /// Notes a fact.
    fn note(&self, fact: &Fact);
}

/// Measures nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFacts;

impl Facts for NoFacts {
    fn note(&self, _: &Fact) {}
}

impl Orchestrator {
    /// Notes conditions that only this event tells of, before anything is done about them: if this process dies, the
    /// next one tells people.
    pub(super) async fn note(&self, seen: &Seen) {
        if self.alerts.is_none() || seen.conditions.is_empty() {
            return;
        }
        let now = self.world.now();
        if let Err(error) = self.change_alerts(|document| document.note(seen, now)).await {
            tracing::error!(error = error_chain(&error), "alerts could not be noted");
        }
    }

    /// Notes what stands and tells people of what is new: one alert for each kind. Noted as told only after it was:
    /// whoever dies in between leaves it to the next event, and people may be told twice.
    pub(super) async fn tell(&self, seen: &Seen) -> Vec<Alert> {
        let Some(alerts) = &self.alerts else { return Vec::new() };
        let now = self.world.now();
        let taken = self.change_alerts(|document| {
            document.note(seen, now);
            document.take(now)
        });
        let taken = match taken.await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(error = error_chain(&error), "alerts could not be noted");
                self.facts.note(&Fact::AlertsUnknown);
                return Vec::new();
            }
        };
        let mut kinds: BTreeMap<AlertKind, Vec<AlertCondition>> = BTreeMap::new();
        for condition in taken {
            kinds.entry(condition.kind).or_default().push(condition);
        }
        let mut tried = Vec::new();
        let mut works = true;
        for (kind, conditions) in kinds {
            let (id, deployment) = (self.world.fresh_id().into(), self.settings.deployment.clone());
            let alert = Alert { id, at: now, deployment, kind, conditions };
            // One that fails takes its whole time limit: the others wait for the next event.
            works = works && raise(alerts.as_ref(), &alert).await;
            self.facts.note(&Fact::Alert { kind, sent: works });
            tried.push((alert, works));
        }
        if tried.is_empty() {
            return Vec::new();
        }
        let now = self.world.now();
        let told = self.change_alerts(|document| {
            for (alert, told) in &tried {
                document.told(&alert.conditions, *told, now);
            }
        });
        if let Err(error) = told.await {
            tracing::warn!(error = error_chain(&error), "alerts could not be noted as raised; they come again");
        }
        tried.into_iter().filter(|(_, told)| *told).map(|(alert, _)| alert).collect()
    }

    /// Changes the document of what stands; a change that changes nothing writes nothing.
    async fn change_alerts<T>(&self, change: impl Fn(&mut AlertsDocument) -> T) -> Result<T, OutsideError> {
        let (key, world) = (self.settings.keys.alerts(), self.world.as_ref());
        let parse = |object: &Object| standing(&key, &object.bytes, world.fresh_id().into());
        let next = |before: Option<&AlertsDocument>, _: Option<&Object>| {
            let nonce = world.fresh_id().into();
            let mut draft = before.cloned().unwrap_or_else(|| AlertsDocument::fresh(nonce));
            let known = draft.clone();
            let answer = change(&mut draft);
            if draft == known {
                return Ok(Change::Leave(answer));
            }
            draft.nonce = nonce;
            draft.format = FORMAT;
            Ok(Change::Write(draft, answer))
        };
        documents::change(self.store.as_ref(), &key, parse, next).await
    }

    /// What a look shows, for measures and for people.
    pub(super) async fn look_told(self: &Arc<Self>, document: &ObservedDocument, seen: &mut Seen) {
        self.facts.note(&Fact::Looked(Looked::of(document)));
        seen.conditions.extend(run_conditions::of_look(document));
        seen.untold = run_conditions::untold(document);
        match self.strangers(document).await {
            Ok(strangers) => {
                seen.conditions.extend(strangers);
                seen.kinds.insert(AlertKind::Stranger);
            }
            // The next look shows them as well.
            Err(error) => tracing::warn!(error = error_chain(&error), "could not check which Flink jobs are unknown"),
        }
    }

    /// The live Flink jobs that no record knows.
    async fn strangers(self: &Arc<Self>, document: &ObservedDocument) -> Result<Vec<AlertCondition>, OutsideError> {
        let expected: BTreeSet<_> = document.expected.iter().map(|expected| expected.job_id).collect();
        let unexpected: Vec<&JobSeen> =
            document.look.jobs.iter().filter(|j| !j.state.is_terminal() && !expected.contains(&j.id)).collect();
        let names = unexpected.iter().filter_map(|job| JobName::try_from(job.name.as_str()).ok()).collect();
        let Records { found, unread } = self.records(names).await?;
        let records: BTreeMap<JobName, Versioned> = found.into_iter().collect();
        let known = |job: &JobSeen| {
            // Whose record cannot be read may have started it.
            if unread.keys().any(|name| name.as_str() == job.name) {
                return true;
            }
            let record = records.iter().find(|(name, _)| name.as_str() == job.name);
            record.and_then(|(_, (record, _))| record.as_ref()).is_some_and(|record| record.knows_run(job.id))
        };
        Ok(unexpected
            .into_iter()
            .filter(|job| !known(job))
            .map(|job| AlertCondition::stranger(job.id, &job.name))
            .collect())
    }

    /// What all records say.
    pub(super) fn swept(&self, report: &Report) {
        let findings = || report.findings.iter();
        let open = findings().filter_map(|(name, finding)| finding.open.map(|(id, at)| (name.clone(), id, at)));
        self.facts.note(&Fact::Swept(Swept {
            at: self.world.now(),
            down: findings().filter(|(_, finding)| finding.down).map(|(name, _)| name.clone()).collect(),
            oldest: open.min_by_key(|(_, _, at)| *at),
        }));
    }
}

/// What stands. A damaged document is begun anew: at worst people are told of something twice.
fn standing(key: &str, bytes: &[u8], nonce: Nonce) -> Result<AlertsDocument, OutsideError> {
    match read(bytes) {
        Ok(document) => Ok(document),
        Err(error @ DocumentError::Damaged(_)) => {
            tracing::warn!(error = error_chain(&error), "{key} is replaced");
            Ok(AlertsDocument::fresh(nonce))
        }
        Err(error @ DocumentError::Newer { .. }) => Err(unreadable(key, &error)),
    }
}

async fn raise(alerts: &dyn Alerts, alert: &Alert) -> bool {
    tracing::error!(alert = %alert.kind, id = %alert.id, "{}", alert.body());
    let raised = alerts.raise(alert).await;
    if let Err(error) = &raised {
        tracing::error!(alert = %alert.kind, error = error_chain(error), "the alert could not be raised");
    }
    raised.is_ok()
}

/// Whether every job that is to run does, as far as records tell: then whatever went with a JobManager is back.
pub(super) fn all_run(report: &Report) -> bool {
    let runs = |finding: &Finding| finding.open.is_none() && !finding.down;
    report.findings.values().all(runs) && report.unreadable().is_empty()
}

/// The one condition about jobs that went with their JobManager. A look that is told twice finds newer records, and
/// nothing to tell.
pub(super) fn lost_cluster(
    epoch: &Epoch,
    lost: &BTreeMap<JobName, Lost>,
    records: &[(JobName, Versioned)],
) -> Option<AlertCondition> {
    let went = |(name, (record, _)): &(JobName, Versioned)| {
        let (record, lost) = (record.as_ref()?, lost.get(name)?);
        let run = record.deployed.as_ref()?.runs.last()?;
        let same = record.revision == lost.revision && record.open.is_none() && run.job_id == lost.job_id;
        (same && run.epoch.as_ref().is_some_and(|before| before != epoch)).then(|| name.clone())
    };
    let jobs: Vec<JobName> = records.iter().filter_map(went).collect();
    (!jobs.is_empty()).then(|| AlertCondition::lost_cluster(epoch, &jobs))
}
