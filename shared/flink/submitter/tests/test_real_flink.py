"""Owns the proof on a real cluster: one `flink run` that prepares and submits SQL and code jobs.

Must not know the submitter's inside: it speaks the runner's side of the socket and looks at Flink's REST.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
SUBMITTER = Path(__file__).parents[1] / "submitter.py"
CLUSTER = os.environ.get("FLINK_RUN_DIR", "")  # the --run-dir of scripts/flink-cluster.sh up

pytestmark = [
    pytest.mark.real_flink,
    pytest.mark.skipif(not CLUSTER, reason="FLINK_RUN_DIR names no running cluster"),
]

ORDERS = (
    "CREATE TABLE orders (n BIGINT, buyer BIGINT) WITH ('connector'='datagen', 'rows-per-second'='50',"
    " 'fields.n.kind'='sequence', 'fields.n.start'='1', 'fields.n.end'='100000',"
    " 'fields.buyer.min'='1', 'fields.buyer.max'='3')"
)
FEW = "CREATE TABLE few (n BIGINT) WITH ('connector'='datagen', 'number-of-rows'='5')"
VIEW = "__temporary_input_view"


def sink(name: str, columns: str) -> str:
    return f"CREATE TABLE {name} ({columns}) WITH ('connector'='print', 'print-identifier'='{name}')"


def insert(table: str) -> str:
    return f"INSERT INTO {table} SELECT *, CAST('it''s' AS STRING) AS __query_description FROM {VIEW}"


def ddl(*sql: str) -> list[Json]:
    return [{"origin": f"config/tables/t{i}.sql:{i + 1}", "sql": text} for i, text in enumerate(sql)]


class Runner:
    """The runner's side: a Unix socket and one `flink run`."""

    def __init__(self, folder: Path, port: str = "") -> None:
        env = dict(row.split("=", 1) for row in (Path(CLUSTER) / "flink.env").read_text().split())
        self.rest, self.folder = env["FLINK_REST"], folder
        path = folder / "s"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(60)
        self.started = time.monotonic()
        host, there = env["FLINK_REST"].removeprefix("http://").split(":")
        argv = [f"{env['FLINK_HOME']}/bin/flink", "run", "-d", "-t", "remote"]
        argv += [f"-Drest.address={host}", f"-Drest.port={port or there}"]
        argv += ["-Drest.retry.max-attempts=1", "-Drest.retry.delay=200 ms"]
        argv += ["-pyclientexec", env["FLINK_PYTHON"], "-pyexec", env["FLINK_PYTHON"], "-py", str(SUBMITTER)]
        self.log = (folder / "submitter.log").open("wb")
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "FLINK_CONF_DIR": env["FLINK_CONF_DIR"],
                "FLINK_SQL_RUNNER_SOCKET": str(path),
                "FLINK_SQL_RUNNER_CODE_SECONDS": "4",
                "PYTHONDONTWRITEBYTECODE": "",
                "FLINK_PLUGINS_DIR": str(folder),  # no S3 here: only the cluster touches the state
                "JVM_ARGS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            },
        )
        self.socket, _ = listener.accept()
        listener.close()
        self.socket.settimeout(90)
        self.lines = self.socket.makefile("r")
        self.hello = json.loads(self.lines.readline())
        self.note("hello", time.monotonic() - self.started)
        self.count = 0

    def note(self, what: str, seconds: float) -> None:
        print(f"{what:<22}{seconds:6.2f} s")

    def ask(self, op: str, **fields: Any) -> Json:
        self.count += 1
        begun = time.monotonic()
        self.socket.sendall(json.dumps({"id": self.count, "op": op, **fields}).encode() + b"\n")
        answer: Json = json.loads(self.lines.readline())
        self.note(f"{op} {fields.get('key', '')}", time.monotonic() - begun)
        assert answer.pop("id") == self.count
        return answer

    def prepare(self, key: str, **job: Any) -> Json:
        properties = {
            "pipeline.name": key,
            "execution.checkpointing.interval": "1s",
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "state.checkpoints.dir": f"file://{self.folder}/checkpoints/{key}",
            **job.pop("properties", {}),
        }
        return self.ask("prepare", key=key, job={"name": key, "kind": "sql", "properties": properties, **job})

    def submit(self, key: str, job_id: str | None = None, restore: str | None = None) -> tuple[str, Json]:
        job_id = job_id or uuid.uuid4().hex
        return job_id, self.ask("submit", key=key, job_id=job_id, restore=restore)

    def get(self, path: str, body: Json | None = None, method: str = "GET") -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.rest + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return]

    def wait(self, job_id: str, state: str) -> Json:
        until = time.monotonic() + 60
        seen: Json = {}
        while time.monotonic() < until:
            seen = next((job for job in self.get("/jobs/overview")["jobs"] if job["jid"] == job_id), {})
            tasks = seen.get("tasks", {})
            if seen.get("state") == state and (state != "RUNNING" or tasks["running"] == tasks["total"] > 0):
                return seen
            time.sleep(0.05)
        raise AssertionError(f"{job_id} is not {state}: {seen}")

    def stop(self, job_id: str) -> str:
        trigger = uuid.uuid4().hex
        body = {"targetDirectory": f"file://{self.folder}/savepoints", "drain": False, "triggerId": trigger}
        self.get(f"/jobs/{job_id}/stop", body, "POST")
        for _ in range(400):
            answer = self.get(f"/jobs/{job_id}/savepoints/{trigger}")
            if answer["status"]["id"] == "COMPLETED":
                return str(answer["operation"]["location"])
            time.sleep(0.05)
        raise AssertionError("no savepoint")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    it = Runner(tmp_path_factory.mktemp("flink"))
    yield it
    for job in it.get("/jobs/overview")["jobs"]:
        if job["state"] not in ("FINISHED", "CANCELED", "FAILED"):
            it.get(f"/jobs/{job['jid']}?mode=cancel", method="PATCH")
    it.socket.shutdown(socket.SHUT_RDWR)  # a runner that is gone
    begun = time.monotonic()
    assert it.process.wait(timeout=20) == 0, (it.folder / "submitter.log").read_text()
    it.note("hang-up until its end", time.monotonic() - begun)


