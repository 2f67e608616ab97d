"""Owns the Flink client's side of a batch: prepares and submits jobs, one JSON line per request on a socket.

Must not know S3, records or decisions; never prints or answers a property.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import importlib
import json
import logging
import os
import platform
import queue
import re
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
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]

VIEW = "__temporary_input_view"
JOB_ID = "$internal.pipeline.job-id"
TARGET = "execution.target"
JARS = "pipeline.jars"
# Paths between commas, blanks count. After a `#`: a name on the cluster, for requirements a folder of packages.
PYTHON_FILES = ("python.files", "python.archives", "python.requirements")
RESTORE = ("execution.savepoint.path", "execution.state-recovery.path")
# Old and new spelling, default. `flink run` writes the new keys itself, so the old ones alone have no effect.
RESTORE_RULES = (
    ("execution.savepoint.ignore-unclaimed-state", "execution.state-recovery.ignore-unclaimed-state", "false"),
    ("execution.savepoint-restore-mode", "execution.state-recovery.claim-mode", "NO_CLAIM"),
)
# While a job is prepared nothing may be executed: an INSERT among the table definitions, or a code job that
# executes its environment, would start a job that nobody knows of.
SEALED = "nothing-before-the-submission"
CODE_SECONDS = float(os.environ.get("FLINK_SQL_RUNNER_CODE_SECONDS", "60"))
# What the disk must take before a job is told to compile: Flink writes its job graph there when it is submitted.
PROBE = bytes(1 << 20)
# The runner cuts what it shows; cut here, half of a secret value would not be known as one.
LONGEST = 1 << 20
CHILDREN: set[int] = set()  # code jobs under way, each the leader of its process group

FRAME = re.compile(r"\s+(at [\w.$/<>]+\(|\.\.\. \d+ (more|common frames))")
CLASS = re.compile(r"\s*([A-Za-z_][\w$]*(?:\.[\w$]+)+(?:Exception|Error|Throwable|Failure))(?::\s|$)")
SERVER_SIDE = re.compile(r"^.*<Exception on server side:\s*", re.DOTALL)
LOCATION = re.compile(r"line (\d+), column (\d+)")
USED_TABLE = re.compile(r"Unable to create a (?:source|sink) for (?:reading|writing) table\s+'([^']+)'")
CREATED = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([`\w.$-]+)",
    re.I | re.S,
)
IMPORTING = re.compile(r"^<frozen |/importlib/__init__\.py$")
GENERIC = re.compile(r"Could not start the JobMaster|Failed to (?:execute|submit)|Could not instantiate|^null$")
NO_STATE = re.compile(
    r"Cannot find (?:checkpoint|meta data)|Cannot map (?:checkpoint|savepoint)|Failed to rollback to checkpoint"
    r"|java\.io\.EOFException|_metadata|[Ss]avepoint|CheckpointCoordinator\.restore"
)
DISK = re.compile(
    r"No space left on device|Read-only file system|Disk quota exceeded|Too many open files|No module named 'pyflink"
)
NO_ANSWER = re.compile(
    r"ConnectException|ConnectTimeoutException|ConnectionException|ConnectionClosedException|NoRouteToHost"
    r"|UnknownHostException|SocketException|ClosedChannelException|TimeoutException|RetryException"
    r"|Connection (?:reset|refused)|prematurely closed|Service temporarily unavailable|Py4JNetworkError"
)


class Refusal(Exception):
    """A job that cannot go on, in the words of the answer."""

    def __init__(self, kind: str, message: str, origin: str | None = None, at: list[int] | None = None) -> None:
        super().__init__(message)
        line, column = [*(at or []), None, None][:2]
        self.answer: Json = {"kind": kind, "origin": origin, "message": message, "line": line, "column": column}


def node_fault(error: BaseException) -> str | None:
    """Return what the node fails in, where an error says so and no job is to blame."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)
    text = trace_of(error)
    if isinstance(error, OSError) and error.errno in full:
        return text
    return text if DISK.search(text) else None


