"""Owns how an error of Flink's client is read: what failed, whose fault it is, and where it is told.

Must not import pyflink; knows exceptions and their texts only.
"""

from __future__ import annotations

import errno
import re
from typing import Any

Json = dict[str, Any]

# The runner cuts what it shows; cut here, half of a secret value would not be known as one.
LONGEST = 1 << 20
FRAME = re.compile(r"\s+(at [\w.$/<>]+\(|\.\.\. \d+ (more|common frames))")
CLASS = re.compile(r"\s*([A-Za-z_][\w$]*(?:\.[\w$]+)+(?:Exception|Error|Throwable|Failure))(?::\s|$)")
SERVER_SIDE = re.compile(r"^.*<Exception on server side:\s*", re.DOTALL)
LOCATION = re.compile(r"line (\d+), column (\d+)")
USED_TABLE = re.compile(r"Unable to create a (?:source|sink) for (?:reading|writing) table\s+'([^']+)'")
CREATED = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([`\w.$-]+)",
    re.I | re.S,
)
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


def node_fault(error: BaseException) -> str | None:
    """Return what the node fails in, where an error says so and no job is to blame."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)
    text = trace_of(error)
    if isinstance(error, OSError) and error.errno in full:
        return text
    return text if DISK.search(text) else None
