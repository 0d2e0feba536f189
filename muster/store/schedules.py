"""Writes the schedules of manifests by `sql/schedule.sql`, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2 import extensions


class Schedules:
    """The table of schedules on one connection."""

    def __init__(self, connection: extensions.connection) -> None:
        self._connection = connection

    def replace(
        self, schedules: Sequence[Mapping[str, Any]], *, agent_ids: Collection[str]
    ) -> None:
        """Make the manifests' schedules of these agents exactly the given ones.

        What a changed or retired one had fired and nobody has started is called off; one that says the same
        as before is not touched. Schedules that were made by hand stay.
        """
        document = json.dumps(list(schedules))
        with self._connection.cursor() as cursor:
            cursor.execute(
                statements("schedule")["retire_schedules"].text,
                {"agent_ids": list(agent_ids), "schedules": document},
            )
            cursor.execute(statements("schedule")["upsert_schedules"].text, {"schedules": document})
