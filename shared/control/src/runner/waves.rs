//! How many jobs of a batch are compiled, stopped and started at one time, and who is next.
//! Must not know how any of it is done.
//!
//! - A *start* turn is held from before a job is ended until every task of its new run runs. So at most a wave of jobs is
//!   between stop and start: stops do not run ahead of the starts that follow them.
//! - A *stop* turn is held while a savepoint is written. A removal needs no other.
//! - A *compile* turn: the client does one thing at a time, and no compilation begins while a submission waits for it.
//! - Who is down does not queue behind those that run: these wait for a start turn one at a time, at the gate.
//!
//! Nobody waits for ever. A stop turn is taken last and given back when the stop hangs. Who holds a start turn waits for
//! nothing but a stop turn and its own job: its slots are free before it takes one (`capacity.rs`). Who gives slots back by
//! a removal needs no start turn.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::execute::{Effect, RunRole};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// The turns of one batch.
#[derive(Debug)]
pub(super) struct Turns {
    gate: Semaphore,
    starts: Semaphore,
    stops: Semaphore,
    compiles: Semaphore,
    /// The submissions that wait for the client, or that it is at.
    submissions: AtomicUsize,
    submitted: Notify,
}

/// The turns that one operation holds.
#[derive(Debug, Default)]
pub(super) struct HeldTurns<'a> {
    start: Option<SemaphorePermit<'a>>,
    /// The one for the effect that is carried out.
    passing: Option<SemaphorePermit<'a>>,
    submission: Option<Submission<'a>>,
}

/// Keeps compilations waiting as long as it lives.
#[derive(Debug)]
struct Submission<'a>(&'a Turns);

impl Drop for Submission<'_> {
    fn drop(&mut self) {
        self.0.submissions.fetch_sub(1, Ordering::AcqRel);
        self.0.submitted.notify_waiters();
    }
}

/// What is known of the job when an effect asks for its turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobInWave {
    /// Whether a start follows its end.
    pub(super) comes_back: bool,
    /// Whether it was ended, or has ended.
    pub(super) is_down: bool,
}

/// The turns that an effect needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    gate: bool,
    start: bool,
    stop: bool,
    compile: bool,
    submission: bool,
}

impl Needs {
    /// Those of an effect, if it costs the cluster or its client: writing savepoints, restoring, compiling. A cancel costs
    /// nothing, but what is cancelled to be started again is down from then on.
    pub(super) fn of(effect: &Effect, job: JobInWave) -> Self {
        let start = Self { gate: !job.is_down, start: true, ..Self::default() };
        match effect {
            Effect::Stop { .. } if job.comes_back => Self { stop: true, ..start },
            Effect::Stop { .. } | Effect::Savepoint { .. } => Self { stop: true, ..Self::default() },
            Effect::Cancel(_) if job.comes_back => start,
            Effect::Submit { .. } => Self { gate: false, submission: true, ..start },
            Effect::Prepare(RunRole::Next) if !job.is_down => Self { compile: true, ..Self::default() },
            Effect::Prepare(RunRole::Next | RunRole::Previous)
            | Effect::Cancel(_)
            | Effect::TakeClaim
            | Effect::SaveClaim(_)
            | Effect::Look
            | Effect::LookAgain
            | Effect::Reserve { .. }
            | Effect::FindState(_)
            | Effect::ListStates(_)
            | Effect::Watch(_)
            | Effect::WriteResult(_)
            | Effect::Done(_) => Self::default(),
        }
    }
}

impl HeldTurns<'_> {
    /// Whether these turns are all that is needed.
    pub(super) fn are_enough(&self, needs: Needs) -> bool {
        (self.start.is_some() || !needs.start) && !needs.stop && !needs.compile && !needs.submission
    }

    /// Gives the turn of the effect back that was carried out.
    pub(super) fn pass_on(&mut self) {
        self.passing = None;
        self.submission = None;
    }
}

impl Turns {
    pub(super) fn new(wave: NonZeroU16) -> Self {
        let places = || Semaphore::new(usize::from(wave.get()));
        Self {
            gate: Semaphore::new(1),
            starts: places(),
            stops: places(),
            compiles: Semaphore::new(1),
            submissions: AtomicUsize::new(0),
            submitted: Notify::new(),
        }
    }

    /// Waits for the turns that are needed and not held yet. The semaphores are never closed.
    pub(super) async fn take<'a>(&'a self, held: &mut HeldTurns<'a>, needs: Needs) {
        if needs.start && held.start.is_none() {
            let _gate = if needs.gate { self.gate.acquire().await.ok() } else { None };
            held.start = self.starts.acquire().await.ok();
        }
        let passing = [(needs.stop, &self.stops), (needs.compile, &self.compiles)];
        if let Some((_, turns)) = passing.into_iter().find(|(needed, _)| *needed) {
            held.passing = turns.acquire().await.ok();
        }
        if needs.submission {
            self.submissions.fetch_add(1, Ordering::AcqRel);
            held.submission = Some(Submission(self));
        }
        if needs.compile {
            self.no_submission().await;
        }
    }

    async fn no_submission(&self) {
        loop {
            let submitted = self.submitted.notified();
            if self.submissions.load(Ordering::Acquire) == 0 {
                return;
            }
            submitted.await;
        }
    }
}
