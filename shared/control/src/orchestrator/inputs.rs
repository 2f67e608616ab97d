//! Where what is desired is read from: the port, and the uploaded files in the bucket behind it.
//! Must not know what follows for a job.

use std::collections::BTreeSet;
use std::sync::Arc;

use desired::inputs::Inputs;
use desired::manifest::{JobName, Policy};
use lifecycle::keys::Keys;

use crate::ports::{OutsideError, Store};
use crate::uploads;

/// Where what is desired is read from.
#[async_trait::async_trait]
pub trait DesiredSource: Send + Sync {
    /// The names that some file is about.
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError>;
    /// All files, judged.
    async fn load(&self) -> Result<Inputs, OutsideError>;
    /// Tells people what was refused.
    async fn tell(&self, inputs: &Inputs) -> Result<(), OutsideError>;
}

/// The uploaded files in the bucket.
#[derive(Clone)]
pub struct Uploads {
    pub store: Arc<dyn Store>,
    pub keys: Keys,
    /// What manifests may bring.
    pub policy: Policy,
    /// The name of the time stamp column.
    pub timestamp_field: String,
}

#[async_trait::async_trait]
impl DesiredSource for Uploads {
    async fn names(&self) -> Result<BTreeSet<JobName>, OutsideError> {
        uploads::stems(self.store.as_ref(), &self.keys).await
    }
    async fn load(&self) -> Result<Inputs, OutsideError> {
        uploads::load(&self.store, &self.keys, &self.policy, &self.timestamp_field).await
    }
    async fn tell(&self, inputs: &Inputs) -> Result<(), OutsideError> {
        uploads::tell(&self.store, &self.keys, inputs).await
    }
}
