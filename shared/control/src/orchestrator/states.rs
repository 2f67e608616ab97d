//! The states of a job: the savepoint that an operation took, and whether a state is complete.
//! Must not know what is done with one.

use std::collections::BTreeSet;

use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Record;
use lifecycle::own_states::Written;
use lifecycle::state::{METADATA, StateLocation};

use super::Orchestrator;
use crate::documents::fetch;
use crate::ports::{Child, Extent, Files, OutsideError};
use crate::search::{candidates, find_newest};

/// How many states are told of.
const STATES: usize = 100;

/// A complete state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// Its directory, as Flink restores from it.
    pub path: String,
    /// Orders the states of one version; nothing where it cannot be read from here.
    pub checkpoint_id: Option<u64>,
    /// What its path tells.
    pub written: Written,
    pub extent: Option<Extent>,
}

impl Orchestrator {
    /// The savepoint that an operation took of this job, by its id or the last digits of that, which people see.
    pub async fn savepoint_of(&self, record: &Record, operation: &str) -> Result<Option<String>, OutsideError> {
        let is_meant = |id: &str| id == operation || (operation.len() == SHORT && id.ends_with(operation));
        let mut meant = record.history.iter().filter(|entry| is_meant(&entry.operation.to_string()));
        let entry = match (meant.next(), meant.next()) {
            (Some(entry), None) => entry,
            (None, _) => return self.savepoint_by_path(record, is_meant).await,
            // Digits that two operations end with name neither.
            (Some(_), Some(_)) => return Ok(None),
        };
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

    /// The savepoint in the directory of an operation that the record does not remember any more.
    async fn savepoint_by_path(
        &self,
        record: &Record,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, OutsideError> {
        let Some((states, _)) = readable(self.states_of(record).await)? else { return Ok(None) };
        let took = |state: &KnownState| state.written.operation.is_some_and(|id| is_meant(&id.to_string()));
        let mut taken = states.into_iter().filter(took);
        Ok(taken.next().filter(|_| taken.next().is_none()).map(|state| state.path))
    }

    /// Every complete state of a job, the newest first, and how many more there are.
    pub async fn states_of(&self, record: &Record) -> Result<(Vec<KnownState>, usize), OutsideError> {
        let files = self.files.as_ref();
        let mut paths = BTreeSet::new();
        for place in record.state_places() {
            paths.extend(candidates(files, &place).await?);
        }
        let mut found = Vec::new();
        for path in paths {
            if let Some(checkpoint_id) = complete(files, &path).await? {
                found.push((Written::by(&path), checkpoint_id, path));
            }
        }
        found.sort_by_key(|(written, id, path)| std::cmp::Reverse((written.version, *id, path.clone())));
        let more = found.len().saturating_sub(STATES);
        let mut states = Vec::new();
        for (written, checkpoint_id, path) in found.into_iter().take(STATES) {
            let extent = readable(files.extent(&path).await)?.flatten();
            states.push(KnownState { path, checkpoint_id, written, extent });
        }
        Ok((states, more))
    }

    /// Whether a complete state is at `path`; nothing where that cannot be read from here.
    pub async fn is_complete_state(&self, path: &str) -> Result<Option<bool>, OutsideError> {
        Ok(readable(complete(self.files.as_ref(), path).await)?.map(|found| found.is_some()))
    }
}

/// The checkpoint id of the state in a directory, where its name tells it; nothing if it is not complete. The function may
/// list states and not read them: small ones lie in their `_metadata` as a whole.
async fn complete(files: &dyn Files, path: &str) -> Result<Option<Option<u64>>, OutsideError> {
    let children = files.children(path).await?;
    let is_complete = children.iter().any(|child| *child == Child::File(METADATA.to_owned()));
    let by_name = path.rsplit_once("/chk-").and_then(|(_, id)| id.parse().ok());
    Ok(is_complete.then_some(by_name))
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
