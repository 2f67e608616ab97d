//! Every JSON document in the store, each in a file of its own.
//! Must not know the machines: what they do with a document is theirs.

pub mod alerts;
pub mod batch;
pub mod claim;
mod format;
mod invariants;
pub mod observed;
pub mod outcome;
pub mod plan;
pub mod record;
pub mod refused;
pub mod result;
pub mod settings;
pub mod suspension;

pub use format::{Document, DocumentError, Rest, read, write};
pub use invariants::Invariants;
pub(crate) use invariants::first_broken;