def printed(table: str) -> list[list[str]]:
    """The rows that a print table wrote: `name> +I[1, 2]`."""
    rows = (Path(CLUSTER) / "log" / "taskmanager.out").read_text().splitlines()
    return [row.split("[", 1)[1].rstrip("]").split(", ") for row in rows if row.startswith(f"{table}> +")]


def test_hello(runner: Runner) -> None:
    assert runner.hello["hello"] == 1 and runner.hello["flink"].startswith(("1.", "2."))
    assert runner.hello["python"].startswith("3.")


def test_three_jobs_run_under_their_ids(runner: Runner) -> None:
    ids = {}
    for key in ("a", "b", "c"):
        table = f"out_{key}_{uuid.uuid4().hex[:6]}"
        statements = ddl(ORDERS, sink(table, "n BIGINT, d STRING"))
        answer = runner.prepare(key, statements=statements, query="SELECT n FROM orders", insert=insert(table))
        assert answer == {"ok": True, "bounded": False, "slots": 1}
    for key in ("a", "b", "c"):
        ids[key], answer = runner.submit(key)
        assert answer == {"ok": True, "job_id": ids[key]}
    for key, job_id in ids.items():
        assert runner.wait(job_id, "RUNNING")["name"] == key
    assert runner.get(f"/jobs/{ids['a']}/checkpoints/config")["externalization"]["delete_on_cancellation"] is False
    _, answer = runner.submit("a", ids["a"])
    assert answer["error"]["kind"] == "duplicate-job-id", answer
    runner.wait(ids["a"], "RUNNING")
    assert runner.ask("forget", key="a") == {"ok": True}
    assert runner.submit("a")[1]["error"]["kind"] == "other"


@pytest.mark.parametrize(
    ("query", "line", "column", "words"),
    [
        ("SELECT n\n FORM orders", 2, 7, "Encountered"),
        ("SELECT n,\n  pirce FROM orders", 2, 3, "Column 'pirce' not found in any table"),
        ("SELECT n FROM order_s", 1, 15, "Object 'order_s' not found"),
    ],
)
def test_a_broken_query_is_placed(runner: Runner, query: str, line: int, column: int, words: str) -> None:
    statements = ddl(ORDERS, sink("o", "n BIGINT, d STRING"))
    answer = runner.prepare("broken", statements=statements, query=query, insert=insert("o"))
    error = answer["error"]
    assert (error["kind"], error["line"], error["column"]) == ("query", line, column), answer
    assert words in error["message"] and "\tat " not in error["message"], answer


