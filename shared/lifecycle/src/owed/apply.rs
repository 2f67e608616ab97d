//! A target that was not applied, and which other target is the same one for its tries.
//! Must not know when anything is tried again.

use desired::digest::Digest;
use desired::target::Target;
use serde::{Deserialize, Serialize};

use super::{Cause, Debt};
use crate::change::{Change, ChangeKind};

/// A target that was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApplyDebt {
    pub digest: Digest,
    /// The target, in full where the record had it.
    pub target: Option<Box<Target>>,
    /// Why, and when it is tried again.
    #[serde(flatten)]
    pub debt: Debt,
}

impl ApplyDebt {
    /// Whether it is about `target` by meaning: another description is no other target, nor is another configuration of
    /// what may be complete, as only a changed query starts that again.
    pub fn is_about(&self, target: &Target) -> bool {
        self.digest == target.digest()
            || self.target.as_deref().filter(|known| !self.ends_otherwise(known, target)).is_some_and(|known| {
                match Change::between(known, target).kind {
                    ChangeKind::Unchanged => true,
                    ChangeKind::Configuration => self.debt.cause == Cause::MayBeComplete,
                    ChangeKind::New | ChangeKind::Query | ChangeKind::Removed => false,
                }
            })
    }

    /// Whether the job is to be operated so that the tries before tell nothing of the next one. A wish about savepoints
    /// that fail changes nothing for a target that is itself the cause: each try of that may cost a healthy job a stop.
    fn ends_otherwise(&self, known: &Target, target: &Target) -> bool {
        let (was, is) = (&known.manifest.operating, &target.manifest.operating);
        let watched = self.debt.cause != Cause::MayBeComplete && was.stability_window != is.stability_window;
        let stopped = self.debt.cause.is_environment() && was.on_savepoint_failure != is.on_savepoint_failure;
        was.state != is.state || watched || stopped
    }
}
