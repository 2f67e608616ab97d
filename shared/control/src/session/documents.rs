//! The session's document in the store: read, and changed by compare-and-swap.
//! Must not know what it means.

use std::sync::Arc;

use lifecycle::session::SessionDocument;
use tokio::sync::Mutex;

use crate::documents::{self, Change, fetch, read_object};
use crate::ports::{Object, OutsideError, Store, World};

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
        let parse = |object: &Object| read_object(&self.key, object);
        let next = |before: Option<&SessionDocument>, object: Option<&Object>| {
            let fresh = || SessionDocument::fresh(self.world.fresh_id().into());
            let mut document = before.cloned().unwrap_or_else(fresh);
            if !change(&mut document, object) {
                return Ok(Change::Leave(None));
            }
            document.revision += 1;
            document.nonce = self.world.fresh_id().into();
            Ok(Change::Write(document.clone(), Some(document)))
        };
        documents::change(self.store.as_ref(), &self.key, parse, next).await
    }
}
