"""Writes the webhooks of manifests by `sql/webhooks.sql`, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2 import extensions


class Webhooks:
    """The table of webhooks on one connection."""

    def __init__(self, connection: extensions.connection) -> None:
        self._connection = connection

    def replace(self, webhooks: Sequence[Mapping[str, Any]], *, agent_ids: Collection[str]) -> None:
        """Make the manifests' webhooks of these agents exactly the given ones.

        One that says the same as before is not touched. Webhooks that were made by hand stay.
        """
        document = json.dumps(list(webhooks))
        with self._connection.cursor() as cursor:
            cursor.execute(
                statements("webhooks")["retire_webhooks"].text,
                {"agent_ids": list(agent_ids), "webhooks": document},
            )
            cursor.execute(statements("webhooks")["upsert_webhooks"].text, {"webhooks": document})
