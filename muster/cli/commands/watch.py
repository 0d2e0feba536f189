"""`muster jobs watch`: what happens to jobs, as it happens."""

from __future__ import annotations

import json
import queue
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.cli.number import limit
from muster.model import Status

if TYPE_CHECKING:
    from muster.events import Event

#: A job in one of these does not change any more, but by a redrive.
_AT_REST = {Status.COMPLETED, Status.FAILED, Status.CANCELLED}

#: How often Ctrl-C is looked for, in seconds.
_LOOK = 0.5


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="ID", nargs="?", help="of a job or execution: watch it until it is at rest"
    )
    parser.add_argument("--agent", metavar="ID", help="only this agent's")
    parser.add_argument("--all", action="store_true", help="instances and leaders too")
    parser.add_argument("--count", type=limit, metavar="N", help="end after so many events")


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.events import EventKind, subscribe

    execution = _execution(context, arguments) if arguments.id else None
    arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()
    unsubscribe = subscribe(
        arrived.put,
        database=context.database(),
        kinds=tuple(EventKind) if arguments.all else (EventKind.STATE_CHANGED,),
        agent_id=arguments.agent,
        execution_id=execution,
        on_error=lambda error: context.say(f"muster: {error} Trying again."),
    )
    try:
        if execution is not None:
            return _until_rest(context, arguments, execution, arrived)
        context.say("Watching; Ctrl-C ends it.")
        shown = 0
        while arguments.count is None or shown < arguments.count:
            _show(context, _next(arrived).to_json())
            shown += 1
        return Exit.OK
    finally:
        unsubscribe()


def _execution(context: Context, arguments: Namespace) -> str:
    from muster.cli.executions import find_execution
    from muster.store.reader import reading

    with reading(context.database(), topic="jobs") as reader:
        return str(find_execution(reader, arguments.id, agent=arguments.agent)["execution_id"])


def _until_rest(
    context: Context,
    arguments: Namespace,
    execution: str,
    arrived: queue.SimpleQueue[Event],
) -> Exit:
    """Its history first, then what comes, without what its history has shown."""
    from muster.store.reader import reading

    with reading(context.database(), topic="jobs") as reader:
        history = reader.rows("events_of_job", {"execution_id": execution})
        row = reader.rows("find_job", {"id": "", "execution_id": execution, "agent": None})[0]
    past = [each for each in history if each["from_status"] != each["to_status"]]
    facts = {"execution_id": execution, "agent_id": row["agent_id"], "job_id": row["job_id"]}
    status, seen = "", {each["id"] for each in past}
    for each in past:
        status = each["to_status"]
        _show(context, {**facts, **each, "at": each["at"].isoformat(), "step": each["kind"]})
    shown = len(past)
    while status not in _AT_REST and (arguments.count is None or shown < arguments.count):
        event = _next(arrived)
        if event.position.id in seen:
            continue
        status = event.details["to_status"]
        _show(context, event.to_json())
        shown += 1
    return Exit.OK if status == Status.COMPLETED or status not in _AT_REST else Exit.FAILED


def _next(arrived: queue.SimpleQueue[Event]) -> Event:
    while True:
        try:
            return arrived.get(timeout=_LOOK)
        except queue.Empty:
            continue


def _show(context: Context, event: dict[str, Any]) -> None:
    """One line; with --json one object a line."""
    from muster.cli.table import cell

    if context.json:
        print(json.dumps(event, default=str), file=context.stdout, flush=True)
        return
    if "to_status" in event:
        change = f"{event['from_status'] or '-'} -> {event['to_status']}"
        what = f"{event['agent_id']}  {event['job_id']}  {change}"
        why = " ".join(str(event[key]) for key in ("step", "reason") if event.get(key))
    else:
        what = f"{event['kind']}  {event['subject']}"
        why = str(event.get("leader") or event.get("status") or "nobody")
    print(f"{event['at'][11:23]}  {cell(what)}  {cell(why)}", file=context.stdout, flush=True)


COMMAND = Command(
    name="watch",
    summary="show what happens to jobs, or to one, as it happens",
    arguments=_arguments,
    run=_run,
)
