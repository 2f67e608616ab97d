//! EMR's steps in memory: found only after a while, pending while others run, cancelled or hung where a scenario says so.
//! Must not know what a step does.

use std::collections::{BTreeMap, VecDeque};

use control::ports::{BatchOrder, Progress};
use lifecycle::documents::batch::Batch;
use lifecycle::documents::read;
use lifecycle::ids::{BatchId, OperationId};

use crate::faults::Actor;
use crate::sim::{Notice, State};

/// How many steps run at one time.
pub(crate) const CONCURRENCY: usize = 4;

/// What becomes of a step before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It starts soon.
    Good,
    /// It is cancelled.
    Cancelled,
    /// It waits for so many seconds.
    Pending(u64),
    /// It runs and never begins, for so many seconds; then it fails.
    Hung(u64),
    /// Lists do not show it for so many seconds; it starts as late.
    Unseen(u64),
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Running,
    Ended,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) batch: BatchId,
    pub(crate) sent: i64,
    pub(crate) seen_from: i64,
    pub(crate) stage: Stage,
    /// The operations that its batch holds.
    pub(crate) operations: Vec<OperationId>,
}

/// All steps, and the fates of the next ones.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane {
    pub(crate) steps: Vec<Step>,
    pub(crate) fates: VecDeque<Fate>,
    /// When a record said first that an operation goes out in a batch.
    noted: BTreeMap<(OperationId, BatchId), i64>,
}

impl ControlPlane {
    pub(crate) fn find(&self, batch: BatchId, now: i64) -> Progress {
        let found = self.steps.iter().rposition(|step| step.batch == batch && step.seen_from <= now);
        let Some(at) = found else { return Progress::NotFound };
        let id = format!("s-{at}");
        match self.steps[at].stage {
            Stage::Pending => Progress::Pending(id),
            Stage::Running => Progress::Running(id),
            Stage::Ended => Progress::Ended(id),
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.steps.iter().filter(|step| step.stage == Stage::Running).count()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.steps.iter().all(|step| step.stage == Stage::Ended)
    }

    /// A record says that an operation goes out in a batch.
    pub(crate) fn note(&mut self, operation: OperationId, batch: BatchId, now: i64) {
        self.noted.entry((operation, batch)).or_insert(now);
    }

    /// Every batch with one of these operations that was sent before a record said that it goes out in batch `id`.
    fn before(&self, id: BatchId, operations: &[OperationId]) -> Vec<BatchId> {
        let is_older = |step: &Step, operation: &OperationId| {
            step.operations.contains(operation) && self.noted.get(&(*operation, id)).is_none_or(|at| step.sent < *at)
        };
        let holds = |step: &&Step| operations.iter().any(|operation| is_older(step, operation));
        self.steps.iter().filter(holds).map(|step| step.batch).collect()
    }

    /// How many steps were sent that change anything.
    pub(crate) fn with_operations(&self) -> usize {
        self.steps.iter().filter(|step| !step.operations.is_empty()).count()
    }
}

impl State {
    /// A batch is sent once, and an operation once more only by whoever looked for each batch that it was sent in before.
    /// Of one that was sent after that was noted nobody who is late can know: there the claim decides.
    pub(crate) fn judge_sending(&mut self, actor: &Actor, order: &BatchOrder) {
        let operations = self.operations_of(order);
        if self.plane.steps.iter().any(|step| step.batch == order.batch) {
            self.broken(&format!("batch {} was sent twice", order.batch));
        }
        for batch in self.plane.before(order.batch, &operations) {
            if !self.has_looked_for(actor, batch) {
                self.broken(&format!("batch {} was sent without a look for batch {batch}", order.batch));
            }
        }
    }

    fn operations_of(&self, order: &BatchOrder) -> Vec<OperationId> {
        let batch = self.bucket.get(&order.key).and_then(|stored| read::<Batch>(&stored.bytes).ok());
        batch.map(|batch| batch.items.iter().map(|item| item.operation).collect()).unwrap_or_default()
    }

    pub(crate) fn send(&mut self, order: &BatchOrder) -> String {
        let fate = self.plane.fates.pop_front().unwrap_or(Fate::Good);
        let lag = match fate {
            Fate::Unseen(seconds) => i64::try_from(seconds).unwrap() * 1000,
            Fate::Good | Fate::Cancelled | Fate::Pending(_) | Fate::Hung(_) => 3_000,
        };
        let operations = self.operations_of(order);
        let (at, seen_from) = (self.plane.steps.len(), self.now + lag);
        self.plane.steps.push(Step {
            batch: order.batch,
            sent: self.now,
            seen_from,
            stage: Stage::Pending,
            operations,
        });
        self.tell(Notice::StepSent(at, order.clone(), fate));
        format!("s-{at}")
    }
}
