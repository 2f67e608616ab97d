//! EMR's steps in memory: found only after a while, pending while others run, cancelled or hung where a scenario says so.
//! Must not know what a step does.

use std::collections::VecDeque;

use control::ports::{Order, Progress};
use lifecycle::documents::batch::Batch;
use lifecycle::documents::read;
use lifecycle::ids::BatchId;

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
    pub(crate) seen_from: i64,
    pub(crate) stage: Stage,
    /// How many operations its batch holds.
    pub(crate) operations: usize,
}

/// All steps, and the fates of the next ones.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane {
    pub(crate) steps: Vec<Step>,
    pub(crate) fates: VecDeque<Fate>,
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

    /// How many steps were sent that change anything.
    pub(crate) fn with_operations(&self) -> usize {
        self.steps.iter().filter(|step| step.operations > 0).count()
    }
}

impl State {
    pub(crate) fn send(&mut self, order: &Order) -> String {
        let fate = self.plane.fates.pop_front().unwrap_or(Fate::Good);
        let lag = match fate {
            Fate::Unseen(seconds) => i64::try_from(seconds).unwrap() * 1000,
            Fate::Good | Fate::Cancelled | Fate::Pending(_) | Fate::Hung(_) => 3_000,
        };
        let batch = self.bucket.get(&order.key).and_then(|stored| read::<Batch>(&stored.bytes).ok());
        let operations = batch.map_or(0, |batch| batch.items.len());
        let (at, seen_from) = (self.plane.steps.len(), self.now + lag);
        self.plane.steps.push(Step { batch: order.batch, seen_from, stage: Stage::Pending, operations });
        self.tell(Notice::StepSent(at, order.clone(), fate));
        format!("s-{at}")
    }
}
