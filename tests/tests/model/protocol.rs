//! Everything that can happen next, as stateright explores it: steps of the machines, and what the world does to them.
//! Must not know what a step does.

use jiff::Timestamp;
use lifecycle::documents::record::Record;
use lifecycle::execute::Effect;
use lifecycle::ids::{BatchId, JobId, OperationId};
use lifecycle::orchestrate::{Lost, Ruling, decide};
use lifecycle::permission::{Permission, waits_for};
use stateright::{Model, Property};

use super::drain::{converges, deployed, every_pause_ends};
use super::flink::Shape;
use super::kept::Kept;
use super::pass::situation;
use super::ports::past;
use super::runner::Twist;
use super::scenario::Scenario;
use super::world::{Budget, World};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// People change what is desired.
    Upload,
    /// An event starts an orchestrator.
    Event { slot: usize, sweep: bool, lost: Option<Lost>, spurious: bool },
    /// An orchestrator carries out its next effect.
    Orchestrate(usize),
    /// An orchestrator dies.
    OrchestratorDies(usize),
    /// The node gets a batch.
    Deliver { slot: usize, batch: BatchId },
    /// The control plane has a batch twice.
    Duplicate(BatchId),
    /// A runner carries out its next effect.
    Run(usize, Twist),
    /// A runner dies.
    RunnerDies(usize),
    /// The lease of a claim and the margin are over.
    Lapse(OperationId),
    /// A live run completes a checkpoint.
    Checkpoint(JobId),
    /// A live run fails for good, or restarts and restarts.
    Worsen(JobId, Shape),
    /// A stop that was asked for is done.
    StopIsDone(JobId),
    /// The JobManager forgets an ended run.
    Forget(JobId),
    /// The node's look misses the run that should be live.
    Miss,
    /// A bounded run has read all there is.
    Complete(JobId),
    /// The session ends.
    SessionEnds,
    /// There is a session again.
    SessionComes,
    /// What lived in the session before is proven over.
    OldIsOver,
    /// No slot is free any more.
    SlotsGo,
    /// Slots are free again.
    SlotsCome,
    /// Somebody deletes the states.
    StatesGo,
    /// An operator allows it.
    Allow(Permission),
    /// What waits to be tried again is due.
    PausesEnd,
    /// A person asks for what is ordered, perhaps not for the first time.
    Order(usize),
}

/// The protocol under one scenario.
pub(crate) struct Protocol(pub(crate) Scenario);

/// A free slot, where so many may be at work.
fn free<T>(slots: &[Option<T>], at_work: usize) -> Option<usize> {
    slots.iter().take(at_work.max(1)).position(Option::is_none)
}

impl Protocol {
    /// Events that have something to tell: an upload, a result, a step that is over, a run that is missing.
    fn events(&self, world: &World, actions: &mut Vec<Action>) {
        let Some(slot) = free(&world.passes, self.0.orchestrators) else { return };
        let event = |sweep, lost| Action::Event { slot, sweep, lost, spurious: false };
        let open = world.record.as_ref().and_then(|record| record.open.as_ref());
        match (&world.record, open) {
            (_, Some(open)) if world.results.contains_key(&open.plan.operation) => actions.push(event(false, None)),
            // A sweep that overtakes a dispatch is one of the spurious ones: without a bound it could do so for ever.
            (_, Some(open)) if !world.is_under_way(open.batch) && !world.is_being_sent() => {
                actions.push(event(true, None));
            }
            (_, Some(_)) => {}
            (record, None) => {
                let situation = situation(world, &self.0, false, None);
                let fresh = Record::fresh(self.0.name.clone(), situation.nonce, situation.source);
                let record = record.as_ref().map_or(&fresh, |r| &**r);
                let judged = record.decision.as_ref().map_or_else(Vec::new, |d| d.etags.clone());
                let ruling = decide(record, &self.0.desired(world.uploads), &situation);
                if judged != situation.etags || matches!(ruling, Ruling::Operate(_)) {
                    actions.push(event(false, None));
                }
                if world.lost.is_some_and(|lost| lost.revision == record.revision) {
                    actions.push(event(false, world.lost));
                }
            }
        }
        if world.budget.orders > 0 && self.0.wanted.is_some() {
            actions.push(Action::Order(slot));
        }
        if world.budget.spurious > 0 {
            actions.push(Action::Event { slot, sweep: true, lost: None, spurious: true });
        }
    }

