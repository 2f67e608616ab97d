//! The session's document: who starts one, the restart under way, the last one.
//! Must not know how it is stored, nor YARN.

mod restart;

pub use restart::{JobInRestart, LiveJob, Restart, RestartPhase, SessionJob, Step, Stranger};
use serde::{Deserialize, Serialize};

use crate::documents::{Document, Invariants, Rest, first_broken};
use crate::ids::{Nonce, OperationId};

/// The format of this document that this version writes.
pub const FORMAT: u32 = 1;

/// The claim to start a session: one at a time starts one, all others look.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Starting {
    /// Who holds it.
    pub holder: Nonce,
    /// How long the holder may act after a write, in milliseconds.
    pub lease_ms: u64,
    /// The tag that the application carries.
    pub tag: String,
}

/// The one mutable document about the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionDocument {
    /// The format of this document.
    pub format: u32,
    /// Rises with every write.
    pub revision: u64,
    /// Of the last write.
    pub nonce: Nonce,
    /// Who starts a session.
    pub starting: Option<Starting>,
    /// The restart under way.
    pub restart: Option<Restart>,
    /// The last one that came to its end.
    pub last: Option<Restart>,
    /// What a newer version noted beside all this.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Document for SessionDocument {
    const FORMAT: u32 = FORMAT;
}

impl Invariants for SessionDocument {
    fn broken(&self, before: Option<&Self>) -> Option<&'static str> {
        let ids = before.and_then(|before| before.restart.as_ref()).zip(self.restart.as_ref());
        first_broken(&[
            (before.is_none_or(|before| before.revision < self.revision), "the revision rises with every write"),
            (ids.is_none_or(|(before, now)| before.id == now.id), "a restart under way is not replaced by another"),
        ])
    }
}

impl SessionDocument {
    /// The first document.
    pub fn fresh(nonce: Nonce) -> Self {
        Self { format: FORMAT, revision: 0, nonce, starting: None, restart: None, last: None, rest: Rest::default() }
    }

    /// Gives the claim to `holder` under a fresh `claim` id, unless another holds it and its time has not `lapsed`.
    #[must_use]
    pub fn take(&mut self, holder: Nonce, claim: OperationId, lease_ms: u64, lapsed: bool) -> bool {
        let taken = self.starting.as_ref().is_some_and(|starting| starting.holder != holder);
        if taken && !lapsed {
            return false;
        }
        self.starting = Some(Starting { holder, lease_ms, tag: tag(claim) });
        true
    }

    /// Whether `holder` has the claim.
    pub fn is_held_by(&self, holder: Nonce) -> bool {
        self.starting.as_ref().is_some_and(|starting| starting.holder == holder)
    }

    /// Gives the claim back; false if `holder` does not have it.
    #[must_use]
    pub fn give_back(&mut self, holder: Nonce) -> bool {
        let held = self.is_held_by(holder);
        if held {
            self.starting = None;
        }
        held
    }

    /// The restart with this id, if it is the one under way.
    pub fn restart_mut(&mut self, id: OperationId) -> Option<&mut Restart> {
        self.restart.as_mut().filter(|restart| restart.id == id)
    }

    /// Puts the restart under way where the last one is; false if it is not there any more.
    #[must_use]
    pub fn end_restart(&mut self, id: OperationId) -> bool {
        let ends = self.restart.as_ref().is_some_and(|restart| restart.id == id);
        if ends {
            self.last = self.restart.take();
        }
        ends
    }
}

/// The tag of the application that a claim starts.
fn tag(claim: OperationId) -> String {
    format!("flink-sql-runner-{claim}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Hex32;

    fn id<T: From<Hex32>>(name: &str) -> T {
        Hex32::derived(&[name]).into()
    }

    #[test]
    fn one_at_a_time_holds_the_claim() {
        let mut document = SessionDocument::fresh(id("n"));
        assert!(document.take(id("a"), id("1"), 60_000, false));
        let tag = document.starting.clone().map(|starting| starting.tag);
        assert_eq!(tag, Some(format!("flink-sql-runner-{}", id::<OperationId>("1"))));
        assert!(!document.take(id("b"), id("2"), 60_000, false));
        assert!(!document.give_back(id("b")));
        // Its holder takes it again with another tag: an application it started before is told apart.
        assert!(document.take(id("a"), id("3"), 60_000, false));
        assert!(document.take(id("b"), id("4"), 60_000, true), "after its time anybody may");
        assert!(!document.is_held_by(id("a")));
        assert!(document.give_back(id("b")) && document.starting.is_none());
    }
}