@pytest.mark.parametrize(
    ("statements", "origin", "words"),
    [
        (ddl(ORDERS, "CREATE TABLE o (n BIGINT WITH ('connector'='print')"), "config/tables/t1.sql:2", "WITH"),
        (ddl(ORDERS.replace("datagen", "kafkaa"), sink("o", "n BIGINT, d STRING")), "config/tables/t0.sql:1", "kafkaa"),
        (ddl(ORDERS, sink("o", "n BIGINT, d STRING").replace("print'", "prnt'", 1)), "config/tables/t1.sql:2", "prnt"),
        (ddl("INSERT INTO x SELECT 1"), "config/tables/t0.sql:1", "x"),
        (ddl(FEW, sink("o", "n BIGINT"), "INSERT INTO o SELECT n FROM few"), "config/tables/t2.sql:3", "executed"),
    ],
)
def test_a_broken_table_names_its_origin(runner: Runner, statements: list[Json], origin: str, words: str) -> None:
    answer = runner.prepare("broken", statements=statements, query="SELECT n FROM orders", insert=insert("o"))
    assert (answer["error"]["kind"], answer["error"]["origin"]) == ("table-definition", origin), answer
    assert words in answer["error"]["message"], answer


def test_a_sink_that_does_not_fit_and_a_bad_property(runner: Runner) -> None:
    fields: Json = {"query": "SELECT n FROM orders", "insert": insert("o")}
    answer = runner.prepare("broken", statements=ddl(ORDERS, sink("o", "n BIGINT")), **fields)
    assert answer["error"]["kind"] == "insert" and "Sink schema" in answer["error"]["message"], answer
    bad = {"execution.checkpointing.interval": "often"}
    answer = runner.prepare("broken", statements=ddl(ORDERS), properties=bad, **fields)
    assert answer["error"]["kind"] == "configuration" and "interval" in answer["error"]["message"], answer
    bad = {"pipeline.jars": "file:///nowhere/a.jar"}
    answer = runner.prepare("broken", statements=ddl(ORDERS), properties=bad, **fields)
    assert answer["error"]["kind"] == "configuration" and "/nowhere/a.jar" in answer["error"]["message"], answer
    elsewhere = {"state.checkpoints.dir": "s3://bucket/checkpoints", "state.savepoints.dir": "s3://bucket/savepoints"}
    tables = ddl(ORDERS, sink("o", "n BIGINT, d STRING"))
    assert runner.prepare("on-s3", statements=tables, properties=elsewhere, **fields)["ok"]


def test_state_goes_on(runner: Runner) -> None:
    table = f"counts_{uuid.uuid4().hex[:6]}"
    job: Json = {
        "statements": ddl(ORDERS, sink(table, "buyer BIGINT, c BIGINT, m BIGINT, d STRING")),
        "query": "SELECT buyer, COUNT(*) c, MAX(n) m FROM orders GROUP BY buyer",
        "insert": insert(table),
    }
    assert runner.prepare("counts", **job)["ok"]
    first, _ = runner.submit("counts")
    runner.wait(first, "RUNNING")
    time.sleep(3)
    assert runner.prepare("counts", **job)["ok"]  # before the old one is touched
    savepoint = runner.stop(first)
    runner.wait(first, "FINISHED")
    before = printed(table)
    second, answer = runner.submit("counts", restore=savepoint)
    assert answer == {"ok": True, "job_id": second}
    runner.wait(second, "RUNNING")
    time.sleep(3)
    after = printed(table)[len(before) :]
    assert after and min(int(row[2]) for row in after) == max(int(row[2]) for row in before) + 1
    counted = {row[0]: int(row[1]) for row in before}
    for buyer, count in counted.items():
        assert min(int(row[1]) for row in after if row[0] == buyer) == count + 1
    restored = runner.get(f"/jobs/{second}/checkpoints")["latest"]["restored"]["external_path"]
    assert restored == savepoint
    for bad in (f"file://{runner.folder}/nowhere", f"file://{runner.folder}"):
        assert runner.prepare("counts", **job)["ok"]
        failed, answer = runner.submit("counts", restore=bad)
        assert answer["error"]["kind"] == "restore", answer
        runner.wait(failed, "FAILED")
    changed = {**job, "query": "SELECT n AS buyer, n AS c, n AS m FROM orders"}
    assert runner.prepare("counts", **changed)["ok"]
    _, answer = runner.submit("counts", restore=savepoint)
    assert answer["error"]["kind"] == "restore" and "Cannot map" in answer["error"]["message"], answer


