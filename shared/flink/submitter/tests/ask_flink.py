"""Owns what Flink really answers to mistakes: asks it again and writes the answers that the tests of `desired` read.

    FLINK_HOME=… FLINK_PYTHON … ask_flink.py shared/desired/tests/flink-errors/answers.json

Needs PyFlink and a Flink's lib/, no cluster. A case that Flink takes by now is named and left out.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from flink_sql_runner_errors import Refusal
from flink_sql_runner_job import JobEnvironment

LONGEST = 1500
PLACES = ((r"/\S*/site-packages", "/venv/site-packages"),)


def ask(answers: dict[str, Any], case: dict[str, Any]) -> dict[str, Any] | None:
    """Return what Flink says to one case."""
    tables = [*answers["tables"], *([case["table"]] if "table" in case else [])]
    job = {
        "name": case["name"],
        "kind": "sql",
        "properties": case.get("properties", {}),
        "statements": [{"origin": f"config/tables/t.sql:{at}", "sql": sql} for at, sql in enumerate(tables, 1)],
        "query": case["query"],
        "insert": case.get("insert", answers["insert"]),
    }
    try:
        environment = JobEnvironment(job)
        environment.define()
        environment.plan()
    except Refusal as refusal:
        answer = {key: value for key, value in refusal.answer.items() if value is not None}
        for place, instead in PLACES:
            answer["message"] = re.sub(place, instead, answer["message"])[:LONGEST]
        return answer
    return None


def main() -> None:
    """Ask every case of the file again."""
    path = Path(sys.argv[1])
    answers = json.loads(path.read_text())
    cases = []
    for case in answers["cases"]:
        answer = ask(answers, case)
        if answer is None:
            print(f"{case['name']}: Flink takes it")
        else:
            cases.append({**case, "answer": answer})
    head = json.dumps({"tables": answers["tables"], "insert": answers["insert"]}, indent=1)
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(f'{head[:-2]},\n "cases": [\n{rows}\n ]\n}}\n')


if __name__ == "__main__":
    main()
