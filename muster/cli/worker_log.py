"""What the workers of one job wrote into their log: from CloudWatch Logs, or from a file of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from muster.cli.context import Context
from muster.errors import MusterError

if TYPE_CHECKING:
    from pathlib import Path

#: Lines at most, and how long the next page of them is asked for.
LIMIT = 1000
PATIENCE = timedelta(seconds=1)
#: A worker's clock and the database's differ by less; its last lines come after the record.
_MARGIN = timedelta(minutes=1)
#: Bytes of a file, from its end.
_FILE_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLog:
    """The lines of one execution, oldest first, as they were written."""

    lines: Sequence[str] = ()
    #: Log group and stream, or file; empty: the agent's log is not known.
    source: str = ""
    complete: bool = True
    #: Why there is nothing, where the log could not be read.
    problem: str = ""


def worker_log(context: Context, row: Mapping[str, Any]) -> WorkerLog:
    """Look for the lines of an execution where its agent's workers write.

    A log that cannot be read is no error: what is kept with the execution is there all the same.
    """
    endpoint = _endpoint(context, row["agent_id"])
    file = context.listener_log(row["agent_id"]) if "service" in endpoint else None
    if file is not None and file.exists():
        lines, complete = _in_file(file, row["execution_id"])
        return WorkerLog(lines=lines, source=str(file), complete=complete)
    group = endpoint.get("log_group")
    if not group:
        return WorkerLog()
    return _in_cloudwatch(group, row)


def told(line: str) -> str:
    """A line of JSON for people; any other as it is."""
    try:
        said = json.loads(line)
        text = f"{said['timestamp']} {said['level']} {said['message']}"
    except (ValueError, KeyError, TypeError):
        return line
    more = [
        f"{key}={said[key]}" for key in ("attempt", "code", "class", "duration_ms") if key in said
    ]
    trace = f"\n{said['exception']}" if said.get("exception") else ""
    return " ".join([text, *more]) + trace


def _endpoint(context: Context, agent: str) -> Mapping[str, Any]:
    from muster.store.reader import reading

    with reading(context.database(), topic="agents") as reader:
        rows = reader.rows("agent_endpoints", {"agent": agent})
    return rows[0]["endpoint"] if rows else {}


def _in_cloudwatch(group: str, row: Mapping[str, Any]) -> WorkerLog:
    from muster.aws.logs import Logs, Wanted

    stream = row["log_stream"] or ""
    source = f"{group} {stream}".rstrip()
    began = row["created_at"] if not stream or row["started_at"] is None else row["started_at"]
    wanted = Wanted(
        group=group,
        stream=stream,
        phrase=str(row["execution_id"]),
        since=began - _MARGIN,
        until=(row["completed_at"] or datetime.now(UTC)) + _MARGIN,
    )
    try:
        found = Logs().find(wanted, limit=LIMIT, patience=PATIENCE)
    except MusterError as error:
        return WorkerLog(source=source, problem=str(error))
    return WorkerLog(
        lines=[line.text for line in found.lines], source=source, complete=found.complete
    )


def _in_file(file: Path, execution_id: object) -> tuple[list[str], bool]:
    phrase = str(execution_id).encode()
    with file.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(0, size - _FILE_BYTES))
        lines = [line for line in log.read().splitlines() if phrase in line]
    text = [line.decode("utf-8", "replace") for line in lines]
    return text[-LIMIT:], size <= _FILE_BYTES and len(text) <= LIMIT