def test_bounded_sources_are_told(runner: Runner) -> None:
    statements = ddl(ORDERS, FEW, sink("o", "n BIGINT, d STRING"))
    for query, told in (
        ("SELECT n FROM few", True),
        ("SELECT n FROM few UNION ALL SELECT n FROM orders", False),
        ("SELECT CAST(x AS BIGINT) FROM (VALUES 1, 2) AS t(x)", True),
    ):
        answer = runner.prepare("bounded", statements=statements, query=query, insert=insert("o"))
        assert answer["bounded"] is told


def test_slots_are_told_as_the_job_graph_has_them(runner: Runner) -> None:
    wide = sink("wide", "n BIGINT, d STRING").replace(
        "'connector'='print'", "'connector'='print', 'sink.parallelism'='5'"
    )
    statements = ddl(ORDERS, sink("o", "n BIGINT, d STRING"), wide)
    for table, parallelism, slots in (("o", "3", 3), ("wide", "2", 5), ("wide", "7", 7)):
        properties = {"parallelism.default": parallelism}
        job = {"statements": statements, "query": "SELECT n FROM orders", "insert": insert(table)}
        answer = runner.prepare("slots", properties=properties, **job)
        assert answer == {"ok": True, "bounded": False, "slots": slots}


def test_code_jobs(runner: Runner) -> None:
    table = f"code_{uuid.uuid4().hex[:6]}"
    fields: Json = {"kind": "code", "insert": insert(table)}
    code = (
        "from pyflink.common.typeinfo import Types\n"
        "print('printed by the code')\n"
        "execution_output = stream_env.from_collection(\n"
        "    collection=[(1, 'aaa'), (2, 'bb'), (3, 'cccc')],\n"
        "    type_info=Types.ROW([Types.INT(), Types.STRING()])\n)\n"
    )
    statements = ddl(ORDERS, sink(table, "i INT, s STRING, d STRING"))
    answer = runner.prepare("collection", statements=statements, code=code, **fields)
    assert answer == {"ok": True, "bounded": True, "slots": 1}
    job_id, answer = runner.submit("collection")
    assert answer == {"ok": True, "job_id": job_id}
    runner.wait(job_id, "FINISHED")
    assert sorted(row[0] for row in printed(table)) == ["1", "2", "3"]

    code = (
        "from pyflink.common import Types\n"
        "ds = table_env.to_data_stream(table_env.sql_query('SELECT n FROM orders'))\n"
        "def double(row):\n    return row[0] * 2\n"
        "execution_output = ds.map(double, output_type=Types.LONG())\n"
    )
    table = f"code_{uuid.uuid4().hex[:6]}"
    fields["insert"] = insert(table)
    answer = runner.prepare("map", statements=ddl(ORDERS, sink(table, "n BIGINT, d STRING")), code=code, **fields)
    assert answer == {"ok": True, "bounded": False, "slots": 1}
    job_id, answer = runner.submit("map")
    assert answer == {"ok": True, "job_id": job_id}
    runner.wait(job_id, "RUNNING")
    until = time.monotonic() + 30
    while time.monotonic() < until and not printed(table):
        time.sleep(0.1)
    assert all(int(row[0]) % 2 == 0 for row in printed(table)) and printed(table)


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("x = 1\nx / 0", 2, "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", 2, "sys.exit(3)"),
        ("x = (\n", 1, "SyntaxError"),
        ("while True:\n    pass", None, "did not finish within 4 s"),
        (
            "while True:\n    try:\n        pass\n    except BaseException:\n        pass",
            None,
            "did not finish within 4 s",
        ),
        ("import os\nos._exit(7)", None, "exit status 7"),
        ("y = 2", None, "must set execution_output"),
        ("table_env.execute_sql('SELECT pirce FROM orders')", 1, "Column 'pirce' not found"),
        ("table_env.execute_sql('INSERT INTO o SELECT n, \\'\\' FROM orders')", 1, "must not execute"),
    ],
)
def test_bad_code_is_answered(runner: Runner, code: str, line: int | None, words: str) -> None:
    statements = ddl(ORDERS, sink("o", "n BIGINT, d STRING"))
    answer = runner.prepare("bad", kind="code", statements=statements, code=code, insert=insert("o"))
    assert answer["error"]["kind"] == "code" and words in answer["error"]["message"], answer
    assert line is None or answer["error"]["line"] == line, answer
    assert not [job for job in runner.get("/jobs/overview")["jobs"] if job["name"] == "bad"]


