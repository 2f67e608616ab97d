"""The translated template is created in moto's CloudFormation, and what exists then is asked for through boto3."""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from resolve import Stack

# Types that moto's CloudFormation leaves out; those with calls of their own are created by these instead.
NOT_CREATED = {
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
STACK = "flink-sql-runner"


class Created:
    """A stack that moto created."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.rendered = stack.rendered()
        template = stack.decided()
        _surroundings(stack)
        given = {name: ",".join(v) if isinstance(v, list) else str(v) for name, v in stack.parameters.items()}
        cloudformation = boto3.client("cloudformation")
        with warnings.catch_warnings():
            # It says of each type that it does not create it; the test below asks which these are.
            warnings.simplefilter("ignore")
            cloudformation.create_stack(
                StackName=STACK,
                TemplateBody=json.dumps(template),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
                Capabilities=["CAPABILITY_IAM"],
            )
        self.status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        found = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        self.ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found if "LogicalResourceId" in r}
        self.not_created = {r["Type"] for name, r in template["Resources"].items() if name not in self.ids}

    def has(self, name: str) -> bool:
        return name in self.rendered["Resources"]

    def properties(self, name: str) -> Any:
        return self.rendered["Resources"][name]["Properties"]


def _surroundings(stack: Stack) -> None:
    """What is there before: the package, the node's role, an existing bucket."""
    boto3.client("iam").create_role(
        RoleName=str(stack.parameters["NodeRoleName"]),
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="packages")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "")
    s3.put_object(Bucket="packages", Key="function.zip", Body=package.getvalue())
    if not stack.condition("CreatesBucket"):
        s3.create_bucket(Bucket=str(stack.parameters["BucketName"]))


@pytest.fixture(scope="module")
def created(deployment: Stack) -> Iterator[Created]:
    with mock_aws():
        yield Created(deployment)


def test_everything_comes_to_be_but_what_moto_does_not_know(created: Created) -> None:
    assert created.status == "CREATE_COMPLETE"
    present = {resource["Type"] for resource in created.rendered["Resources"].values()}
    print("not created by moto:", ", ".join(sorted(created.not_created)))
    assert created.not_created == NOT_CREATED & present


