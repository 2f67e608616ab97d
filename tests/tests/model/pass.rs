//! One orchestrator at work on the job: drives `lifecycle::orchestrate::step` and carries out its effects, as the shell does.
//! Must not decide anything.

use control::documents::swap;
use control::orchestrator::{Batches, UnsentBatch};
use control::ports::{Etag, Precondition};
use jiff::Timestamp;
use lifecycle::documents::plan::{Plan, Windows};
use lifecycle::documents::record::{Record, Source};
use lifecycle::ids::{BatchId, OperationId};
use lifecycle::keys::Keys;
use lifecycle::orchestrate::{Dispatched, Effect, Input, Lost, Situation, State, step};
use lifecycle::owed::Patience;

use super::kept::Kept;
use super::ports::{ControlPlane, Draws, Shelf, Still, carried_out, fresh, past};
use super::rules::{self, Broken};
use super::scenario::Scenario;
use super::world::{World, id};

/// The orchestrator machine between two effects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pass {
    situation: Kept<Situation>,
    state: Kept<State>,
    effect: Kept<Effect>,
    /// The revision that the next write of the record depends on.
    read: Option<u64>,
}

impl Pass {
    pub(crate) fn is_about_to_send(&self) -> bool {
        matches!(*self.effect, Effect::Dispatch(_))
    }
}

/// The ids that an operation ordered on this revision gets: whoever writes the next revision is the only one to use
/// them, and states that differ in nothing else are one.
fn ids_after(read: Option<u64>) -> (OperationId, BatchId) {
    let n = read.map_or(0, |revision| u8::try_from(revision + 1).unwrap_or(u8::MAX));
    (id(0xa0, n).into(), id(0xb0, n).into())
}

/// What an orchestrator is told by the event that starts it.
pub(crate) fn situation(world: &World, scenario: &Scenario, sweep: bool, lost: Option<Lost>) -> Situation {
    let (operation, batch) = ids_after(world.record.as_ref().map(|record| record.revision));
    Situation {
        now: Timestamp::UNIX_EPOCH,
        operation,
        nonce: fresh().into(),
        batch,
        query_id: "q".to_owned(),
        created: "2026-01-01 00:00:00".to_owned(),
        by: "model".to_owned(),
        etags: scenario.etags(world.uploads),
        config: None,
        source: Source::Queries,
        version_floor: 0,
        written: None,
        note: None,
        // Time stands still: what waits is tried again once nothing else goes on.
        patience: Patience::default(),
        windows: Windows::default(),
        removals_held: scenario.removals_held,
        clean_starts_held: false,
        sweep,
        lost,
        urgent: false,
        seen: None,
        learned: None,
        ordered: None,
    }
}

fn revision(of: u64) -> Etag {
    Etag(of.to_string())
}

fn version(record: &Record) -> Etag {
    revision(record.revision)
}

impl World {
    pub(crate) fn start_pass(&mut self, scenario: &Scenario, slot: usize, sweep: bool, lost: Option<Lost>) {
        let situation = situation(self, scenario, sweep, lost);
        self.begin_pass(scenario, slot, situation);
    }

    pub(crate) fn begin_pass(&mut self, scenario: &Scenario, slot: usize, situation: Situation) {
        let (state, effect) = step(&scenario.name, &situation, State::new(), Input::Begin);
        self.passes[slot] = Some(Pass {
            situation: Kept::new(situation),
            state: Kept::new(state),
            effect: Kept::new(effect),
            read: None,
        });
    }

    /// Carries out the next effect of a pass, and what follows from it without touching what others see.
    pub(crate) fn step_pass(&mut self, scenario: &Scenario, slot: usize) {
        let Some(mut pass) = self.passes[slot].take() else { return };
        let mut effect = (*pass.effect).clone();
        let mut state = (*pass.state).clone();
        loop {
            let input = self.carry_out(scenario, &mut pass, &state, effect);
            let (operation, batch) = ids_after(pass.read);
            if pass.situation.operation != operation {
                pass.situation = Kept::new(Situation { operation, batch, ..(*pass.situation).clone() });
            }
            (state, effect) = step(&scenario.name, &pass.situation, state, input);
            match effect {
                Effect::Done(_) => return,
                Effect::WritePlan(_) => {}
                Effect::ReadRecord
                | Effect::ReadDeployed
                | Effect::ReadDesired
                | Effect::ReadResult(_)
                | Effect::AskDispatch(_)
                | Effect::CloseClaim(_)
                | Effect::CloseLapsedClaim(_)
                | Effect::Project(_)
                | Effect::WriteRecord(_)
                | Effect::Dispatch(_) => break,
            }
        }
        pass.state = Kept::new(state);
        pass.effect = Kept::new(effect);
        self.passes[slot] = Some(pass);
    }

