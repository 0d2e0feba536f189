"""A webhook as the command line works on it: its row, its stage and its secret."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from muster.cli.errors import NotFound, UsageError
from muster.contracts import hook_secret_name
from muster.errors import ConfigurationError

if TYPE_CHECKING:
    from muster.cli.context import Context
    from muster.hooks.scheme import Scheme
    from muster.hooks.secret import HookSecret
    from muster.store.hook_changes import HookChanges, HookRow

#: A secret that a sender gave us is at least so long, in characters.
LEAST_SECRET = 16

#: How `stacks/deployment.py` names the stacks of a stage's agents.
_STACK = re.compile(r"muster-(.+)-agents-\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptSecret:
    """A webhook's secret in Secrets Manager."""

    name: str

    def read(self) -> HookSecret:
        """What it is now.

        Raises:
            SecretsUnavailable: no answer, or refused for now.
            ConfigurationError: it is missing, forbidden, or not as Muster keeps it.
        """
        from muster.aws.secrets import Secrets
        from muster.hooks.secret import HookSecret

        return HookSecret.from_json(Secrets().refresh(self.name))

    def write(self, secret: HookSecret) -> None:
        """Make it, or give it another value.

        Raises: as `read`.
        """
        from muster.aws.secret_keeper import SecretKeeper

        keeper, value = SecretKeeper(), secret.to_json()
        if not keeper.create(self.name, value, description="Shared with the sender of a webhook"):
            keeper.replace(self.name, value)


@contextmanager
def hook_changes(context: Context) -> Generator[HookChanges]:
    """The table, on a connection of its own; each command is one statement."""
    from muster.store.connection import administer
    from muster.store.hook_changes import HookChanges

    with closing(administer(context.database())) as connection:
        connection.autocommit = True
        yield HookChanges(connection)


def the_hook(store: HookChanges, agent_id: str, name: str) -> HookRow:
    """A webhook that is not retired.

    Raises:
        NotFound: there is none of that name.
    """
    row = store.find(agent_id, name)
    if row is None:
        raise NotFound(f"Agent {agent_id!r} has no webhook {name!r}. See `muster webhooks list`.")
    return row


def kept_secret(*, agent_id: str, name: str, stack: str | None, stage: str | None) -> KeptSecret:
    """Where the webhook's secret is.

    Args:
        stack: the stack of its agent; None: it was registered by hand.
        stage: what the caller says.

    Raises:
        UsageError: nothing says which stage it is.
    """
    match = _STACK.fullmatch(stack or "")
    stage = stage or (match[1] if match else None)
    if stage is None:
        raise UsageError(
            f"no stack registered {agent_id}, so nothing says which stage answers its webhooks: "
            "add --stage"
        )
    return KeptSecret(name=hook_secret_name(stage=stage, agent_id=agent_id, name=name))


def scheme_of(row: HookRow) -> Scheme:
    """The scheme by which the webhook's deliveries are verified."""
    from muster.hooks.schemes import scheme

    return scheme(row["verify"], signature_header=row["signature_header"])


def secret_for(way: Scheme, file: Path | None) -> str:
    """The secret to use: a new one, or the one that the sender's own pages show, from a file.

    Raises:
        UsageError: the file holds none; nothing of it is quoted.
    """
    if file is None:
        return way.new_secret()
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--secret-file {file}: {type(error).__name__}") from error
    if len(text) < LEAST_SECRET or not text.isprintable():
        raise UsageError(
            f"--secret-file {file}: write the secret alone into it, {LEAST_SECRET} or more "
            "printable characters"
        )
    from datetime import UTC, datetime

    try:
        way.sign(b"", secret=text, delivery="none", now=datetime.now(UTC))
    except ConfigurationError as error:
        raise UsageError(f"--secret-file {file}: {error}") from error
    return text


def replaced(kept: KeptSecret, new: str, *, overlap: timedelta) -> HookSecret:
    """The webhook's secret with a successor; where there was none to replace, only the new one."""
    from datetime import UTC, datetime

    from muster.hooks.secret import HookSecret

    try:
        before = kept.read()
    except ConfigurationError:
        return HookSecret(current=new)
    return before.replaced(new, now=datetime.now(UTC), overlap=overlap)
