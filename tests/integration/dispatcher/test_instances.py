"""The dispatcher marks processes that no longer beat, whether or not a listener is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from muster.store.instances import STALE, Instance, Instances
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
SECOND = timedelta(seconds=1)


def _instance(name: str) -> Instance:
    return Instance(
        instance_id=name, agent_id="tester", hostname="h", pid=1, version="1.0.0", code_version="c"
    )


def _statuses(shop: Workshop) -> dict[str, str]:
    rows = shop.clerk.query("SELECT instance_id, status FROM agent_instance")
    return {row["instance_id"]: row["status"] for row in rows}


def test_an_instance_that_is_silent_is_marked_and_one_that_beats_is_not(workshop: MakeWorkshop):
    # Given two instances, of which one goes on to beat
    shop = workshop()
    table = Instances(shop.database)
    for name in ("silent", "alive"):
        table.beat(_instance(name), status="running", running_jobs=0)
    shop.clerk.query(
        "UPDATE agent_instance SET last_heartbeat = last_heartbeat - make_interval(secs => %s)"
        " WHERE instance_id = 'silent'",
        (STALE + SECOND).total_seconds(),
    )
    # When the dispatcher ticks, twice
    reports = [shop.tick() for _ in range(2)]
    # Then the silent one is marked, once
    assert [report.done["instances"] for report in reports] == [1, 0]
    assert _statuses(shop) == {"silent": "stale", "alive": "running"}
    # And it is back as soon as it beats again
    table.beat(_instance("silent"), status="running", running_jobs=0)
    assert _statuses(shop)["silent"] == "running"
