"""`muster agents`: the registry."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.errors import NotFound
from muster.cli.exit import Exit
from muster.cli.table import cell

_COLUMNS = (
    *("agent_id", "agent_version", "compute", "enabled", "endpoint_health", "concurrency"),
    "description",
)


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="also superseded versions and retired agents"
    )


def _list(context: Context, arguments: Namespace) -> Exit:
    from muster.store.reader import reading

    with reading(context.database(), topic="agents") as reader:
        rows = reader.rows("list_agents", {"all": arguments.all})
    columns = (*_COLUMNS[:4], "active", "retired_at", *_COLUMNS[4:]) if arguments.all else _COLUMNS
    context.show_rows(rows, columns=columns, none="No agents are registered.")
    return Exit.OK


def _agent_argument(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")


def _show(context: Context, arguments: Namespace) -> Exit:
    from muster.store.reader import reading

    with reading(context.database(), topic="agents") as reader:
        rows = reader.rows("show_agent", {"agent": arguments.agent})
    if not rows:
        raise NotFound(f"No agent {arguments.agent!r} is registered. See `muster agents list`.")
    shown = {name: value for name, value in rows[0].items() if value not in (None, {}, [], "")}
    width = max(len(name) for name in shown)
    text = "\n".join(f"{name.ljust(width)}  {cell(value)}" for name, value in shown.items())
    context.show(rows[0], text=text)
    return Exit.OK


def _enable(context: Context, arguments: Namespace) -> Exit:
    return _switch(context, arguments.agent, enabled=True)


def _disable(context: Context, arguments: Namespace) -> Exit:
    return _switch(context, arguments.agent, enabled=False)


def _switch(context: Context, agent_id: str, *, enabled: bool) -> Exit:
    from contextlib import closing

    from muster.store.connection import administer
    from muster.store.registry import Registry

    with closing(administer(context.database())) as connection, connection:
        known = Registry(connection).switch(agent_id, enabled=enabled)
    if not known:
        raise NotFound(f"No agent {agent_id!r} is registered. See `muster agents list`.")
    told = (
        f"{agent_id} is enabled: jobs that come from now on run."
        if enabled
        else f"{agent_id} is disabled: what runs may end, every other job is recorded as cancelled."
    )
    context.show({"agent_id": agent_id, "enabled": enabled}, text=told)
    return Exit.OK


GROUP = Group(
    name="agents",
    summary="registered agents",
    commands=(
        Command(name="list", summary="list agents", arguments=_list_arguments, run=_list),
        Command(
            name="show",
            summary="show one agent, its queues and its recent executions",
            arguments=_agent_argument,
            run=_show,
        ),
        Command(
            name="disable",
            summary="have an agent's jobs recorded as cancelled instead of run",
            arguments=_agent_argument,
            run=_disable,
        ),
        Command(
            name="enable",
            summary="have an agent's jobs run again",
            arguments=_agent_argument,
            run=_enable,
        ),
    ),
)
