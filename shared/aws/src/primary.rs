//! Which instances are the primaries of an EMR cluster: one, or three where it is highly available.
//! Must not know what is sent to them.

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{Instance, InstanceFleetType, InstanceGroupType, InstanceState};
use control::ports::OutsideError;

use crate::outcome::outside;

/// The EC2 instance ids of the cluster's running primaries, always in one order; at least one.
pub(crate) async fn primaries(client: &Client, cluster: &str) -> Result<Vec<String>, OutsideError> {
    let what = format!("finding the primary instance of {cluster}");
    let request = || client.list_instances().cluster_id(cluster).instance_states(InstanceState::Running);
    let by_group = request().instance_group_types(InstanceGroupType::Master).send().await;
    // A cluster has groups or fleets; asked for the other kind it answers nothing or refuses.
    let found = match by_group.map_err(|error| outside(&what, error)) {
        Ok(output) => ids(output.instances),
        Err(OutsideError::Refused { .. }) => Vec::new(),
        Err(lost @ OutsideError::Unknown { .. }) => return Err(lost),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let by_fleet = request().instance_fleet_type(InstanceFleetType::Master).send().await;
    let found = ids(by_fleet.map_err(|error| outside(&what, error))?.instances);
    if found.is_empty() {
        return Err(OutsideError::refused(what, "no primary instance runs"));
    }
    Ok(found)
}

fn ids(instances: Option<Vec<Instance>>) -> Vec<String> {
    let mut ids: Vec<String> =
        instances.unwrap_or_default().into_iter().filter_map(|instance| instance.ec2_instance_id).collect();
    ids.sort();
    ids
}