def test_messages_are_given_up_after_five_tries_and_hidden_for_six_time_outs(created: Created) -> None:
    sqs = boto3.client("sqs")
    uploads = sqs.get_queue_attributes(QueueUrl=created.ids["Uploads"], AttributeNames=["All"])["Attributes"]
    dead = sqs.get_queue_attributes(QueueUrl=created.ids["UploadDeadLetters"], AttributeNames=["All"])["Attributes"]
    assert json.loads(uploads["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 5}
    function = boto3.client("lambda").get_function_configuration(FunctionName=created.ids["Function"])
    assert int(uploads["VisibilityTimeout"]) == 6 * function["Timeout"]
    assert int(dead["MessageRetentionPeriod"]) == 14 * 24 * 3600


def test_the_queue_feeds_the_function_in_batches_of_which_parts_may_fail(created: Created) -> None:
    (mapping,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"].endswith(":flink-sql-runner-uploads")
    assert mapping["FunctionArn"].endswith(":function:flink-sql-runner")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 500
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    # moto forgets the window.
    assert created.properties("FunctionUploads")["MaximumBatchingWindowInSeconds"] == 2


def test_the_function_is_set_to_what_the_parameters_say(created: Created) -> None:
    function = boto3.client("lambda").get_function_configuration(FunctionName=created.ids["Function"])
    assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")
    assert function["Architectures"] == ["x86_64"]
    parameters = created.stack.parameters
    settings = function["Environment"]["Variables"]
    assert settings["CLUSTER"] == (parameters["ClusterId"] or f"flink-sql-runner={parameters['ClusterTag']}")
    assert settings["DISPATCH"] == parameters["Dispatch"]
    assert settings["NODE_RELEASE"] == parameters["NodeRelease"]
    assert settings["PREFIX"] == "flink-sql-runner/"
    assert settings["ALERT_TOPIC"] == created.ids["Alerts"]


def test_the_functions_role_has_its_policy_and_what_lambda_needs(created: Created) -> None:
    iam, role = boto3.client("iam"), created.ids["FunctionRole"]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["platform"]
    # moto attaches no managed policy that a role of the template names.
    (attached,) = created.properties("FunctionRole")["ManagedPolicyArns"]
    assert attached.endswith(":policy/flink-sql-runner-FunctionPolicy")


def test_the_nodes_role_gets_its_policies_only_if_asked(created: Created) -> None:
    role = str(created.stack.parameters["NodeRoleName"])
    found = boto3.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    expected = []
    if created.stack.condition("AttachesToNode"):
        expected = ["NodePolicy", *(["AgentPolicy"] if created.stack.condition("UsesSsm") else [])]
    if created.stack.condition("AttachesSession"):
        expected += ["SessionPolicy", "FunctionPolicy"]
    assert {policy["PolicyArn"] for policy in found} == {created.ids[name] for name in expected}


def test_the_bucket_is_encrypted_versioned_and_private(created: Created) -> None:
    if not created.has("Bucket"):
        return
    s3, bucket = boto3.client("s3"), created.ids["Bucket"]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    algorithm = "aws:kms" if created.stack.condition("HasKmsKey") else "AES256"
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
    # moto's CloudFormation leaves these out; the rendered template is what there is to ask.
    properties = created.properties("Bucket")
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    resource = created.rendered["Resources"]["Bucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_policy_of_the_bucket_is_accepted(created: Created) -> None:
    if created.has("BucketPolicy"):
        s3 = boto3.client("s3")
        policy = json.dumps(created.properties("BucketPolicy")["PolicyDocument"])
        s3.put_bucket_policy(Bucket=created.ids["Bucket"], Policy=policy)
        assert json.loads(s3.get_bucket_policy(Bucket=created.ids["Bucket"])["Policy"]) == json.loads(policy)


def test_rules_send_only_what_the_function_understands(created: Created) -> None:
    events = boto3.client("events")
    rules = {rule["Name"]: json.loads(rule["EventPattern"]) for rule in events.list_rules()["Rules"]}
    way = "command-ended" if created.stack.condition("UsesSsm") else "step-ended"
    assert set(rules) == {f"flink-sql-runner-{way}", "flink-sql-runner-cluster-ended"}
    for name, pattern in rules.items():
        (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
        assert target["Arn"].endswith(":function:flink-sql-runner")
        assert created.properties("EventDeadLetters")["QueueName"] in target["DeadLetterConfig"]["Arn"]
        if pattern["source"] == ["aws.emr"] and created.stack.condition("HasClusterId"):
            assert pattern["detail"]["clusterId"] == ["j-1"]
    # The function reads no event of a cluster: a sweep is what such an event asks for.
    (target,) = events.list_targets_by_rule(Rule="flink-sql-runner-cluster-ended")["Targets"]
    assert json.loads(target["Input"]) == {"action": "sweep"}


def test_events_and_nobody_else_may_invoke_the_function_beside_its_schedules(created: Created) -> None:
    policy = boto3.client("lambda").get_policy(FunctionName=created.ids["Function"])["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    # Not one condition more: EventBridge is not bound to say more of a rule than its ARN.
    rules = "arn:aws:events:us-east-1:123456789012:rule/flink-sql-runner-*"
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rules}}


def test_the_document_is_the_one_beside_the_template(created: Created) -> None:
    if not created.has("RunDocument"):
        return
    document = created.properties("RunDocument")
    content = document["Content"]
    # moto keeps what CloudFormation gives it as no JSON, but takes the same from its own call.
    fields = {key: document[key] for key in ("DocumentType", "DocumentFormat")}
    boto3.client("ssm").create_document(Name="by-its-own-call", Content=json.dumps(content), **fields)
    assert (document["Name"], content["schemaVersion"]) == ("flink-sql-runner-run", "2.2")
    assert {p["type"] for p in content["parameters"].values()} == {"String"}
    assert "executionTimeout" in content["parameters"]
    for name, parameter in content["parameters"].items():
        assert parameter["allowedPattern"].startswith("^"), name
        assert parameter["allowedPattern"].endswith("$"), name


def test_alerts_are_encrypted_with_a_key_that_alarms_may_use(created: Created) -> None:
    topic = boto3.client("sns").get_topic_attributes(TopicArn=created.ids["Alerts"])["Attributes"]
    assert topic["KmsMasterKeyId"] == created.ids["AlertsKey"]
    policy = created.properties("AlertsKey")["KeyPolicy"]
    (alarms,) = [s for s in policy["Statement"] if s["Principal"].get("Service") == "cloudwatch.amazonaws.com"]
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_schedules_and_alarms_are_accepted_by_their_own_calls(created: Created) -> None:
    """The calls check names and types, which CloudFormation's stand-in does not for these types."""
    scheduler, cloudwatch = boto3.client("scheduler"), boto3.client("cloudwatch")
    resources = created.rendered["Resources"].values()
    for schedule in (r["Properties"] for r in resources if r["Type"] == "AWS::Scheduler::Schedule"):
        scheduler.create_schedule(**schedule)
    for alarm in (r["Properties"] for r in resources if r["Type"] == "AWS::CloudWatch::Alarm"):
        cloudwatch.put_metric_alarm(**alarm)
        assert alarm["AlarmActions"] == ["arn:aws:sns:us-east-1:123456789012:flink-sql-runner-alerts"]
    dashboard = created.properties("Dashboard")
    cloudwatch.put_dashboard(**dashboard)
    names = {schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]}
    assert names == {"flink-sql-runner-redeploy", "flink-sql-runner-sweep"}


def test_the_log_is_not_kept_for_ever(created: Created) -> None:
    (group,) = boto3.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/aws/lambda/flink-sql-runner", 90)
