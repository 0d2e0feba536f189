"""The dispatcher's choice of a lane."""

from __future__ import annotations

from muster.dispatcher.lane_choice import LaneChoice
from tests.support.telling import MemoryLog

QUEUES = {"urgent": "u", "normal": "n", "low": "l"}


def test_a_job_goes_to_its_own_lane_or_the_nearest_and_that_is_told_once():
    # Given an agent without the lanes critical and high
    log = MemoryLog()
    choice = LaneChoice(log.logger)
    # When jobs of every priority are sent, twice
    priorities = ("urgent", "critical", "high", "normal", "low")
    for _ in range(2):
        chosen = [choice.url("feeds", QUEUES, priority) for priority in priorities]
    # Then what has a lane goes there, and each of the others is told once, with the cure
    assert chosen == ["u", "u", "n", "n", "l"]
    told = [record["text"] for record in log.records]
    assert [text.split(":")[0] for text in told] == [
        "feeds has no lane critical",
        "feeds has no lane high",
    ]
    assert "go to urgent; add it to queue.lanes in agent.toml" in told[0]