    fn carry_out(&mut self, scenario: &Scenario, pass: &mut Pass, state: &State, effect: Effect) -> Input {
        match effect {
            Effect::ReadRecord => {
                pass.read = self.record.as_ref().map(|record| record.revision);
                Input::Record(self.record.as_ref().map(|record| Box::new((**record).clone())))
            }
            Effect::ReadDeployed => Input::Deployed(None),
            Effect::ReadDesired => {
                let etags = scenario.etags(self.uploads);
                pass.situation = Kept::new(Situation { etags, ..(*pass.situation).clone() });
                Input::Desired(scenario.desired(self.uploads))
            }
            Effect::ReadResult(operation) => {
                Input::Result(self.results.get(&operation).map(|r| Box::new((**r).clone())))
            }
            Effect::AskDispatch(batch) => {
                Input::Dispatched(match (self.is_under_way(batch), self.sent.contains_key(&batch)) {
                    (true, _) => Dispatched::Running,
                    (false, true) => Dispatched::Over,
                    (false, false) => Dispatched::Never,
                })
            }
            Effect::CloseClaim(operation) => self.close_claim(operation),
            // Its runner may only be late.
            Effect::CloseLapsedClaim(operation) if !self.claims.contains_key(&operation) => Input::Held,
            Effect::CloseLapsedClaim(operation) => self.close_claim(operation),
            Effect::WritePlan(_) | Effect::Project(_) => Input::Written,
            Effect::WriteRecord(record) => self.write_record(pass, state, &record),
            Effect::Dispatch(plan) => {
                let Some(batch) = state.record.as_ref().and_then(|r| r.open.as_ref()).map(|open| open.batch) else {
                    return Input::Conflict;
                };
                self.dispatch(batch, *plan);
                Input::Written
            }
            Effect::Done(_) => Input::Conflict,
        }
    }

    fn write_record(&mut self, pass: &mut Pass, state: &State, record: &Record) -> Input {
        let store = Shelf::new(self.record.clone(), version, false);
        let condition = pass.read.map_or(Precondition::Absent, |read| Precondition::Unchanged(revision(read)));
        let before = self.record.as_deref().filter(|before| pass.read == Some(before.revision));
        let swapped = carried_out(swap(&store, "record", record, before, condition));
        // Nothing but a lost reply goes wrong here, and a record that would break its own rules.
        self.note(swapped.is_err().then_some(Broken::OwnWriteNotKnown));
        if store.is_written() {
            self.note(rules::recording(&pass.situation, self.record.as_deref(), record, state.desired.as_ref()));
            pass.read = Some(record.revision);
            self.record = Some(Kept::new(Record { nonce: past().into(), ..record.clone() }));
        }
        if let Ok(Some(_)) = swapped { Input::Written } else { Input::Conflict }
    }

    /// One call, under an id that was never sent.
    fn dispatch(&mut self, batch: BatchId, plan: Plan) {
        let control_plane = ControlPlane::default();
        let keys = Keys::new("model");
        let batches = Batches { store: &control_plane, keys: &keys, dispatcher: &control_plane, world: &Still };
        let sent = carried_out(batches.send(
            UnsentBatch::drawn(&Draws(batch)),
            std::slice::from_ref(&plan),
            Vec::new(),
            false,
        ));
        let is_one = sent.is_ok() && control_plane.sent() == [batch];
        let before = self.sent.insert(batch, Kept::new(plan));
        self.note((!is_one || before.is_some()).then_some(Broken::SentTwice(batch)));
        self.on_the_way.push(batch);
        self.on_the_way.sort();
    }
}
