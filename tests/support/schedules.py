"""Schedules of a workshop's agent: make them, let a dispatcher tick, look at what they fired."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.store.connection import Database, Row
from muster.store.settings import DatabaseSettings
from muster.store.statements import Statement
from tests.support.clerk import AGENT
from tests.support.worker import Workshop

_HOUR = 3600


def seldom() -> str:
    """An interval of weeks none of whose times, which count from 1970, is near: all fires are the test's."""
    now = time.time()
    return next(f"{hours}h" for hours in (1000, 1001) if -now % (hours * _HOUR) > _HOUR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One moment by two clocks."""

    #: By the database's.
    at: datetime
    #: By the workshop's monotonic one.
    monotonic: float


class Timetable:
    """The schedules of one workshop."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop

    def add(self, name: str = "job", **columns: Any) -> None:
        """Make a schedule by plain SQL; without columns, one that nobody has planned yet, every minute."""
        values = {"agent_id": AGENT, "name": name, "expression": "* * * * *", **columns}
        names, places = ", ".join(values), ", ".join(["%s"] * len(values))
        plain = [json.dumps(v) if isinstance(v, dict) else v for v in values.values()]
        self.shop.clerk.query(f"INSERT INTO agent_schedule ({names}) VALUES ({places})", *plain)

    def change(self, assignment: str, name: str = "job") -> None:
        """Change it as an operator with SQL would."""
        self.shop.clerk.query(f"UPDATE agent_schedule SET {assignment} WHERE name = %s", name)

    def row(self, name: str = "job") -> dict[str, Any]:
        """The schedule as it is now; -infinity is None too."""
        [row] = self.shop.clerk.query(
            "SELECT s.*, nullif(next_at, '-infinity') AS planned_next, now() AS now"
            " FROM agent_schedule s WHERE name = %s",
            name,
        )
        return row

    def fires(self, name: str = "job") -> list[dict[str, Any]]:
        """The executions that it fired, by planned time."""
        return self.shop.clerk.query(
            "SELECT * FROM agent_job_execution WHERE schedule = %s ORDER BY scheduled_for, created_at",
            name,
        )

    def messages(self) -> list[dict[str, Any]]:
        """What lies in the lane: each body with `visible_from`, and `hidden`, the seconds until then."""
        now = self.shop.clock.monotonic()
        return [
            {
                **json.loads(stored.body),
                "visible_from": stored.visible_from,
                "hidden": stored.visible_from - now,
            }
            for stored in self.shop.memory.stored[self.shop.lane]
        ]

    def moment(self) -> Moment:
        """This one."""
        return Moment(at=self.now(), monotonic=self.shop.clock.monotonic())

    def appears(
        self, message: Mapping[str, Any], planned: datetime, *, since: Moment, late: float = 0
    ) -> bool:
        """Whether a message that was sent since then appears in the second that ends at its time, or later.

        When exactly it was sent is not known: the answer is as precise as the machine is quick.

        Args:
            late: end of that second, in seconds after the time.
        """
        until = self.moment()
        earliest = since.monotonic + (planned - until.at).total_seconds() + late - 1
        latest = until.monotonic + (planned - since.at).total_seconds() + late
        return earliest <= message["visible_from"] <= latest

    def now(self) -> datetime:
        """The database's time."""
        [row] = self.shop.clerk.query("SELECT now() AS now")
        return row["now"]


class MeddlingDatabase(Database):
    """A connection on which something happens around one statement.

    Args:
        before: is called before each run of the statement.
        repeat: run it twice and answer the second time's rows, as after a lost reply to COMMIT.
    """

    def __init__(
        self,
        url: str,
        *,
        statement: str,
        before: Callable[[], None] | None = None,
        repeat: bool = False,
    ) -> None:
        settings = DatabaseSettings.from_url(url)
        super().__init__(lambda _refresh: settings)
        self._statement = statement
        self._before = before
        self._repeat = repeat

    def run(
        self, statement: Statement, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> list[Row]:
        meddle = statement.name == self._statement
        if meddle and self._before is not None:
            self._before()
        if meddle and self._repeat:
            super().run(statement, parameters, **more)
        return super().run(statement, parameters, **more)
