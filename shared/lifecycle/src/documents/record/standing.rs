//! How a job stands, for people, and who answers for it: read off its record.
//! Must not know how it came to stand so, nor how it is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Aim, Record};
use crate::owed::Cause;

/// How a job stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It runs.
    Running,
    /// It should run, but no run of it is live.
    NotRunning,
    /// It should run; an operation ended without a result, and the next look tells.
    Unknown,
    /// It was removed: stopped, its state kept.
    Stopped,
    /// Its file says that it is not to run: what is uploaded was checked, its state is kept.
    Suspended,
    /// It was bounded and is done.
    Complete,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::NotRunning => "not running",
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Complete => "complete",
        })
    }
}

impl Record {
    /// How what is deployed stands, as far as was settled; nothing if nothing is.
    pub fn status(&self) -> Option<Status> {
        if self.suspended.is_some() {
            return Some(Status::Suspended);
        }
        let deployed = self.deployed.as_ref()?;
        let restarting = self.open.as_ref().is_some_and(|open| open.plan.brings_back());
        Some(match (deployed.aim, self.owed.keep_running.as_ref().map(|debt| debt.cause)) {
            (Aim::Stopped, _) => Status::Stopped,
            (Aim::Complete, _) => Status::Complete,
            (Aim::Run, Some(Cause::NoResult)) => Status::Unknown,
            (Aim::Run, Some(cause)) if cause.is_down() => Status::NotRunning,
            (Aim::Run, Some(_) | None) if restarting => Status::NotRunning,
            (Aim::Run, Some(_) | None) => Status::Running,
        })
    }

    /// Whether what is deployed should run and is known not to: it is owed, or being brought back.
    pub fn is_down(&self) -> bool {
        self.status() == Some(Status::NotRunning)
    }

    /// Who answers for the job, as the target says that is not applied yet, else the deployed one.
    pub fn owner(&self) -> Option<&str> {
        let waits = self.owed.apply.as_ref().and_then(|apply| apply.target.as_deref());
        let checked = self.suspended.as_ref().and_then(|suspension| suspension.checked.as_deref());
        let target = waits.or(checked).or(self.deployed.as_ref().map(|deployed| &deployed.target))?;
        target.manifest.operating.owner.as_deref()
    }
}
