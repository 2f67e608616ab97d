//! Documents in the store: reading one, and changing one by compare-and-swap, its invariants checked before each write.
//! Must not know what a document means.

use lifecycle::documents::alerts::AlertsDocument;
use lifecycle::documents::claim::Claim;
use lifecycle::documents::record::Record;
use lifecycle::documents::{Document, DocumentError, Invariants, read, write};
use lifecycle::ids::Nonce;
use lifecycle::session::SessionDocument;

use crate::ports::{Etag, Object, OutsideError, Precondition, Put, Store};

/// How often a document that somebody else wrote is read again.
const CONFLICTS: u32 = 16;

/// A document that tells its last write by a nonce, fresh for every write.
pub trait Nonced: Document + Invariants + Sync {
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
    Ok(Some((read_object(key, &object)?, object)))
}

/// The document in an object that was read.
pub(crate) fn read_object<T: Document>(key: &str, object: &Object) -> Result<T, OutsideError> {
    read(&object.bytes).map_err(|error| unreadable(key, &error))
}

/// The document at `key` cannot be read: why, and the way out.
pub(crate) fn unreadable(key: &str, error: &DocumentError) -> OutsideError {
    let (cause, help) = (crate::errors::error_chain(error), error.help());
    OutsideError::refused(format!("reading {key}"), format!("{cause} ({help})"))
}

/// What a change makes of a document, with what its caller wants to know.
pub(crate) enum Change<T, R> {
    /// This takes the place of what was read.
    Write(T, R),
    /// What was read stays.
    Leave(R),
}

/// Changes the document at `key` by compare-and-swap: `change` is asked again for each version that somebody else wrote
/// meanwhile.
pub(crate) async fn change<T: Nonced, R>(
    store: &dyn Store,
    key: &str,
    parse: impl Fn(&Object) -> Result<T, OutsideError>,
    mut change: impl FnMut(Option<&T>, Option<&Object>) -> Result<Change<T, R>, OutsideError>,
) -> Result<R, OutsideError> {
    for _ in 0..CONFLICTS {
        let object = store.get(key).await?;
        let before = object.as_ref().map(&parse).transpose()?;
        let (after, answer) = match change(before.as_ref(), object.as_ref())? {
            Change::Write(after, answer) => (after, answer),
            Change::Leave(answer) => return Ok(answer),
        };
        let condition = object.map_or(Precondition::Absent, |object| Precondition::Unchanged(object.etag));
        if swap(store, key, &after, before.as_ref(), condition).await?.is_some() {
            return Ok(answer);
        }
    }
    Err(OutsideError::unknown(format!("writing {key}"), "others keep writing it; try again"))
}

/// Writes `document` in the place of what `condition` expects, which is `before` as far as that is known; nothing if
/// somebody else wrote.
pub async fn swap<T: Nonced>(
    store: &dyn Store,
    key: &str,
    document: &T,
    before: Option<&T>,
    condition: Precondition,
) -> Result<Option<Etag>, OutsideError> {
    if let Some(rule) = document.broken(before) {
        let why = format!("internal error (bug): it would break a rule ({rule}); nothing was written");
        return Err(OutsideError::refused(format!("writing {key}"), why));
    }
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
