//! One object as it is kept: its bytes, its `ETag` and what was said with them.
//! Must not know buckets, nor where it is kept.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// What a client may attach to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// One object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) attributes: Attributes,
}

impl Object {
    pub(super) fn new(bytes: Bytes, attributes: Attributes) -> Self {
        let etag = hex(&Md5::digest(&bytes));
        Self { bytes, etag, modified: SystemTime::now(), attributes }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
