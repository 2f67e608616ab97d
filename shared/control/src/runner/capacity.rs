//! The slots that the operations of one batch may use: what is free, and what they give back to one another.
//! Must not know why a job needs or gives back its slots.
//!
//! A removal, or a restart with fewer slots, gives back slots that another operation may be short of. They count only
//! once that operation is at its end: a stop may fail, and a start may be rolled back. Until then, whoever needs them
//! waits before anything of its own job is touched, and without a turn, so that the one who gives never waits for the one
//! who takes. Once nothing is to be hoped for any more, what is short is said.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::documents::plan::{Plan, Previous};
use lifecycle::flink::{JobSeen, Look};
use lifecycle::ids::OperationId;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The slots of one batch.
pub(super) struct Capacity {
    account: Mutex<Account>,
    changed: Notify,
}

struct Account {
    /// Slots that nobody holds or has reserved; nothing where they come on demand.
    free: Option<u32>,
    /// Slots that some task holds: no run gives back more than that, whatever its launch says.
    held: u32,
    /// What operations that are not at their end will give back.
    hoped: HashMap<OperationId, u32>,
}

impl Capacity {
    /// As a look shows it before the batch begins.
    pub(super) fn of(look: Option<&Look>, plans: &[Plan]) -> Self {
        let slots = look.and_then(|look| look.slots);
        let free = slots.map(|slots| slots.free);
        let held = slots.map_or(0, |slots| slots.total.saturating_sub(slots.free));
        let hoped = look.into_iter().flat_map(|look| plans.iter().map(|plan| (plan.operation, given_back(plan, look))));
        Self { account: Mutex::new(Account { free, held, hoped: hoped.collect() }), changed: Notify::new() }
    }

    /// Sets slots aside for an operation, whose own stop gives `freed` back; says how many there are if that is not
    /// enough, and nothing more comes free within the limit.
    pub(super) async fn reserve(
        &self,
        operation: OperationId,
        needed: u32,
        freed: u32,
        limit: Duration,
    ) -> Result<(), u32> {
        let end = Instant::now() + limit;
        loop {
            let changed = self.changed.notified();
            let reserved = self.account().try_reserve(operation, needed, freed);
            match reserved {
                Reserved::Yes => return Ok(()),
                Reserved::No { offered } => return Err(offered),
                Reserved::Later { offered } => {
                    if timeout_at(end, changed).await.is_err() {
                        return Err(offered);
                    }
                }
            }
        }
    }

    /// Nothing is to be hoped of this operation for now: its stop hangs.
    pub(super) fn hangs(&self, operation: OperationId) {
        self.account().hoped.insert(operation, 0);
        self.changed.notify_waiters();
    }

    /// An operation is at its end; whether it gave back what was hoped of it.
    pub(super) fn ended(&self, operation: OperationId, gave_back: bool) {
        let mut account = self.account();
        let hoped = account.hoped.remove(&operation).unwrap_or(0);
        if gave_back {
            account.free = account.free.map(|free| free.saturating_add(hoped));
        }
        drop(account);
        self.changed.notify_waiters();
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Reserved {
    Yes,
    /// Others may give back enough.
    Later {
        offered: u32,
    },
    No {
        offered: u32,
    },
}

impl Account {
    fn try_reserve(&mut self, operation: OperationId, needed: u32, freed: u32) -> Reserved {
        let Some(free) = self.free else { return Reserved::Yes };
        let freed = freed.min(self.held);
        let offered = free.saturating_add(freed);
        if needed <= offered {
            self.held -= freed;
            self.free = Some(free - needed.saturating_sub(freed));
            self.hoped.insert(operation, freed.saturating_sub(needed));
            return Reserved::Yes;
        }
        let others = self.hoped.iter().filter(|(other, _)| **other != operation).map(|(_, slots)| *slots);
        let hoped = others.fold(0, u32::saturating_add);
        if needed <= offered.saturating_add(hoped) { Reserved::Later { offered } } else { Reserved::No { offered } }
    }
}

/// How many slots a plan gives back in the end, as far as its launches tell. A run that is not healthy may hold none.
fn given_back(plan: &Plan, look: &Look) -> u32 {
    let runs = plan.previous.iter().flat_map(|previous| &previous.runs);
    let holds = runs.filter_map(|run| look.job(run.job_id)).any(JobSeen::is_healthy);
    let held = plan.previous.as_ref().filter(|_| holds).map_or(0, Previous::slots);
    held.saturating_sub(plan.next.as_ref().filter(|_| !plan.suspends).map_or(0, |next| next.slots))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `TaskManager` is lost: the runs are there, and restart, but hold nothing that their end would give back.
    #[tokio::test]
    async fn a_run_without_slots_gives_none_back() {
        let account = Account { free: Some(0), held: 0, hoped: HashMap::new() };
        let capacity = Capacity { account: Mutex::new(account), changed: Notify::new() };
        let operation = OperationId::derived(&["o"]);
        assert_eq!(capacity.reserve(operation, 1, 1, Duration::from_secs(1)).await, Err(0));
        capacity.account().held = 1;
        assert_eq!(capacity.reserve(operation, 1, 1, Duration::from_secs(1)).await, Ok(()));
        assert_eq!(capacity.reserve(operation, 1, 1, Duration::from_secs(1)).await, Err(0), "nor twice");
    }
}
