"""An agent's own statements, run on its worker's connection.

The agent gives names and JSON values and gets JSON values, so that the same call works from a child process
that has neither a connection nor a password.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from muster.contracts import STATEMENTS_FOLDER
from muster.database import StatementFailed, StatementUnknown
from muster.errors import ConfigurationError, PermanentError
from muster.message.body import REPLACEMENT, UNSTORABLE
from muster.store.connection import Database
from muster.store.document import document
from muster.store.migration import SchemaError
from muster.store.statements import Statement, named_texts, preparable


class AgentDatabase:
    """A `JobDatabase` on a connection that it shares with the ledger; used by one thread at a time."""

    def __init__(self, database: Database, *, agent_id: str, folder: Path) -> None:
        self._database = database
        self._agent_id = agent_id
        self._folder = folder

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one of the agent's statements, as `JobDatabase.run` says."""
        import psycopg2

        statement = self._statements.get(name)
        if statement is None:
            known = ", ".join(sorted(self._statements)) or "none"
            raise StatementUnknown(
                f"{self._agent_id} has no statement {name!r} in {STATEMENTS_FOLDER}/; it has: {known}"
            )
        try:
            rows = self._database.run(statement, _values(name, statement, params or {}))
        except SchemaError as error:
            cause = error.__cause__
            raise StatementFailed(
                f"{name}: {_first_line(cause)}; correct the statement, or deploy the migration that makes it",
                sqlstate=getattr(cause, "pgcode", None),
            ) from cause
        except psycopg2.Error as error:
            raise StatementFailed(f"{name}: {_first_line(error)}", sqlstate=error.pgcode) from error
        return [tuple(_given(name, value) for value in row) for row in rows]

    @cached_property
    def _statements(self) -> Mapping[str, Statement]:
        return agent_statements(self._agent_id, self._folder)


def agent_statements(agent_id: str, folder: Path) -> dict[str, Statement]:
    """The statements of an agent's folder by name.

    Raises:
        ConfigurationError: a name stands twice.
    """
    found: dict[str, Statement] = {}
    for file in sorted((folder / STATEMENTS_FOLDER).glob("*.sql")):
        try:
            texts = named_texts(file.read_text("utf-8"), file.name)
        except ValueError as error:
            raise ConfigurationError(f"{file.parent}: {error}; rename one") from error
        for name, text in texts:
            if name in found:
                raise ConfigurationError(f"{file} names {name} again; rename one")
            found[name] = preparable(_prepared_name(agent_id, name, text), text)
    return found


def _prepared_name(agent_id: str, name: str, text: str) -> str:
    """A name that no statement of the ledger or of another agent has, within Postgres's 63 characters."""
    identity = hashlib.sha256(f"{agent_id}\n{name}\n{text}".encode()).hexdigest()
    return f"own_{name[:40]}_{identity[:12]}"


def _values(name: str, statement: Statement, params: Mapping[str, Any]) -> dict[str, Any]:
    wanted, told = set(statement.parameters), set(params)
    if wanted != told:
        wrong = ", ".join(sorted(wanted ^ told))
        raise StatementUnknown(
            f"{name} takes {', '.join(statement.parameters) or 'no params'}; "
            f"missing or too many: {wrong}"
        )
    return {key: _taken(name, key, value) for key, value in params.items()}


def _taken(name: str, key: str, value: object) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return UNSTORABLE.sub(REPLACEMENT, value)
        case _:
            try:
                return document(value)
            except (TypeError, ValueError, RecursionError) as error:
                raise StatementUnknown(
                    f"{name}: param {key} is not JSON ({error}); give a time as ISO 8601 text"
                ) from error


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]


def _given(name: str, value: object) -> Any:
    match value:
        case None | bool() | int() | float() | str() | dict():
            return cast("Any", value)
        case list():
            return [_given(name, item) for item in cast("list[object]", value)]
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            raise PermanentError(
                f"{name} returns a {type(value).__name__}, which is not JSON: cast it, such as ::text",
                code="statement_result",
            )
