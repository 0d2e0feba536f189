"""What every command is given: where its output goes, and what it acts on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from muster.cli.api_client import API_URL
from muster.cli.table import render
from muster.errors import ConfigurationError, MusterError

if TYPE_CHECKING:
    from pathlib import Path

    from muster.store.connection import Database
    from muster.store.settings import DatabaseSettings

#: Names the database that the commands read, as everywhere in the Postgres world.
DATABASE_URL = "DATABASE_URL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """One run of the command line.

    `fallback` gives the environment to use when DATABASE_URL is not set: the local cloud's; `locate_api` the
    address of the API that goes with it, `locate_log` the file of an agent's listener there.
    """

    environ: MutableMapping[str, str]
    json: bool = False
    fallback: Callable[[], Mapping[str, str]] | None = None
    locate_api: Callable[[], str | None] | None = None
    locate_log: Callable[[str], Path] | None = None
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

    def _local_database(self) -> str | None:
        try:
            return self.fallback()[DATABASE_URL] if self.fallback is not None else None
        except MusterError:
            return None  # there is no local cloud

    def api_url(self) -> str:
        """Address of the HTTP API of the database to act on.

        Raises:
            ConfigurationError: nothing says which.
        """
        said = self.environ.get(API_URL)
        if said:
            return said
        ours = self._local_database()
        # Another database has another API: a delivery signed for that one must not come here.
        if ours and self.environ.get(DATABASE_URL, ours) == ours and self.locate_api is not None:
            found = self.locate_api()
            if found:
                return found
        raise ConfigurationError(
            f"{API_URL} is not set: it names the HTTP API, the output ApiUrl of the stack muster-<stage>-api"
        )

    def listener_log(self, agent: str) -> Path | None:
        """The file that an agent's listeners write to, where the database to act on is the local cloud's."""
        ours = self._local_database()
        if self.locate_log is None or ours is None or self.environ.get(DATABASE_URL) != ours:
            return None
        return self.locate_log(agent)

    @contextmanager
    def ledger_database(self) -> Generator[Database]:
        """A connection to `database()` as workers have one, for statements that bear being repeated.

        Raises:
            ConfigurationError: nothing says which.
        """
        from muster.store.connection import Database

        settings = self.database()
        database = Database(lambda _: settings)
        try:
            yield database
        finally:
            database.close()
