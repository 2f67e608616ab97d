"""The policies are narrow, and every word of them is one that IAM knows."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import parliament
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions

from conftest import DEPLOYMENTS, listed, statements
from policies import IDENTITY, RESOURCE, TRUST, policies
from render import EXAMPLE, policy
from resolve import Stack

# Actions that are allowed on every resource, because IAM knows no narrower one.
ANY_RESOURCE = {
    "elasticmapreduce:ListClusters",
    "ssm:GetCommandInvocation",
    "ssm:ListCommands",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
}
# In the words of AWS: condition keys that go with any action.
GLOBAL_KEYS = {
    "aws:SecureTransport",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:SourceAccount",
    "aws:SourceArn",
    "kms:ViaService",
}
# A policy of a person or a role; of a bucket; what all inline policies of a role may have together (characters).
LIMITS = {IDENTITY: 6144, RESOURCE: 20480, TRUST: 2048}
EVERY_ACTION = {action.lower() for action in get_all_actions()}


def allowed(stack: Stack) -> list[tuple[str, dict[str, Any]]]:
    found = policies(stack.rendered())
    return [
        (name, statement)
        for name, (kind, document) in found.items()
        if kind == IDENTITY
        for statement in statements(document)
    ]


def test_every_action_exists(deployment: Stack) -> None:
    for name, (_, document) in policies(deployment.rendered()).items():
        for statement in statements(document):
            for action in listed(statement["Action"]):
                assert any(fnmatchcase(known, action.lower()) for known in EVERY_ACTION), f"{name}: {action}"


def test_an_allowed_action_is_named_in_full(deployment: Stack) -> None:
    for name, statement in allowed(deployment):
        for action in listed(statement["Action"]):
            assert "*" not in action, f"{name} allows {action}"


def test_an_allowed_action_is_bound_to_a_resource(deployment: Stack) -> None:
    for name, statement in allowed(deployment):
        if "*" in listed(statement["Resource"]):
            wide = set(listed(statement["Action"])) - ANY_RESOURCE
            assert not wide, f"{name} allows {wide} on everything"


def test_what_may_be_done_on_everything_has_no_narrower_resource() -> None:
    for action in ANY_RESOURCE:
        service, verb = action.split(":")
        formats = {row["resource_arn_format"] for row in get_action_data(service, verb)[service]}
        assert formats == {"*"}, f"{action} can be bound to {formats}"


def test_a_resource_is_one_that_the_action_takes(deployment: Stack) -> None:
    for name, statement in allowed(deployment):
        for action in listed(statement["Action"]):
            service, verb = action.split(":")
            rows = get_action_data(service, verb)
            assert rows, f"{name}: {action} is in no table"
            formats = {row["resource_arn_format"] for row in rows[service]}
            # The tables say `*` beside what an action can be bound to.
            shapes = [re.sub(r"\$\{[^}]+\}", "*", shape) for shape in formats - {"*"} or {"*"}]
            for resource in listed(statement["Resource"]):
                assert any(fnmatchcase(resource, shape) for shape in shapes), f"{name}: {action} on {resource}"


def test_a_condition_is_one_that_the_action_knows(deployment: Stack) -> None:
    for name, statement in allowed(deployment):
        for key in (key for keys in statement.get("Condition", {}).values() for key in keys):
            for action in listed(statement["Action"]):
                service, verb = action.split(":")
                known = {k for row in get_action_data(service, verb)[service] for k in row["condition_keys"] or []}
                shapes = [re.sub(r"\$\{[^}]+\}|<key>|tag-key", "*", k) for k in known | GLOBAL_KEYS]
                assert any(fnmatchcase(key, shape) for shape in shapes), f"{name}: {action} does not know {key}"


def test_no_listing_without_a_prefix_in_the_bucket(deployment: Stack) -> None:
    bucket = f"arn:aws:s3:::{deployment.parameters['BucketName']}"
    for name, statement in allowed(deployment):
        if "s3:ListBucket" in listed(statement["Action"]) and bucket in listed(statement["Resource"]):
            prefixes = statement["Condition"]["StringLike"]["s3:prefix"]
            assert prefixes, name
            assert all(p.startswith(deployment.parameters["Prefix"]) for p in prefixes), f"{name}: {prefixes}"


def test_a_key_that_is_read_may_be_listed(deployment: Stack) -> None:
    """Otherwise S3 says that a missing key is forbidden, and nothing could ever be created."""
    bucket = f"arn:aws:s3:::{deployment.parameters['BucketName']}"
    found = policies(deployment.rendered())
    for name in ("FunctionPolicy", "NodePolicy", "SessionPolicy", "UploaderPolicy"):
        document = found[name][1]
        prefixes = [
            prefix
            for statement in statements(document)
            if "s3:ListBucket" in listed(statement["Action"]) and "Condition" in statement
            for prefix in statement["Condition"]["StringLike"]["s3:prefix"]
        ]
        for statement in statements(document):
            if "s3:GetObject" in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    key = resource.removeprefix(f"{bucket}/")
                    # A marker beside the prefix is never there on S3A, and absent or forbidden is the same to EMRFS.
                    if key != resource and not key.endswith("_$folder$"):
                        assert any(fnmatchcase(key.replace("*", "x"), prefix) for prefix in prefixes), f"{name}: {key}"


def test_plain_http_is_denied_wherever_there_is_a_resource_policy(deployment: Stack) -> None:
    for name, (kind, document) in policies(deployment.rendered()).items():
        if kind == RESOURCE and name != "AlertsKey":
            denials = [
                s for s in statements(document) if s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            ]
            assert [(s["Effect"], s["Principal"]) for s in denials] == [("Deny", "*")], name


def test_the_owner_of_an_existing_bucket_gets_the_same_policy(template: dict[str, Any]) -> None:
    new, existing = (Stack(template, {**EXAMPLE, "CreateBucket": made}) for made in ("true", "false"))
    assert policy(existing, "BucketPolicy") == policies(new.rendered())["BucketPolicy"][1]


def test_policies_fit(deployment: Stack) -> None:
    for name, (kind, document) in policies(deployment.rendered()).items():
        size = len(json.dumps(document, separators=(",", ":")))
        assert size <= LIMITS[kind], f"{name} has {size} characters"


# What parliament objects to because its tables are older than policy_sentry's, which the tests above look at.
OBJECTIONS = {
    # Commands take a statement for the document and one for the instances.
    ("RESOURCE_MISMATCH", "ssm:SendCommand"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "elasticmapreduce:AddJobFlowSteps"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "elasticmapreduce:ListSteps"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "elasticmapreduce:ListInstances"),
}


def test_the_linter_finds_nothing_else(template: dict[str, Any]) -> None:
    found = set()
    for given in DEPLOYMENTS.values():
        rendered = Stack(template, {**EXAMPLE, **given}).rendered()
        for name, (kind, document) in policies(rendered).items():
            # The policy of a key has no other resource than the key, which it calls everything.
            if kind != TRUST and name != "AlertsKey":
                for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
                    actions = re.findall(r"[a-z0-9]+:[A-Z][A-Za-z]+", str(finding.detail))
                    found.add((finding.issue, actions[-1] if actions else f"{name}: {finding.detail}"))
    assert found == OBJECTIONS


def test_whoever_releases_was_named(template: dict[str, Any]) -> None:
    """Whoever writes node/ commands every node, so that nobody does by default, whatever his own policies say."""
    root = "arn:aws:iam::123456789012:root"
    role = "arn:aws:iam::123456789012:role"
    cases: list[tuple[dict[str, str], set[str]]] = [
        ({}, {root}),
        ({"UploaderArns": f"{role}/u", "OperatorArns": f"{role}/o"}, {root}),
        ({"AdministratorArn": f"{role}/a"}, {root, f"{role}/a"}),
        ({"ReleaserArns": f"{role}/r-*,{role}/s"}, {root, f"{role}/r-*", f"{role}/s"}),
        ({"ReleaserArns": f"{role}/r", "AdministratorArn": f"{role}/a"}, {root, f"{role}/r", f"{role}/a"}),
    ]
    for given, writers in cases:
        document = policy(Stack(template, {**EXAMPLE, **given}), "BucketPolicy")
        (denial,) = [s for s in statements(document) if s["Sid"] == "OnlyReleasersWriteReleases"]
        assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
        assert listed(denial["Action"]) == ["s3:PutObject*", "s3:DeleteObject*"]
        assert listed(denial["Resource"]) == [f"arn:aws:s3:::{EXAMPLE['BucketName']}/flink-sql-runner/node/*"]
        assert set(denial["Condition"]["ArnNotLike"]["aws:PrincipalArn"]) == writers


def test_services_are_held_to_this_account_and_its_resources(deployment: Stack) -> None:
    """Otherwise another account could have a service act on ours in our place."""
    found = {
        (name, principal, json.dumps(statement.get("Condition", {}), sort_keys=True))
        for name, (_, document) in policies(deployment.rendered()).items()
        for statement in statements(document)
        if statement["Effect"] == "Allow" and isinstance(statement.get("Principal"), dict)
        for principal in listed(statement["Principal"].get("Service", []))
    }
    # A role of Lambda's: whoever passes it to a function needs iam:PassRole on it.
    assert ("FunctionRole.trust", "lambda.amazonaws.com", "{}") in found
    for name, principal, condition in found - {("FunctionRole.trust", "lambda.amazonaws.com", "{}")}:
        assert "123456789012" in condition, f"{name}: {principal} for every account"
        if principal == "events.amazonaws.com":
            # Of a rule, EventBridge says its ARN; another condition would drop events without a word.
            assert "aws:SourceAccount" not in condition, f"{name}: {principal} {condition}"
