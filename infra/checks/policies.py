"""Finds every policy in a rendered template.

Must not judge them.
"""

from typing import Any

IDENTITY = "identity"
RESOURCE = "resource"
TRUST = "trust"


def policies(rendered: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each policy document by the resource that holds it, with its kind."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, resource in rendered["Resources"].items():
        properties = resource["Properties"]
        match resource["Type"]:
            case "AWS::IAM::ManagedPolicy":
                found[name] = (IDENTITY, properties["PolicyDocument"])
            case "AWS::IAM::Role":
                found[f"{name}.trust"] = (TRUST, properties["AssumeRolePolicyDocument"])
                for inline in properties.get("Policies", []):
                    found[f"{name}.{inline['PolicyName']}"] = (IDENTITY, inline["PolicyDocument"])
            case "AWS::S3::BucketPolicy" | "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy":
                found[name] = (RESOURCE, properties["PolicyDocument"])
            case "AWS::KMS::Key":
                found[name] = (RESOURCE, properties["KeyPolicy"])
            case _:
                pass
    return found
