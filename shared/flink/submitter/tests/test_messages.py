"""Owns the checks of what needs no Flink: reading Java's traces, naming failures, the protocol's answers.

Must not import pyflink.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import submitter
from flink_sql_runner_errors import Refusal, causes, defined_at, location, node_fault, readable, submission_kind
from flink_sql_runner_job import stage
from submitter import Place, Server

PARSE = """An error occurred while calling o45.sqlQuery.
: org.apache.flink.table.api.SqlParserException: SQL parse failed. Encountered "FORM" at line 2, column 7.
Was expecting one of:
    <EOF>
    "AS" ...
\tat org.apache.flink.table.planner.parse.CalciteParser.parseSqlList(CalciteParser.java:82)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: org.apache.flink.sql.parser.impl.ParseException: Encountered "FORM" at line 2, column 7.
Was expecting one of:
    <EOF>
\tat org.apache.flink.sql.parser.impl.FlinkSqlParserImpl.generateParseException(FlinkSqlParserImpl.java:4)
\t... 12 more
"""
VALIDATION = """org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1, column 8 to \
line 1, column 12: Column 'pirce' not found in any table
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:200)
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 1, column 8 to line 1, column 12: \
Column 'pirce' not found in any table
\tat java.base/jdk.internal.reflect.NativeConstructorAccessorImpl.newInstance0(Native Method)
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'pirce' not found in any table
\t... 20 more
"""
CONNECTOR = """: org.apache.flink.table.api.ValidationException: Unable to create a source for reading table \
'default_catalog.default_database.orders'.

Table options are:

