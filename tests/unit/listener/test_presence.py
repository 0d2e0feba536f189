"""The word that an instance has gone is the last that it says, whatever it was saying meanwhile."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

from ecs_listener.metrics import ListenerMetrics
from ecs_listener.presence import Presence
from ecs_listener.telling import Telling
from muster.fleet_settings import FleetSettings
from muster.store.instances import Instance
from tests.support.timepiece import Timepiece

PATIENCE = 20


class Ledger:
    """Instances and leases in memory; what comes second to the first beat waits until it is let go."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.arrived, self.let_go = threading.Event(), threading.Event()

    def beat(self, _: Instance, *, status: str, running_jobs: int) -> None:
        self.arrived.set()
        assert self.let_go.wait(PATIENCE)
        self.told.append(status)

    def stop(self, _: Instance) -> None:
        self.told.append("stopped")

    def take(self, *, name: str, holder: str, term: timedelta) -> int | None:
        self.told.append("leads")
        return 1

    def release(self, *, name: str, holder: str, fence: int) -> None:
        self.told.append("resigned")


def _presence(ledger: Any) -> Presence:
    return Presence(
        instance=Instance(
            instance_id="i", agent_id="a", hostname="h", pid=1, version="1", code_version="c"
        ),
        instances=ledger,
        leases=ledger,
        running=lambda: 0,
        upkeep=lambda _: True,
        fleet=FleetSettings(),
        clock=Timepiece(stopped=True),
        telling=Telling(log=logging.getLogger(__name__), metrics=ListenerMetrics()),
    )


def test_no_beat_and_no_renewal_follows_the_word_that_it_has_gone():
    # Given an instance whose heartbeat is under way
    ledger = Ledger()
    presence = _presence(ledger)
    beating = threading.Thread(target=presence.run)
    beating.start()
    assert ledger.arrived.wait(PATIENCE)
    # When it drains and leaves before the ledger has answered
    presence.drain()
    leaving = threading.Thread(target=presence.leave)
    leaving.start()
    ledger.let_go.set()
    for thread in (leaving, beating):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    # Then the ledger hears of the end last, and nobody leads
    assert ledger.told[-1] == "stopped"
    assert ledger.told.count("leads") == ledger.told.count("resigned")


def test_who_left_says_nothing_more():
    ledger = Ledger()
    ledger.let_go.set()
    presence = _presence(ledger)
    presence.leave()
    presence.turn()
    assert ledger.told == ["stopped"]
