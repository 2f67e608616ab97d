//! The whole outside in one place, its clock, its ids, and the record of every call.
//! Must not know how the outside behaves: each part of it says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use control::ports::{BatchOrder, Precondition, Put};
use jiff::Timestamp;
use lifecycle::ids::{BatchId, Hex32};
use lifecycle::keys::Keys;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::control_plane::{ControlPlane, Fate};
use crate::faults::{Actor, Called, Caller, Fault, Odd};
use crate::flink::Flink;
use crate::random_numbers::Rng;
use crate::rules::Judge;
use crate::store::{Bucket, Change};

/// When the simulation begins, in milliseconds of Unix time.
pub(crate) const BEGIN: i64 = 1_767_225_600_000;

/// What reaches the function by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An object under a prefix that triggers changed.
    Object(String),
    /// A step was sent.
    StepSent(usize, BatchOrder, Fate),
    /// A step ended.
    StepEnded(BatchId),
}

/// Which calls meet which fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    /// By the number of the call.
    pub(crate) planned: BTreeMap<usize, Fault>,
    /// So many in ten thousand calls meet one by chance.
    pub(crate) chance: u64,
    pub(crate) draws: bool,
    pub(crate) calls: Vec<Called>,
    pub(crate) met: Vec<(usize, Caller, String, Fault)>,
    /// Until when calls of this name are throttled.
    throttled: BTreeMap<String, i64>,
    looked_for: BTreeSet<(Hex32, String)>,
}

pub(crate) struct State {
    pub(crate) now: i64,
    pub(crate) bucket: Bucket,
    pub(crate) flink: Flink,
    pub(crate) plane: ControlPlane,
    pub(crate) gate: Gate,
    pub(crate) rng: Rng,
    pub(crate) judge: Judge,
    pub(crate) alerts: Vec<String>,
    /// Every process there ever was.
    pub(crate) actors: Vec<Weak<Actor>>,
    ids: u64,
    notices: UnboundedSender<Notice>,
}

pub(crate) struct Sim {
    began: Instant,
    state: Mutex<State>,
}

pub(crate) fn keys() -> Keys {
    Keys::new("p")
}

impl Sim {
    pub(crate) fn new(seed: u64, notices: UnboundedSender<Notice>) -> Arc<Self> {
        let state = State {
            now: BEGIN,
            bucket: Bucket::default(),
            flink: Flink::default(),
            plane: ControlPlane::default(),
            gate: Gate::default(),
            rng: Rng::new(seed),
            judge: Judge::default(),
            alerts: Vec::new(),
            actors: Vec::new(),
            ids: seed,
            notices,
        };
        Arc::new(Self { began: Instant::now(), state: Mutex::new(state) })
    }

    fn now(&self) -> i64 {
        BEGIN + i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// The outside as it is now.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        let mut state = self.state.lock().unwrap();
        state.now = now;
        state.flink.advance(now);
        state
    }
}

impl State {
    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now).unwrap()
    }

    /// Seconds since the begin.
    pub(crate) fn second(&self) -> i64 {
        (self.now - BEGIN) / 1000
    }

    /// A time-ordered id.
    pub(crate) fn fresh_id(&mut self) -> Hex32 {
        self.ids = self.ids.wrapping_add(1);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&self.now.to_be_bytes()[2..]);
        bytes[6..14].copy_from_slice(&Rng::new(self.ids).next().to_be_bytes());
        bytes[14..].copy_from_slice(&self.ids.to_be_bytes()[6..]);
        Hex32::from_bytes(bytes)
    }

    pub(crate) fn broken(&mut self, what: &str) {
        let at = self.second();
        self.judge.broken.push(format!("at {at} s: {what}"));
    }

    pub(crate) fn tell(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    /// A write by `writer`, or by people where there is none.
    pub(crate) fn put(&mut self, key: &str, bytes: Vec<u8>, condition: &Precondition, writer: Option<&Actor>) -> Put {
        let now = self.now;
        let (put, change) = self.bucket.put(key, bytes, condition, now);
        if let Some(change) = change {
            self.changed(&change, writer);
        }
        put
    }

    pub(crate) fn delete(&mut self, key: &str, writer: Option<&Actor>) {
        let now = self.now;
        if let Some(change) = self.bucket.delete(key, now) {
            self.changed(&change, writer);
        }
    }

    fn changed(&mut self, change: &Change, writer: Option<&Actor>) {
        crate::rules::judge_change(self, change, writer);
        if keys().triggers().iter().any(|prefix| change.key.starts_with(prefix.as_str())) {
            self.tell(Notice::Object(change.key.clone()));
        }
    }

    /// A call passes the gate: which fault it meets, and how long it takes.
    pub(crate) fn passes<T>(&mut self, actor: &Actor, name: &str, odd: &Odd<T>) -> (Option<Fault>, Duration) {
        let took = Duration::from_millis(20 + self.rng.below(60));
        let now = self.now;
        let gate = &mut self.gate;
        let number = gate.calls.len();
        let (may_be_absent, may_conflict) = (odd.not_found.is_some(), odd.precondition.is_some());
        gate.calls.push(Called { number, caller: actor.caller, name: name.to_owned(), may_be_absent, may_conflict });
        if actor.charmed {
            return (None, took);
        }
        // As many numbers are drawn whether a fault comes of it or not: what is made smaller goes on alike.
        let drawn = gate.draws.then(|| (self.rng.below(10_000), *self.rng.one_of(&Fault::ALL)));
        let by_chance = drawn.filter(|(number, _)| *number < self.gate.chance).map(|(_, fault)| fault);
        let gate = &mut self.gate;
        let fault = gate.planned.get(&number).copied().or(by_chance);
        if gate.throttled.get(name).is_some_and(|until| *until > now) {
            return (Some(Fault::Throttled), took);
        }
        if fault == Some(Fault::Throttled) {
            gate.throttled.insert(name.to_owned(), now + 20_000);
        }
        if let Some(fault) = fault {
            gate.met.push((number, actor.caller, name.to_owned(), fault));
        }
        (fault, took)
    }

    /// A batch's id was looked for by this process.
    pub(crate) fn looked_for(&mut self, actor: &Actor, batch: BatchId) {
        self.gate.looked_for.insert((actor.id(), batch.to_string()));
    }

    pub(crate) fn has_looked_for(&self, actor: &Actor, batch: BatchId) -> bool {
        self.gate.looked_for.contains(&(actor.id(), batch.to_string()))
    }
}
