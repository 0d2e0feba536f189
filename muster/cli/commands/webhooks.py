"""`muster webhooks`: who may start jobs by a signed delivery. A secret is printed once, when it is made."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.duration import duration
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.cli.hooks import (
    hook_changes,
    kept_secret,
    replaced,
    scheme_of,
    secret_for,
    the_hook,
)
from muster.lane import LANES, NORMAL
from muster.manifest.webhook_table import VERIFICATIONS

if TYPE_CHECKING:
    from muster.manifest.model import Webhook

_COLUMNS = ("agent_id", "name", "verify", "priority", "tenant", "owner", "path")


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--agent", metavar="AGENT", help="only this agent's")
    parser.add_argument("--all", action="store_true", help="those that are retired, too")


def _list(context: Context, arguments: Namespace) -> Exit:
    with hook_changes(context) as store:
        rows = store.listing(agent_id=arguments.agent, everything=arguments.all)
    context.show_rows(rows, columns=_COLUMNS, none="No webhooks.")
    return Exit.OK


def _name_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="whose jobs it starts")
    parser.add_argument("name", metavar="NAME", help="of the webhook")
    parser.add_argument("--stage", help="that answers it; that of the agent's stack when not given")


def _secret_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        type=Path,
        help="holds the secret that the sender's pages show; a new one is made when not given",
    )


def _create_arguments(parser: ArgumentParser) -> None:
    _name_arguments(parser)
    parser.add_argument("--verify", choices=VERIFICATIONS, default="standard-webhooks")
    parser.add_argument("--signature-header", metavar="HEADER", help="hmac only")
    parser.add_argument(
        "--header", metavar="HEADER", action="append", help="tell jobs of this one, too; repeatable"
    )
    parser.add_argument("--priority", choices=LANES, default=NORMAL)
    parser.add_argument("--tenant", default="default", help="default: %(default)s")
    _secret_argument(parser)


def _create(context: Context, arguments: Namespace) -> Exit:
    wanted = _checked(arguments)
    with hook_changes(context) as store:
        agent = store.stack(arguments.agent)
        if agent is None:
            raise NotFound(f"No agent {arguments.agent!r}. See `muster agents list`.")
        if store.find(arguments.agent, wanted.name) is not None:
            raise _taken(arguments)
        kept = kept_secret(
            agent_id=arguments.agent, name=wanted.name, stack=agent[0], stage=arguments.stage
        )
        columns: dict[str, Any] = {
            "verify": wanted.verify,
            "signature_header": wanted.signature_header,
            "headers": list(wanted.headers),
            "priority": wanted.priority,
        }
        secret = secret_for(scheme_of(columns), arguments.secret_file)
        # The secret first: a webhook without one would answer nobody.
        kept.write(replaced(kept, secret, overlap=timedelta(0)))
        row = store.create(
            agent_id=arguments.agent, name=wanted.name, tenant=arguments.tenant, **columns
        )
        if row is None:
            raise _taken(arguments)
    _show_once(context, row, secret, made=arguments.secret_file is None)
    return Exit.OK


def _rotate_arguments(parser: ArgumentParser) -> None:
    _name_arguments(parser)
    parser.add_argument(
        "--overlap",
        metavar="24h",
        type=duration,
        default=timedelta(hours=24),
        help="the old secret holds that much longer; default 24h, 0s ends it now",
    )
    _secret_argument(parser)


def _rotate(context: Context, arguments: Namespace) -> Exit:
    with hook_changes(context) as store:
        row = the_hook(store, arguments.agent, arguments.name)
    kept = kept_secret(
        agent_id=row["agent_id"], name=row["name"], stack=row["stack"], stage=arguments.stage
    )
    secret = secret_for(scheme_of(row), arguments.secret_file)
    after = replaced(kept, secret, overlap=arguments.overlap)
    kept.write(after)
    until = after.previous_until.isoformat() if after.previous_until else None
    made = arguments.secret_file is None
    _show_once(context, {**row, "previous_until": until}, secret, made=made)
    return Exit.OK


def _test_arguments(parser: ArgumentParser) -> None:
    _name_arguments(parser)
    parser.add_argument(
        "--url", help="of the API; MUSTER_API_URL, or the local cloud's, when not given"
    )
    parser.add_argument("--body", metavar="JSON", help="a small object of its own when not given")
    parser.add_argument("--delivery", metavar="ID", help="a new one when not given")


def _test(context: Context, arguments: Namespace) -> Exit:
    import json
    from datetime import UTC, datetime
    from uuid import uuid4

    from muster.cli.delivery import post

    delivery = arguments.delivery or f"test_{uuid4().hex}"
    body = arguments.body or json.dumps(
        {"type": "muster.test", "id": delivery, "event_id": delivery}
    )
    base = (arguments.url or context.api_url()).rstrip("/")
    with hook_changes(context) as store:
        row = the_hook(store, arguments.agent, arguments.name)
    kept = kept_secret(
        agent_id=row["agent_id"], name=row["name"], stack=row["stack"], stage=arguments.stage
    )
    signed = scheme_of(row).sign(
        body.encode(), secret=kept.read().current, delivery=delivery, now=datetime.now(UTC)
    )
    url = base + row["path"]
    answered = post(url, body=body.encode(), headers=signed)
    context.show(
        {"url": url, "delivery": delivery, "status": answered.status, "answer": answered.answer},
        text=f"{answered.status} {json.dumps(answered.answer)}",
    )
    return Exit.OK if answered.status in (200, 202) else Exit.FAILED


def _checked(arguments: Namespace) -> Webhook:
    """What `create` asks for, by the rules of manifests."""
    from muster.manifest.problem import Problem
    from muster.manifest.reader import Reader
    from muster.manifest.webhook_table import read_webhook

    said = {
        "name": arguments.name,
        "verify": arguments.verify,
        "signature_header": arguments.signature_header,
        "headers": arguments.header,
        "priority": arguments.priority,
    }
    problems: list[Problem] = []
    document = {key: value for key, value in said.items() if value is not None}
    webhook = read_webhook(Reader(document, file="muster webhooks create", problems=problems))
    if problems:
        raise UsageError("\n".join(str(problem) for problem in problems))
    if not 1 <= len(arguments.tenant) <= 256 or not arguments.tenant.isprintable():
        raise UsageError("--tenant must have 1 to 256 printable characters")
    return webhook


def _taken(arguments: Namespace) -> UsageError:
    return UsageError(
        f"{arguments.agent} has a webhook {arguments.name!r}: `muster webhooks rotate` gives it "
        "another secret; what else it says is changed in its manifest"
    )


def _show_once(context: Context, row: Any, secret: str, *, made: bool) -> None:
    if made:
        context.say("This is the only time that the secret is shown: enter it at the sender's.")
        context.show({**row, "secret": secret}, text=secret)
    else:
        context.show(dict(row), text=f"{row['path']} has the secret of the file")


GROUP = Group(
    name="webhooks",
    summary="who may start jobs by a signed delivery",
    commands=(
        Command(name="list", summary="list webhooks", arguments=_list_arguments, run=_list),
        Command(
            name="create",
            summary="make a webhook that no manifest holds",
            arguments=_create_arguments,
            run=_create,
        ),
        Command(
            name="rotate",
            summary="give a webhook another secret; both hold for a while",
            arguments=_rotate_arguments,
            run=_rotate,
        ),
        Command(
            name="test",
            summary="post a signed delivery, and print the answer",
            arguments=_test_arguments,
            run=_test,
        ),
    ),
)