class Functions:
    """Answers Flink's planner, in PyFlink's place, when it asks for the Python function behind a SQL function."""

    def __init__(self) -> None:
        self.tell: Callable[[Json], None] | None = None  # None in the submitter, where no user's module is imported
        self.asked = False
        self.refusal: tuple[str, str] | None = None

    def find(self, module: str, name: str) -> Any:
        """Return Flink's object of a function, from its module. Errors are kept: Flink's words hide them."""
        self.asked, function = True, f"{module}.{name}"
        if self.tell is None:
            raise RuntimeError("Python functions are loaded in a process of their own")
        self.tell({"at": "function", "function": function})
        try:
            found = getattr(importlib.import_module(module), name)
            if not hasattr(found, "_java_user_defined_function"):
                raise TypeError("it is no Python function of Flink's: decorate it with @udf, @udtf or @udaf")
            return found._java_user_defined_function()
        except BaseException as error:
            self.refusal = self.refusal or (function, why_not_loaded(module, error))
            raise RuntimeError(self.refusal[1]) from error
        finally:
            self.tell({"at": "plan"})


FUNCTIONS = Functions()


def why_not_loaded(module: str, error: BaseException) -> str:
    """Return why a module could not be imported, with the line of the user's own file where that is known."""
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        return f"{error}: it is neither in a file of {PYTHON_FILES[0]} nor installed on this node"
    text = f"it called sys.exit({error.code!r})" if isinstance(error, SystemExit) else readable(trace_of(error))
    rows = [row for row in traceback.extract_tb(error.__traceback__)[1:] if not IMPORTING.search(row.filename)]
    if rows:
        text += f" ({os.path.basename(rows[-1].filename)}, line {rows[-1].lineno})"
    if isinstance(error, ModuleNotFoundError):
        text += f"; {PYTHON_FILES[2]} are installed where the job runs, not here: import it inside of the function"
    return text


def not_loaded(kind: str, function: str, why: str, statements: list[Json]) -> Refusal:
    """Return the refusal of a Python function, told where it is defined, if a table file does that."""
    origin = next((str(row["origin"]) for row in statements if f"'{function}'" in row["sql"]), None)
    kind = kind if origin is None else "table-definition"
    return Refusal(kind, f"the Python function {function} cannot be loaded: {why}", origin)


class TimeUp(BaseException):
    """Raised inside code that runs too long; no `except Exception` of its own catches it."""


def causes(trace: str) -> list[tuple[str, str]]:
    """Return the exceptions of a Java stack trace, outermost first, as (class, message)."""
    found = []
    for block in re.split(r"(?:^|\n)\s*Caused by: ", trace.split("\n: ", 1)[-1]):
        head: list[str] = []
        for row in block.split("\n"):
            if FRAME.match(row):
                break
            head.append(row)
        name, message = "", SERVER_SIDE.sub("", "\n".join(head))
        while match := CLASS.match(message):
            name, message = match.group(1), message[match.end() :]
        found.append((name, re.split(r"\nWas expecting|\n+Table options are", message)[0].strip()))
    return found


def readable(trace: str) -> str:
    """Return the root cause of a Java stack trace in one text, with what failed because of it."""
    chain = causes(trace)
    told = [message for _, message in chain if message and not GENERIC.search(message)]
    told = told or [message or name for name, message in chain][-1:]
    root, named = told[-1], next((name for name, message in reversed(chain) if message), "")
    outer = told[-2].split("\n")[0] if len(told) > 1 else ""
    if outer and root.split("\n")[0] not in outer:
        text = f"{outer.rstrip('.:')}: {root}"
    else:  # Flink's own words alone, but a bare `nonsense` of Java's with the sentence around it
        text = outer if outer and named.startswith("java.") else root
    if not chain[-1][1]:  # a bare exception, such as EOFException
        text = f"{text} ({chain[-1][0].rsplit('.', 1)[-1]})"
    return text[:LONGEST]


def location(trace: str) -> list[int] | None:
    """Return [line, column] as Flink's parser or validator gives it."""
    found = LOCATION.search(trace)
    return [int(found.group(1)), int(found.group(2))] if found else None


def trace_of(error: BaseException) -> str:
    """Return an exception's text; of one that Java raised, the Java stack trace."""
    java = "Py4J" in type(error).__name__ or hasattr(error, "stack_trace")
    return str(error) if java else f"{type(error).__name__}: {error}"


