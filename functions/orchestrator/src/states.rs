//! `states`: every state that a job could go on from, and what restores it.
//! Must not know how it is shown, nor how states are found.

use std::sync::Arc;

use control::orchestrator::{KnownState, Orchestrator};
use desired::manifest::JobName;
use jiff::Timestamp;
use lifecycle::documents::record::{Aim, Record};
use lifecycle::ids::OperationId;
use serde::{Deserialize, Serialize};

use crate::acts::{not_now, way_out};
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
    /// Why the job cannot be restarted from any of them now, and the way out; nothing if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_now: Option<String>,
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
    /// Whether the job goes on from it by itself: of the runs that are deployed, or the one that they start from.
    pub used_by_itself: bool,
}

pub(crate) async fn states(this: &Arc<Orchestrator>, name: &JobName) -> Result<StatesAnswer, ActionError> {
    let record = record(this, name, "list the states of").await?;
    let deployed = record.deployed.as_ref().map(|deployed| deployed.meta.query_version);
    let (found, left_out) = this.states_of(&record).await?;
    let used = goes_on_from(&record, &found).map(|known| known.path.clone());
    let told = |known: KnownState| StateAnswer {
        used_by_itself: used.as_deref() == Some(known.path.as_str()),
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
        not_now: not_now(this, name).await?.map(|why| format!("{why}; {}", way_out(why, name))),
    })
}

/// The state that the job goes on from by itself: the newest checkpoint of its runs, or the state that it is restored
/// from where that is newer. It is not guessed where nobody knows which is the newer, or what a stop left.
fn goes_on_from<'a>(record: &Record, found: &'a [KnownState]) -> Option<&'a KnownState> {
    let deployed = record.deployed.as_ref().filter(|deployed| deployed.aim != Aim::Complete)?;
    if !record.stops.is_empty() {
        return None;
    }
    let runs: Vec<String> = deployed.runs.iter().chain(&record.orphans).map(|run| run.job_id.to_string()).collect();
    // Runs of the Python tool are not known.
    let of_it =
        |known: &&KnownState| runs.is_empty() || known.written.run.as_ref().is_some_and(|run| runs.contains(run));
    let version = Some(deployed.meta.query_version);
    let checkpoints = found.iter().filter(|known| !known.written.savepoint && known.written.version == version);
    let checkpoint = checkpoints.filter(of_it).max_by_key(|known| known.checkpoint_id);
    let is_point = |point: &str, known: &KnownState| point.trim_end_matches('/') == known.path.trim_end_matches('/');
    let point = deployed.restore_point.as_deref();
    let point = point.and_then(|point| found.iter().find(|known| is_point(point, known)));
    match (checkpoint, point) {
        (Some(checkpoint), Some(point)) => {
            let at = |known: &KnownState| known.extent.map(|extent| extent.written);
            let (one, other) = (at(checkpoint)?, at(point)?);
            Some(if one > other { checkpoint } else { point })
        }
        (one, other) => one.or(other),
    }
}
