//! The claim that a pass works under: taken, noted in, and renewed before anything is done and while it goes on.
//! Must not know what the work is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifecycle::documents::claim::{Claim, Saving};
use lifecycle::ids::{Nonce, OperationId};
use tokio::time::Instant;

use super::lease::Lease;
use crate::claims::{ClaimAnswer, Claims, OwnClaim};
use crate::ports::{OutsideError, Precondition};

/// How often in a row a renewal may take longer than the lease that it gives.
const RENEWALS: u32 = 3;

/// A claim, held or not, and the lease under which its holder works.
pub struct Holding<'a> {
    claims: Claims<'a>,
    length: Duration,
    held: Option<OwnClaim>,
    lease: Lease,
    /// What a renewal tells of the work, for people.
    saving: Arc<Mutex<Option<Saving>>>,
}

impl<'a> Holding<'a> {
    /// What is held may have been written long ago: it is renewed before anything is done under it.
    pub fn new(claims: Claims<'a>, length: Duration, held: Option<OwnClaim>) -> Self {
        Self { claims, length, held, lease: Lease::none(length), saving: Arc::default() }
    }

    /// Where the work notes how far its savepoint is: renewals write it down.
    pub fn saving(&self) -> Arc<Mutex<Option<Saving>>> {
        Arc::clone(&self.saving)
    }

    /// The claim as it was last written.
    pub fn claim(&self) -> Option<&Claim> {
        self.held.as_ref().map(|held| &held.claim)
    }

    /// What is held, to go on with later.
    pub fn into_held(self) -> Option<OwnClaim> {
        self.held
    }

    /// One try to get the claim.
    pub async fn take(&mut self, operation: OperationId, holder: Nonce) -> Result<ClaimAnswer, OutsideError> {
        let began = Instant::now();
        let answer = self.claims.take(operation, holder, self.length).await?;
        if let ClaimAnswer::Ours(held) = &answer {
            self.lease.renewed(began);
            self.held = Some(held.clone());
        }
        Ok(answer)
    }

    /// Writes the claim, which renews the lease; nothing if it is not ours any more.
    pub async fn save(&mut self, claim: Claim) -> Result<Option<Claim>, OutsideError> {
        let Some(held) = &self.held else { return Ok(None) };
        let began = Instant::now();
        let written = self.claims.write(claim, Some(&held.claim), Precondition::Unchanged(held.etag.clone())).await?;
        let Some(held) = written else { return Ok(None) };
        self.lease.renewed(began);
        let claim = held.claim.clone();
        self.held = Some(held);
        Ok(Some(claim))
    }

    /// Renews the lease by a write that changes nothing else but what is told to people; false if the claim is not ours any more.
    async fn renew(&mut self) -> Result<bool, OutsideError> {
        for _ in 0..RENEWALS {
            let Some(mut claim) = self.claim().cloned() else { return Ok(false) };
            claim.saving = *self.saving.lock().unwrap_or_else(PoisonError::into_inner);
            if self.save(claim).await?.is_none() {
                return Ok(false);
            }
            if self.lease.holds() {
                return Ok(true);
            }
        }
        Err(OutsideError::unknown("renew the claim", "each time the store took longer than the lease"))
    }

    /// What comes of the work; nothing if the claim was lost before. No step of it is taken while the lease is due: what
    /// it sends, it sends under a claim that was written a short while ago.
    pub async fn while_renewing<T>(
        &mut self,
        work: impl Future<Output = Result<T, OutsideError>>,
    ) -> Result<Option<T>, OutsideError> {
        let mut work = std::pin::pin!(work);
        loop {
            if self.lease.is_due() && !self.renew().await? {
                return Ok(None);
            }
            if let Some(done) = self.lease.until_due(work.as_mut()).await {
                return done.map(Some);
            }
        }
    }
}
