"""`muster config`: what operators change of an agent's configuration, without a deployment."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from muster.cli.assignment import assignments, read_object
from muster.cli.command import Command, Group
from muster.cli.configured import show_configured, show_history
from muster.cli.context import Context
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.cli.number import limit
from muster.errors import MusterError
from muster.model import JsonObject

if TYPE_CHECKING:
    from muster.store.config_changes import ConfigChanges, Configured


class ConfigOvertaken(MusterError):
    """Another change came first, and nothing was written."""

    code = "config_overtaken"


def _agent_argument(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")


def _get(context: Context, arguments: Namespace) -> Exit:
    with _store(context) as store:
        show_configured(context, _found(store, arguments.agent))
    return Exit.OK


def _set_arguments(parser: ArgumentParser) -> None:
    _agent_argument(parser)
    parser.add_argument(
        "pairs", metavar="KEY=VALUE", nargs="*", help="a value is JSON, or else text"
    )
    parser.add_argument("--file", metavar="PATH", help="set the keys of a JSON object; - is stdin")
    parser.add_argument(
        "--unset",
        metavar="KEY",
        action="append",
        default=[],
        help="let the manifest's default hold again; repeatable",
    )
    parser.add_argument("--replace", action="store_true", help="unset every key that is not given")
    parser.add_argument(
        "--if-version", metavar="N", type=int, help="only while N is the version that holds"
    )
    parser.add_argument("--by", metavar="NAME", help="who changes it; you when not given")


def _set(context: Context, arguments: Namespace) -> Exit:
    to_set = _to_set(arguments)
    with _store(context) as store:
        now = _found(store, arguments.agent)
        if arguments.if_version not in (None, now.agent_config.version):
            raise _overtaken(now)
        _write(context, store, now, _changes(now, to_set, arguments), by=_author(arguments))
        show_configured(context, _found(store, arguments.agent))
    return Exit.OK


def _to_set(arguments: Namespace) -> JsonObject:
    pairs = assignments(arguments.pairs)
    file = read_object(arguments.file) if arguments.file else {}
    if not (arguments.pairs or arguments.file or arguments.unset or arguments.replace):
        raise UsageError("Nothing to set: give KEY=VALUE, --file or --unset.")
    for one, other in ((pairs, file), (pairs, arguments.unset), (file, arguments.unset)):
        if twice := sorted(set(one) & set(other)):
            raise UsageError(f"{', '.join(twice)} is given in two ways; give it in one.")
    return {**file, **pairs}


def _changes(now: Configured, to_set: JsonObject, arguments: Namespace) -> JsonObject:
    from muster.config_change import changed

    held = now.agent_config.changes
    if unknown := sorted(set(arguments.unset) - held.keys()):
        raise UsageError(f"{', '.join(unknown)}: the manifest's default holds already.")
    return changed({} if arguments.replace else held, to_set=to_set, to_unset=arguments.unset)


def _write(
    context: Context, store: ConfigChanges, now: Configured, changes: JsonObject, *, by: str
) -> None:
    from muster.config_change import change_problem, difference

    seen = now.agent_config
    if not difference(seen.changes, changes):
        context.say("Nothing changes: it is like that already.")
        return
    problem = change_problem(now.defaults, changes, now.schema)
    if problem is not None:
        raise UsageError(f"{problem} Nothing was written.")
    if store.change(now.agent_id, seen=seen.version, changes=changes, by=by) is None:
        raise _overtaken(_found(store, now.agent_id))
    context.say("Written. Every job that starts in 30 seconds or later runs with it.")


def _overtaken(now: Configured) -> ConfigOvertaken:
    who = now.created_by or "somebody"
    return ConfigOvertaken(
        f"{now.agent_id} is at version {now.agent_config.version} by now, written by {who}; nothing "
        f"was written. Look at it with `muster config get {now.agent_id}`, then decide again."
    )


def _author(arguments: Namespace) -> str:
    import getpass

    return arguments.by or getpass.getuser()


def _history_arguments(parser: ArgumentParser) -> None:
    _agent_argument(parser)
    parser.add_argument("--limit", type=limit, default=20, help="newest first, default %(default)s")


def _history(context: Context, arguments: Namespace) -> Exit:
    with _store(context) as store:
        _found(store, arguments.agent)
        # One more than is shown, so that the oldest shown has one to be compared with.
        written = store.history(arguments.agent, limit=arguments.limit + 1)
        show_history(context, written, limit=arguments.limit)
    return Exit.OK


@contextmanager
def _store(context: Context) -> Generator[ConfigChanges]:
    from muster.store.config_changes import ConfigChanges
    from muster.store.connection import administer

    with closing(administer(context.database())) as connection:
        connection.autocommit = True  # each statement stands for itself: the version decides
        yield ConfigChanges(connection)


def _found(store: ConfigChanges, agent_id: str) -> Configured:
    found = store.of(agent_id)
    if found is None:
        raise NotFound(f"No agent {agent_id!r} is registered. See `muster agents list`.")
    return found


GROUP = Group(
    name="config",
    summary="what operators change of an agent's configuration",
    commands=(
        Command(
            name="get",
            summary="show an agent's config, and who says what of it",
            arguments=_agent_argument,
            run=_get,
        ),
        Command(
            name="set",
            summary="change an agent's config, as its config_schema allows",
            arguments=_set_arguments,
            run=_set,
        ),
        Command(
            name="history",
            summary="show who changed what when",
            arguments=_history_arguments,
            run=_history,
        ),
    ),
)
