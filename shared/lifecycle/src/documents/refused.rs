//! The document that says why an upload was refused.
//! Must not know how uploads are judged.

use desired::diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::documents::Document;

/// Why an upload was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedDocument {
    /// The format of this document.
    pub format: u32,
    /// The version of the file that was refused.
    pub etag: String,
    /// The version of the configuration that it was judged with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Everything that is wrong with it.
    pub errors: Vec<Diagnostic>,
}

impl Document for RefusedDocument {
    const FORMAT: u32 = 1;
}
