//! Guards against mishaps with many jobs at once: how many would be removed, how many would forget what they counted.
//! Must not decide what is done about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use desired::inputs::{Desired, Inputs};
use desired::manifest::JobName;
use jiff::SignedDuration;
use lifecycle::documents::record::{Ended, Entry};
use lifecycle::permission::AllowedFor;

use super::Orchestrator;
use super::records::Versioned;
use crate::ports::OutsideError;

/// For how long a removal counts together with later ones.
const COUNTS: SignedDuration = SignedDuration::from_hours(1);

/// Whether the last decision about a job held its removal.
fn is_held((_, (record, _)): &(JobName, Versioned)) -> bool {
    let decision = record.as_ref().and_then(|record| record.decision.as_ref());
    decision.is_some_and(|decision| decision.held == Some(AllowedFor::RemovalsHeld))
}

impl Orchestrator {
    /// Deployed names without a file, if they are more than may be removed: one by one deletions count together with the
    /// removals of the last hour, and what was held before is held until it is allowed.
    pub(super) async fn removals_held(self: &Arc<Self>, inputs: &Inputs) -> Result<Vec<JobName>, OutsideError> {
        let keys = &self.settings.keys;
        let desired: BTreeSet<JobName> = inputs.names().into_iter().collect();
        let listed = self.store.list(&keys.manifests()).await?;
        let deployed =
            listed.iter().filter_map(|l| keys.job_of_manifest(&l.key)).filter_map(|n| JobName::try_from(n).ok());
        let deployed: BTreeSet<JobName> = deployed.collect();
        let surplus: BTreeSet<JobName> = deployed.difference(&desired).cloned().collect();
        if surplus.is_empty() {
            return Ok(Vec::new());
        }
        let held = surplus.len() > self.settings.removals
            || self.records(surplus.clone()).await?.found.iter().any(is_held)
            || surplus.len() + self.removed_lately(&deployed, &desired).await? > self.settings.removals;
        Ok(if held { surplus.into_iter().collect() } else { Vec::new() })
    }

    /// How many jobs were removed within the last hour.
    async fn removed_lately(
        self: &Arc<Self>,
        deployed: &BTreeSet<JobName>,
        desired: &BTreeSet<JobName>,
    ) -> Result<usize, OutsideError> {
        let keys = &self.settings.keys;
        let listed = self.store.list(&keys.records()).await?;
        let known = listed.iter().filter_map(|l| keys.job_of_record(&l.key)).filter_map(|n| JobName::try_from(n).ok());
        let gone = known.filter(|name| !deployed.contains(name) && !desired.contains(name)).collect();
        let now = self.world.now();
        let lately = |entry: &Entry| entry.outcome == Ended::Removed && now.duration_since(entry.at) < COUNTS;
        let removed = |(_, (record, _)): &(JobName, Versioned)| {
            let counts = record.as_ref().filter(|record| record.forgotten.is_none());
            counts.is_some_and(|record| {
                record.history.iter().rev().find(|entry| entry.untaken.is_none()).is_some_and(lately)
            })
        };
        Ok(self.records(gone).await?.found.iter().filter(|found| removed(found)).count())
    }

    /// The jobs that would start clean because of `config/`, of all there are: one by one uploads count together. Nothing
    /// where none of the jobs concerned would, and not all of them are.
    pub(super) async fn clean_starts(
        self: &Arc<Self>,
        inputs: &Inputs,
        concerned: &[(JobName, Versioned)],
        whole: bool,
    ) -> Result<Option<Vec<JobName>>, OutsideError> {
        let among = |records: &[(JobName, Versioned)]| -> Vec<JobName> {
            let started = |(name, (record, _)): &(JobName, Versioned)| {
                let Desired::Target(target) = inputs.desired(name).0 else { return None };
                record.as_ref().filter(|record| record.starts_over_by_configuration(&target)).map(|_| name.clone())
            };
            records.iter().filter_map(started).collect()
        };
        let jobs = among(concerned);
        if whole {
            return Ok(Some(jobs));
        }
        if jobs.is_empty() {
            return Ok(None);
        }
        Ok(Some(among(&self.records(self.all_names().await?).await?.found)))
    }
}
