//! Which IAM permissions EMR, SSM, SNS and CloudWatch Logs ask for, operation by operation.
//! Must not know who calls, nor what a policy allows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;
use crate::config::{ACCOUNT, REGION};
use crate::recording::Need;

/// What of the cluster is in the context of a call.
pub(super) struct Tagged<'a> {
    pub(super) cluster: &'a str,
    /// Its tags, which its instances carry too.
    pub(super) tags: &'a BTreeMap<String, String>,
}

/// What a call needs; `service` is the name in the stack's log of calls.
pub(super) fn needs(service: &str, operation: &str, input: &Value, tagged: &Tagged<'_>) -> Vec<Need> {
    match service {
        "emr" => emr(operation, input, tagged),
        "ssm" => ssm(operation, input, tagged),
        "logs" => logs(operation, text(input, "logGroupName")),
        "sns" => vec![Need::new(format!("sns:{operation}"), text(input, "TopicArn"))],
        other => vec![Need::new(format!("{other}:{operation}"), "*")],
    }
}

fn emr(operation: &str, input: &Value, tagged: &Tagged<'_>) -> Vec<Need> {
    let action = format!("elasticmapreduce:{operation}");
    let id = ["JobFlowId", "ClusterId"].into_iter().map(|member| text(input, member)).find(|id| !id.is_empty());
    let Some(id) = id else { return vec![Need::new(action, "*")] };
    let need = Need::new(action, format!("arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{id}"));
    // Of another cluster no tags are known.
    let tags = if id == tagged.cluster { Some(tagged.tags) } else { None };
    vec![with_tags(need, "elasticmapreduce", "ResourceTag", tags)]
}

fn ssm(operation: &str, input: &Value, tagged: &Tagged<'_>) -> Vec<Need> {
    let action = format!("ssm:{operation}");
    match operation {
        "SendCommand" => {
            let instances = super::texts(input, "InstanceIds").unwrap_or_default();
            let instance = |id: String| {
                let need = Need::new(&action, format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id}"));
                with_tags(need, "ssm", "resourceTag", Some(tagged.tags))
            };
            let document = Need::new(&action, document_arn(text(input, "DocumentName")));
            std::iter::once(document).chain(instances.into_iter().map(instance)).collect()
        }
        "GetParameter" => vec![Need::new(action, parameter_arn(text(input, "Name")))],
        "GetParameters" => {
            let names = super::texts(input, "Names").unwrap_or_default();
            names.iter().map(|name| Need::new(&action, parameter_arn(name))).collect()
        }
        // They know no resource.
        _ => vec![Need::new(action, "*")],
    }
}

/// Whoever reads a log group is asked about its streams, of which none is named, or about the group itself: refusals of
/// the service name the one or the other, so that a policy has to allow both.
fn logs(operation: &str, group: &str) -> Vec<Need> {
    let arn = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}");
    [format!("{arn}:log-stream:"), arn].map(|arn| Need::new(format!("logs:{operation}"), arn)).into()
}

/// A document is named by its name or its ARN; Amazon's own belong to no account.
fn document_arn(name: &str) -> String {
    match name {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        amazon if amazon.starts_with("AWS-") => format!("arn:aws:ssm:{REGION}::document/{amazon}"),
        own => format!("arn:aws:ssm:{REGION}:{ACCOUNT}:document/{own}"),
    }
}

fn parameter_arn(name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'))
}

/// The tags under the service's own key and under IAM's.
fn with_tags(need: Need, service: &str, key: &str, tags: Option<&BTreeMap<String, String>>) -> Need {
    tags.into_iter().flatten().fold(need, |need, (name, value)| {
        need.with(format!("{service}:{key}/{name}"), value).with(format!("aws:ResourceTag/{name}"), value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(service: &str, operation: &str, input: &Value) -> Vec<Need> {
        let tags = BTreeMap::from([("flink".to_owned(), "yes".to_owned())]);
        needs(service, operation, input, &Tagged { cluster: "j-1", tags: &tags })
    }

    #[test]
    fn a_command_needs_its_document_and_its_instance() {
        let input = json!({ "DocumentName": "run", "InstanceIds": ["i-1"] });
        let needs = of("ssm", "SendCommand", &input);
        let resources: Vec<&str> = needs.iter().map(|need| need.resource.as_str()).collect();
        let document = "arn:aws:ssm:us-east-1:123456789012:document/run";
        assert_eq!(resources, [document, "arn:aws:ec2:us-east-1:123456789012:instance/i-1"]);
        assert!(needs.iter().all(|need| need.action == "ssm:SendCommand"));
        assert!(needs[0].context.is_empty());
        assert_eq!(needs[1].context["ssm:resourceTag/flink"], "yes");
        assert_eq!(needs[1].context["aws:ResourceTag/flink"], "yes");
        let shell = of("ssm", "SendCommand", &json!({ "DocumentName": "AWS-RunShellScript" }));
        assert_eq!(shell[0].resource, "arn:aws:ssm:us-east-1::document/AWS-RunShellScript");
    }

    #[test]
    fn a_step_needs_its_cluster() {
        let added = of("emr", "AddJobFlowSteps", &json!({ "JobFlowId": "j-1" }));
        assert_eq!(added[0].action, "elasticmapreduce:AddJobFlowSteps");
        assert_eq!(added[0].resource, "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-1");
        assert_eq!(added[0].context["elasticmapreduce:ResourceTag/flink"], "yes");
        assert!(of("emr", "ListSteps", &json!({ "ClusterId": "j-2" }))[0].context.is_empty());
        assert_eq!(of("emr", "ListClusters", &json!({}))[0].resource, "*");
    }

    #[test]
    fn a_parameter_is_named_without_its_first_slash() {
        let needs = of("ssm", "GetParameter", &json!({ "Name": "/a/b" }));
        assert_eq!(needs[0].resource, "arn:aws:ssm:us-east-1:123456789012:parameter/a/b");
        assert_eq!(of("ssm", "ListCommands", &json!({}))[0].resource, "*");
    }

    #[test]
    fn what_is_logged_needs_its_group_and_the_streams_of_it() {
        let needs = of("logs", "FilterLogEvents", &json!({ "logGroupName": "/aws/lambda/jobs" }));
        let group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/jobs";
        let resources: Vec<&str> = needs.iter().map(|need| need.resource.as_str()).collect();
        assert_eq!(resources, [&format!("{group}:log-stream:"), group]);
        assert!(needs.iter().all(|need| need.action == "logs:FilterLogEvents"));
        assert_eq!(of("ssm", "GetCommandInvocation", &json!({ "CommandId": "c" }))[0].resource, "*");
    }
}
