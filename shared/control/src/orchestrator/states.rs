//! The states of a job: the savepoint that an operation took, and whether a state is complete.
//! Must not know what is done with one.

use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Record;
use lifecycle::state::{HEADER_LENGTH, METADATA, StateLocation, checkpoint_id};

use super::Orchestrator;
use crate::documents::fetch;
use crate::ports::OutsideError;
use crate::search::find_newest;

impl Orchestrator {
    /// The savepoint of a settled operation of this job, by its id or the last digits of that, which people see.
    pub async fn savepoint_of(&self, record: &Record, operation: &str) -> Result<Option<String>, OutsideError> {
        let is_meant = |id: &str| id == operation || (operation.len() == SHORT && id.ends_with(operation));
        let mut meant = record.history.iter().filter(|entry| is_meant(&entry.operation.to_string()));
        // Digits that two operations end with name neither.
        let (Some(entry), None) = (meant.next(), meant.next()) else { return Ok(None) };
        if entry.savepoint.is_some() {
            return Ok(entry.savepoint.clone());
        }
        // Operations of before did not note it: it lies where their plan says.
        let found = fetch::<Plan>(self.store.as_ref(), &self.settings.keys.plan(entry.operation)).await?;
        let plan = found.map(|(plan, _)| plan).filter(|plan| plan.job == record.name);
        let Some(directory) = plan.as_ref().and_then(Plan::stop_directory) else { return Ok(None) };
        let found = find_newest(self.files.as_ref(), &[StateLocation::savepoints(directory)]).await;
        Ok(readable(found)?.flatten().map(|state| state.path))
    }

    /// Whether a complete state is at `path`; nothing where that cannot be read from here.
    pub async fn is_complete_state(&self, path: &str) -> Result<Option<bool>, OutsideError> {
        let head = self.files.head(&format!("{path}/{METADATA}"), HEADER_LENGTH).await;
        let head = readable(head)?;
        Ok(head.map(|header| header.is_some_and(|header| checkpoint_id(&header).is_ok())))
    }
}

/// How many digits of an id people see.
const SHORT: usize = 8;

/// Nothing where it cannot be read from here: a node's own disk, or no right to.
fn readable<T>(found: Result<T, OutsideError>) -> Result<Option<T>, OutsideError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(OutsideError::Refused { .. }) => Ok(None),
        Err(error @ OutsideError::Unknown { .. }) => Err(error),
    }
}
