//! `states`: every state that a job could go on from, and what restores it.
//! Must not know how it is shown, nor how states are found.

use std::sync::Arc;

use control::orchestrator::{KnownState, Orchestrator};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::ids::OperationId;
use serde::{Deserialize, Serialize};

use crate::orders::{ActionError, record};

/// The answer to states.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatesAnswer {
    /// `flink-sql-runner/states`.
    pub format: String,
    /// The version of this answer's shape.
    pub version: u32,
    pub name: JobName,
    /// The version that is deployed.
    pub deployed: Option<u32>,
    /// The newest versions first, and of each the newest states.
    pub states: Vec<StateAnswer>,
    /// How many older ones are left out.
    #[serde(default)]
    pub left_out: usize,
}

/// One state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateAnswer {
    pub path: String,
    /// A savepoint, else a checkpoint.
    pub savepoint: bool,
    /// Orders the states of one version; nothing where the function may not read it.
    pub checkpoint_id: Option<u64>,
    /// The version of the job that wrote it.
    pub version: Option<u32>,
    /// The run that wrote it: its id, or for a savepoint the first digits of that.
    pub run: Option<String>,
    /// The operation that asked for it.
    pub operation: Option<OperationId>,
    /// The bytes of the files in its own directory: what checkpoints share lies elsewhere.
    pub bytes: Option<u64>,
    /// When it was written.
    pub written: Option<Timestamp>,
    /// Whether the job goes on from it by itself: it is the newest of the deployed version.
    pub used_by_itself: bool,
}

pub(crate) async fn states(this: &Arc<Orchestrator>, name: &JobName) -> Result<StatesAnswer, ActionError> {
    let record = record(this, name, "list the states of").await?;
    let deployed = record.deployed.as_ref().map(|deployed| deployed.meta.query_version);
    let (found, left_out) = this.states_of(&record).await?;
    let of_deployed: Vec<&KnownState> = found.iter().filter(|known| known.written.version == deployed).collect();
    // Which is the newest is not guessed where an id cannot be read.
    let all_told = of_deployed.iter().all(|known| known.checkpoint_id.is_some());
    let newest = of_deployed.first().filter(|_| all_told).map(|known| known.path.clone());
    let told = |known: KnownState| StateAnswer {
        used_by_itself: newest.as_deref() == Some(known.path.as_str()),
        path: known.path,
        savepoint: known.written.savepoint,
        checkpoint_id: known.checkpoint_id,
        version: known.written.version,
        run: known.written.run,
        operation: known.written.operation,
        bytes: known.extent.map(|extent| extent.bytes),
        written: known.extent.map(|extent| extent.written),
    };
    let states = found.into_iter().map(told).collect();
    Ok(StatesAnswer {
        format: "flink-sql-runner/states".to_owned(),
        version: 1,
        name: name.clone(),
        deployed,
        states,
        left_out,
    })
}
