"""Resolves a plain CloudFormation template: parameters, conditions and intrinsic functions, to what would be created.

Must not know what is in the template; attributes that only AWS knows are refused, not guessed.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "flink-sql-runner",
}
# Service and path of the ARN, and the property that names the resource.
ARNS = {
    "AWS::S3::Bucket": ("s3:::{name}", "BucketName"),
    "AWS::SQS::Queue": ("sqs:{region}:{account}:{name}", "QueueName"),
    "AWS::SNS::Topic": ("sns:{region}:{account}:{name}", "TopicName"),
    "AWS::Lambda::Function": ("lambda:{region}:{account}:function:{name}", "FunctionName"),
    "AWS::IAM::Role": ("iam::{account}:role/{name}", "RoleName"),
    "AWS::IAM::ManagedPolicy": ("iam::{account}:policy/{name}", "ManagedPolicyName"),
    "AWS::KMS::Key": ("kms:{region}:{account}:key/{name}", "KeyId"),
    "AWS::Logs::LogGroup": ("logs:{region}:{account}:log-group:{name}:*", "LogGroupName"),
}
# Types whose Ref is their ARN.
REF_IS_ARN = {"AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}


class Unresolvable(Exception):
    """The template says something that cannot be resolved; the message names it."""


class _NoValue:
    """What AWS::NoValue stands for: the entry that holds it is left out."""


NO_VALUE = _NoValue()


class Stack:
    """One template with values for its parameters."""

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self.template = template
        unknown = sorted(set(given) - set(template["Parameters"]))
        if unknown:
            raise Unresolvable(f"no such parameter: {', '.join(unknown)}")
        self.parameters = {name: _value(name, p, given) for name, p in template["Parameters"].items()}
        self._rules()

    def rendered(self) -> dict[str, Any]:
        """Everything that would be created."""
        resources = {
            name: self._resource(resource)
            for name, resource in self.template["Resources"].items()
            if self._exists(resource)
        }
        outputs = {
            name: self.value(output["Value"])
            for name, output in self.template.get("Outputs", {}).items()
            if self._exists(output)
        }
        return {"Parameters": self.parameters, "Resources": resources, "Outputs": outputs}

    def decided(self) -> dict[str, Any]:
        """The template with its conditions decided, everything else left to whoever creates it."""
        resources, outputs = (
            {
                name: {k: v for k, v in entry.items() if k != "Condition"}
                for name, entry in section.items()
                if self._exists(entry)
            }
            for section in (self.template["Resources"], self.template.get("Outputs", {}))
        )
        template = {**self.template, "Resources": resources, "Outputs": outputs}
        for section in ("Conditions", "Rules"):
            template.pop(section, None)
        without: dict[str, Any] = self._decide(template)
        return without

    def _decide(self, value: Any) -> Any:
        match value:
            case {"Fn::If": [condition, yes, no]}:
                return self._decide(yes if self.condition(condition) else no)
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case dict():
                items = ((key, self._decide(inner)) for key, inner in value.items())
                return {key: inner for key, inner in items if inner is not NO_VALUE}
            case list():
                return [inner for inner in map(self._decide, value) if inner is not NO_VALUE]
            case _:
                return value

    def condition(self, name: str) -> bool:
        """A condition by its name."""
        if name not in self.template["Conditions"]:
            raise Unresolvable(f"no condition {name}")
        return self._holds(self.template["Conditions"][name])

    def value(self, value: Any) -> Any:
        """A value without intrinsic functions."""
        match value:
            case dict() if len(value) == 1 and (key := next(iter(value))) in ("Ref", "Condition"):
                return self._ref(value[key]) if key == "Ref" else self.condition(value[key])
            case dict() if len(value) == 1 and (key := next(iter(value))).startswith("Fn::"):
                return self._function(key, value[key])
            case dict():
                items = ((key, self.value(inner)) for key, inner in value.items())
                return {key: inner for key, inner in items if inner is not NO_VALUE}
            case list():
                return [inner for inner in map(self.value, value) if inner is not NO_VALUE]
            case _:
                return value

    def _resource(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        rest = {key: inner for key, inner in resource.items() if key not in ("Properties", "Condition", "Metadata")}
        return {**rest, "Properties": self.value(resource.get("Properties", {}))}

    def _exists(self, entry: Mapping[str, Any]) -> bool:
        return "Condition" not in entry or self.condition(entry["Condition"])

    def _rules(self) -> None:
        for rule in self.template.get("Rules", {}).values():
            if "RuleCondition" not in rule or self._holds(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self._holds(assertion["Assert"]):
                        raise Unresolvable(assertion["AssertDescription"])

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Equals": [left, right]}:
                return bool(self.value(left) == self.value(right))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": list() as inner}:
                return all(map(self._holds, inner))
            case {"Fn::Or": list() as inner}:
                return any(map(self._holds, inner))
            case {"Condition": str() as name}:
                return self.condition(name)
            case _:
                raise Unresolvable(f"not a condition: {condition}")

    def _function(self, name: str, argument: Any) -> Any:
        match name, argument:
            case "Fn::If", [condition, yes, no]:
                return self.value(yes if self.condition(condition) else no)
            case "Fn::Join", [str() as delimiter, parts]:
                return delimiter.join(str(part) for part in self.value(parts))
            case "Fn::Split", [str() as delimiter, text]:
                return str(self.value(text)).split(delimiter)
            case "Fn::Select", [index, parts]:
                return self.value(parts)[int(self.value(index))]
            case "Fn::FindInMap", [table, first, second]:
                return self.template["Mappings"][self.value(table)][str(self.value(first))][self.value(second)]
            case "Fn::Sub", str() as text:
                return self._sub(text, {})
            case "Fn::Sub", [str() as text, dict() as names]:
                return self._sub(text, names)
            case "Fn::GetAtt", [str() as resource, str() as attribute]:
                return self._attribute(resource, attribute)
            case "Fn::GetAtt", str() as text:
                return self._attribute(*text.split(".", 1))
            case _:
                return self._holds({name: argument})

    def _sub(self, text: str, names: Mapping[str, Any]) -> str:
        def filled(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in names:
                return str(self.value(names[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", filled, text)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self._declared(name)["Type"]
        if kind in REF_IS_ARN:
            return self._attribute(name, "Arn")
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{PSEUDO['AWS::Region']}.amazonaws.com/{PSEUDO['AWS::AccountId']}/{self._name(name)}"
        return self._name(name)

    def _attribute(self, resource: str, attribute: str) -> str:
        kind = self._declared(resource)["Type"]
        if kind in ARNS and attribute == "Arn":
            pattern, _ = ARNS[kind]
            name = self._name(resource)
            path = pattern.format(region=PSEUDO["AWS::Region"], account=PSEUDO["AWS::AccountId"], name=name)
            return f"arn:{PSEUDO['AWS::Partition']}:{path}"
        if kind == "AWS::SQS::Queue" and attribute == "QueueName":
            return self._name(resource)
        raise Unresolvable(f"{kind} has no attribute {attribute} that is known here ({resource})")

    def _name(self, resource: str) -> str:
        declared = self._declared(resource)
        _, named_by = ARNS.get(declared["Type"], ("", "Name"))
        given = declared.get("Properties", {}).get(named_by)
        if given:
            return str(self.value(given))
        name = f"{PSEUDO['AWS::StackName']}-{resource}"
        # The ids of keys have a shape that others insist on.
        return str(uuid.uuid5(uuid.NAMESPACE_URL, name)) if declared["Type"] == "AWS::KMS::Key" else name

    def _declared(self, name: str) -> Mapping[str, Any]:
        if name not in self.template["Resources"]:
            raise Unresolvable(f"no parameter or resource {name}")
        declared: Mapping[str, Any] = self.template["Resources"][name]
        if not self._exists(declared):
            raise Unresolvable(f"{name} is referred to, but its condition does not hold")
        return declared


def _value(name: str, parameter: Mapping[str, Any], given: Mapping[str, str]) -> Any:
    if name not in given and "Default" not in parameter:
        raise Unresolvable(f"parameter {name} needs a value")
    value = str(given.get(name, parameter.get("Default")))
    allowed = [str(one) for one in parameter.get("AllowedValues", [value])]
    pattern = parameter.get("AllowedPattern", ".*")
    if value not in allowed or not re.fullmatch(pattern, value):
        raise Unresolvable(f"parameter {name} may not be `{value}`")
    if parameter["Type"] == "Number":
        if not parameter.get("MinValue", float("-inf")) <= float(value) <= parameter.get("MaxValue", float("inf")):
            raise Unresolvable(f"parameter {name} may not be {value}")
        return int(value)
    return value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
