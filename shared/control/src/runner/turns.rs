//! How many jobs of a batch are stopped, and how many are started, at one time.
//! Must not know how either is done.

use std::num::NonZeroU16;

use lifecycle::execute::Effect;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The turns of one batch. A stop never waits for a start: the slots that it frees may be what a start waits for.
#[derive(Debug)]
pub(super) struct Turns {
    stops: Semaphore,
    starts: Semaphore,
}

/// Held while a job is stopped, or from its submission until every task of it runs.
pub(super) type Turn<'a> = SemaphorePermit<'a>;

impl Turns {
    pub(super) fn new(wave: NonZeroU16) -> Self {
        let places = || Semaphore::new(usize::from(wave.get()));
        Self { stops: places(), starts: places() }
    }

    /// What an effect takes its turn from, if it costs the cluster: writing savepoints, and restoring. A cancel costs
    /// nothing.
    pub(super) fn of(&self, effect: &Effect) -> Option<&Semaphore> {
        match effect {
            Effect::Stop { .. } => Some(&self.stops),
            Effect::Submit { .. } => Some(&self.starts),
            Effect::TakeClaim
            | Effect::SaveClaim(_)
            | Effect::Look
            | Effect::LookAgain
            | Effect::Prepare(_)
            | Effect::Reserve { .. }
            | Effect::Cancel(_)
            | Effect::FindState(_)
            | Effect::ListStates(_)
            | Effect::Watch(_)
            | Effect::WriteResult(_)
            | Effect::Done(_) => None,
        }
    }
}
