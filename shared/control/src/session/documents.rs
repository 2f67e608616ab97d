//! The session's document in the store: read, and changed by compare-and-swap.
//! Must not know what it means.

use std::sync::Arc;

use lifecycle::session::SessionDocument;
use tokio::sync::Mutex;

use crate::documents::{fetch, swap};
use crate::ports::{Object, OutsideError, Precondition, Store, World};

/// How often a write that others crossed is tried.
const TRIES: usize = 16;

/// The one document about the session.
pub struct SessionDocuments {
    store: Arc<dyn Store>,
    world: Arc<dyn World>,
    key: String,
    /// Tasks of one process need not cross each other's writes.
    writing: Mutex<()>,
}

impl SessionDocuments {
    /// The document at `key`.
    pub fn new(store: Arc<dyn Store>, world: Arc<dyn World>, key: String) -> Self {
        Self { store, world, key, writing: Mutex::default() }
    }

    /// The document; nothing was ever noted if there is none.
    pub async fn read(&self) -> Result<SessionDocument, OutsideError> {
        let found = fetch(self.store.as_ref(), &self.key).await?;
        Ok(found.map_or_else(|| SessionDocument::fresh(self.world.fresh_id().into()), |(document, _)| document))
    }

    /// Writes what `change` makes of the document, unless it makes nothing of it; the object tells how old it is.
    pub async fn change(
        &self,
        mut change: impl FnMut(&mut SessionDocument, Option<&Object>) -> bool,
    ) -> Result<Option<SessionDocument>, OutsideError> {
        let _one = self.writing.lock().await;
        for _ in 0..TRIES {
            let (mut document, object) = match fetch(self.store.as_ref(), &self.key).await? {
                None => (SessionDocument::fresh(self.world.fresh_id().into()), None),
                Some((document, object)) => (document, Some(object)),
            };
            if !change(&mut document, object.as_ref()) {
                return Ok(None);
            }
            document.revision += 1;
            document.nonce = self.world.fresh_id().into();
            let condition = object.map_or(Precondition::Absent, |object| Precondition::Unchanged(object.etag));
            if swap(self.store.as_ref(), &self.key, &document, condition).await?.is_some() {
                return Ok(Some(document));
            }
        }
        Err(OutsideError::unknown(&self.key, "others keep writing it"))
    }
}
