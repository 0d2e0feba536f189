"""Cancels or retries many jobs that a filter finds, in pages, each of which is one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from muster.store.connection import Database, Row
from muster.store.document import document
from muster.store.statements import statements

#: Jobs of one statement.
PAGE = 500

Change = Literal["cancel", "retry"]


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFilter:
    """Which jobs; None asks for nothing."""

    agent_id: str | None = None
    tenant: str | None = None
    status: str | None = None
    #: Class of the error, or its code.
    error: str | None = None
    #: Stands in the error's message or in the params, in whatever case.
    text: str | None = None
    source: str | None = None
    priority: str | None = None
    #: Recorded then or later.
    since: datetime | None = None
    #: Recorded before.
    until: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing: the tenant and the state alone are no filter."""
        asked = asdict(self)
        return all(value is None for name, value in asked.items() if name not in _NO_FILTER)


_NO_FILTER = ("tenant", "status")


@dataclass(kw_only=True, slots=True)
class BulkTally:
    """What was changed, or would be."""

    dry_run: bool
    jobs: int = 0
    #: False: the limit ended it before all jobs were seen.
    complete: bool = True
    agents: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[str] = field(default_factory=Counter[str])
    #: By class or code; of what never failed nothing.
    errors: Counter[str] = field(default_factory=Counter[str])

    def to_json(self) -> dict[str, Any]:
        """As commands and the API show it."""
        return {
            **asdict(self),
            **{n: dict(getattr(self, n).most_common()) for n in ("agents", "statuses", "errors")},
        }


class Bulk:
    """Changes of many jobs in one database. Interrupted, it has changed some whole pages; run it again."""

    def __init__(self, database: Database, *, page: int = PAGE) -> None:
        self._database = database
        self._most = page
        self._sql = statements("bulk")

    def run(
        self,
        change: Change,
        meant: JobFilter,
        *,
        until: datetime,
        limit: int | None = None,
        dry_run: bool = True,
        rate: float | None = None,
    ) -> BulkTally:
        """Change what is meant; what was counted.

        Args:
            until: jobs that come later are left alone, so that it ends.
            rate: of a retry: jobs a second that are sent again; None: at the next tick.

        Raises:
            ValueError: the filter is empty.
            StoreUnavailable: no answer in time; what was changed is changed.
        """
        if meant.empty:
            raise ValueError("a filter is needed: it would be every job there is")
        tally = BulkTally(dry_run=dry_run)
        after: tuple[datetime, str] | None = None
        bounds = {**asdict(meant), "until": min(meant.until or until, until)}
        while limit is None or tally.jobs < limit:
            page = self._most if limit is None else min(self._most, limit - tally.jobs)
            rows = self._page(bounds, change, after=after, page=page)
            self._count(tally, rows, self._changed(change, rows, tally, rate))
            if len(rows) < page:
                return tally
            after = (rows[-1][1], rows[-1][0])
        tally.complete = not self._page(bounds, change, after=after, page=1)
        return tally

    def change(self, change: Change, jobs: Sequence[tuple[str, datetime]]) -> set[str]:
        """Change executions by (id, created_at); the ids of those that were.

        Raises:
            StoreUnavailable: it is not known whether they were.
        """
        return self._apply(change, jobs, first=0, pause=0.0)

    def _changed(
        self, change: Change, rows: Sequence[Row], tally: BulkTally, rate: float | None
    ) -> set[str]:
        if tally.dry_run:
            return {row[0] for row in rows}
        jobs = [(row[0], row[1]) for row in rows]
        return self._apply(change, jobs, first=tally.jobs, pause=1 / rate if rate else 0.0)

    def _apply(
        self, change: Change, jobs: Sequence[tuple[str, datetime]], *, first: int, pause: float
    ) -> set[str]:
        if not jobs:
            return set()
        listed = [
            {"execution_id": id_, "created_at": at.isoformat(), "position": first + position}
            for position, (id_, at) in enumerate(jobs)
        ]
        parameters: dict[str, Any] = {"jobs": document(listed), "count": len(listed)}
        if change == "retry":
            parameters["pause"] = pause
        return {row[0] for row in self._database.run(self._sql[f"{change}_jobs"], parameters)}

    def _page(
        self,
        bounds: dict[str, Any],
        change: Change,
        *,
        after: tuple[datetime, str] | None,
        page: int,
    ) -> list[Row]:
        return self._database.run(
            self._sql["jobs_meant"],
            {
                **bounds,
                "retry": change == "retry",
                "after": after[0] if after else None,
                "after_id": after[1] if after else None,
                "page": page,
            },
        )

    @staticmethod
    def _count(tally: BulkTally, rows: Sequence[Row], changed: set[str]) -> None:
        for id_, _, agent_id, status, error in rows:
            if id_ in changed:
                tally.jobs += 1
                tally.agents[agent_id] += 1
                tally.statuses[status] += 1
                if error:
                    tally.errors[error] += 1