def defined_at(trace: str, statements: list[Json]) -> str | None:
    """Return where the table is defined whose connector Flink could not make."""
    used = USED_TABLE.search(trace)
    if used is None:
        return None
    name = used.group(1).rsplit(".", 1)[-1]
    for statement in statements:
        created = CREATED.match(statement["sql"])
        if created and created.group(1).replace("`", "").rsplit(".", 1)[-1] == name:
            return str(statement["origin"])
    return None


def submission_kind(trace: str) -> str:
    """Tell apart what a failed submission means; only `unreachable` leaves its outcome open."""
    if re.search(r"Duplicate(?:Job|Application)SubmissionException", trace):
        return "duplicate-job-id"
    if "JobInitializationException" in trace:
        return "restore" if NO_STATE.search(trace) else "initialization"
    return "unreachable" if NO_ANSWER.search(trace) else "other"


@contextlib.contextmanager
def stage(
    kind: str, origin: str | None = None, statements: list[Json] | None = None, about: str | None = None
) -> Iterator[None]:
    """Turn whatever Flink raises inside into a refusal of this kind, told with what it is about."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        trace = trace_of(error)
        if FUNCTIONS.refusal:
            raise not_loaded(kind, *FUNCTIONS.refusal, statements or []) from error
        if node_fault(error):
            raise Refusal("node", readable(trace)) from error
        if "No ExecutorFactory found" in trace:
            raise Refusal(kind, "nothing may be executed here: a job is started by its target table", origin) from error
        table = defined_at(trace, statements or [])
        if table is not None:
            raise Refusal("table-definition", readable(trace), table) from error
        text = f"{about}: {readable(trace)}" if about else readable(trace)
        raise Refusal(kind, text, origin, location(trace)) from error


class Session:
    """One job's own environments in Flink's client; nothing of one session reaches another."""

    def __init__(self, job: Json, python: bool = False) -> None:
        from pyflink.common import Configuration
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.table import StreamTableEnvironment
        from pyflink.util.java_utils import get_j_env_configuration

        self.job = job
        with stage("configuration"):
            configuration = Configuration()
            for key, value in job["properties"].items():
                configuration.set_string(key, value)
            use_jars(job["properties"].get(JARS, ""))
            self.stream_env = StreamExecutionEnvironment.get_execution_environment(configuration)
            self.conf = get_j_env_configuration(self.stream_env._j_stream_execution_environment)
            there = glob.glob(os.path.join(os.environ.get("FLINK_LIB_DIR", ""), "flink-python*.jar"))
            if JARS not in job["properties"] and (there or not python):
                self.conf.removeKey(JARS)  # else flink-python travels with every job: 33 MB and 0.2 s each
            self.table_env = StreamTableEnvironment.create(self.stream_env)
            self.table_conf = self.table_env._j_tenv.getConfig().getConfiguration()
        self.target = self.conf.getString(TARGET, "remote")
        self.conf.setString(TARGET, SEALED)

    def define(self) -> None:
        """Run the table definitions."""
        for statement in self.job["statements"]:
            with stage("table-definition", statement["origin"]):
                self.table_env.execute_sql(statement["sql"])

    def plan(self, output: Any = None) -> Json:
        """Make the input view, validate and translate the insert; tell what Flink knows of the job then."""
        statements = self.job["statements"]
        with stage("code" if output is not None else "query", None, statements):
            table = output if output is not None else self.table_env.sql_query(self.job["query"])
            self.table_env.create_temporary_view(VIEW, table)
        with stage("insert", None, statements):
            operations = self.table_env._j_tenv.getParser().parse(self.job["insert"])
            steps = self.table_env._j_tenv.getPlanner().translate(operations)
            graph = self.stream_env._j_stream_execution_environment.generateStreamGraph(steps).getJobGraph()
            return {"bounded": bounded(steps), "slots": slots(graph)}

    def submit(self, job_id: str, restore: str | None) -> str:
        """Start the job under this id, from this state."""
        properties = self.job["properties"]
        settings: dict[str, str | None] = {JOB_ID: job_id, TARGET: self.target}
        settings.update(dict.fromkeys(RESTORE, restore))
        for old, new, default in RESTORE_RULES:
            settings[old] = settings[new] = properties.get(new, properties.get(old, default))
        try:
            for conf in (self.conf, self.table_conf):  # the latter, which code may write to, overrides
                for key, value in settings.items():
                    if value is None:
                        conf.removeKey(key)
                    else:
                        conf.setString(key, value)
            result = self.table_env.execute_sql(self.job["insert"])
            return str(result.get_job_client().get_job_id())
        except Exception as error:
            trace = trace_of(error)
            kind = submission_kind(trace)
            # The cluster's own disk is told of by the cluster; before it was asked, it is this node's.
            raise Refusal("node" if kind == "other" and node_fault(error) else kind, readable(trace)) from error


def use_jars(jars: str) -> None:
    """Give this thread's next environments the classes of the job's own jars, and of no other job's."""
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    thread = jvm.Thread.currentThread()
    base = vars(use_jars).setdefault("base", thread.getContextClassLoader())
    urls = [jvm.java.net.URL(jar.strip()) for jar in jars.split(";") if jar.strip()]
    for url in urls:
        if url.getProtocol() == "file" and not os.path.isfile(url.getPath()):
            raise Refusal("configuration", f"{JARS} names a file that does not exist: {url.getPath()}")
    array = get_gateway().new_array(jvm.java.net.URL, len(urls))
    for index, url in enumerate(urls):
        array[index] = url
    thread.setContextClassLoader(jvm.java.net.URLClassLoader(array, base) if urls else base)


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


