//! Who asks: the proof that travels beside an action, and whoever can say whose it is.
//! Must not know how a proof is made or checked, nor what is asked.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use desired::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::OutsideError;

/// A request that only its caller could sign, and that says who he is. It holds for one action and a short time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The headers of the signed request, by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// A proof in a log would be a proof for whoever reads it.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("headers", &self.headers.keys()).finish()
    }
}

/// Says whose a proof is.
#[async_trait]
pub trait Callers: Send + Sync {
    /// The identity that made this proof for what `about` names; a refusal if it proves nothing.
    async fn identify(&self, proof: &Proof, about: &Digest, now: Timestamp) -> Result<String, OutsideError>;
}

/// Where nobody can be asked: no proof holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCallers;

#[async_trait]
impl Callers for NoCallers {
    async fn identify(&self, _: &Proof, _: &Digest, _: Timestamp) -> Result<String, OutsideError> {
        Err(OutsideError::refused("asking who calls", "nobody can be asked here"))
    }
}
