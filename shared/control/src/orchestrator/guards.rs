//! Guards against mishaps with many jobs at once: how many would be removed, how many would forget what they counted.
//! Must not decide what is done about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use desired::inputs::{Desired, Inputs};
use desired::manifest::JobName;

use super::Orchestrator;
use super::records::Versioned;
use crate::ports::OutsideError;

impl Orchestrator {
    /// Deployed names without a file, if they are more than may be removed; one by one deletions count together.
    pub(super) async fn removals_held(&self, inputs: &Inputs) -> Result<Vec<JobName>, OutsideError> {
        let keys = &self.settings.keys;
        let desired: BTreeSet<JobName> = inputs.names().into_iter().collect();
        let listed = self.store.list(&keys.manifests()).await?;
        let deployed =
            listed.iter().filter_map(|l| keys.job_of_manifest(&l.key)).filter_map(|n| JobName::try_from(n).ok());
        let surplus: Vec<JobName> = deployed.filter(|name| !desired.contains(name)).collect();
        Ok(if surplus.len() > self.settings.removals { surplus } else { Vec::new() })
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
