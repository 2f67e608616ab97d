//! Who asks for an operation where no person does, and who asked first for what is still owed.
//! Must not know when something is tried again, nor a record.

use desired::digest::Digest;
use desired::printable::cut;
use desired::target::Target;
use serde::{Deserialize, Serialize};

use crate::owed::ApplyDebt;

/// Who asks for what an upload to `queries/` changes.
pub const UPLOAD: &str = "upload";
/// Who asks for what an upload to `config/` changes.
pub const CONFIGURATION_UPLOAD: &str = "configuration upload";
/// Who asks for what a redeploy finds due.
pub const SCHEDULE: &str = "schedule";
/// Who asks for what a sweep finds due.
pub const SWEEP: &str = "sweep";
/// Who asks for what a look at the cluster calls for.
pub const LOST_RUN: &str = "lost run";
/// Who asks for what the end of a step or command calls for.
pub const STEP_ENDED: &str = "step ended";
/// How many characters of a name or a reason are kept.
const SAID: usize = 500;

/// Who asked for the target that is owed, and why: those who try it again have no reason of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AskedBy {
    /// Of that target.
    pub target: Digest,
    pub by: String,
    pub why: String,
}

impl AskedBy {
    pub fn new(target: &Target, by: &str, why: &str) -> Self {
        let short = |text: &str| cut(text, SAID);
        Self { target: target.digest(), by: short(by), why: short(why) }
    }

    /// Whether it is about this debt, and not about an earlier one.
    pub fn is_of(&self, debt: &ApplyDebt) -> bool {
        self.target == debt.digest
    }
}

/// Whether an event asks, and no person.
pub fn is_event(by: &str) -> bool {
    [UPLOAD, CONFIGURATION_UPLOAD, SCHEDULE, SWEEP, LOST_RUN, STEP_ENDED].contains(&by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_no_event() {
        for by in ["anna", "arn:aws:iam::1:user/bob", "upload by anna (not verified)", "retry"] {
            assert!(!is_event(by), "{by}");
        }
        assert!(is_event("sweep") && is_event("upload"));
    }
}
