"""`muster jobs`: what became of the jobs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from muster.cli.command import Command, Group
from muster.cli.commands import watch
from muster.cli.commands.jobs_change import CANCEL, RETRY
from muster.cli.commands.jobs_logs import LOGS
from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.cli.found_job import found_job
from muster.cli.number import limit
from muster.cli.table import cell
from muster.model import Status

_COLUMNS = ("created_at", "agent_id", "job_id", "status", "attempts", "latency_ms", "error")
_RAN = (
    "agent_id", "job_id", "execution_id", "status", "attempts", "max_attempts", "worker", "log_stream",
    "code_version", "agent_version", "traceparent",
)  # fmt: skip
#: What has a command of its own.
_ELSEWHERE = ("log_tail",)
_EVENT_COLUMNS = ("at", "kind", "from_status", "to_status", "fence", "attempt", "reason")


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--agent", metavar="ID", help="only this agent's")
    parser.add_argument("--state", choices=[str(status) for status in Status])
    parser.add_argument("--job-id", action="append", metavar="ID", help="only these; repeatable")
    parser.add_argument("--limit", type=limit, default=20, help="newest first, default %(default)s")


def _list(context: Context, arguments: Namespace) -> Exit:
    from muster.store.reader import reading

    with reading(context.database(), topic="jobs") as reader:
        rows = reader.rows(
            "list_jobs",
            {
                "agent": arguments.agent,
                "status": arguments.state,
                "job_ids": arguments.job_id,
                "limit": arguments.limit,
            },
        )
    if not context.json:
        rows = [{**row, "error": _brief(row)} for row in rows]
    context.show_rows(rows, columns=_COLUMNS, none="No executions.")
    return Exit.OK


def _brief(row: dict[str, Any]) -> str:
    error: dict[str, Any] = row["error"] or {}
    text = ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
    return (text or row["reason"] or "")[:80]


def _get_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="of the job or of its execution")
    parser.add_argument("--agent", metavar="ID", help="whose, when several have a job of that id")
    parser.add_argument(
        "--events", action="store_true", help="only what happened to it, and who ran it last"
    )


def _get(context: Context, arguments: Namespace) -> Exit:
    from muster.store.reader import reading

    row = found_job(context, arguments.id, agent=arguments.agent)
    with reading(context.database(), topic="jobs") as reader:
        events = reader.rows("events_of_job", {"execution_id": row["execution_id"]})
    shown = {name: row[name] for name in _RAN} if arguments.events else row
    context.show({**shown, "events": events}, text=_describe(shown, events))
    return Exit.OK


def _describe(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    from muster.cli.table import render

    shown = {
        name: value
        for name, value in row.items()
        if value not in (None, {}, "", False) and name not in _ELSEWHERE
    }
    width = max(len(name) for name in shown)
    lines = [f"{name.ljust(width)}  {cell(value)}" for name, value in shown.items()]
    return "\n".join([*lines, "", render(events, columns=_EVENT_COLUMNS)])


GROUP = Group(
    name="jobs",
    summary="executions of jobs",
    commands=(
        Command(name="list", summary="list executions", arguments=_list_arguments, run=_list),
        Command(
            name="get",
            summary="show one execution and everything that happened to it",
            arguments=_get_arguments,
            run=_get,
        ),
        watch.COMMAND,
        LOGS,
        CANCEL,
        RETRY,
    ),
)
