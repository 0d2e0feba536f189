"""The dispatcher and the lanes of an agent: where it sends, and what it measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]


def _with_lanes(shop: Workshop, *lanes: str) -> dict[str, str]:
    """Give the agent queues of its own for these lanes; all its queues by lane."""
    queues = {"normal": shop.lane, **{lane: shop.memory.create(lane) for lane in lanes}}
    endpoint = json.dumps({"type": "sqs", "queues": queues, "dlq": shop.dlq})
    shop.clerk.query("UPDATE agent_registry SET endpoint = %s", endpoint)
    return queues


def _pending(shop: Workshop, job_id: str, priority: str) -> None:
    """A job that nothing carries."""
    shop.clerk.query(
        "WITH made AS (INSERT INTO agent_job_execution (agent_id, job_id, priority, max_attempts)"
        " VALUES ('tester', %s, %s, 3) RETURNING *)"
        " INSERT INTO job_key (agent_id, job_id, execution_id, created_at)"
        " SELECT agent_id, job_id, execution_id, created_at FROM made",
        job_id,
        priority,
    )
    shop.accepted.append(job_id)


def _jobs(shop: Workshop, queue_url: str) -> set[str]:
    return {json.loads(message.body)["job_id"] for message in shop.memory.stored[queue_url]}


def test_the_relay_sends_to_the_nearest_lane_and_the_job_keeps_its_priority(workshop: MakeWorkshop):
    # Given an agent with urgent, normal and low, and a lost job of each priority
    shop = workshop()
    queues = _with_lanes(shop, "urgent", "low")
    for priority in ("urgent", "critical", "high", "normal", "low"):
        _pending(shop, f"{priority}-job", priority)
    # When the dispatcher relays
    shop.tick()
    # Then each lies in the lane nearest to its priority
    assert _jobs(shop, queues["urgent"]) == {"urgent-job", "critical-job"}
    assert _jobs(shop, queues["normal"]) == {"high-job", "normal-job"}
    assert _jobs(shop, queues["low"]) == {"low-job"}
    # And both the message and the row say what was asked for
    [message] = [m for m in shop.memory.stored[queues["urgent"]] if "critical" in m.body]
    assert json.loads(message.body)["priority"] == "critical"
    assert shop.clerk.row("critical-job")["priority"] == "critical"


def test_a_schedule_fires_into_the_lane_of_its_priority(workshop: MakeWorkshop):
    # Given a schedule of priority low that is due
    shop = workshop()
    queues = _with_lanes(shop, "low")
    shop.clerk.query(
        "INSERT INTO agent_schedule (agent_id, name, kind, expression, priority, effective_at)"
        " VALUES ('tester', 'often', 'every', '10s', 'low', now() - interval '1 minute')"
    )
    # When the dispatcher ticks
    shop.tick()
    # Then its jobs lie in low, and nothing in normal
    assert _jobs(shop, queues["low"])
    assert _jobs(shop, queues["normal"]) == set()


def test_the_backlog_is_measured_in_all_and_by_lane(workshop: MakeWorkshop):
    # Given three messages, of which one is in low
    shop = workshop()
    queues = _with_lanes(shop, "low")
    shop.send("a", "b")
    shop.send("c")
    shop.memory.stored[queues["low"]].append(shop.memory.stored[shop.lane].pop())
    # When the dispatcher measures
    shop.tick()
    # Then both the sum and each lane are there
    assert shop.metrics.gauges["Backlog"] == 3
    assert shop.metrics.gauges["LaneBacklog normal"] == 2
    assert shop.metrics.gauges["LaneBacklog low"] == 1


def test_an_agent_with_one_lane_has_one_backlog(workshop: MakeWorkshop):
    shop = workshop()
    shop.send("a")
    shop.clock.skip(timedelta(seconds=1))
    shop.tick()
    assert {name for name in shop.metrics.gauges if "Backlog" in name} == {"Backlog"}