    fn runners(&self, world: &World, actions: &mut Vec<Action>) {
        if let Some(slot) = free(&world.runners, self.0.runners) {
            let mut batches = world.on_the_way.clone();
            batches.dedup();
            actions.extend(batches.into_iter().map(|batch| Action::Deliver { slot, batch }));
        }
        if world.budget.duplicates > 0 {
            actions.extend(world.sent.keys().map(|batch| Action::Duplicate(*batch)));
        }
        for (slot, runner) in world.runners.iter().enumerate() {
            let Some(runner) = runner else { continue };
            actions.push(Action::Run(slot, Twist::Plain));
            if world.waits_for_claim(runner) {
                continue;
            }
            let mut twist = |twist| actions.push(Action::Run(slot, twist));
            match &*runner.effect {
                Effect::Stop { run, .. } => {
                    if !world.flink.is_live(*run) {
                        twist(Twist::TriggerForgotten);
                    } else if world.budget.crashes > 0 {
                        twist(Twist::ReplyLost);
                        twist(Twist::OnlyAsked);
                    }
                }
                Effect::Submit { .. } | Effect::Savepoint { .. } if world.budget.crashes > 0 => twist(Twist::ReplyLost),
                _ => {}
            }
            if world.budget.crashes > 0 {
                actions.push(Action::RunnerDies(slot));
            }
        }
        for (operation, slot) in world.claims.iter().filter(|(_, slot)| !slot.claim.closed && !slot.lapsed) {
            debug_assert_eq!(slot.claim.operation, *operation);
            if world.budget.pauses > 0 || !world.has_live_holder(*operation) {
                actions.push(Action::Lapse(*operation));
            }
        }
    }

    fn environment(world: &World, actions: &mut Vec<Action>) {
        let (flink, budget) = (&world.flink, &world.budget);
        let mut may = |possible: bool, action| actions.extend(possible.then_some(action));
        may(flink.away, Action::SessionComes);
        may(!flink.away && flink.elsewhere.is_empty() && budget.sessions > 0, Action::SessionEnds);
        may(!flink.elsewhere.is_empty(), Action::OldIsOver);
        may(flink.full, Action::SlotsCome);
        may(!flink.full && budget.shortages > 0, Action::SlotsGo);
        may(!flink.disk.is_empty() && budget.deletions > 0, Action::StatesGo);
        let Some(record) = &world.record else { return };
        for permission in [Permission::CleanStart, Permission::Remove] {
            let waits = waits_for(permission, None, record).is_some() && !record.allows(permission);
            may(waits && budget.allows > 0, Action::Allow(permission));
        }
        may(budget.retries > 0 && every_pause_ends(&mut world.clone()), Action::PausesEnd);
    }

    fn cluster(&self, world: &World, actions: &mut Vec<Action>) {
        for (id, run) in &world.flink.runs {
            if run.stopping.is_some() {
                actions.push(Action::StopIsDone(*id));
            }
            if run.is_live() && world.budget.checkpoints > 0 && run.shape == Shape::Healthy {
                actions.push(Action::Checkpoint(*id));
            }
            if run.is_live() && world.budget.failures > 0 && run.stopping.is_none() {
                actions.push(Action::Worsen(*id, Shape::Failed));
                actions.push(Action::Worsen(*id, Shape::Sick));
            }
            if self.0.bounded && run.shape == Shape::Healthy && run.stopping.is_none() {
                actions.push(Action::Complete(*id));
            }
            if !run.is_live() && world.budget.forgets > 0 {
                actions.push(Action::Forget(*id));
            }
        }
        if !world.flink.away && world.missing().is_some_and(|lost| world.lost != Some(lost)) {
            actions.push(Action::Miss);
        }
    }
}

impl World {
    /// The run that should be live and is not, with the record's revision that says so.
    pub(crate) fn missing(&self) -> Option<Lost> {
        let record = self.record.as_ref().filter(|record| record.open.is_none())?;
        let job_id = record.expected_run().filter(|run| !self.flink.is_live(*run))?;
        Some(Lost { job_id, revision: record.revision })
    }

    /// A whole pass, where each of them is one step.
    fn in_one_step(&mut self, scenario: &Scenario, slot: usize) {
        while scenario.orchestrators == 0 && self.passes[slot].is_some() {
            self.step_pass(scenario, slot);
        }
    }

