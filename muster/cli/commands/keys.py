"""`muster keys`: who may call the HTTP API. A key is printed once, when it is made."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.duration import duration
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.keys.access import GRANTS, Role, Scope

if TYPE_CHECKING:
    from muster.keys.api_key import ApiKey
    from muster.store.key_changes import KeyChanges, KeyRow

_COLUMNS = ("key_id", "name", "role", "tenant", "active", "expires_at", "last_used_at")


def _lifetime(text: str) -> timedelta:
    lifetime = duration(text)
    if not lifetime:
        raise ArgumentTypeError("it must be longer than nothing")
    return lifetime


def _id_argument(parser: ArgumentParser) -> None:
    parser.add_argument("key_id", metavar="KEY_ID", help="the 16 characters after mstr_")


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="who will hold it")
    parser.add_argument("--role", choices=[str(role) for role in Role], required=True)
    parser.add_argument(
        "--scope",
        choices=[str(scope) for scope in Scope],
        action="append",
        help="leave only this of the role's scopes; repeatable",
    )
    parser.add_argument("--tenant", default="default", help="default: %(default)s")
    parser.add_argument("--expires-in", metavar="90d", type=_lifetime, help="never when not given")
    parser.add_argument("--by", metavar="NAME", help="who makes it; you when not given")


def _create(context: Context, arguments: Namespace) -> Exit:
    role = Role(arguments.role)
    scopes = None if arguments.scope is None else sorted({Scope(s) for s in arguments.scope})
    if beyond := [str(scope) for scope in scopes or () if scope not in GRANTS[role]]:
        raise UsageError(f"the role {role} has no {', '.join(beyond)}; take another role")
    for noun, text, most in (("NAME", arguments.name, 200), ("--tenant", arguments.tenant, 256)):
        if not 1 <= len(text) <= most or not text.isprintable():
            raise UsageError(f"{noun} must have 1 to {most} printable characters")
    with _store(context) as store:
        key, row = store.create(
            name=arguments.name,
            role=role,
            tenant=arguments.tenant,
            scopes=scopes,
            lifetime=arguments.expires_in,
            by=_author(arguments),
        )
    _show_once(context, key, row)
    return Exit.OK


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tenant", help="only this tenant's")
    parser.add_argument("--all", action="store_true", help="those that hold no longer, too")


def _list(context: Context, arguments: Namespace) -> Exit:
    with _store(context) as store:
        rows = store.listing(tenant=arguments.tenant, everything=arguments.all)
    context.show_rows(rows, columns=_COLUMNS, none="No keys.")
    return Exit.OK


def _rotate_arguments(parser: ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument(
        "--overlap",
        metavar="24h",
        type=duration,
        default=timedelta(hours=24),
        help="the old key holds that much longer; default 24h, 0s ends it now",
    )
    parser.add_argument("--by", metavar="NAME", help="who rotates it; you when not given")


def _rotate(context: Context, arguments: Namespace) -> Exit:
    with _store(context) as store:
        made = store.rotate(arguments.key_id, overlap=arguments.overlap, by=_author(arguments))
        if made is None:
            _explain(store, arguments.key_id)
            raise UsageError(
                f"{arguments.key_id} holds no longer, or was rotated already: rotate its successor "
                "(`muster keys list`), or make a new key."
            )
    _show_once(context, *made)
    return Exit.OK


def _switch(*, active: bool) -> Callable[[Context, Namespace], Exit]:
    def run(context: Context, arguments: Namespace) -> Exit:
        with _store(context) as store:
            row = store.switch(arguments.key_id, active=active)
            if row is None:
                raise _unknown(arguments.key_id)
        context.show(row, text=f"{row['key_id']} is {'active' if active else 'deactivated'}")
        return Exit.OK

    return run


def _explain(store: KeyChanges, key_id: str) -> None:
    if store.find(key_id) is None:
        raise _unknown(key_id)


def _unknown(key_id: str) -> NotFound:
    return NotFound(f"There is no key {key_id!r}. See `muster keys list --all`.")


def _show_once(context: Context, key: ApiKey, row: KeyRow) -> None:
    context.say("This is the only time that the key is shown; only a digest of it is stored.")
    context.show({**row, "key": key.text}, text=key.text)


def _author(arguments: Namespace) -> str:
    import getpass

    return arguments.by or getpass.getuser()


@contextmanager
def _store(context: Context) -> Generator[KeyChanges]:
    from muster.store.connection import administer
    from muster.store.key_changes import KeyChanges

    with closing(administer(context.database())) as connection:
        connection.autocommit = True  # each command is one statement
        yield KeyChanges(connection)


GROUP = Group(
    name="keys",
    summary="who may call the HTTP API",
    commands=(
        Command(name="create", summary="make a key", arguments=_create_arguments, run=_create),
        Command(name="list", summary="list keys", arguments=_list_arguments, run=_list),
        Command(
            name="rotate",
            summary="make a key's successor; both hold for a while",
            arguments=_rotate_arguments,
            run=_rotate,
        ),
        Command(
            name="deactivate",
            summary="end a key at once",
            arguments=_id_argument,
            run=_switch(active=False),
        ),
        Command(
            name="reactivate",
            summary="let a deactivated key hold again",
            arguments=_id_argument,
            run=_switch(active=True),
        ),
    ),
)
