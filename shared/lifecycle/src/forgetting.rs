//! When a name may be forgotten: nothing of it is uploaded, runs, is to be done or is left; and what stays of its record.
//! Must not know how any of that is looked up.

use desired::inputs::Desired;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::documents::observed::ObservedDocument;
use crate::documents::record::{Aim, Record, Source};
use crate::ids::{JobId, OperationId};
use crate::noted::{Order, WhoAndWhy};
use crate::owed::Owed;

/// That a name was forgotten: its record counts no more, and keeps its history and its highest version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Forgotten {
    pub by: String,
    /// Why, as whoever ordered it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
}

/// Why a name is not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    #[error("it is forgotten already")]
    Forgotten,
    #[error("a file of its name is uploaded")]
    Uploaded,
    #[error("it is deployed from another source")]
    OtherSource,
    #[error("operation {} is under way", .0.short())]
    Open(OperationId),
    #[error("{0}")]
    Owed(String),
    #[error("it is still noted as suspended")]
    Suspended,
    #[error("it is not removed yet")]
    NotRemoved,
    #[error("its deployed manifest is still there")]
    Deployed,
    #[error("the cluster was not looked at since its last operation")]
    NotLookedAt,
    #[error("the last look shows a live run of it: {0}")]
    Runs(JobId),
    #[error("state is left in {0}")]
    State(String),
    #[error("its state directory {0} cannot be listed from here")]
    StateUnknown(String),
}

impl Record {
    /// Why the name is not forgotten, by its record, what is uploaded and the last look; nothing if it may be, once no
    /// state of it is left.
    pub fn why_kept(&self, desired: &Desired, source: Source, observed: Option<&ObservedDocument>) -> Option<Kept> {
        if self.forgotten.is_some() {
            return Some(Kept::Forgotten);
        }
        match desired {
            Desired::Target(_) | Desired::Refused => return Some(Kept::Uploaded),
            Desired::Absent => {}
        }
        if self.source != source {
            return Some(Kept::OtherSource);
        }
        self.still_to_do().or_else(|| self.live_run(observed))
    }

    /// What is under way or still to be done.
    fn still_to_do(&self) -> Option<Kept> {
        if let Some(open) = &self.open {
            return Some(Kept::Open(open.plan.operation));
        }
        if let Some((purpose, debt)) = self.owed.debts().next() {
            return Some(Kept::Owed(format!("{}: {}", purpose.undone(debt.cause), debt.error)));
        }
        if let Some(ordered) = &self.ordered {
            return Some(Kept::Owed(ordered.told()));
        }
        if self.suspended.is_some() {
            return Some(Kept::Suspended);
        }
        let to_end = self.deployed.as_ref().is_some_and(|deployed| match deployed.aim {
            Aim::Run | Aim::Complete => true,
            Aim::Stopped => false,
        });
        to_end.then_some(Kept::NotRemoved)
    }

    /// That its runs ended was proven by the operation that settled it. A look after that shows whether anybody started
    /// another one, under an id of the job or under its name.
    fn live_run(&self, observed: Option<&ObservedDocument>) -> Option<Kept> {
        let settled = self.history.last().map(|entry| entry.at);
        let look = observed.map(|observed| &observed.look);
        let Some(look) = look.filter(|look| settled.is_none_or(|settled| settled < look.at)) else {
            return Some(Kept::NotLookedAt);
        };
        let is_its = |job: &&crate::flink::JobSeen| job.name == self.name.as_str() || self.knows_run(job.id);
        let live = look.jobs.iter().filter(|job| !job.state.is_terminal()).find(is_its);
        live.map(|job| Kept::Runs(job.id))
    }

    /// The record of a name that counts no more. What it leaves makes a file of this name a new job, for older programs
    /// as well: nothing is deployed, and the next version is one that was never given out.
    #[must_use]
    pub fn forget(mut self, who: &WhoAndWhy, now: Timestamp) -> Self {
        self.deployed = None;
        self.suspended = None;
        self.owed = Owed::default();
        self.orphans.clear();
        self.stops.clear();
        self.decision = None;
        self.allows.clear();
        self.ordered = None;
        self.remember_order(&Order::Forget, who, now);
        let noted = self.noted.last();
        self.forgotten = noted.map(|noted| Forgotten { by: noted.by.clone(), why: noted.why.clone(), at: now });
        self
    }

    /// A file of its name is there again, valid or not: it counts. Says whether it had been forgotten.
    pub(crate) fn recall(&mut self, desired: &Desired) -> bool {
        match desired {
            Desired::Target(_) | Desired::Refused => self.forgotten.take().is_some(),
            Desired::Absent => false,
        }
    }

    /// Whether nothing of what a forgotten name has left counts.
    pub(crate) fn is_forgotten_whole(&self) -> bool {
        self.deployed.is_none()
            && self.open.is_none()
            && self.ordered.is_none()
            && self.suspended.is_none()
            && self.owed.debts().next().is_none()
    }
}
