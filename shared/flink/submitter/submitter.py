"""Owns the Flink client's side of a batch: prepares and submits jobs, one JSON line per request on a socket.

Must not know S3, records or decisions; never prints or answers a property.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import platform
import queue
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from flink_sql_runner_errors import Json, Refusal, readable, trace_of
from flink_sql_runner_job import FUNCTIONS, PYTHON_FILES, TARGET, VIEW, JobEnvironment, not_loaded, stage

CODE_SECONDS = float(os.environ.get("FLINK_SQL_RUNNER_CODE_SECONDS", "60"))
# What the disk must take before a job is told to compile: Flink writes its job graph there when it is submitted.
PROBE = bytes(1 << 20)
CHILDREN: set[int] = set()  # code jobs under way, each the leader of its process group


class TimeUp(BaseException):
    """Raised inside code that runs too long; no `except Exception` of its own catches it."""


class Place(NamedTuple):
    """Where a Python process of a job's own finds the job's files."""

    folder: str | None = None  # removed with the job
    path: tuple[str, ...] = ()
    cwd: str | None = None


def check_files(properties: dict[str, str]) -> None:
    """Refuse a job that names a file which is not there, wherever Flink would look for it."""
    from pyflink.java_gateway import get_gateway

    named = []
    for option in PYTHON_FILES:
        for entry in filter(None, properties.get(option, "").split(",")):
            path, _, more = entry.partition("#")
            named += [(option, path), (option, more)] if more and option == PYTHON_FILES[2] else [(option, path)]
    for option, path in named:
        about = f"{option} names '{path}'"
        with stage("configuration", about=about):
            there = get_gateway().jvm.org.apache.flink.core.fs.Path(path)
            if not there.getFileSystem().exists(there):
                raise Refusal("configuration", f"{about}, which does not exist")


def place_files(properties: dict[str, str]) -> Place:
    """Put a job's Python files where a process can import them, as `flink run` does, by Flink's own code."""
    wanted = {key: value for key, value in properties.items() if key.startswith("python.")}
    if not wanted:
        return Place()
    from pyflink.java_gateway import get_gateway
    from pyflink.util.java_utils import get_java_class

    check_files(wanted)
    gateway = get_gateway()
    folder = tempfile.mkdtemp(prefix="python-", dir=os.path.dirname(os.environ["FLINK_SQL_RUNNER_SOCKET"]))
    try:
        with stage("configuration", about=", ".join(wanted)):
            conf = gateway.jvm.org.apache.flink.configuration.Configuration()
            # With a client's Python, and there is one here, archives are unpacked for the client, too.
            for key, value in {**wanted, "python.client.executable": sys.executable}.items():
                conf.setString(key, value)
            java = get_java_class(gateway.jvm.org.apache.flink.client.python.PythonEnvUtils)
            method = next(it for it in java.getDeclaredMethods() if it.getName() == "preparePythonEnvironment")
            method.setAccessible(True)
            arguments = gateway.new_array(gateway.jvm.Object, 3)
            arguments[0], arguments[2] = conf, folder
            made = method.invoke(None, arguments)
            fields = []
            for name in ("pythonPath", "archivesDirectory"):
                field = made.getClass().getDeclaredField(name)
                field.setAccessible(True)
                fields.append(field.get(made))
            return Place(folder, tuple(filter(None, (fields[0] or "").split(":"))), fields[1])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def run_code(action: str, job: Json, place: Place, *submission: Any) -> Json:
    """Run a job's Python in a process of its own on the same JVM, under a time limit; return its answer."""
    order = json.dumps({"action": action, "job": job, "path": place.path, "submission": submission})
    with subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--code"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=place.cwd,
        start_new_session=True,
    ) as child:
        CHILDREN.add(child.pid)
        assert child.stdin and child.stdout
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(order.encode())
        at, function, timer = "start", None, kill_after(child, CODE_SECONDS + 60)
        for line in child.stdout:
            message: Json = json.loads(line)
            if "ok" in message:
                at = "answered"
                break
            at, function = message["at"], message.get("function")
            timer.cancel()
            if at in ("code", "function"):  # code has an alarm clock of its own, which says where it was
                timer = kill_after(child, CODE_SECONDS + 2 * (at == "code"))
        timer.cancel()
        kill_group(child.pid)  # with whatever the code started
        child.wait()
        CHILDREN.discard(child.pid)
    if at == "answered":
        return message
    if at == "submission":
        raise Refusal("unreachable", "the code's process ended in the middle of the submission")
    why = f"ended its process (exit status {child.returncode})"
    if child.returncode == -signal.SIGKILL:
        why = f"did not finish within {CODE_SECONDS:g} s"
    if function:
        raise not_loaded("code", function, f"its module {why}", job.get("statements", []))
    raise Refusal("code", f"the code {why}")


