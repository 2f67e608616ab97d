//! Reading and writing the JSON documents: formats that are refused, fields that are kept for newer programs.
//! Must not know any document's meaning.
//!
//! Two programs of different age may write one document in turn. What the newer one knows beyond the older is safe by
//! one of two rules, and `tests/documents.rs` holds documents of every format against them:
//!
//! - A field at the top of a document that is rewritten (record, claim, alerts, session) may be added as it is: an
//!   older program keeps it in its [`Rest`].
//! - Any other change, a field of an inner object and a new case of an enumeration included, raises the `FORMAT` of
//!   the document, and of each one that holds it (a record and a claim hold plans, runs and outcomes). An older program
//!   refuses to read it, so that it cannot write it either: that job waits for the upgrade, and no other.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A document in the store.
pub trait Document: Serialize + DeserializeOwned {
    /// The newest format that this version reads, and the one that it writes.
    const FORMAT: u32;
}

/// The fields of a document that this version does not know: a newer one wrote them, and finds them again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rest(Map<String, Value>);

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not what its key says.
    #[error("the document is damaged")]
    Damaged(#[source] serde_json::Error),
    /// A newer version of the program wrote it.
    #[error("the document has format {found}, this version reads up to {newest}")]
    Newer {
        found: u32,
        /// The newest format that can be read.
        newest: u32,
    },
}

impl DocumentError {
    /// The way out, for people.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Damaged(_) => {
                "put back an earlier version of this object, as the bucket keeps them; where there is none, delete it: \
                 an operation without its result or claim is settled by what else is known of it, a job without its \
                 record is taken over from its deployed manifest, with its state and version, without its history"
            }
            Self::Newer { .. } => "a newer version of this program wrote it: upgrade this one, nothing else is needed",
        }
    }
}

/// A document from its bytes.
pub fn read<T: Document>(bytes: &[u8]) -> Result<T, DocumentError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(bytes).map_err(DocumentError::Damaged)?;
    if format > T::FORMAT {
        return Err(DocumentError::Newer { found: format, newest: T::FORMAT });
    }
    serde_json::from_slice(bytes).map_err(DocumentError::Damaged)
}

/// The bytes of a document.
pub fn write<T: Serialize>(document: &T) -> Vec<u8> {
    // Plain data with text keys always serializes to memory.
    serde_json::to_vec_pretty(document).unwrap_or_default()
}