def test_properties_stay_with_their_job(runner: Runner) -> None:
    fields: Json = {"query": "SELECT n FROM few", "insert": insert("o")}
    statements = ddl(FEW, sink("o", "n BIGINT, d STRING"))
    leaky = {"parallelism.default": "2", "table.exec.state.ttl": "1 h", "pipeline.jars": f"file://{SUBMITTER}"}
    assert runner.prepare("leaky", statements=statements, properties=leaky, **fields)["ok"]
    assert runner.prepare("clean", statements=statements, **fields)["ok"]
    job_id, answer = runner.submit("clean")
    assert answer["ok"], answer
    runner.wait(job_id, "FINISHED")
    assert {v["parallelism"] for v in runner.get(f"/jobs/{job_id}")["vertices"]} == {1}


UDF = "from pyflink.table.udf import udf\n"
COUNTED = (
    "CREATE TABLE counted (n BIGINT) WITH ('connector'='datagen',"
    " 'fields.n.kind'='sequence', 'fields.n.start'='1', 'fields.n.end'='3')"
)


def function(name: str, body: str) -> str:
    """A module's text with one Python function of a BIGINT."""
    return f"{UDF}@udf(result_type='BIGINT')\ndef {name}(n):\n    {body}\n"


def module(folder: Path, text: str, name: str = "nums.py") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def named(function: str) -> str:
    return f"CREATE FUNCTION {function.rsplit('.', 1)[-1]} AS '{function}' LANGUAGE PYTHON"


def zipped(path: Path, **files: str) -> str:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return str(path)


def left_behind(runner: Runner) -> list[Path]:
    return list(runner.folder.glob("python-*"))


