//! One state of the whole system: the documents, the dispatched batches, the cluster, and who is at work.
//! Must not know which step comes next.

use std::collections::BTreeMap;

use lifecycle::act::OrderedAct;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Record;
use lifecycle::documents::result::OperationResult;
use lifecycle::ids::{BatchId, Hex32, Nonce, OperationId};
use lifecycle::orchestrate::Lost;

use super::flink::Flink;
use super::kept::{Kept, print};
use super::pass::Pass;
use super::rules::Broken;
use super::runner::Runner;

/// How many orchestrators, and how many runners, are at work at one time.
pub(crate) const AT_WORK: usize = 2;

/// A claim in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimSlot {
    pub(crate) claim: Kept<Claim>,
    /// How many runners have taken it: names the next holder.
    pub(crate) takes: u8,
    /// Its lease and the margin are over: others may take or close it.
    pub(crate) lapsed: bool,
}

/// What may still go wrong, so that the state space is finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Processes that die, and replies that get lost.
    pub(crate) crashes: u8,
    /// Leases that lapse although the holder lives.
    pub(crate) pauses: u8,
    /// Batches that are delivered once more.
    pub(crate) duplicates: u8,
    /// Events that say nothing new.
    pub(crate) spurious: u8,
    /// Checkpoints that live runs make.
    pub(crate) checkpoints: u8,
    /// Runs that fail or fall sick.
    pub(crate) failures: u8,
    /// Ended runs that the JobManager forgets.
    pub(crate) forgets: u8,
    /// Sessions that end; another comes later.
    pub(crate) sessions: u8,
    /// Times when no slot is free.
    pub(crate) shortages: u8,
    /// Times when somebody deletes the states.
    pub(crate) deletions: u8,
    /// What operators allow.
    pub(crate) allows: u8,
    /// Times when all that waits to be tried again is due.
    pub(crate) retries: u8,
    /// Times when a person orders the scenario's act: the same order each time.
    pub(crate) orders: u8,
}

/// One state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) record: Option<Kept<Record>>,
    pub(crate) claims: BTreeMap<OperationId, ClaimSlot>,
    pub(crate) results: BTreeMap<OperationId, Kept<OperationResult>>,
    /// Every batch that was sent; one operation each, as there is one job.
    pub(crate) sent: BTreeMap<BatchId, Kept<Plan>>,
    /// Batches on their way to the node.
    pub(crate) on_the_way: Vec<BatchId>,
    pub(crate) flink: Flink,
    /// How far the script of uploads is.
    pub(crate) uploads: usize,
    /// The last `cluster/observed.json`, if it misses the run.
    pub(crate) lost: Option<Lost>,
    /// What a person orders, once it was asked for.
    pub(crate) asked: Option<Kept<OrderedAct>>,
    pub(crate) passes: [Option<Pass>; AT_WORK],
    pub(crate) runners: [Option<Runner>; AT_WORK],
    pub(crate) budget: Budget,
    pub(crate) broken: Option<Broken>,
}

impl World {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            record: None,
            claims: BTreeMap::new(),
            results: BTreeMap::new(),
            sent: BTreeMap::new(),
            on_the_way: Vec::new(),
            flink: Flink::default(),
            uploads: 0,
            lost: None,
            asked: None,
            passes: [None, None],
            runners: [None, None],
            budget,
            broken: None,
        }
    }

    /// The first broken guarantee counts.
    pub(crate) fn note(&mut self, broken: Option<Broken>) {
        if self.broken.is_none() {
            self.broken = broken;
        }
    }

    /// The live runner that holds the claim of an operation.
    pub(crate) fn has_live_holder(&self, operation: OperationId) -> bool {
        let Some(slot) = self.claims.get(&operation) else { return false };
        let holder = slot.claim.holder;
        self.runners.iter().flatten().any(|r| r.plan.operation == operation && r.holder() == Some(holder))
    }

    /// Whether a batch waits or is being carried out, as the control plane sees it.
    pub(crate) fn is_under_way(&self, batch: BatchId) -> bool {
        self.on_the_way.contains(&batch) || self.runners.iter().flatten().any(|r| r.batch == batch)
    }

    /// Whether an orchestrator is about to send a batch.
    pub(crate) fn is_being_sent(&self) -> bool {
        self.passes.iter().flatten().any(Pass::is_about_to_send)
    }

    /// Who is who among those at work does not matter: one order stands for all.
    pub(crate) fn sort(&mut self) {
        self.passes.sort_by_cached_key(|pass| pass.as_ref().map_or(u64::MAX, print));
        self.runners.sort_by_cached_key(|runner| runner.as_ref().map_or(u64::MAX, print));
    }

    /// Nobody is at work.
    pub(crate) fn is_quiet(&self) -> bool {
        self.passes.iter().all(Option::is_none) && self.runners.iter().all(Option::is_none)
    }
}

/// The id of the `n`th operation or batch: readable, and distinct in its first digits as Flink's savepoints need.
pub(crate) fn id(tag: u8, n: u8) -> Hex32 {
    let mut bytes = [0; 16];
    bytes[0] = tag;
    bytes[2] = n;
    bytes[14] = tag;
    bytes[15] = n;
    Hex32::from_bytes(bytes)
}

/// The name of the `n`th runner that takes an operation.
pub(crate) fn holder(operation: OperationId, n: u8) -> Nonce {
    Hex32::derived(&["holder", &operation.to_string(), &n.to_string()]).into()
}
