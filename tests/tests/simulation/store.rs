//! S3 in memory: conditional writes as S3 answers them, whole seconds in its clock, and who is notified of what.
//! Must not know what the documents hold; faults are the gate's.

use std::collections::BTreeMap;

use control::ports::{Etag, Listed, Object, Precondition, Put, UploadNote};
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: u64,
    /// To the millisecond, as only the simulation knows it.
    pub(crate) written_ms: i64,
}

/// One write or removal, in the order in which they happened.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) before: Option<Stored>,
    pub(crate) after: Option<Stored>,
    pub(crate) at_ms: i64,
}

/// The objects of the bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    objects: BTreeMap<String, Stored>,
    writes: u64,
}

/// S3 tells whole seconds.
fn second(ms: i64) -> Timestamp {
    Timestamp::from_second(ms.div_euclid(1000)).unwrap()
}

impl Bucket {
    pub(crate) fn get(&self, key: &str) -> Option<&Stored> {
        self.objects.get(key)
    }

    pub(crate) fn object(&self, key: &str, now_ms: i64) -> Option<Object> {
        self.objects.get(key).map(|stored| Object {
            bytes: stored.bytes.clone(),
            etag: Etag(stored.etag.to_string()),
            modified: second(stored.written_ms),
            now: second(now_ms),
            note: UploadNote::default(),
        })
    }

    /// 412 where the condition does not hold, 404 on If-Match of nothing: both are a conflict for whoever asks.
    pub(crate) fn put(
        &mut self,
        key: &str,
        bytes: Vec<u8>,
        condition: &Precondition,
        now_ms: i64,
    ) -> (Put, Option<Change>) {
        let before = self.objects.get(key).cloned();
        let known = before.as_ref().map(|known| Etag(known.etag.to_string()));
        if !condition.holds(known.as_ref()) {
            return (Put::Conflict, None);
        }
        self.writes += 1;
        let after = Stored { bytes, etag: self.writes, written_ms: now_ms };
        let put = Put::Written(Etag(after.etag.to_string()));
        self.objects.insert(key.to_owned(), after.clone());
        (put, Some(Change { key: key.to_owned(), before, after: Some(after), at_ms: now_ms }))
    }

    pub(crate) fn delete(&mut self, key: &str, now_ms: i64) -> Option<Change> {
        let before = self.objects.remove(key)?;
        Some(Change { key: key.to_owned(), before: Some(before), after: None, at_ms: now_ms })
    }

    pub(crate) fn list(&self, prefix: &str) -> Vec<Listed> {
        let under = self.objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        under
            .map(|(key, stored)| Listed {
                key: key.clone(),
                etag: Etag(stored.etag.to_string()),
                size: u64::try_from(stored.bytes.len()).unwrap(),
            })
            .collect()
    }

    /// How many writes there were: the newest has this number.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.objects.iter()
    }
}
