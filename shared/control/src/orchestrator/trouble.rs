//! Why one job could not be reconciled: an object of it that cannot be read, or anything else that was not answered.
//! Must not know what is done about it.

use std::collections::BTreeMap;

use desired::manifest::JobName;
use lifecycle::alert_conditions::AlertCondition;

use super::Report;
use crate::errors::error_chain;
use crate::ports::OutsideError;

/// Why one job could not be reconciled. It is never another job's trouble.
#[derive(Debug)]
pub(super) enum Trouble {
    /// An object of it could not be read.
    Reading(OutsideError),
    /// Another call was refused, or not answered.
    Calling(OutsideError),
}

impl From<OutsideError> for Trouble {
    fn from(error: OutsideError) -> Self {
        Self::Calling(error)
    }
}

impl Trouble {
    pub(super) fn error(&self) -> &OutsideError {
        match self {
            Self::Reading(error) | Self::Calling(error) => error,
        }
    }

    /// Whether another try would read the same.
    fn is_for_good(&self) -> bool {
        match self {
            Self::Reading(OutsideError::Refused { .. }) => true,
            Self::Reading(OutsideError::Unknown { .. }) | Self::Calling(_) => false,
        }
    }
}

impl Report {
    pub(super) fn trouble(&mut self, name: JobName, trouble: &Trouble) {
        if trouble.is_for_good() {
            self.unreadable.insert(name.clone());
        }
        self.troubles.insert(name, error_chain(trouble.error()));
    }

    /// What people must know of the objects that cannot be read.
    pub(super) fn unreadable(&self) -> Vec<AlertCondition> {
        let told = |name: &JobName| self.troubles.get(name).map(|why| AlertCondition::unreadable(name, why));
        self.unreadable.iter().filter_map(told).collect()
    }

    /// The troubles for which another try may do.
    pub fn passing(&self) -> BTreeMap<&JobName, &str> {
        let troubles = self.troubles.iter().filter(|(name, _)| !self.unreadable.contains(*name));
        troubles.map(|(name, why)| (name, why.as_str())).collect()
    }
}
