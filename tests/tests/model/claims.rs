//! Claims of the model: taken, written, renewed and closed by the product's own code, over a store of one document.
//! Must not know which of them may be taken: it only looks at what was done.

use control::claims::{ClaimAnswer, Claims, OwnClaim};
use control::ports::{Etag, OutsideError};
use control::runner::holding::Holding;
use lifecycle::documents::claim::Claim;
use lifecycle::execute::Input;
use lifecycle::ids::{Nonce, OperationId};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::Input as OrchestratorInput;

use super::kept::Kept;
use super::ports::{LEASE, MARGIN, Shelf, Still, carried_out, past};
use super::rules::{self, Broken};
use super::runner::Runner;
use super::world::{ClaimSlot, World, holder};

/// Only its holder writes a claim, one write after the other, until another takes or closes it.
fn version(claim: &Claim) -> Etag {
    Etag(format!("{} {}", claim.holder, claim.closed))
}

/// How often it was written says nothing to anybody.
fn counted_once(claim: Claim) -> Claim {
    Claim { revision: 0, nonce: past().into(), ..claim }
}

fn held(claim: &Claim) -> OwnClaim {
    OwnClaim { claim: claim.clone(), etag: version(claim) }
}

impl World {
    /// Lets product code at the claim of an operation in the name of `by`, and looks at what it did.
    fn at_claim<T>(
        &mut self,
        operation: OperationId,
        by: Option<Nonce>,
        work: impl AsyncFnOnce(Claims<'_>) -> Result<T, OutsideError>,
    ) -> Option<T> {
        let before = self.claims.get(&operation).cloned();
        let lapsed = before.as_ref().is_some_and(|slot| slot.lapsed);
        let store = Shelf::new(before.as_ref().map(|slot| slot.claim.clone()), version, lapsed);
        let keys = Keys::new("model");
        let answer = carried_out(work(Claims { store: &store, keys: &keys, world: &Still, margin: MARGIN }));
        if let Some(after) = store.written() {
            let is_taken = before.as_ref().is_none_or(|slot| slot.claim.holder != after.holder);
            self.note(before.as_ref().and_then(|slot| rules::claiming(slot, by, &after)));
            let times = before.map_or(0, |slot| slot.takes) + u8::from(is_taken && by.is_some());
            let claim = Kept::new(counted_once(after));
            self.claims.insert(operation, ClaimSlot { claim, takes: times, lapsed: by.is_none() });
        }
        // Nothing but a lost reply goes wrong here.
        self.note(answer.is_err().then_some(Broken::OwnWriteNotKnown));
        answer.ok()
    }

    /// One try of a runner to get the claim; nothing if it waits for another's lease to end.
    pub(crate) fn take_claim(&mut self, runner: &mut Runner) -> Option<Input> {
        let operation = runner.plan.operation;
        let name = holder(operation, self.claims.get(&operation).map_or(0, |slot| slot.takes));
        let answer = self.at_claim(operation, Some(name), async |claims| {
            Holding::new(claims, LEASE, None).take(operation, name).await
        });
        match answer {
            Some(ClaimAnswer::Ours(held)) => {
                let claim = counted_once(held.claim);
                runner.held = Some(Kept::new(claim.clone()));
                Some(Input::Claimed(claim))
            }
            Some(ClaimAnswer::Closed(_)) => Some(Input::NotOurs),
            Some(ClaimAnswer::Live) => None,
            None => Some(Input::Unknown),
        }
    }

    pub(crate) fn save_claim(&mut self, runner: &mut Runner, claim: Claim) -> Input {
        let saved = self.holding(runner, async |holding| holding.save(claim).await);
        saved.map_or(Input::NotOurs, |claim| Input::Saved(counted_once(claim)))
    }

    /// Whether a runner may act now: it has done nothing for a while, and its claim may be another's.
    pub(crate) fn may_act(&mut self, runner: &mut Runner) -> bool {
        let acts = self.holding(runner, async |holding| holding.while_renewing(async { Ok(()) }).await).is_some();
        let slot = self.claims.get(&runner.plan.operation);
        let broken = slot.filter(|_| acts).and_then(|slot| rules::acting(&slot.claim, runner.holder()));
        self.note(broken);
        acts
    }

    fn holding<T>(
        &mut self,
        runner: &mut Runner,
        work: impl AsyncFnOnce(&mut Holding<'_>) -> Result<Option<T>, OutsideError>,
    ) -> Option<T> {
        let before = runner.held.as_ref().map(|claim| held(claim));
        let (operation, by) = (runner.plan.operation, runner.holder());
        let (done, after) = self.at_claim(operation, by, async |claims| {
            let mut holding = Holding::new(claims, LEASE, before);
            let done = work(&mut holding).await?;
            Ok((done, holding.into_held()))
        })?;
        runner.held = after.map(|held| Kept::new(counted_once(held.claim)));
        done
    }

    pub(crate) fn close_claim(&mut self, operation: OperationId) -> OrchestratorInput {
        match self.at_claim(operation, None, async |claims| claims.close(operation).await) {
            Some(ClaimAnswer::Closed(claim)) => {
                let claim = Some(counted_once(claim)).filter(|claim| claim.lease_ms > 0);
                OrchestratorInput::Closed(claim.map(Box::new))
            }
            Some(ClaimAnswer::Live | ClaimAnswer::Ours(_)) | None => OrchestratorInput::Held,
        }
    }
}
