//! Which jobs an event concerns, and how they are looked after.
//! Must not know what is found about them.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::batch::ObservedDocument;
use lifecycle::manifest::JobName;
use lifecycle::orchestrate::Lost;

use super::Orchestrator;
use crate::ports::OutsideError;

/// Which jobs are looked after, and how.
#[derive(Clone, Debug)]
pub enum Scope {
    /// These.
    Jobs(BTreeSet<JobName>),
    /// Every job, without a look at the cluster: configuration changed.
    All,
    /// Every job, and one look at the cluster.
    Redeploy,
    /// Open operations and due retries.
    Sweep,
    /// The jobs of a batch whose step or command is over.
    Ended(BTreeSet<JobName>),
    /// The jobs whose runs a look did not show alive.
    Observed(Box<ObservedDocument>),
}

impl Orchestrator {
    /// The jobs of a scope, whether to sweep, whether to look, and the runs that were not seen alive.
    pub(super) async fn concerned(
        &self,
        scope: Scope,
    ) -> Result<(BTreeSet<JobName>, bool, bool, BTreeMap<JobName, Lost>), OutsideError> {
        Ok(match scope {
            Scope::Jobs(names) => (names, false, false, BTreeMap::new()),
            Scope::Ended(names) => (names, true, false, BTreeMap::new()),
            Scope::All => (self.all_names().await?, false, false, BTreeMap::new()),
            Scope::Redeploy => (self.all_names().await?, true, true, BTreeMap::new()),
            Scope::Sweep => (self.all_names().await?, true, false, BTreeMap::new()),
            // Nobody said yet what should be alive there: one look at everything tells.
            Scope::Observed(document) if document.replaced.is_some() => {
                (self.all_names().await?, true, true, BTreeMap::new())
            }
            Scope::Observed(document) => {
                let lost: BTreeMap<JobName, Lost> = document
                    .missing()
                    .map(|e| (e.job.clone(), Lost { job_id: e.job_id, revision: e.revision }))
                    .collect();
                (lost.keys().cloned().collect(), false, false, lost)
            }
        })
    }

    async fn all_names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        let keys = &self.settings.keys;
        let mut names = self.desired.names().await?;
        for listed in self.store.list(&keys.records()).await? {
            names.extend(keys.job_of_record(&listed.key).and_then(|name| JobName::try_from(name).ok()));
        }
        for listed in self.store.list(&keys.manifests()).await? {
            names.extend(keys.job_of_manifest(&listed.key).and_then(|name| JobName::try_from(name).ok()));
        }
        Ok(names)
    }
}
