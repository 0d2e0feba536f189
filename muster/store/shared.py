"""A database connection that several threads share, one statement at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from muster.store.connection import Database, Row
from muster.store.statements import Statement


class SharedDatabase(Database):
    """A `Database` whose statements wait for one another."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turn = threading.Lock()

    def run(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Row]:
        """See `Database.run`; the wait for its turn comes before the bounds begin."""
        with self._turn:
            return super().run(statement, parameters, meanwhile=meanwhile)
