#!/usr/bin/env python3
"""Prints what the template would create, as JSON: translated, with parameters, conditions and functions resolved.

usage: render.py [--parameter NAME=VALUE ...] [--policy NAME]
  --policy  prints only the policy document of this resource, whatever its condition says

Must not check anything.
"""

import argparse
import json
import sys
from typing import Any

from resolve import Stack, Unresolvable
from translate import read, translated

# Enough for the parameters that have no default.
EXAMPLE = {"BucketName": "flink-sql-runner-123456789012"}


def stack(parameters: dict[str, str]) -> Stack:
    """The translated template with these parameters, the example's where they are not given."""
    values = {**EXAMPLE, **parameters}
    return Stack(translated(read(), values), values)


def policy(of: Stack, name: str) -> Any:
    """The policy document of a resource, whether it would be created or not."""
    return of.value(of.template["Resources"][name]["Properties"]["PolicyDocument"])


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="prints what the template would create")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--policy", metavar="NAME")
    arguments = parser.parse_args()
    parameters = dict(text.split("=", 1) for text in arguments.parameter)
    try:
        found = stack(parameters)
        shown = policy(found, arguments.policy) if arguments.policy else found.rendered()
    except (Unresolvable, KeyError) as error:
        print(f"render: {error}", file=sys.stderr)
        return 2
    json.dump(shown, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
