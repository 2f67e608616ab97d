//! How many jobs of a batch are stopped, and how many are started, at one time.
//! Must not know how either is done.

use std::num::NonZeroU16;
use std::sync::Arc;

use lifecycle::execute::Effect;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of one batch. A stop never waits for a start: the slots that it frees may be what a start waits for.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    stops: Arc<Semaphore>,
    starts: Arc<Semaphore>,
}

/// Held while a job is stopped, or from its submission until every task of it runs.
pub(super) type Turn = OwnedSemaphorePermit;

/// What an effect waits for before it is carried out.
pub(super) enum Kind {
    Stop,
    Start,
}

impl Turns {
    pub(super) fn new(wave: NonZeroU16) -> Self {
        let places = || Arc::new(Semaphore::new(usize::from(wave.get())));
        Self { stops: places(), starts: places() }
    }

    /// The turn, without waiting.
    pub(super) fn free(&self, kind: &Kind) -> Option<Turn> {
        Arc::clone(self.of(kind)).try_acquire_owned().ok()
    }

    /// The turn, in the order in which they were asked for; nothing once no more are given.
    pub(super) async fn next(&self, kind: &Kind) -> Option<Turn> {
        Arc::clone(self.of(kind)).acquire_owned().await.ok()
    }

    fn of(&self, kind: &Kind) -> &Arc<Semaphore> {
        match kind {
            Kind::Stop => &self.stops,
            Kind::Start => &self.starts,
        }
    }
}

impl Kind {
    /// What costs the cluster: writing savepoints, and restoring. A cancel costs nothing.
    pub(super) fn of(effect: &Effect) -> Option<Self> {
        match effect {
            Effect::Stop { .. } => Some(Self::Stop),
            Effect::Submit { .. } => Some(Self::Start),
            Effect::TakeClaim
            | Effect::SaveClaim(_)
            | Effect::Look
            | Effect::LookAgain
            | Effect::Prepare(_)
            | Effect::Reserve { .. }
            | Effect::Cancel(_)
            | Effect::FindState(_)
            | Effect::Watch(_)
            | Effect::WriteResult(_)
            | Effect::Done(_) => None,
        }
    }
}
