//! Documents in the store: reading one, and the compare-and-swap of one that carries its writer's nonce.
//! Must not know what a document means.

use lifecycle::documents::alerts::AlertsDocument;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::record::Record;
use lifecycle::documents::{Document, DocumentError, read, write};
use lifecycle::ids::Nonce;
use lifecycle::session::SessionDocument;

use crate::ports::{Etag, Object, OutsideError, Precondition, Put, Store};

/// A document that tells its last write by a nonce, fresh for every write.
pub trait Nonced: Document + Sync {
    /// The nonce of the last write.
    fn nonce(&self) -> Nonce;
}

impl Nonced for Claim {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

impl Nonced for Record {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

impl Nonced for AlertsDocument {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

impl Nonced for SessionDocument {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

/// The document at `key`, with the object it was read from.
pub async fn fetch<T: Document>(store: &dyn Store, key: &str) -> Result<Option<(T, Object)>, OutsideError> {
    let Some(object) = store.get(key).await? else { return Ok(None) };
    let document = read(&object.bytes).map_err(|error| unreadable(key, &error))?;
    Ok(Some((document, object)))
}

/// The document at `key` cannot be read: why, and the way out.
pub(crate) fn unreadable(key: &str, error: &DocumentError) -> OutsideError {
    let (cause, help) = (crate::runner::error_chain(error), error.help());
    OutsideError::refused(format!("reading {key}"), format!("{cause} ({help})"))
}

/// Writes `document` in the place of what `condition` expects; nothing if somebody else wrote.
pub async fn swap<T: Nonced>(
    store: &dyn Store,
    key: &str,
    document: &T,
    condition: Precondition,
) -> Result<Option<Etag>, OutsideError> {
    let lost = match store.put(key, write(document), condition).await {
        Ok(Put::Written(etag)) => return Ok(Some(etag)),
        Ok(Put::Conflict) => None,
        Err(error @ OutsideError::Refused { .. }) => return Err(error),
        Err(error @ OutsideError::Unknown { .. }) => Some(error),
    };
    // One's own nonce means that it succeeded and only the reply was lost.
    match fetch::<T>(store, key).await? {
        Some((found, object)) if found.nonce() == document.nonce() => Ok(Some(object.etag)),
        Some(_) | None => lost.map_or(Ok(None), Err),
    }
}
