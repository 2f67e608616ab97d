//! What the record keeps of a job whose file says `state: suspended`: since when, and what was checked last.
//! Must not know how it is checked, nor what follows from it.

use desired::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Aim, Deployed, Record};
use crate::change::{Change, ChangeKind};
use crate::ids::OperationId;

/// That nothing of the job runs, as its file says. What is deployed stays what ran last: its state is what a resumed
/// job goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub since: Timestamp,
    /// The operation that found it in order, or stopped it, last.
    pub operation: OperationId,
    /// What was checked last and is not deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Box<Target>>,
}

/// Whether two targets are one by meaning.
fn is_same(before: &Target, after: &Target) -> bool {
    match Change::between(before, after).kind {
        ChangeKind::Unchanged => true,
        ChangeKind::New | ChangeKind::Configuration | ChangeKind::Query | ChangeKind::Removed => false,
    }
}

impl Suspension {
    /// The target that resuming would start, as far as it was checked.
    pub fn target<'a>(&'a self, deployed: Option<&'a Deployed>) -> Option<&'a Target> {
        self.checked.as_deref().or(deployed.map(|deployed| &deployed.target))
    }
}

impl Record {
    /// Whether the job is suspended with this target, by meaning: there is nothing to check and nothing to end.
    pub fn is_suspended_with(&self, target: &Target) -> bool {
        let Some(suspension) = self.suspended.as_ref().filter(|_| self.owed.remove.is_none()) else { return false };
        // What is deployed ran: it needs no check.
        let deployed = self.deployed.as_ref().map(|deployed| &deployed.target);
        suspension.checked.as_deref().into_iter().chain(deployed).any(|known| is_same(known, target))
    }

    /// Notes that nothing of the job runs, and that `target` was found in order by `operation`. What was done stays done:
    /// a job that came to its end is not started again because another query was checked.
    pub(crate) fn suspend(&mut self, target: &Target, operation: OperationId, now: Timestamp) {
        let since = self.suspended.as_ref().map_or(now, |before| before.since);
        self.suspended = Some(Suspension { since, operation, checked: None });
        self.note_suspended(target);
        if let Some(deployed) = self.deployed.as_mut().filter(|deployed| deployed.aim == Aim::Run) {
            deployed.aim = Aim::Stopped;
        }
    }

    /// Notes what of `target` starts nothing: as the deployed one if it is that by meaning, else as what was checked.
    pub(crate) fn note_suspended(&mut self, target: &Target) {
        let Some(suspension) = &mut self.suspended else { return };
        match &mut self.deployed {
            Some(deployed) if is_same(&deployed.target, target) => {
                deployed.target = target.clone();
                suspension.checked = None;
            }
            Some(_) | None => suspension.checked = Some(Box::new(target.clone())),
        }
    }
}