def bounded(transformations: Any) -> bool | None:
    """Tell whether all sources of a translated job end by themselves, as far as Flink tells."""
    try:
        reached = [step for root in transformations for step in root.getTransitivePredecessors()]
        sources = [step for step in reached if step.getClass().getSimpleName().endswith("SourceTransformation")]
        return all(ends(source) for source in sources) if sources else None
    except Exception:
        return None


def slots(graph: Any) -> int | None:
    """Tell how many slots a job graph needs: of each group that shares slots the largest parallelism."""
    try:
        groups: dict[str, int] = {}
        for vertex in graph.getVerticesAsArray():
            group, parallelism = str(vertex.getSlotSharingGroup().getSlotSharingGroupId()), int(vertex.getParallelism())
            if parallelism < 1:  # Flink decides it later
                return None
            groups[group] = max(groups.get(group, 0), parallelism)
        return sum(groups.values()) or None
    except Exception:
        return None


def ends(source: Any) -> bool:
    """Tell whether a source ends by itself; Flink calls input formats (VALUES, from_collection) unbounded."""
    if str(source.getBoundedness()) == "BOUNDED":
        return True
    if source.getClass().getSimpleName() != "LegacySourceTransformation":
        return False
    function = source.getOperator().getUserFunction()
    return str(function.getClass().getSimpleName()) == "InputFormatSourceFunction"


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


def execute(code: str, session: Session) -> Any:
    """Run a code job's text; return its `execution_output`."""
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment, Table

    scope: Json = {"__name__": "__main__", "stream_env": session.stream_env, "table_env": session.table_env}
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
        session, output = Session(job, python=True), None
        session.define()
        if job["kind"] == "code":
            tell({"at": "code"})
            output = execute(job["code"], session)
            tell({"at": "plan"})
        done: Json = session.plan(output)
        if order["action"] == "submit":
            tell({"at": "submission"})
            FUNCTIONS.tell = lambda _: None  # all is loaded; from now on nothing but the answer is told
            done = {"job_id": session.submit(*order["submission"])}
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
        self.prepared: dict[str, Session | tuple[Json, Place]] = {}
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
            FUNCTIONS.asked, session = False, Session(job)
            try:
                session.define()
                planned = session.plan()
            except Refusal:
                if not FUNCTIONS.asked:
                    raise
            if not FUNCTIONS.asked:
                self.prepared[key] = session
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
        if isinstance(prepared, Session):
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
        session = Session({**job, "query": "SELECT CAST(COUNT(*) AS INT) FROM i GROUP BY k"})
        session.define()
        session.plan()
        session.conf.setString(TARGET, session.target)
        factory = jvm.org.apache.flink.client.deployment.DefaultClusterClientServiceLoader().getClusterClientFactory(
            session.conf
        )
        with contextlib.closing(factory.createClusterDescriptor(session.conf)) as descriptor:
            cluster = descriptor.retrieve(factory.getClusterId(session.conf)).getClusterClient()
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
