"""What the template says fits the rest of the project: its settings, its events, its metrics, its keys."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from moto.events.models import EventPattern

from conftest import DEPLOYMENTS
from render import EXAMPLE
from resolve import Stack, Unresolvable
from translate import REGION, TEMPLATE, read

PROJECT = TEMPLATE.parent.parent
METRICS = {
    "Operations",
    "OperationsFailed",
    "PhaseDuration",
    "Downtime",
    "JobsNotRunning",
    "OldestOpenOperation",
    "StateAge",
    "Alerts",
    "AlertsNotSent",
}


def properties(stack: Stack, name: str) -> Any:
    return stack.rendered()["Resources"][name]["Properties"]


def event(name: str) -> Any:
    return json.loads((PROJECT / "events" / f"{name}.json").read_text())


def test_every_parameter_is_described_and_in_one_group() -> None:
    template = read()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith((".", ")")), name


def test_cfn_lint_finds_nothing_in_what_would_be_created(deployment: Stack) -> None:
    """What it cannot see in the template: values that come from parameters, conditions and SAM."""
    created = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": deployment.rendered()["Resources"]}
    assert [str(finding) for finding in lint(json.dumps(created), config=ManualArgs(regions=[REGION]))] == []


def test_the_function_is_the_zip_that_is_packaged_and_tested() -> None:
    function = read()["Resources"]["Function"]
    assert "Metadata" not in function, "sam build would build another one"
    dist, name = function["Properties"]["CodeUri"].removeprefix("../").split("/")
    packaged = (PROJECT / "scripts/package.sh").read_text()
    assert f"out=$PWD/{dist} " in packaged
    assert f'zip_function "$built/orchestrator" "$dir/{name}"' in packaged
    assert f'"$work/dist/{name}"' in (PROJECT / "scripts/package-smoke.sh").read_text()


def test_four_parameters_make_a_deployment(template: dict[str, Any]) -> None:
    first, *_ = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert first["Label"]["default"] == "Fill in these"
    filled = {
        "BucketName": "some-bucket",
        "ReleaserArns": "arn:aws:iam::123456789012:role/releases",
        "NodeRelease": f"s3://some-bucket/flink-sql-runner/node/{'0' * 64}",
        "AlertEmail": "team@example.com",
    }
    assert first["Parameters"] == list(filled)
    asked = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
    assert asked <= set(filled)
    resources = Stack(template, filled).rendered()["Resources"]
    assert resources["AlertsByMail"]["Properties"]["Endpoint"] == "team@example.com"
    assert resources["Function"]["Properties"]["Environment"]["Variables"]["NODE_RELEASE"] == filled["NodeRelease"]
    assert "arn:aws:iam::123456789012:role/releases" in json.dumps(resources["BucketPolicy"])


def test_alarms_without_a_receiver_are_warned_of(deployment: Stack) -> None:
    warning = deployment.template["Outputs"]["AlertsReachNobody"]
    assert warning["Description"].startswith("WARNING")
    told = "AlertsByMail" in deployment.rendered()["Resources"]
    assert deployment.condition(warning["Condition"]) is not told


# The disk of an EMR node is gone with it, and is no place for states: a stack of EMR cannot allow it.
NOT_IN_A_STACK = {"ALLOW_FILES"}


def test_every_setting_of_the_function_is_a_parameter(deployment: Stack) -> None:
    config = Path(PROJECT / "functions/orchestrator/src/config.rs").read_text().split("#[cfg(test)]")[0]
    settings = set(re.findall(r'"([A-Z][A-Z_]+[A-Z])"', config))
    assert len(settings) > 10
    assert settings - NOT_IN_A_STACK == set(properties(deployment, "Function")["Environment"]["Variables"])


def test_a_command_runs_the_text_that_a_step_runs() -> None:
    """Steps carry the file itself (shared/aws); what differs is only how the data become its arguments."""
    text = (TEMPLATE.parent / "node/verified.sh").read_text()
    content = read()["Resources"]["RunDocument"]["Properties"]["Content"]
    arguments, *lines = content["mainSteps"][0]["inputs"]["runCommand"]
    assert "\n".join(lines) + "\n" == text
    batch = "run --batch '{{ Batch }}' --sha256 '{{ Sha256 }}' --batch-id '{{ BatchId }}'"
    assert arguments == {"Fn::Sub": f"set -- '${{NodeRelease}}' {batch}"}
    # Nothing that SSM or CloudFormation would put something else for.
    assert "{{" not in text
    assert all(isinstance(line, str) for line in lines)


def test_schedules_say_what_the_samples_say(deployment: Stack) -> None:
    for resource, sample in (("RedeployEverything", "schedule-redeploy"), ("SweepOpenOperations", "schedule-sweep")):
        target = properties(deployment, resource)["Target"]
        assert json.loads(target["Input"]) == event(sample)
        assert target["Arn"] == "arn:aws:lambda:us-east-1:123456789012:function:flink-sql-runner"
        assert target["DeadLetterConfig"]["Arn"].endswith(":flink-sql-runner-schedule-dead-letters")


def test_a_job_that_died_is_back_or_told_of_within_ten_minutes(deployment: Stack) -> None:
    """Two looks: the first tells that it is gone, the second that it is not back."""
    assert properties(deployment, "RedeployEverything")["ScheduleExpression"] == "rate(5 minutes)"


def test_only_the_notifiers_that_are_named_send_beside_the_bucket(deployment: Stack) -> None:
    statements = properties(deployment, "UploadsPolicy")["PolicyDocument"]["Statement"]
    (bucket, *others) = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert bucket["Principal"] == {"Service": "s3.amazonaws.com"}
    named = [arn for arn in deployment.parameters["NotifierArns"] if arn]
    assert [other["Condition"] for other in others] == ([{"ArnEquals": {"aws:SourceArn": named}}] if named else [])


def test_rules_take_the_samples_that_concern_the_function(template: dict[str, Any]) -> None:
    cluster = {"ClusterId": "j-LOCAL00000000", "NodeRelease": DEPLOYMENTS["emr-new-bucket"]["NodeRelease"]}
    emr = Stack(template, {**EXAMPLE, **cluster})
    ssm = Stack(template, {**EXAMPLE, **cluster, "Dispatch": "ssm"})
    other = Stack(template, {**EXAMPLE, **cluster, "ClusterId": "j-OTHER"})

    def taken(stack: Stack, rule: str, sample: Any) -> bool:
        return bool(EventPattern.load(json.dumps(properties(stack, rule)["EventPattern"])).matches_event(sample))

    assert taken(emr, "StepEnded", event("emr-step-failed"))
    assert not taken(emr, "StepEnded", event("emr-step-running"))
    assert not taken(other, "StepEnded", event("emr-step-failed"))
    foreign = event("emr-step-failed")
    foreign["detail"]["name"] = "Setup"
    assert not taken(emr, "StepEnded", foreign)
    assert taken(ssm, "CommandEnded", event("ssm-command-failed"))
    ended = {
        "source": "aws.emr",
        "detail-type": "EMR Cluster State Change",
        "detail": {"clusterId": "j-LOCAL00000000", "state": "TERMINATED_WITH_ERRORS"},
    }
    assert taken(emr, "ClusterEnded", ended)
    assert not taken(other, "ClusterEnded", ended)
    ended["detail"] = {"clusterId": "j-LOCAL00000000", "state": "WAITING"}
    assert not taken(emr, "ClusterEnded", ended)


def test_the_bucket_tells_of_what_triggers_and_of_nothing_twice(deployment: Stack) -> None:
    if not deployment.condition("CreatesBucket"):
        return
    told = [
        (rule["Event"], rule["Filter"]["S3Key"]["Rules"][0]["Value"])
        for rule in properties(deployment, "Bucket")["NotificationConfiguration"]["QueueConfigurations"]
    ]
    assert len(told) == len(set(told))
    created = {prefix for kind, prefix in told if kind == "s3:ObjectCreated:*"}
    removed = {prefix for kind, prefix in told if kind == "s3:ObjectRemoved:*"}
    expired = {prefix for kind, prefix in told if kind == "s3:LifecycleExpiration:*"}
    assert created == {f"flink-sql-runner/{name}/" for name in ("queries", "config", "results", "cluster")}
    assert removed == expired == {f"flink-sql-runner/{name}/" for name in ("queries", "config")}


def test_nothing_expires_that_decisions_rest_on(deployment: Stack) -> None:
    if not deployment.condition("CreatesBucket"):
        return
    rules = properties(deployment, "Bucket")["LifecycleConfiguration"]["Rules"]
    expires = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    assert set(expires) == {f"flink-sql-runner/{name}/" for name in ("plans", "batches", "claims")}
    assert expires["flink-sql-runner/claims/"] > expires["flink-sql-runner/plans/"]


def test_the_dashboard_shows_every_metric(deployment: Stack) -> None:
    dashboard = json.loads(properties(deployment, "Dashboard")["DashboardBody"])
    shown = json.dumps([widget["properties"]["metrics"] for widget in dashboard["widgets"]])
    assert {name for name in METRICS if f'"{name}"' in shown or f'\\"{name}\\"' in shown} == METRICS
    places = [(widget["x"], widget["y"]) for widget in dashboard["widgets"]]
    assert len(places) == len(set(places))


def test_alarms_look_at_metrics_that_there_are(deployment: Stack) -> None:
    resources = deployment.rendered()["Resources"].values()
    alarms = [r["Properties"] for r in resources if r["Type"] == "AWS::CloudWatch::Alarm"]
    own = [alarm for alarm in alarms if alarm["Namespace"] == "FlinkSqlRunner"]
    assert {alarm["MetricName"] for alarm in own} <= METRICS
    assert {str(alarm["Dimensions"]) for alarm in own} == {"[{'Name': 'Deployment', 'Value': 'flink-sql-runner'}]"}
    assert all(alarm["AlarmName"].startswith("flink-sql-runner-") for alarm in alarms)


def test_every_test_that_the_table_of_rights_names_is_there() -> None:
    named = re.findall(r"`([A-Za-z0-9_./-]+)::([a-z0-9_]+)`", (PROJECT / "docs/security.md").read_text())
    assert len(named) > 10
    for path, name in named:
        text = (PROJECT / path).read_text()
        assert re.search(rf"^\s*(async )?(fn|def) {name}\(", text, re.MULTILINE), f"{path}::{name}"


@pytest.mark.parametrize(
    "given",
    [
        {"Dispatch": "ssm"},
        {"Dispatch": "ssh"},
        {"Prefix": "a/"},
        {"NodeRelease": "s3://b/p/node/latest"},
        {"ClusterId": "cluster"},
        {"MaximumConcurrency": "1"},
        {"NoSuchParameter": "1"},
        {"BucketName": "A"},
    ],
)
def test_bad_parameters_are_refused(template: dict[str, Any], given: dict[str, str]) -> None:
    with pytest.raises(Unresolvable):
        Stack(template, {**EXAMPLE, **given})
