"""`muster schedules`: when jobs start by themselves."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import islice

from muster.cli.command import Command, Group
from muster.cli.commands import backfill
from muster.cli.context import Context
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.cli.number import limit
from muster.cli.scheduled import (
    ScheduleOvertaken,
    found_schedule,
    schedules_of,
    send,
    unknown,
)

_COLUMNS = (
    "agent_id",
    "name",
    "kind",
    "expression",
    "timezone",
    "state",
    "next_at",
    "last_planned_at",
    "problem",
)
_NEXT_COLUMNS = ("utc", "local", "name", "note")


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", nargs="?", help="only this agent's")
    parser.add_argument("--all", action="store_true", help="also retired ones")
    parser.add_argument("--limit", type=limit, default=100, help="default %(default)s")


def _list(context: Context, arguments: Namespace) -> Exit:
    with schedules_of(context) as store:
        rows = store.rows(agent=arguments.agent, retired=arguments.all, limit=arguments.limit)
    context.show_rows(rows, columns=_COLUMNS, none="No schedules.")
    return Exit.OK


def _next_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")
    parser.add_argument("name", metavar="NAME", help="of the schedule")
    parser.add_argument("--count", type=limit, default=10, help="times, default %(default)s")
    parser.add_argument(
        "--after", metavar="TIME", help="ISO 8601, in the schedule's zone; now when not given"
    )


def _next(context: Context, arguments: Namespace) -> Exit:
    from muster.schedule.outlook import Outlook

    with schedules_of(context) as store:
        schedule = found_schedule(store, agent=arguments.agent, name=arguments.name)
    if schedule.state != "on":
        context.say(f"{schedule.name} is {schedule.state}: it fires at none of these times.")
    after = backfill.moment(arguments.after, schedule.rule.timezone, option="--after")
    rows = [
        {
            "utc": look.moment and look.moment.isoformat().replace("+00:00", "Z"),
            "local": look.local,
            "name": schedule.name,
            "note": look.note,
        }
        for look in islice(Outlook(schedule.rule).after(after), arguments.count)
    ]
    context.show_rows(rows, columns=_NEXT_COLUMNS, none="It never fires again.")
    return Exit.OK


def _name_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")
    parser.add_argument("name", metavar="NAME", help="of the schedule")


def _pause(context: Context, arguments: Namespace) -> Exit:
    return _switch(context, arguments, paused=True)


def _resume(context: Context, arguments: Namespace) -> Exit:
    return _switch(context, arguments, paused=False)


def _switch(context: Context, arguments: Namespace, *, paused: bool) -> Exit:
    agent, name = arguments.agent, arguments.name
    with schedules_of(context) as store:
        changed = store.pause(agent=agent, name=name, tenant="default", paused=paused)
        if changed is None:
            raise unknown(agent, name, [row["name"] for row in store.rows(agent=agent, limit=100)])
        rows = store.rows(agent=agent, name=name, tenant="default", limit=1)
    if paused:
        told = f"{name} is paused: what it had fired and nobody had started is called off."
    else:
        told = f"{name} is resumed: it fires what comes from now on."
    context.show(rows[0], text=told if changed else f"{name} was like that already.")
    return Exit.OK


def _run_arguments(parser: ArgumentParser) -> None:
    _name_arguments(parser)
    parser.add_argument("--params", metavar="JSON", help="instead of the schedule's own")
    parser.add_argument(
        "--job-id", metavar="ID", help="idempotency key; a random one when not given"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from datetime import UTC, datetime
    from uuid import uuid4

    from muster.cli.assignment import json_object

    params = None if arguments.params is None else json_object(arguments.params, noun="params")
    job_id = arguments.job_id or f"schedule:{arguments.name}:run:{uuid4()}"
    with schedules_of(context) as store:
        schedule = found_schedule(store, agent=arguments.agent, name=arguments.name)
        fires = store.record(schedule, {job_id: datetime.now(UTC)}, params=params)
    if fires is None:
        raise ScheduleOvertaken(
            f"{schedule.name} was changed just now, or {schedule.agent_id} takes no jobs; see "
            f"`muster agents show {schedule.agent_id}`."
        )
    if not fires:
        raise UsageError(f"There is a job {job_id!r} already. See `muster jobs get {job_id}`.")
    send(context, schedule.agent_id, fires)
    result = {"job_id": job_id, "execution_id": fires[0].execution_id, "agent_id": arguments.agent}
    context.show(result, text=job_id)
    return Exit.OK


GROUP = Group(
    name="schedules",
    summary="when jobs start by themselves",
    commands=(
        Command(name="list", summary="list schedules", arguments=_list_arguments, run=_list),
        Command(
            name="next",
            summary="show the coming times of one, in its zone and in UTC",
            arguments=_next_arguments,
            run=_next,
        ),
        Command(
            name="pause",
            summary="keep one from firing until it is resumed",
            arguments=_name_arguments,
            run=_pause,
        ),
        Command(
            name="resume",
            summary="let a paused one fire again",
            arguments=_name_arguments,
            run=_resume,
        ),
        Command(name="run", summary="start its job now, once", arguments=_run_arguments, run=_run),
        backfill.COMMAND,
    ),
)