    pub(crate) fn happen(&mut self, scenario: &Scenario, action: &Action) {
        match *action {
            Action::Upload => self.uploads += 1,
            Action::Event { slot, sweep, lost, spurious } => {
                self.budget.spurious -= u8::from(spurious);
                self.start_pass(scenario, slot, sweep, lost);
                self.in_one_step(scenario, slot);
            }
            Action::Order(slot) => {
                self.budget.orders -= 1;
                self.order(scenario, slot);
                self.in_one_step(scenario, slot);
            }
            Action::Orchestrate(slot) => self.step_pass(scenario, slot),
            Action::OrchestratorDies(slot) => {
                self.budget.crashes -= 1;
                self.passes[slot] = None;
            }
            Action::Deliver { slot, batch } => {
                if let Some(at) = self.on_the_way.iter().position(|b| *b == batch) {
                    self.on_the_way.remove(at);
                }
                self.start_runner(slot, batch);
                while scenario.runners == 0 && self.runners[slot].as_ref().is_some_and(|r| !self.waits_for_claim(r)) {
                    self.step_runner(scenario, slot, Twist::Plain);
                }
            }
            Action::Duplicate(batch) => {
                self.budget.duplicates -= 1;
                self.on_the_way.push(batch);
                self.on_the_way.sort();
            }
            Action::Run(slot, twist) => {
                self.budget.crashes -= u8::from(matches!(twist, Twist::ReplyLost | Twist::OnlyAsked));
                self.step_runner(scenario, slot, twist);
            }
            Action::RunnerDies(slot) => {
                self.budget.crashes -= 1;
                self.runners[slot] = None;
            }
            Action::Lapse(operation) => {
                self.budget.pauses -= u8::from(self.has_live_holder(operation));
                if let Some(slot) = self.claims.get_mut(&operation) {
                    slot.lapsed = true;
                }
            }
            Action::Checkpoint(id) => {
                self.budget.checkpoints -= 1;
                self.flink.checkpoint(id);
            }
            Action::Worsen(id, shape) => {
                self.budget.failures -= 1;
                match shape {
                    Shape::Sick => {
                        self.flink.runs.entry(id).and_modify(|run| run.shape = Shape::Sick);
                    }
                    Shape::Healthy | Shape::Failed | Shape::Canceled | Shape::Finished => self.flink.end(id, shape),
                }
            }
            Action::StopIsDone(id) => self.flink.complete_stop(id),
            Action::Forget(id) => {
                self.budget.forgets -= 1;
                self.flink.runs.remove(&id);
            }
            Action::Miss => self.lost = self.missing(),
            Action::Complete(id) => self.flink.complete(id),
            Action::SessionEnds => {
                self.budget.sessions -= 1;
                self.flink.session_ends();
            }
            Action::SessionComes => self.flink.session_comes(),
            Action::OldIsOver => self.flink.elsewhere.clear(),
            Action::SlotsGo => {
                self.budget.shortages -= 1;
                self.flink.full = true;
            }
            Action::SlotsCome => self.flink.full = false,
            Action::StatesGo => {
                self.budget.deletions -= 1;
                self.flink.lose_states();
            }
            Action::Allow(permission) => {
                self.budget.allows -= 1;
                if let Some(record) = &self.record {
                    let mut record = (**record).clone().revised(past().into());
                    record.allow(permission, None, "model", Timestamp::UNIX_EPOCH);
                    self.record = Some(Kept::new(record));
                }
            }
            Action::PausesEnd => {
                self.budget.retries -= 1;
                every_pause_ends(self);
            }
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![if self.0.deployed { deployed(&self.0) } else { World::new(self.0.budget) }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        if world.uploads + 1 < self.0.script.len() {
            actions.push(Action::Upload);
        }
        self.events(world, actions);
        for slot in (0..world.passes.len()).filter(|slot| world.passes[*slot].is_some()) {
            actions.push(Action::Orchestrate(slot));
            if world.budget.crashes > 0 {
                actions.push(Action::OrchestratorDies(slot));
            }
        }
        self.runners(world, actions);
        self.cluster(world, actions);
        Self::environment(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.happen(&self.0, &action);
        next.sort();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no guarantee is broken", |_: &Self, world: &World| world.broken.is_none()),
            Property::always("from every quiet state it converges", |protocol: &Self, world: &World| {
                !world.is_quiet() || world.broken.is_some() || converges(&protocol.0, world).is_ok()
            }),
            Property::sometimes("the last upload is deployed", |protocol: &Self, world: &World| {
                world.budget == Budget::default() && world.is_quiet() && converges(&protocol.0, world).is_ok()
            }),
        ]
    }
}
