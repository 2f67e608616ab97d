//! What a run runs with, read back from Flink and compared with what was asked for.
//! Must not know what came of the operation but for the run.

use std::time::Duration;

use desired::effective::{OptionDifference, differences, spelled_as};
use desired::launch::Launch;
use lifecycle::documents::outcome::Outcome;
use lifecycle::documents::plan::Plan;

use crate::ports::Cluster;

/// How long the result waits to hear what a run runs with.
const READ_BACK: Duration = Duration::from_secs(5);

/// Where the run that came of it is not what was asked for. Only for information: an answer that does not come soon
/// holds up no result.
pub(super) async fn differences_of(cluster: &dyn Cluster, plan: &Plan, outcome: &Outcome) -> Vec<OptionDifference> {
    let (run, launch) = match outcome {
        Outcome::Deployed { run, .. } => (run, plan.next.as_ref()),
        Outcome::RolledBack { run, .. } => (run, plan.previous.as_ref().map(|previous| &previous.launch)),
        Outcome::Completed { .. }
        | Outcome::Left { .. }
        | Outcome::Removed { .. }
        | Outcome::Suspended { .. }
        | Outcome::Refused { .. }
        | Outcome::Failed { .. } => return Vec::new(),
    };
    let Some(launch) = launch else { return Vec::new() };
    match tokio::time::timeout(READ_BACK, cluster.effective(run.job_id)).await {
        Ok(Ok(Some(effective))) => spelled_as(differences(&launch.properties, &effective), &spellings(plan, launch)),
        Ok(Ok(None) | Err(_)) | Err(_) => Vec::new(),
    }
}

/// The options as people wrote them, as far as the plan knows: the launch's own, then those of what is applied.
fn spellings<'a>(plan: &'a Plan, launch: &'a Launch) -> Vec<&'a str> {
    let launches = [Some(launch), plan.next.as_ref()].into_iter().flatten();
    let written = launches.filter_map(|launch| launch.written.as_ref()).flat_map(|written| written.options.keys());
    let applied = plan.manifest.iter().flat_map(|manifest| manifest.properties.keys());
    written.chain(applied).map(String::as_str).collect()
}
