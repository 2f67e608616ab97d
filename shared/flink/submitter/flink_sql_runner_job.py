"""Owns one job's own environments in Flink's client: its definitions, its plan, its submission.

Must not know the runner, its requests or the processes of jobs with Python; never prints or answers a property.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from flink_sql_runner_errors import (
    Json,
    Refusal,
    defined_at,
    location,
    node_fault,
    readable,
    submission_kind,
    trace_of,
)

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
IMPORTING = re.compile(r"^<frozen |/importlib/__init__\.py$")


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


class JobEnvironment:
    """The environments of one job in Flink's client; nothing of one job reaches another."""

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
