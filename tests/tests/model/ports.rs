//! The store, the control plane and the clock as the product's own claim and dispatch code sees them during one step.
//! Must not decide anything. Every reply to a write is lost: what comes of it must be as if none ever was.

use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{
    BatchOrder, Dispatcher, Etag, Listed, Object, OutsideError, Precondition, Progress, Put, Store, UploadNote,
    World as Clock,
};
use jiff::Timestamp;
use lifecycle::documents::{Document, read, write};
use lifecycle::ids::{BatchId, Hex32};
use tokio::runtime::{Builder, Runtime};

use super::kept::Kept;
use super::world::id;

/// How long a runner may act after a write of its claim.
pub(crate) const LEASE: Duration = Duration::from_mins(1);
/// How much longer others leave it alone.
pub(crate) const MARGIN: Duration = Duration::from_secs(30);
/// The store tells whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What comes of product code whose ports answer at once; time passes only where it sleeps.
pub(crate) fn carried_out<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// The nonce of a write that is under way; afterwards it is nobody's, so that states do not differ by it.
pub(crate) fn fresh() -> Hex32 {
    id(0xff, 1)
}

/// The nonce of every write before.
pub(crate) fn past() -> Hex32 {
    id(0, 0)
}

/// The clock stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn fresh_id(&self) -> Hex32 {
        fresh()
    }

    fn query_id(&self) -> String {
        "q".to_owned()
    }

    fn local_time(&self, _: Timestamp) -> String {
        "2026-01-01 00:00:00".to_owned()
    }
}

/// Draws this id.
pub(crate) struct Draws(pub(crate) BatchId);

impl Clock for Draws {
    fn now(&self) -> Timestamp {
        Still.now()
    }

    fn fresh_id(&self) -> Hex32 {
        self.0.to_string().parse().unwrap()
    }

    fn query_id(&self) -> String {
        Still.query_id()
    }

    fn local_time(&self, now: Timestamp) -> String {
        Still.local_time(now)
    }
}

/// One document in the store.
pub(crate) struct Shelf<T> {
    before: Option<Kept<T>>,
    etag: Option<Etag>,
    age: Duration,
    written: Mutex<Option<Vec<u8>>>,
}

impl<T: Document> Shelf<T> {
    /// A document of this version and age: as old as lease and margin let nobody in, or barely older.
    pub(crate) fn new(before: Option<Kept<T>>, version: fn(&T) -> Etag, lapsed: bool) -> Self {
        let spared = LEASE + MARGIN + SECOND;
        let age = if lapsed { spared + Duration::from_millis(1) } else { spared };
        let etag = before.as_deref().map(version);
        Self { before, etag, age, written: Mutex::default() }
    }

    /// What was written meanwhile.
    pub(crate) fn written(&self) -> Option<T> {
        self.bytes().map(|bytes| read(&bytes).unwrap())
    }

    pub(crate) fn is_written(&self) -> bool {
        self.written.lock().unwrap().is_some()
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        self.written.lock().unwrap().clone()
    }

    fn etag(&self) -> Option<Etag> {
        if self.is_written() { Some(Etag("written".to_owned())) } else { self.etag.clone() }
    }
}

#[async_trait]
impl<T: Document + Hash + Send + Sync> Store for Shelf<T> {
    async fn get(&self, _: &str) -> Result<Option<Object>, OutsideError> {
        let bytes = self.bytes().or_else(|| self.before.as_deref().map(write));
        let modified = Timestamp::UNIX_EPOCH;
        let object =
            |(bytes, etag)| Object { bytes, etag, modified, now: modified + self.age, note: UploadNote::default() };
        Ok(bytes.zip(self.etag()).map(object))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, condition: Precondition) -> Result<Put, OutsideError> {
        if !condition.holds(self.etag().as_ref()) {
            return Ok(Put::Conflict);
        }
        *self.written.lock().unwrap() = Some(bytes);
        Err(OutsideError::unknown(key, "the reply is lost"))
    }

    async fn delete(&self, key: &str) -> Result<(), OutsideError> {
        Err(OutsideError::refused(key, "nobody deletes it"))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, OutsideError> {
        Err(OutsideError::refused(prefix, "nobody lists it"))
    }
}

/// The control plane as it takes one batch, and where the batch and its receipt lie.
#[derive(Default)]
pub(crate) struct ControlPlane {
    sent: Mutex<Vec<BatchId>>,
}

impl ControlPlane {
    /// What was sent to it.
    pub(crate) fn sent(&self) -> Vec<BatchId> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Dispatcher for ControlPlane {
    async fn find(&self, batch: BatchId) -> Result<Progress, OutsideError> {
        let sent = self.sent().contains(&batch);
        Ok(if sent { Progress::Pending("step".to_owned()) } else { Progress::NotFound })
    }

    async fn send(&self, order: &BatchOrder) -> Result<String, OutsideError> {
        self.sent.lock().unwrap().push(order.batch);
        Ok("step".to_owned())
    }
}

#[async_trait]
impl Store for ControlPlane {
    async fn get(&self, _: &str) -> Result<Option<Object>, OutsideError> {
        Ok(None)
    }

    async fn put(&self, key: &str, _: Vec<u8>, _: Precondition) -> Result<Put, OutsideError> {
        Ok(Put::Written(Etag(key.to_owned())))
    }

    async fn delete(&self, _: &str) -> Result<(), OutsideError> {
        Ok(())
    }

    async fn list(&self, _: &str) -> Result<Vec<Listed>, OutsideError> {
        Ok(Vec::new())
    }
}
