//! EMR's operations on the wire.
//! Must not know how steps are run.

use std::sync::Arc;

use serde_json::{Value, json};

use super::step::Step;
use super::steps::Steps;
use super::{Reply, ServiceError, paged, text, texts};
use crate::config::{ACCOUNT, LOG_BUCKET, LOG_PREFIX, REGION};
use crate::time::epoch_seconds;

/// How many steps are on one page of a listing.
const PAGE: usize = 50;
/// How many of the newest steps are visible.
const VISIBLE: usize = 1000;
/// How many steps can be asked for by id.
const MAX_IDS: usize = 10;

pub(super) fn answer(steps: &Arc<Steps>, operation: &str, input: &Value) -> Reply {
    match operation {
        "AddJobFlowSteps" => {
            cluster(steps, input, "JobFlowId")?;
            let ids = steps.add(input["Steps"].as_array().cloned().unwrap_or_default())?;
            Ok(json!({ "StepIds": ids }))
        }
        "DescribeStep" => {
            cluster(steps, input, "ClusterId")?;
            let id = text(input, "StepId");
            let found = steps.list().into_iter().find(|step| step.id == id);
            let step = found.ok_or_else(|| invalid(format!("Step id '{id}' is not valid.")))?;
            Ok(json!({ "Step": show(&step) }))
        }
        "ListSteps" => list(steps, input),
        "CancelSteps" => cancel(steps, input),
        "ListInstances" => {
            cluster(steps, input, "ClusterId")?;
            let wanted =
                |name: &str, value: &str| texts(input, name).is_none_or(|list| list.iter().any(|one| one == value));
            let fleet = text(input, "InstanceFleetType");
            let here = wanted("InstanceGroupTypes", "MASTER")
                && wanted("InstanceStates", "RUNNING")
                && matches!(fleet, "" | "MASTER");
            let instances = if here && !steps.terminated() { vec![instance(steps)] } else { Vec::new() };
            Ok(json!({ "Instances": instances }))
        }
        "DescribeCluster" => {
            cluster(steps, input, "ClusterId")?;
            Ok(json!({ "Cluster": describe(steps) }))
        }
        "ListClusters" => {
            let state = state(steps);
            let wanted = texts(input, "ClusterStates").is_none_or(|states| states.iter().any(|one| one == state));
            let mut shown = describe(steps);
            if let Some(members) = shown.as_object_mut() {
                members.retain(|name, _| {
                    matches!(name.as_str(), "Id" | "Name" | "Status" | "ClusterArn" | "NormalizedInstanceHours")
                });
            }
            Ok(json!({ "Clusters": if wanted { vec![shown] } else { Vec::new() } }))
        }
        _ => Err(ServiceError::new("UnknownOperationException", operation)),
    }
}

fn list(steps: &Arc<Steps>, input: &Value) -> Reply {
    cluster(steps, input, "ClusterId")?;
    let (states, ids) = (texts(input, "StepStates"), texts(input, "StepIds"));
    if ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
        return Err(invalid(format!("At most {MAX_IDS} step ids can be given.")));
    }
    let asked = |step: &Step| {
        states.as_ref().is_none_or(|states| states.iter().any(|state| state == step.state.name()))
            && ids.as_ref().is_none_or(|ids| ids.contains(&step.id))
    };
    let found: Vec<Value> = steps.list().iter().take(VISIBLE).filter(|step| asked(step)).map(show).collect();
    let (page, next) = paged(found, text(input, "Marker"), PAGE)?;
    let mut body = json!({ "Steps": page });
    if let Some(next) = next {
        body["Marker"] = json!(next);
    }
    Ok(body)
}

fn cancel(steps: &Arc<Steps>, input: &Value) -> Reply {
    cluster(steps, input, "ClusterId")?;
    let kill = text(input, "StepCancellationOption") == "TERMINATE_PROCESS";
    let one = |id: String| {
        if steps.cancel(&id, kill) {
            json!({ "StepId": id, "Status": "SUBMITTED" })
        } else {
            json!({ "StepId": id, "Status": "FAILED", "Reason": "The step is not in a cancellable state." })
        }
    };
    let info: Vec<Value> = texts(input, "StepIds").unwrap_or_default().into_iter().map(one).collect();
    Ok(json!({ "CancelStepsInfoList": info }))
}

fn cluster(steps: &Steps, input: &Value, member: &str) -> Result<(), ServiceError> {
    let id = text(input, member);
    if id == steps.cluster.id { Ok(()) } else { Err(invalid(format!("Cluster id '{id}' is not valid."))) }
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new("InvalidRequestException", message)
}

fn state(steps: &Steps) -> &'static str {
    if steps.terminated() {
        return "TERMINATED";
    }
    let runs = steps.list().iter().any(|step| matches!(step.state.name(), "RUNNING" | "CANCEL_PENDING"));
    if runs { "RUNNING" } else { "WAITING" }
}

fn describe(steps: &Steps) -> Value {
    let cluster = &steps.cluster;
    let tags: Vec<Value> = cluster.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json!({
        "Id": cluster.id,
        "Name": "local",
        "ClusterArn": format!("arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{}", cluster.id),
        "Status": { "State": state(steps), "StateChangeReason": {}, "Timeline": {} },
        "LogUri": format!("s3n://{LOG_BUCKET}/{LOG_PREFIX}"),
        "StepConcurrencyLevel": cluster.concurrency.max(1),
        "MasterPublicDnsName": "localhost",
        "NormalizedInstanceHours": 0,
        "Tags": tags,
    })
}

fn instance(steps: &Steps) -> Value {
    json!({
        "Id": "ci-LOCAL0000000",
        "Ec2InstanceId": steps.cluster.instance,
        "PrivateIpAddress": "127.0.0.1",
        "PrivateDnsName": "localhost",
        "Status": { "State": "RUNNING", "StateChangeReason": {}, "Timeline": {} },
        "InstanceGroupId": "ig-LOCAL0000000",
        "Market": "ON_DEMAND",
        "InstanceType": "local",
    })
}

fn show(step: &Step) -> Value {
    let jar = &step.config["HadoopJarStep"];
    let mut timeline = json!({ "CreationDateTime": epoch_seconds(step.created) });
    if let Some(started) = step.started {
        timeline["StartDateTime"] = json!(epoch_seconds(started));
    }
    if let Some(ended) = step.ended {
        timeline["EndDateTime"] = json!(epoch_seconds(ended));
    }
    let mut status = json!({ "State": step.state.name(), "StateChangeReason": {}, "Timeline": timeline });
    if let Some(failure) = &step.failure {
        status["FailureDetails"] = failure.clone();
    }
    let mut config =
        json!({ "Jar": jar["Jar"], "Args": jar["Args"].as_array().cloned().unwrap_or_default(), "Properties": {} });
    if let Some(main) = jar["MainClass"].as_str() {
        config["MainClass"] = json!(main);
    }
    let on_failure = step.config["ActionOnFailure"].as_str().unwrap_or("TERMINATE_CLUSTER");
    json!({ "Id": step.id, "Name": step.config["Name"], "ActionOnFailure": on_failure, "Config": config, "Status": status })
}
