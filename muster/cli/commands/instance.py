"""`muster instance`: register, order and end one instance, as the HTTP API does."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.fleet import AGENT_TYPES, HEARTBEAT_SECONDS, REPORTS, STALE_SECONDS, staleness_problem

if TYPE_CHECKING:
    from muster.store.tenant_instances import TenantInstances


def _id_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("instance", metavar="INSTANCE", help="its id")
    parser.add_argument("--tenant", default="default", help="default: %(default)s")


def _register_arguments(parser: ArgumentParser) -> None:
    _id_arguments(parser)
    parser.add_argument("--agent", action="append", default=[], help="an agent that it serves")
    parser.add_argument("--type", choices=AGENT_TYPES, default="worker", help="default: worker")
    parser.add_argument("--url", help="where it answers")
    parser.add_argument("--version", dest="of_version", help="which version it runs")
    parser.add_argument("--capability", action="append", default=[], help="what it can do")
    parser.add_argument("--service", action="append", default=[], help="what it offers")
    parser.add_argument("--tag", action="append", default=[], help="by which others find it")
    parser.add_argument("--capacity", type=int, default=100, help="jobs at once (default: 100)")
    parser.add_argument(
        "--heartbeat",
        type=int,
        default=HEARTBEAT_SECONDS,
        metavar="SECONDS",
        help="how often it says that it lives (default: %(default)s)",
    )
    parser.add_argument(
        "--stale",
        type=int,
        default=STALE_SECONDS,
        metavar="SECONDS",
        help="silence after which it is taken for gone (default: %(default)s)",
    )


def _register(context: Context, arguments: Namespace) -> Exit:
    problem = staleness_problem(arguments.heartbeat, arguments.stale)
    if problem:
        raise UsageError(problem)
    if arguments.capacity < 1 or arguments.heartbeat < 1:
        raise UsageError("--capacity and --heartbeat are 1 or more")
    with _instances(context, arguments) as instances:
        made = instances.register(
            arguments.instance,
            facts={
                "agent_type": arguments.type,
                "url": arguments.url,
                "endpoint": {"url": arguments.url} if arguments.url else {},
                "version": arguments.of_version,
                "capabilities": arguments.capability,
                "services": arguments.service,
                "tags": arguments.tag,
                "capacity": arguments.capacity,
                "heartbeat_seconds": arguments.heartbeat,
                "stale_seconds": arguments.stale,
            },
            agents=arguments.agent,
        )
        if made is None:
            raise UsageError(f"another tenant has an instance {arguments.instance!r}")
        shown = instances.find(arguments.instance)
    context.show(shown, text=f"{arguments.instance} is {'registered' if made else 'updated'}.")
    return Exit.OK


def _show(context: Context, arguments: Namespace) -> Exit:
    with _instances(context, arguments) as instances:
        _tell(context, instances.find(arguments.instance), arguments)
    return Exit.OK


def _beat(context: Context, arguments: Namespace) -> Exit:
    from muster.store.tenant_instances import Beat

    with _instances(context, arguments) as instances:
        if instances.beat(arguments.instance, Beat()) is None:
            raise _unknown(arguments)
        _tell(context, instances.find(arguments.instance), arguments)
    return Exit.OK


def _order_arguments(parser: ArgumentParser) -> None:
    _id_arguments(parser)
    parser.add_argument("status", metavar="STATUS", choices=REPORTS, help=" · ".join(REPORTS))


def _order(context: Context, arguments: Namespace) -> Exit:
    with _instances(context, arguments) as instances:
        noted = instances.report(
            arguments.instance, condition=arguments.status, load_metrics=None, by_operator=True
        )
        if not noted:
            raise _unknown(arguments)
        _tell(context, instances.find(arguments.instance), arguments)
    return Exit.OK


def _deregister(context: Context, arguments: Namespace) -> Exit:
    with _instances(context, arguments) as instances:
        if not instances.deregister(arguments.instance):
            raise _unknown(arguments)
        _tell(context, instances.find(arguments.instance), arguments)
    return Exit.OK


def _tell(context: Context, found: Any, arguments: Namespace) -> None:
    if found is None:
        raise _unknown(arguments)
    text = f"{found['instance_id']} is {found['condition']}, health {found['health_score']:g}."
    context.show(found, text=text)


def _unknown(arguments: Namespace) -> NotFound:
    return NotFound(
        f"There is no instance {arguments.instance!r}, or it has deregistered. See `muster instances`."
    )


@contextmanager
def _instances(context: Context, arguments: Namespace) -> Generator[TenantInstances]:
    from muster.store.connection import Database
    from muster.store.tenant_instances import TenantInstances

    settings = context.database()
    database = Database(lambda _refresh: settings)
    try:
        yield TenantInstances(database, tenant=arguments.tenant)
    finally:
        database.close()


GROUP = Group(
    name="instance",
    summary="register, order and end one instance",
    commands=(
        Command(
            name="register",
            summary="register it, or say anew what it is",
            arguments=_register_arguments,
            run=_register,
        ),
        Command(name="show", summary="how it is now", arguments=_id_arguments, run=_show),
        Command(name="beat", summary="a heartbeat", arguments=_id_arguments, run=_beat),
        Command(
            name="order",
            summary="order its status: maintenance and inactive outlive its heartbeats",
            arguments=_order_arguments,
            run=_order,
        ),
        Command(
            name="deregister",
            summary="it ends; what is known of it stays",
            arguments=_id_arguments,
            run=_deregister,
        ),
    ),
)
