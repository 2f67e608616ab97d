//! The records of jobs in the store: read, written by compare-and-swap, and permissions noted in them.
//! Must not know what follows from a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use desired::manifest::JobName;
use lifecycle::documents::record::Record;
use lifecycle::noted::{Noting, Order, WhoAndWhy};

use super::{JOBS, Orchestrator};
use crate::documents::{self, Change, fetch, read_object, swap};
use crate::fan_out::FanOut;
use crate::ports::{Etag, Object, OutsideError, Precondition};

/// A record with the version that the next write depends on.
pub(super) type Versioned = (Option<Box<Record>>, Precondition);

/// The records of several jobs.
#[derive(Default)]
pub(super) struct Records {
    /// Those that were read, absent ones included.
    pub(super) found: Vec<(JobName, Versioned)>,
    /// Why others could not be: the trouble of their jobs, and of no other.
    pub(super) unread: BTreeMap<JobName, OutsideError>,
}

impl Orchestrator {
    pub(super) async fn records(self: &Arc<Self>, names: BTreeSet<JobName>) -> Result<Records, OutsideError> {
        let mut reads = FanOut::new(JOBS, names, |name| {
            let this = Arc::clone(self);
            async move { (this.record(&name).await, name) }
        });
        let mut records = Records::default();
        while let Some(read) = reads.next().await {
            match read.map_err(|error| OutsideError::unknown("reading the records", error))? {
                (Ok(record), name) => records.found.push((name, record)),
                (Err(error), name) => {
                    records.unread.insert(name, error);
                }
            }
        }
        Ok(records)
    }

    pub(super) async fn record(&self, name: &JobName) -> Result<Versioned, OutsideError> {
        Ok(match fetch(self.store.as_ref(), &self.settings.keys.record(name)).await? {
            None => (None, Precondition::Absent),
            Some((record, object)) => (Some(Box::new(record)), Precondition::Unchanged(object.etag)),
        })
    }

    /// Writes a record in the place of `before`; nothing if somebody else did.
    pub(super) async fn put_record(
        &self,
        record: &Record,
        before: Option<&Record>,
        condition: Precondition,
    ) -> Result<Option<Etag>, OutsideError> {
        swap(self.store.as_ref(), &self.settings.keys.record(&record.name), record, before, condition).await
    }

    /// Notes an order in a job's record, if something of the job waits for it: what came of it, and the record as it was
    /// before, by the read that counts. Nothing where there is no record.
    pub async fn note_order(
        &self,
        name: &JobName,
        order: &Order,
        who: &WhoAndWhy,
    ) -> Result<Option<(Noting, Box<Record>)>, OutsideError> {
        let now = self.world.now();
        let key = self.settings.keys.record(name);
        let parse = |object: &Object| read_object(&key, object);
        let next = |before: Option<&Record>, _: Option<&Object>| {
            let Some(before) = before else { return Ok(Change::Leave(None)) };
            let mut record = before.clone().revised(self.world.fresh_id().into());
            let noting = record.note(order, who, now);
            let answer = Some((noting, Box::new(before.clone())));
            Ok(match noting {
                Noting::Noted => Change::Write(record, answer),
                Noting::Known | Noting::NothingWaits => Change::Leave(answer),
            })
        };
        documents::change(self.store.as_ref(), &key, parse, next).await
    }
}
