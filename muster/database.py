"""What an agent is handed to reach its own tables: named statements, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from muster.errors import PermanentError, RetryableError


class JobDatabase(Protocol):
    """The tables of an agent. An agent never sees a connection or a password."""

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement of the agent's `sql/*.sql` in a transaction of its own; its rows, if it has any.

        It must bear being run twice: a lost reply does not tell whether it was committed.

        Args:
            name: as the file has it after `-- name:`.
            params: what JSON holds. A list or an object becomes one JSON document, a text without what
                Postgres cannot store. A value that the statement does not name is refused.

        Returns:
            Rows of what JSON holds: times and dates as ISO 8601 text, numerics and uuids as text.

        Raises:
            StatementUnknown: the agent has no such statement, or the params are not its own.
            StatementFailed: Postgres refused it; nothing was changed.
            StoreUnavailable: no answer in time.
        """
        ...


class StatementUnknown(PermanentError):
    """The agent has no such statement."""

    code = "statement_unknown"


class StatementFailed(RetryableError):
    """Postgres refused a statement of an agent; nothing was changed.

    Args:
        sqlstate: Postgres's code of five characters, such as `23505` for a key that is there already.
    """

    code = "statement_failed"

    def __init__(self, message: str | None = None, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class NoTables:
    """The database of a job whose agent has no statements, or that runs outside a worker."""

    def run(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,  # noqa: ARG002 - as every JobDatabase takes it
    ) -> list[tuple[Any, ...]]:
        """Refuse.

        Raises:
            StatementUnknown: always.
        """
        raise StatementUnknown(
            f"there is no statement {name!r}, since this agent has none: write it as `-- name: {name}` into "
            "a file of the folder sql/ beside agent.py; in a test, give the Job a database"
        )
