//! Reading and writing the JSON documents: one place that refuses a newer format.
//! Must not know any document's meaning.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The newest format of any document that this version reads.
const NEWEST: u32 = 2;

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not what its key says.
    #[error("the document is damaged")]
    Damaged(#[source] serde_json::Error),
    /// A newer version of the program wrote it.
    #[error("the document has format {found}, this version reads up to {NEWEST}; upgrade it first")]
    Newer {
        /// Its format.
        found: u32,
    },
}

/// A document from its bytes.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(bytes).map_err(DocumentError::Damaged)?;
    if format > NEWEST {
        return Err(DocumentError::Newer { found: format });
    }
    serde_json::from_slice(bytes).map_err(DocumentError::Damaged)
}

/// The bytes of a document.
pub fn write<T: Serialize>(document: &T) -> Vec<u8> {
    // Plain data with text keys always serializes to memory.
    serde_json::to_vec_pretty(document).unwrap_or_default()
}