'connector'='kafkaa'
'properties.sasl.jaas.config'='hunter2'
\tat org.apache.flink.table.factories.FactoryUtil.createDynamicTableSource(FactoryUtil.java:228)
Caused by: org.apache.flink.table.api.ValidationException: Could not find any factory for identifier 'kafkaa'.
\tat org.apache.flink.table.factories.FactoryUtil.discoverFactory(FactoryUtil.java:617)
"""
SUBMIT = """org.apache.flink.table.api.TableException: Failed to execute sql
\tat org.apache.flink.table.api.internal.TableEnvironmentImpl.executeInternal(TableEnvironmentImpl.java:1051)
Caused by: org.apache.flink.util.FlinkException: Failed to execute job 'orders'.
\t... 1 more
Caused by: %s
\tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(CompletableFuture.java:314)
"""
DUPLICATE = SUBMIT % (
    "org.apache.flink.runtime.rest.util.RestClientException: [Internal server error., <Exception on server side:\n"
    "org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted.\n"
    "\tat org.apache.flink.runtime.dispatcher.Dispatcher.submitJob(Dispatcher.java:520)\n\n"
    "End of exception on server side>]"
)
INIT = (
    "org.apache.flink.runtime.client.JobInitializationException: Could not start the JobMaster.\n\tat a.B.c(D.java:1)\n"
)


def test_a_parse_error_is_one_sentence_with_its_place() -> None:
    assert readable(PARSE) == 'Encountered "FORM" at line 2, column 7.'
    assert location(PARSE) == [2, 7]


def test_a_validation_error_is_the_root_cause_with_its_place() -> None:
    assert readable(VALIDATION) == "Column 'pirce' not found in any table"
    assert location(VALIDATION) == [1, 8]
    assert [name.rsplit(".", 1)[-1] for name, _ in causes(VALIDATION)] == [
        "ValidationException",
        "CalciteContextException",
        "SqlValidatorException",
    ]


def test_a_connector_error_names_the_table_and_no_option() -> None:
    told = readable(CONNECTOR)
    assert "reading table 'default_catalog.default_database.orders'" in told and "'kafkaa'" in told
    assert "hunter2" not in told and "\tat" not in told


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE orders (a INT)",
        "create temporary table if not exists `orders` (a INT)",
        "-- orders\n/* all\n of them */ CREATE TABLE default_database.`orders`(a INT)",
    ],
)
def test_the_table_is_found_where_it_is_defined(sql: str) -> None:
    statements = [{"origin": "a.sql:1", "sql": "CREATE TABLE orders_eu (a INT)"}, {"origin": "b.sql:3", "sql": sql}]
    assert defined_at(CONNECTOR, statements) == "b.sql:3"
    assert defined_at(CONNECTOR, statements[:1]) is None
    assert defined_at(VALIDATION, statements) is None


@pytest.mark.parametrize(
    ("trace", "kind", "words"),
    [
        (DUPLICATE, "duplicate-job-id", "Job has already been submitted."),
        (DUPLICATE.replace("DuplicateJob", "DuplicateApplication"), "duplicate-job-id", "already"),
        (
            SUBMIT % f"{INIT}Caused by: java.io.FileNotFoundException: Cannot find checkpoint or savepoint file 'x'.",
            "restore",
            "Cannot find checkpoint or savepoint file 'x'.",
        ),
        (SUBMIT % f"{INIT}Caused by: java.io.EOFException", "restore", "EOFException"),
        (
            SUBMIT % f"{INIT}Caused by: java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint x. "
            "Cannot map checkpoint/savepoint state for operator y",
            "restore",
            "Cannot map checkpoint/savepoint state",
        ),
        (
            SUBMIT
            % f"{INIT}Caused by: org.apache.flink.util.DynamicCodeLoadingException: Cannot find configured state "
            "backend: nonsense\n\tat a.B.c(D.java:1)\nCaused by: java.lang.ClassNotFoundException: nonsense",
            "initialization",
            "Cannot find configured state backend: nonsense",
        ),
        (
            SUBMIT % f"{INIT}Caused by: java.net.ConnectException: Connection refused: kafka/10.0.0.1:9092",
            "initialization",
            "Connection refused",
        ),
        (
            SUBMIT % "java.util.concurrent.CompletionException: org.apache.flink.shaded.netty4.io.netty.channel."
            "AbstractChannel$AnnotatedConnectException: Connection refused: localhost/127.0.0.1:8081",
            "unreachable",
            "Connection refused: localhost/127.0.0.1:8081",
        ),
        (SUBMIT % "java.util.concurrent.TimeoutException", "unreachable", "TimeoutException"),
        (SUBMIT % "org.apache.flink.util.FlinkRuntimeException: Something else", "other", "Something else"),
    ],
)
def test_a_failed_submission_is_named(trace: str, kind: str, words: str) -> None:
    assert submission_kind(trace) == kind
    assert words in readable(trace)
    assert "\tat " not in readable(trace) and "server side" not in readable(trace)


def test_a_very_long_message_is_cut() -> None:
    assert len(readable("a.b.CException: " + "x" * 3_000_000)) == 1 << 20


@pytest.mark.parametrize("trace", ["", "\n", "Caused by: ", "ValueError: no", "a.b.CException"])
def test_any_text_can_be_read(trace: str) -> None:
    assert isinstance(readable(trace), str)


def test_every_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    assert server.answer({"id": 1, "op": "forget", "key": "k"}) == {"id": 1, "ok": True}
    answer = server.answer({"id": 2, "op": "submit", "key": "k", "job_id": "0", "restore": None})
    assert answer["id"] == 2 and answer["ok"] is False and answer["error"]["kind"] == "other"
    for request in ({"id": 3, "op": "dance"}, {"id": 3}, {"id": 3, "op": "prepare"}, {"id": 3, "op": "answer"}):
        answer = server.answer(request)
        assert (answer["id"], answer["ok"], answer["error"]["kind"]) == (3, False, "other")

    def refuse(*_: object) -> None:
        raise Refusal("code", "no", None, [4, 1])

    monkeypatch.setattr(submitter, "run_code", refuse)
    answer = server.answer({"id": 4, "op": "prepare", "key": "k", "job": {"kind": "code"}})
    error = {"kind": "code", "origin": None, "message": "no", "line": 4, "column": 1}
    assert answer == {"id": 4, "ok": False, "error": error}
    assert json.dumps(answer)


def test_a_code_child_that_vanishes_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    monkeypatch.setattr(submitter, "__file__", str(child))
    monkeypatch.setattr(submitter, "CODE_SECONDS", 1.0)
    for body, kind, words in (
        ("import os; os._exit(7)", "code", "exit status 7"),
        ('print(\'{"at": "submission"}\', flush=True); raise SystemExit(1)', "unreachable", "submission"),
        ('print(\'{"at": "code"}\', flush=True); import time; time.sleep(60)', "code", "did not finish within 1 s"),
        (
            'print(\'{"at": "function", "function": "m.f"}\', flush=True); import os; os._exit(7)',
            "code",
            "function m.f",
        ),
    ):
        child.write_text(body)
        with pytest.raises(Refusal) as refused:
            submitter.run_code("prepare", {}, Place())
        assert refused.value.answer["kind"] == kind and words in refused.value.answer["message"]
    child.write_text("import sys; print('{\"ok\": true, \"bounded\": null}' if sys.stdin.read() else '')")
    assert submitter.run_code("prepare", {}, Place()) == {"ok": True, "bounded": None}


def test_it_ends_with_the_runner_whatever_it_does(tmp_path: Path) -> None:
    script = (
        "import queue, socket, subprocess, sys, threading, time\nimport submitter\n"
        "here, there = socket.socketpair()\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\nsubmitter.CHILDREN.add(child.pid)\n"
        "threading.Thread(target=submitter.receive, args=(here, queue.Queue()), daemon=True).start()\n"
        "print(child.pid, flush=True)\nthere.close()\nwhile True: time.sleep(1)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(submitter.__file__).parent)}
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, timeout=20, check=False)
    assert done.returncode == 0 and time.monotonic() - begun < 10
    stat = Path(f"/proc/{int(done.stdout)}/stat")
    # It is killed, but on a busy machine not dead at once.
    while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() - begun < 15
        time.sleep(0.02)


def test_a_broken_node_is_not_the_jobs_fault(tmp_path: Path) -> None:
    full = ": java.io.IOException: No space left on device\n\tat java.base/java.io.FileOutputStream.write(X.java:1)"
    for error in (OSError(28, "No space left on device"), OSError(30, "x"), RuntimeError(full)):
        assert node_fault(error), error
        with pytest.raises(Refusal) as refused, stage("insert"):
            raise error
        assert refused.value.answer["kind"] == "node"
    for error in (OSError(2, "No such file"), ModuleNotFoundError("No module named 'theirs'"), RuntimeError("x")):
        assert not node_fault(error), error
    job = {"kind": "sql", "statements": [], "properties": {}}
    answer = Server(str(tmp_path / "gone")).answer({"id": 1, "op": "prepare", "key": "k", "job": job})
    assert answer["error"]["kind"] == "node" and str(tmp_path / "gone") in answer["error"]["message"]
