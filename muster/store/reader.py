"""Reads the store for people: rows as dictionaries, over an ordinary connection."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from muster.errors import MusterError
from muster.store.connection import administer
from muster.store.settings import DatabaseSettings
from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection


class NotMigrated(MusterError):
    """The database has no tables of Muster's: deploy the stage, or run `muster migrate`."""

    code = "not_migrated"


class Reader:
    """Runs the named statements of one topic."""

    def __init__(self, connection: connection, *, topic: str) -> None:
        self._connection = connection
        self._statements = statements(topic)

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The statement's rows, keyed by column.

        Raises:
            NotMigrated: a table is missing.
        """
        from psycopg2.errors import UndefinedTable

        with self._connection.cursor() as cursor:
            try:
                cursor.execute(self._statements[name].text, parameters)
            except UndefinedTable as error:
                raise NotMigrated from error
            columns = [column.name for column in cursor.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def reading(settings: DatabaseSettings, *, topic: str) -> Generator[Reader]:
    """A reader on a connection of its own.

    Raises:
        StoreUnavailable: the server cannot be reached.
    """
    connection = administer(settings)
    try:
        connection.set_session(readonly=True, autocommit=True)
        yield Reader(connection, topic=topic)
    finally:
        connection.close()