def kill_group(pid: int) -> None:
    """End a child with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def kill_after(child: subprocess.Popen[bytes], seconds: float) -> threading.Timer:
    """Start the clock of one phase of a child."""
    timer = threading.Timer(seconds, kill_group, [child.pid])
    timer.daemon = True
    timer.start()
    return timer


def execute(code: str, environment: JobEnvironment) -> Any:
    """Run a code job's text; return its `execution_output`."""
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment, Table

    scope: Json = {"__name__": "__main__", "stream_env": environment.stream_env, "table_env": environment.table_env}
    scope |= {"TEMPORARY_INPUT_VIEW_NAME": VIEW, "logging": logging, "os": os, "sys": sys}
    scope |= {"StreamExecutionEnvironment": StreamExecutionEnvironment, "DataStream": DataStream}
    scope |= {"StreamTableEnvironment": StreamTableEnvironment, "Table": Table}

    def time_up(*_: Any) -> None:
        raise TimeUp(f"the code did not finish within {CODE_SECONDS:g} s")

    signal.signal(signal.SIGALRM, time_up)
    signal.setitimer(signal.ITIMER_REAL, CODE_SECONDS)
    try:
        exec(compile(code, "<code>", "exec"), scope)
    except SyntaxError as error:
        at = [error.lineno or 1, error.offset or 1] if error.filename == "<code>" else None
        raise Refusal("code", f"SyntaxError: {error.msg}", None, at) from error
    except BaseException as error:
        rows = [frame.lineno or 1 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<code>"]
        text = readable(trace_of(error))
        if isinstance(error, SystemExit):
            text = f"the code called sys.exit({error.code!r})"
        elif isinstance(error, TimeUp):
            text = str(error)
        elif "No ExecutorFactory found" in trace_of(error):
            text = "the code must not execute a job itself: it sets execution_output, and the job is started for it"
        raise Refusal("code", text, None, rows[-1:]) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    output = scope.get("execution_output")
    if not isinstance(output, (DataStream, Table)):
        raise Refusal("code", "the code must set execution_output to a DataStream or a Table")
    return output


def code_child() -> None:
    """Carry out one order about a job with Python; standard output carries the answer, prints go to standard error."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it never outlives the submitter
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(message: Json) -> None:
        answers.write(json.dumps(message) + "\n")

    order: Json = json.load(sys.stdin)
    job = order["job"]
    sys.path[:1] = order["path"]  # instead of this script's folder
    sys.dont_write_bytecode = True  # not into the user's folders
    FUNCTIONS.tell = tell
    try:
        answer_planner()
        environment, output = JobEnvironment(job, python=True), None
        environment.define()
        if job["kind"] == "code":
            tell({"at": "code"})
            output = execute(job["code"], environment)
            tell({"at": "plan"})
        done: Json = environment.plan(output)
        if order["action"] == "submit":
            tell({"at": "submission"})
            FUNCTIONS.tell = lambda _: None  # all is loaded; from now on nothing but the answer is told
            done = {"job_id": environment.submit(*order["submission"])}
        tell({"ok": True, **done})
    except Refusal as refusal:
        tell({"ok": False, "error": refusal.answer})
    os._exit(0)


def answer_planner() -> None:
    """Let Flink's planner ask this process for Python functions; the process that says so last is asked."""
    from pyflink import java_gateway

    java_gateway.PythonFunctionFactory.getPythonFunction = lambda _, module, name: FUNCTIONS.find(module, name)
    gateway = java_gateway.get_gateway()
    here = gateway.get_callback_server()
    gateway.jvm.org.apache.flink.client.python.PythonEnvUtils.resetCallbackClient(
        gateway.java_gateway_server, here.get_listening_address(), here.get_listening_port()
    )
    # Java asks whichever process is there now to drop, by its number, what an earlier process gave it: no number twice.
    gateway.gateway_property.pool.next_id = time.time_ns()
    gateway.entry_point.put("PythonFunctionFactory", java_gateway.PythonFunctionFactory())


class Server:
    """Answers the runner's requests, one after the other."""

    def __init__(self, folder: str | None = None, alone: Callable[[], None] = lambda: None) -> None:
        self.prepared: dict[str, JobEnvironment | tuple[Json, Place]] = {}
        self.folder = folder  # where Java writes
        self.alone = alone  # called once a Python process of a job's own is gone

    def answer(self, request: Json) -> Json:
        """Carry out one request; whatever happens is an answer."""
        try:
            done = getattr(self, f"on_{request['op']}")(request)
        except Refusal as refusal:
            done = {"ok": False, "error": refusal.answer}
        except Exception as error:
            done = {"ok": False, "error": Refusal("other", readable(trace_of(error))).answer}
        return {"ok": True, **done, "id": request.get("id")}

    def on_prepare(self, request: Json) -> Json:
        """Validate and translate a job up to the brink of its submission."""
        job, key = request["job"], request["key"]
        probe(self.folder)
        self.on_forget(request)
        if job["kind"] == "sql":
            FUNCTIONS.asked, environment = False, JobEnvironment(job)
            try:
                environment.define()
                planned = environment.plan()
            except Refusal:
                if not FUNCTIONS.asked:
                    raise
            if not FUNCTIONS.asked:
                self.prepared[key] = environment
                return planned
        prepared = self.prepared[key] = job, place_files(job.get("properties", {}))
        done: Json = {"ok": False}
        try:
            done = self.run(prepared, "prepare")
        finally:
            if not done["ok"]:
                self.on_forget(request)
        return done

    def run(self, prepared: tuple[Json, Place], action: str, *submission: Any) -> Json:
        """Do this with a job that has Python, in a process that ends with it."""
        try:
            return run_code(action, *prepared, *submission)
        finally:
            self.alone()

    def on_submit(self, request: Json) -> Json:
        """Start a prepared job."""
        prepared = self.prepared.get(request["key"])
        if prepared is None:
            raise Refusal("other", "the job was not prepared")
        if isinstance(prepared, JobEnvironment):
            return {"job_id": prepared.submit(request["job_id"], request.get("restore"))}
        return self.run(prepared, "submit", request["job_id"], request.get("restore"))

    def on_forget(self, request: Json) -> Json:
        """Drop what was prepared."""
        prepared = self.prepared.pop(request["key"], None)
        if isinstance(prepared, tuple) and prepared[1].folder:
            shutil.rmtree(prepared[1].folder, ignore_errors=True)
        return {}


def probe(folder: str | None) -> None:
    """Refuse to go on where Java could not write a file: nothing is to be stopped for a job that cannot start."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(PROBE)
            file.flush()
    except OSError as error:
        raise Refusal("node", f"nothing can be written in {folder}: {error.strerror}") from error


def leave() -> None:
    """End at once, with every child."""
    for pid in list(CHILDREN):
        kill_group(pid)
    os._exit(0)


def receive(runner: socket.socket, requests: queue.Queue[bytes]) -> None:
    """Queue the runner's lines; end the process once the runner or the JVM is gone, whatever else it does."""
    parent, rest = os.getppid(), b""
    while os.getppid() == parent:
        if select.select([runner], [], [], 1.0)[0]:
            data = b""
            with contextlib.suppress(OSError):
                data = runner.recv(1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                requests.put(line)
    leave()


def warm_up() -> None:
    """Plan a job of no consequence and greet the cluster, so that what the first request needs is loaded."""
    from pyflink.java_gateway import get_gateway

    columns = "(k INT) WITH ('connector' ="
    tables = [f"CREATE TABLE i {columns} 'datagen')", f"CREATE TABLE o {columns} 'blackhole')"]
    statements = [{"origin": "", "sql": sql} for sql in tables]
    job = {"kind": "sql", "properties": {}, "statements": statements, "insert": f"INSERT INTO o SELECT * FROM {VIEW}"}
    jvm = get_gateway().jvm
    with contextlib.suppress(Exception):
        environment = JobEnvironment({**job, "query": "SELECT CAST(COUNT(*) AS INT) FROM i GROUP BY k"})
        environment.define()
        environment.plan()
        environment.conf.setString(TARGET, environment.target)
        factory = jvm.org.apache.flink.client.deployment.DefaultClusterClientServiceLoader().getClusterClientFactory(
            environment.conf
        )
        with contextlib.closing(factory.createClusterDescriptor(environment.conf)) as descriptor:
            cluster = descriptor.retrieve(factory.getClusterId(environment.conf)).getClusterClient()
            with contextlib.closing(cluster):
                cluster.listJobs().get(2, jvm.java.util.concurrent.TimeUnit.SECONDS)


def main() -> None:
    """Connect to the runner and serve it until it hangs up."""
    runner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    runner.connect(os.environ["FLINK_SQL_RUNNER_SOCKET"])
    try:
        from pyflink.java_gateway import get_gateway
        from pyflink.table import StreamTableEnvironment  # noqa: F401  what every job needs
    except Exception as error:
        broken = f"{sys.executable} has no PyFlink that works: {trace_of(error)}"
        hello: Json = {"hello": 1, "python": platform.python_version(), "broken": broken}
        runner.sendall(json.dumps(hello).encode() + b"\n")
        leave()
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=receive, args=(runner, requests), daemon=True).start()
    flink = get_gateway().jvm.org.apache.flink.runtime.util.EnvironmentInformation.getVersion()
    hello = {"hello": 1, "flink": str(flink), "python": platform.python_version()}
    runner.sendall(json.dumps(hello).encode() + b"\n")
    answer_planner()
    warm_up()
    server = Server(str(get_gateway().jvm.java.lang.System.getProperty("java.io.tmpdir")), answer_planner)
    while True:
        request: Json = json.loads(requests.get())
        answer = {"id": request.get("id"), "ok": True} if request["op"] == "exit" else server.answer(request)
        runner.sendall(json.dumps(answer).encode() + b"\n")
        if request["op"] == "exit":
            leave()


if __name__ == "__main__":
    code_child() if "--code" in sys.argv[1:] else main()
