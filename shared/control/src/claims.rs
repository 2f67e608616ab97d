//! Claims in the store: taking, renewing, noting and closing, each by compare-and-swap, each recognised after a lost reply.
//! Must not know what an operation does.

use std::time::Duration;

use lifecycle::documents::claim::{Claim, FORMAT};
use lifecycle::ids::{Nonce, OperationId};
use lifecycle::keys::Keys;

use crate::documents::{fetch, swap};
use crate::ports::{Etag, Object, OutsideError, Precondition, Store, World};

/// A claim with the version it was read or written as.
#[derive(Clone, Debug)]
pub struct OwnClaim {
    pub claim: Claim,
    pub etag: Etag,
}

/// How an attempt to get or keep a claim ended.
#[derive(Clone, Debug)]
pub enum ClaimAnswer {
    /// It is ours.
    Ours(OwnClaim),
    /// A live runner has it.
    Live,
    /// It is closed.
    Closed(Claim),
}

/// The claims of one bucket as one runner or orchestrator sees them.
pub struct Claims<'a> {
    /// Where they lie.
    pub store: &'a dyn Store,
    pub keys: &'a Keys,
    /// Fresh nonces.
    pub world: &'a dyn World,
    /// How much longer than its lease a holder is left alone: longer than any request takes.
    pub margin: Duration,
}

impl Claims<'_> {
    /// The claim of an operation.
    pub async fn get(&self, operation: OperationId) -> Result<Option<(Claim, Object)>, OutsideError> {
        fetch(self.store, &self.keys.claim(operation)).await
    }

    /// Writes `claim` in the place of `before`, which is what `condition` expects.
    pub async fn write(
        &self,
        mut claim: Claim,
        before: Option<&Claim>,
        condition: Precondition,
    ) -> Result<Option<OwnClaim>, OutsideError> {
        // Renewals in between were written as well.
        claim.revision = before.map_or(claim.revision, |before| before.revision) + 1;
        claim.format = FORMAT;
        claim.nonce = self.world.fresh_id().into();
        let key = self.keys.claim(claim.operation);
        Ok(swap(self.store, &key, &claim, before, condition).await?.map(|etag| OwnClaim { claim, etag }))
    }

    /// Creates the claim, or takes it over from a holder whose lease and the margin have lapsed.
    pub async fn take(
        &self,
        operation: OperationId,
        holder: Nonce,
        lease: Duration,
    ) -> Result<ClaimAnswer, OutsideError> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let (before, claim, condition) = match self.get(operation).await? {
            None => (None, Claim::fresh(operation, holder, lease_ms), Precondition::Absent),
            Some((claim, _)) if claim.closed => return Ok(ClaimAnswer::Closed(claim)),
            Some((claim, object)) if claim.holder != holder && !self.lapsed(&claim, &object) => {
                return Ok(ClaimAnswer::Live);
            }
            Some((claim, object)) => {
                let taken = Claim { holder, lease_ms, saving: None, ..claim.clone() };
                (Some(claim), taken, Precondition::Unchanged(object.etag))
            }
        };
        Ok(self.write(claim, before.as_ref(), condition).await?.map_or(ClaimAnswer::Live, ClaimAnswer::Ours))
    }

    /// Closes the claim where there is none or its lease has lapsed: nobody takes over a closed one.
    pub async fn close(&self, operation: OperationId) -> Result<ClaimAnswer, OutsideError> {
        let nobody = self.world.fresh_id().into();
        let (before, claim, condition) = match self.get(operation).await? {
            None => (None, Claim::fresh(operation, nobody, 0), Precondition::Absent),
            Some((claim, _)) if claim.closed => return Ok(ClaimAnswer::Closed(claim)),
            Some((claim, object)) if !self.lapsed(&claim, &object) => return Ok(ClaimAnswer::Live),
            Some((claim, object)) => (Some(claim.clone()), claim, Precondition::Unchanged(object.etag)),
        };
        let closed = Claim { closed: true, ..claim };
        Ok(self
            .write(closed, before.as_ref(), condition)
            .await?
            .map_or(ClaimAnswer::Live, |held| ClaimAnswer::Closed(held.claim)))
    }

    fn lapsed(&self, claim: &Claim, object: &Object) -> bool {
        lapsed(claim.lease_ms, self.margin, object)
    }
}

/// Whether the lease that `object` was written with, and the margin after it, are over.
///
/// Both times are the store's: no clock of ours is compared with another's.
pub fn lapsed(lease_ms: u64, margin: Duration, object: &Object) -> bool {
    let age = object.now.duration_since(object.modified);
    // S3 tells whole seconds: one more keeps the comparison on the safe side.
    let grace = Duration::from_millis(lease_ms) + margin + Duration::from_secs(1);
    Duration::try_from(age).is_ok_and(|age| age > grace)
}
