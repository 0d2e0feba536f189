"""What every command is given: where its output goes, and what it acts on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from muster.cli.table import render
from muster.errors import ConfigurationError

if TYPE_CHECKING:
    from muster.store.settings import DatabaseSettings

#: Names the database that the commands read, as everywhere in the Postgres world.
DATABASE_URL = "DATABASE_URL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """One run of the command line.

    `fallback` gives the environment to use when DATABASE_URL is not set: the local cloud's.
    """

    environ: MutableMapping[str, str]
    json: bool = False
    fallback: Callable[[], Mapping[str, str]] | None = None
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, message: str) -> None:
        """Report progress."""
        print(message, file=self.stderr, flush=True)

    def show(self, value: Any, *, text: str) -> None:
        """Print the result: `value` as JSON when asked for, or else `text`."""
        shown = json.dumps(value, indent=2, default=str) if self.json else text
        print(shown, file=self.stdout, flush=True)

    def show_rows(
        self, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str], none: str
    ) -> None:
        """Print rows: all they hold as JSON, or a table of some columns, or `none` when empty."""
        if rows or self.json:
            self.show(list(rows), text=render(rows, columns=columns))
        else:
            self.say(none)

    def database(self) -> DatabaseSettings:
        """The database to act on: the environment's, or else the local cloud's.

        After this the environment also says which AWS account goes with it.

        Raises:
            ConfigurationError: nothing says which.
        """
        from muster.store.settings import DatabaseSettings

        if DATABASE_URL not in self.environ:
            if self.fallback is None:
                raise ConfigurationError(
                    "DATABASE_URL is not set: it names the database to act on, for example "
                    "postgresql://user:password@host:5432/muster"
                )
            found = self.fallback()
            for name in [name for name in self.environ if name.startswith("AWS_")]:
                del self.environ[name]  # a profile must not mix with the local cloud
            self.environ.update(found)
        return DatabaseSettings.from_url(self.environ[DATABASE_URL])
