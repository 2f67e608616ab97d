//! The locks of this node's jobs while the session is replaced: all of them, at a moment without open operations.
//! Must not know what is done under them.

use std::sync::Arc;

use lifecycle::documents::record::{Aim, Record};

use super::{SessionAdmin, SessionError};
use crate::poll::{PollAnswer, poll};
use crate::ports::{JobLock, JobLocks};

/// Locks that are held; they are released whatever happens.
pub(super) struct HeldLocks {
    locks: Arc<dyn JobLocks>,
    held: Vec<Box<dyn JobLock>>,
    taken: bool,
}

impl HeldLocks {
    pub(super) fn none(locks: Arc<dyn JobLocks>) -> Self {
        Self { locks, held: Vec::new(), taken: false }
    }

    pub(super) fn are_taken(&self) -> bool {
        self.taken
    }

    pub(super) fn release(&mut self) {
        self.taken = false;
        for lock in self.held.drain(..) {
            lock.release();
        }
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        self.release();
    }
}

impl SessionAdmin {
    /// Takes the locks of all jobs that may run, once no operation is under way: what is open would wait for a lock
    /// of ours, and its runs are in no record yet.
    pub(super) async fn lock_all(&self, held: &mut HeldLocks) -> Result<(), SessionError> {
        let locked = poll(self.times.waiting(), async || {
            let mut records = self.records().await?;
            if open(&records).is_empty() {
                for record in records.iter().filter(|record| may_run(record)) {
                    held.held.push(held.locks.acquire(&record.name).await?);
                }
                held.taken = true;
                records = self.records().await?;
                if open(&records).is_empty() {
                    return Ok(PollAnswer::Answer(()));
                }
                held.release();
            }
            Ok::<_, SessionError>(PollAnswer::NotYet(open(&records)))
        });
        locked.await?.map_err(SessionError::Busy)
    }
}

fn may_run(record: &Record) -> bool {
    record.deployed.as_ref().is_some_and(|deployed| match deployed.aim {
        Aim::Run => true,
        Aim::Stopped | Aim::Complete => false,
    })
}

/// The jobs with an operation under way, with that operation.
fn open(records: &[Record]) -> Vec<String> {
    let named = |record: &Record| {
        record.open.as_ref().map(|open| format!("{} of {}", open.plan.operation.short(), record.name))
    };
    records.iter().filter_map(named).collect()
}
