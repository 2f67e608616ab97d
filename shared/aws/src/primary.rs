//! Which instance is the primary of an EMR cluster.
//! Must not know what is sent to it.

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{Instance, InstanceFleetType, InstanceGroupType, InstanceState};
use control::ports::OutsideError;

use crate::cluster::exactly_one;
use crate::outcome::outside;

/// The EC2 instance id of the cluster's one running primary.
pub(crate) async fn primary(client: &Client, cluster: &str) -> Result<String, OutsideError> {
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
        return exactly_one(what, "primary instance runs", found);
    }
    let by_fleet = request().instance_fleet_type(InstanceFleetType::Master).send().await;
    let found = ids(by_fleet.map_err(|error| outside(&what, error))?.instances);
    exactly_one(what, "primary instance runs", found)
}

fn ids(instances: Option<Vec<Instance>>) -> Vec<String> {
    instances.unwrap_or_default().into_iter().filter_map(|instance| instance.ec2_instance_id).collect()
}
