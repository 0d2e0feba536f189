"""Workers that ask for the slots of one agent, in a time that passes as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.store.connection import Database
from muster.store.slots import Refused, Slot, Slots
from tests.support.clerk import AGENT, database_of
from tests.support.logins import WORKER, as_login
from tests.support.stopped_time import StoppedTime

NOW = datetime.now(UTC)


class Gate:
    """One agent's slots, its capacity and its lanes' workers."""

    def __init__(self, url: str, database: Database, time: StoppedTime) -> None:
        self.url = url
        self._time = time
        self.slots = Slots(database)
        self.capacity = 1

    def ask(
        self,
        lane: str = "normal",
        holder: str = "",
        lease: timedelta = timedelta(minutes=1),
        age: float = 3600.0,
    ) -> Slot | Refused:
        """A worker of a lane asks for a slot, for a message that was sent so many seconds ago."""
        return self.slots.take(
            agent_id=AGENT,
            lane=lane,
            holder=holder or lane,
            capacity=self.capacity,
            lease=lease,
            sent_at=NOW - timedelta(seconds=age),
        )

    def gets(self, lane: str = "normal", holder: str = "", **options: Any) -> Slot:
        """It asks, and gets one."""
        answer = self.ask(lane, holder, **options)
        assert isinstance(answer, Slot), f"{lane} was refused"
        return answer

    def refused(self, lane: str = "normal", holder: str = "", **options: Any) -> float:
        """It asks in vain; the seconds that it is told to wait."""
        answer = self.ask(lane, holder, **options)
        assert isinstance(answer, Refused), f"{lane} got slot {answer}"
        return answer.wait.total_seconds()

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        self._time.skip(seconds)


@pytest.fixture
def gate(each_database_url: str) -> Iterator[Gate]:
    """The slots of an agent that may do one thing at a time, on every PostgreSQL version at hand."""
    time = StoppedTime(each_database_url)
    with closing(database_of(as_login(each_database_url, WORKER))) as database:
        yield Gate(each_database_url, database, time)