def test_python_files_of_every_kind_in_the_client_and_on_the_cluster(runner: Runner, tmp_path: Path) -> None:
    files = [
        module(tmp_path, function("twice", "return 2 * n")),
        str(tmp_path / "lib"),
        "file://" + zipped(tmp_path / "more.zip", **{"more.py": function("ten_more", "return n + 10")}),
    ]
    module(tmp_path / "lib" / "shapes", function("square", "return n * n"), "__init__.py")
    # The archive is read where the module is imported, the requirement is only there on the cluster.
    text = function("scaled", "import tiny\n    return n * NUMBER + tiny.NUMBER")
    files.append(module(tmp_path, "NUMBER = int(open('data/number.txt').read())\n" + text, "archived.py"))
    zipped(tmp_path / "data.zip", **{"number.txt": "100"})
    about = {"METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n", "RECORD": ""}
    about["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    wheel = {"tiny.py": "NUMBER = 7\n", **{f"tiny-1.0.dist-info/{name}": text for name, text in about.items()}}
    zipped(tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl", **wheel)
    properties = {
        "python.files": ",".join(files),
        "python.archives": f"{tmp_path}/data.zip#data",
        "python.requirements": module(tmp_path, "tiny==1.0\n", "requirements.txt") + f"#{tmp_path}/wheels",
    }
    table = f"python_{uuid.uuid4().hex[:6]}"
    functions = [named(name) for name in ("nums.twice", "shapes.square", "more.ten_more", "archived.scaled")]
    answer = runner.prepare(
        "files",
        properties=properties,
        statements=ddl(COUNTED, *functions, sink(table, "a BIGINT, b BIGINT, c BIGINT, e BIGINT, d STRING")),
        query="SELECT twice(n), square(n), ten_more(n), scaled(n) FROM counted",
        insert=insert(table),
    )
    assert answer == {"ok": True, "bounded": False, "slots": 1}, answer
    job_id, answer = runner.submit("files")
    assert answer == {"ok": True, "job_id": job_id}
    runner.wait(job_id, "FINISHED")
    rows = [[str(number) for number in (2 * n, n * n, n + 10, 100 * n + 7)] for n in (1, 2, 3)]
    assert sorted(row[:4] for row in printed(table)) == sorted(rows)
    assert left_behind(runner)  # until it is forgotten: a submission that failed is tried again
    assert runner.ask("forget", key="files") == {"ok": True}
    assert not left_behind(runner)
    assert not list(tmp_path.rglob("__pycache__"))


def test_modules_of_one_name_stay_with_their_jobs(runner: Runner, tmp_path: Path) -> None:
    tables = {}
    # As a module of its own and through SQL, after Java dropped all that it had of the processes before this one.
    code = (
        "import nums, time\nfrom pyflink.java_gateway import get_gateway\nfrom pyflink.table.expressions import col\n"
        "for _ in range(3):\n    get_gateway().jvm.System.gc()\n    time.sleep(0.1)\n"
        "scaled = table_env.sql_query('SELECT scaled(n) AS n FROM counted')\n"
        "execution_output = scaled.select(nums.scaled(col('n')))"
    )
    for key, factor in (("plain", 0), ("five", 5), ("six", 6), ("seven", 7)):
        tables[key] = table = f"{key}_{uuid.uuid4().hex[:6]}"
        job: Json = {"insert": insert(table), "query": "SELECT n FROM counted"}
        statements = [COUNTED, sink(table, "a BIGINT, d STRING")]
        if factor:
            path = module(tmp_path / key, function("scaled", f"return {factor} * n"))
            job |= {"properties": {"python.files": path}, "query": "SELECT scaled(n) FROM counted"}
            statements.append(named("nums.scaled"))
        if key == "seven":
            runner.prepare("asks for nothing", kind="code", statements=[], code="", insert="")
            job |= {"kind": "code", "code": code}
        answer = runner.prepare(key, statements=ddl(*statements), **job)
        assert answer == {"ok": True, "bounded": False, "slots": 1}, answer
    ids = {key: runner.submit(key) for key in tables}
    for key, factor in (("plain", 1), ("five", 5), ("six", 6), ("seven", 49)):
        job_id, answer = ids[key]
        assert answer == {"ok": True, "job_id": job_id}
        runner.wait(job_id, "FINISHED")
        assert sorted(row[0] for row in printed(tables[key])) == sorted(str(factor * n) for n in (1, 2, 3))
        runner.ask("forget", key=key)
    assert not left_behind(runner)


def test_an_archive_that_is_none_is_told(runner: Runner, tmp_path: Path) -> None:
    properties = {"python.archives": module(tmp_path, "no zip", "a.zip"), "python.files": str(tmp_path)}
    fields: Json = {"query": "SELECT f(n) FROM counted", "insert": "", "properties": properties}
    answer = runner.prepare("none", statements=ddl(COUNTED, named("nums.f")), **fields)
    assert answer["error"]["kind"] == "configuration" and "python.archives" in answer["error"]["message"], answer
    assert not left_behind(runner)


def test_a_module_that_does_not_load_is_told_at_its_definition(runner: Runner, tmp_path: Path) -> None:
    statements = ddl(COUNTED, sink("o", "a BIGINT, d STRING"), named("nums.f"))
    for text, words in (
        (None, "No module named 'nums': it is neither in a file of python.files nor installed on this node"),
        (
            f"{UDF}import nowhere",
            "ModuleNotFoundError: No module named 'nowhere' (nums.py, line 2); python.requirements are",
        ),
        ("x = 1\nx / 0", "ZeroDivisionError: division by zero (nums.py, line 2)"),
        ("import sys\nsys.exit(3)", "it called sys.exit(3) (nums.py, line 2)"),
        ("x = 1\nx = (", "SyntaxError: '(' was never closed (nums.py, line 2)"),
        ("g = 1", "AttributeError: module 'nums' has no attribute 'f'"),
        ("def f(n): return n", "TypeError: it is no Python function of Flink's: decorate it with @udf"),
        ("import os\nos._exit(7)", "its module ended its process (exit status 7)"),
        ("import time\ntime.sleep(99)", "its module did not finish within 4 s"),
    ):
        properties = {"python.files": module(tmp_path, text)} if text else {}
        fields: Json = {"query": "SELECT f(n) FROM counted", "insert": insert("o"), "properties": properties}
        error = runner.prepare("bad", statements=statements, **fields)["error"]
        assert (error["kind"], error["origin"]) == ("table-definition", "config/tables/t2.sql:3"), error
        assert f"the Python function nums.f cannot be loaded: {words}" in error["message"], error
        assert not left_behind(runner)
    noise = "import os, sys\nprint('x' * 300000)\nos.write(1, b'{\"ok\": false}\\n')\n"
    fields["properties"] = {"python.files": module(tmp_path, noise + function("f", "return n"))}
    assert runner.prepare("noisy", statements=statements, **fields)["ok"]
    assert runner.ask("forget", key="noisy") == {"ok": True}


def test_a_python_file_that_is_missing_is_told_with_its_option(runner: Runner, tmp_path: Path) -> None:
    there, gone = module(tmp_path, function("f", "return n")), f"{tmp_path}/gone"
    missing = "which does not exist"
    for option, value, path, words in (
        ("python.files", f"{there},{gone}.py", f"{gone}.py", missing),
        ("python.files", f"file://{gone}.zip", f"file://{gone}.zip", missing),
        ("python.files", "nowhere://a/b.py", "nowhere://a/b.py", "file system implementation for scheme 'nowhere'"),
        ("python.archives", f"{gone}.zip#data", f"{gone}.zip", missing),
        ("python.requirements", f"{gone}.txt", f"{gone}.txt", missing),
        ("python.requirements", f"{there}#{gone}", gone, missing),
    ):
        fields: Json = {"query": "SELECT f(n) FROM counted", "insert": "", "properties": {option: value}}
        answer = runner.prepare("gone", statements=ddl(COUNTED, named("nums.f")), **fields)
        assert answer["error"]["kind"] == "configuration", answer
        assert answer["error"]["message"].startswith(f"{option} names '{path}'"), answer
        assert words in answer["error"]["message"], answer


def processes_of(folder: Path) -> list[int]:
    """The living processes that were given this folder's socket."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"FLINK_SQL_RUNNER_SOCKET={folder}/".encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
    return found


def gone(folder: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while processes_of(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return not processes_of(folder)


LOOP = "import time\nwhile True:\n    time.sleep(0.1)"


def test_nothing_outlives_the_runner_or_the_client(tmp_path: Path) -> None:
    for end in ("hang up", "kill the JVM"):
        it = Runner(tmp_path)
        job: Json = {"name": "x", "kind": "code", "properties": {}, "statements": [], "code": LOOP, "insert": ""}
        it.socket.sendall(json.dumps({"id": 1, "op": "prepare", "key": "x", "job": job}).encode() + b"\n")
        until = time.monotonic() + 60
        while len(processes_of(tmp_path)) < 3 and time.monotonic() < until:  # JVM, submitter, code
            time.sleep(0.1)
        assert len(processes_of(tmp_path)) == 3
        if end == "hang up":
            it.socket.shutdown(socket.SHUT_RDWR)
        else:
            it.process.kill()
        assert gone(tmp_path, 15), end
        it.process.wait(timeout=5)
        (tmp_path / "s").unlink()


def test_a_cluster_that_does_not_answer_leaves_the_outcome_open(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, never listening
        closed.bind(("127.0.0.1", 0))
        it = Runner(tmp_path, port=str(closed.getsockname()[1]))
        statements = ddl(FEW, sink("o", "n BIGINT, d STRING"))
        assert it.prepare("lost", statements=statements, query="SELECT n FROM few", insert=insert("o"))["ok"]
        answer = it.submit("lost")[1]
        assert answer["error"]["kind"] == "unreachable" and "onnection refused" in answer["error"]["message"], answer
        assert it.ask("exit") == {"ok": True}
        assert it.process.wait(timeout=15) == 0


def test_speed(runner: Runner) -> None:
    statements = ddl(ORDERS, sink("o", "buyer BIGINT, c BIGINT, d STRING"))
    query = "SELECT buyer, COUNT(*) FROM orders GROUP BY buyer"
    spent = []
    for number in range(10):
        begun = time.monotonic()
        assert runner.prepare(f"speed{number}", statements=statements, query=query, insert=insert("o"))["ok"]
        assert runner.submit(f"speed{number}")[1]["ok"]
        spent.append(time.monotonic() - begun)
    print(f"median of 10 jobs, prepare and submit: {sorted(spent)[5]:.3f} s")
    assert sorted(spent)[5] < 2
