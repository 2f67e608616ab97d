"""The deployments that are checked: both ways to the node, a bucket that is made and one that exists."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from render import EXAMPLE
from resolve import Stack
from translate import REGION, read, translated

# Nothing may reach a real account, whatever the machine is set to.
os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION=REGION)

RELEASE = f"s3://{EXAMPLE['BucketName']}/flink-sql-runner/node/{'0' * 64}"
# Every condition of the template holds in one of these and does not in another.
DEPLOYMENTS = {
    "emr-new-bucket": {"NodeRelease": RELEASE},
    "emr-existing-bucket": {
        "CreateBucket": "false",
        "ClusterId": "j-1",
        "StepLogsArn": "arn:aws:s3:::emr-logs/elasticmapreduce",
        "AttachNodePolicy": "false",
        "NotifierArns": "arn:aws:events:us-east-1:123456789012:rule/uploads,arn:aws:sns:us-east-1:123456789012:uploads",
    },
    "ssm-new-bucket": {
        "Dispatch": "ssm",
        "NodeRelease": RELEASE,
        "ClusterId": "j-1",
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "SecretsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/s",
        "StateBucketArns": "arn:aws:s3:::state-a,arn:aws:s3:::state-b",
        "SessionOnNode": "true",
        "UploaderArns": "arn:aws:iam::123456789012:role/team-*",
        "OperatorArns": "arn:aws:iam::123456789012:role/operators",
        "ReleaserArns": "arn:aws:iam::123456789012:role/releases-*,arn:aws:iam::123456789012:user/ci",
        "AdministratorArn": "arn:aws:iam::123456789012:role/admin",
        "AlertEmail": "team@example.com",
    },
    "ssm-existing-bucket": {"Dispatch": "ssm", "NodeRelease": RELEASE, "CreateBucket": "false"},
}


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The template in plain CloudFormation."""
    return translated(read(), EXAMPLE)


@pytest.fixture(scope="session", params=sorted(DEPLOYMENTS))
def deployment(request: pytest.FixtureRequest, template: dict[str, Any]) -> Iterator[Stack]:
    """One deployment after the other."""
    yield Stack(template, {**EXAMPLE, **DEPLOYMENTS[request.param]})


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = document["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    """One value or many, as many."""
    return value if isinstance(value, list) else [value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how far the creation goes."""
    from test_created import NOT_CREATED

    terminalreporter.write_line(f"not created by moto's CloudFormation: {', '.join(sorted(NOT_CREATED))}")
