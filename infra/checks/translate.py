"""From the SAM template to plain CloudFormation, as SAM does it, without an account.

Must not know parameters' values or what is in the template.
"""

import copy
import json
import os
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
REGION = "us-east-1"

# samtranslator asks boto3 for it.
os.environ["AWS_DEFAULT_REGION"] = REGION


def read(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template as it is written, with its included files in their places."""
    from samtranslator.yaml_helper import yaml_parse

    template: dict[str, Any] = _included(yaml_parse(path.read_text()), path.parent)
    return template


def translated(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Plain CloudFormation; parameters matter to SAM only where it must know a name."""
    from samtranslator.translator.transform import transform

    class NoManagedPolicies:
        """The template names no policy of AWS by its short name."""

        def load(self) -> dict[str, str]:
            return {}

    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # What `sam package` makes of a local folder.
            resource["Properties"]["CodeUri"] = "s3://packages/function.zip"
    result: dict[str, Any] = transform(template, dict(parameters), NoManagedPolicies())
    return result


def _included(value: Any, folder: Path) -> Any:
    match value:
        case {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": str() as location}}}:
            return json.loads((folder / location).read_text())
        case dict():
            return {key: _included(inner, folder) for key, inner in value.items()}
        case list():
            return [_included(inner, folder) for inner in value]
        case _:
            return value
