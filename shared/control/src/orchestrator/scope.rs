//! Which jobs an event concerns, and how they are reconciled.
//! Must not know what is found about them.

use std::collections::{BTreeMap, BTreeSet};

use desired::manifest::JobName;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::orchestrate::{Learned, Lost};

use super::Orchestrator;
use crate::ports::OutsideError;

/// Which jobs are reconciled, and how.
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

/// What a scope comes to.
pub(super) struct Concern {
    pub(super) names: BTreeSet<JobName>,
    /// Whether they are all jobs there are.
    pub(super) whole: bool,
    /// Whether open operations and due retries are reconciled as well.
    pub(super) sweep: bool,
    /// Whether the node looks at the cluster.
    pub(super) look: bool,
    /// The runs that were not seen alive.
    pub(super) lost: BTreeMap<JobName, Lost>,
    /// The look that did not show them.
    pub(super) observed: Option<Box<ObservedDocument>>,
    /// What that look showed of runs that are alive.
    pub(super) learned: BTreeMap<JobName, Learned>,
    /// Whether what waits for the environment is tried at once.
    pub(super) urgent: bool,
}

impl Concern {
    fn with(names: BTreeSet<JobName>, sweep: bool, look: bool) -> Self {
        let (lost, learned) = (BTreeMap::new(), BTreeMap::new());
        Self { names, whole: false, sweep, look, lost, observed: None, learned, urgent: look }
    }

    fn whole(names: BTreeSet<JobName>, sweep: bool, look: bool) -> Self {
        Self { whole: true, ..Self::with(names, sweep, look) }
    }
}

/// What a look tells of the runs of which something is still to be learned.
fn learned(document: &ObservedDocument) -> BTreeMap<JobName, Learned> {
    let alive = document.expected.iter().filter(|expected| expected.owed || !expected.checkpointed);
    let told = alive.filter_map(|expected| {
        let job_id = expected.job_id;
        let healthy = document.look.job(job_id).filter(|job| !job.state.is_terminal())?.is_healthy();
        let checkpoint = document.checkpoints.iter().find(|checkpoint| checkpoint.job_id == job_id);
        let checkpointed = checkpoint.is_some_and(|checkpoint| checkpoint.completed);
        let news = (expected.owed && healthy) || (!expected.checkpointed && checkpointed);
        news.then(|| (expected.job.clone(), Learned { job_id, healthy, checkpointed }))
    });
    told.collect()
}

impl Orchestrator {
    /// What a scope comes to now.
    pub(super) async fn concerned(&self, scope: Scope) -> Result<Concern, OutsideError> {
        Ok(match scope {
            Scope::Jobs(names) => Concern::with(names, false, false),
            Scope::Ended(names) => Concern::with(names, true, false),
            Scope::All => Concern::whole(self.all_names().await?, false, false),
            Scope::Redeploy => Concern::whole(self.all_names().await?, true, true),
            Scope::Sweep => Concern::whole(self.all_names().await?, true, false),
            // Nobody said yet what should be alive there: one look at everything tells.
            Scope::Observed(document) if document.replaced.is_some() => {
                Concern::whole(self.all_names().await?, true, true)
            }
            Scope::Observed(document) => {
                let lost: BTreeMap<JobName, Lost> = document
                    .missing()
                    .map(|e| (e.job.clone(), Lost { job_id: e.job_id, revision: e.revision }))
                    .collect();
                let learned = learned(&document);
                let names = lost.keys().chain(learned.keys()).cloned();
                let names = names.chain(document.expected.iter().filter(|e| e.owed).map(|e| e.job.clone())).collect();
                Concern { lost, learned, observed: Some(document), ..Concern::with(names, false, false) }
            }
        })
    }

    /// The names of all jobs that have a record, a deployed manifest or a desired one.
    pub async fn all_names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
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
