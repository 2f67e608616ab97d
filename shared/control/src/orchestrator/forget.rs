//! Forgetting a name: what is known of it is read, and its record is written once, or not at all.
//! Must not decide whether it may be forgotten; only which state of it is left is looked up here.

use std::collections::BTreeSet;

use desired::inputs::{Desired, Inputs};
use desired::manifest::JobName;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::record::Record;
use lifecycle::forgetting::Kept;
use lifecycle::noted::WhoAndWhy;
use lifecycle::state::StateLocation;

use super::Orchestrator;
use super::records::Versioned;
use crate::documents::fetch;
use crate::ports::OutsideError;
use crate::search::candidates;

/// What came of the order to forget a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgetting {
    /// It is forgotten, or would be; the highest version that was given out.
    Done {
        highest_version: u32,
    },
    /// This very order was carried out before.
    Known,
    Kept(Kept),
    /// Somebody else wrote the record meanwhile: nothing was done.
    Changed,
    /// There is no record of this name.
    NoRecord,
}

impl Orchestrator {
    /// Forgets a name, if nothing of it is left; `dry` only tells whether it would be.
    ///
    /// The record is read first and written last, in the place of what was read: a file that arrives meanwhile either
    /// changes the record before, and nothing is forgotten, or is judged after, and is a new job.
    pub async fn forget(&self, name: &JobName, who: &WhoAndWhy, dry: bool) -> Result<Forgetting, OutsideError> {
        let (Some(record), condition) = self.record(name).await? else { return Ok(Forgetting::NoRecord) };
        if who.id.is_some() && record.noted.iter().any(|noted| noted.id == who.id) {
            return Ok(Forgetting::Known);
        }
        if let Some(kept) = self.keeps(name, &record).await? {
            return Ok(Forgetting::Kept(kept));
        }
        let highest_version = record.highest_version;
        if dry {
            return Ok(Forgetting::Done { highest_version });
        }
        let forgotten = record.clone().forget(who, self.world.now()).revised(self.world.fresh_id().into());
        let written = self.put_record(&forgotten, Some(&record), condition).await?;
        Ok(written.map_or(Forgetting::Changed, |_| Forgetting::Done { highest_version }))
    }

    /// Why the name is not forgotten.
    async fn keeps(&self, name: &JobName, record: &Record) -> Result<Option<Kept>, OutsideError> {
        let (store, keys) = (self.store.as_ref(), &self.settings.keys);
        let inputs = self.desired.load().await?;
        if let Some((file, why)) = inputs.not_now(name) {
            return Err(OutsideError::unknown(format!("reading {file}"), why));
        }
        let observed = fetch::<ObservedDocument>(store, &keys.observed()).await?.map(|(document, _)| document);
        let kept = record.why_kept(&inputs.desired(name).0, self.settings.source, observed.as_ref());
        if kept.is_some() {
            return Ok(kept);
        }
        if store.get(&keys.manifest(name)).await?.is_some() {
            return Ok(Some(Kept::Deployed));
        }
        self.state_left(record).await
    }

    /// The first place where something of the job's state is left.
    async fn state_left(&self, record: &Record) -> Result<Option<Kept>, OutsideError> {
        let own = record.directories_of_its_own(self.settings.policy.deployment.as_deref());
        let own = own.into_iter().map(|path| StateLocation::Exactly { path });
        for place in own.chain(record.state_places()) {
            match self.left_in(&place).await {
                Ok(None) => {}
                Ok(Some(path)) => return Ok(Some(Kept::State(path))),
                // A node's own disk, or no right to list: nothing can be known from here.
                Err(OutsideError::Refused { .. }) => return Ok(Some(Kept::StateUnknown(directory(&place).to_owned()))),
                Err(error @ OutsideError::Unknown { .. }) => return Err(error),
            }
        }
        Ok(None)
    }

    /// A directory in this place that is not empty: what of a state is not complete counts as well.
    async fn left_in(&self, place: &StateLocation) -> Result<Option<String>, OutsideError> {
        let directories = match place {
            StateLocation::Checkpoints { directory } => vec![directory.clone()],
            StateLocation::Savepoints { .. } | StateLocation::Exactly { .. } | StateLocation::Version { .. } => {
                candidates(self.files.as_ref(), place).await?
            }
        };
        for directory in directories {
            if !self.files.children(directory.trim_end_matches('/')).await?.is_empty() {
                return Ok(Some(directory));
            }
        }
        Ok(None)
    }
}

/// Takes the names out that were forgotten and of which no file is there: nothing is to be done about them.
pub(super) fn leave_out(records: &mut Vec<(JobName, Versioned)>, inputs: &Inputs) -> BTreeSet<JobName> {
    let mut forgotten = BTreeSet::new();
    records.retain(|(name, (record, _))| {
        let counts = record.as_ref().is_none_or(|record| record.forgotten.is_none());
        let stays = counts || inputs.desired(name).0 != Desired::Absent;
        if !stays {
            forgotten.insert(name.clone());
        }
        stays
    });
    forgotten
}

fn directory(place: &StateLocation) -> &str {
    match place {
        StateLocation::Checkpoints { directory } | StateLocation::Savepoints { directory, .. } => directory,
        StateLocation::Exactly { path } => path,
        StateLocation::Version { checkpoints, .. } => checkpoints,
    }
}
