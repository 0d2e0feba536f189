"""Schedules on the deployed cloud: its own one-minute tick fires them, to the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

AGENT = "keeps-time"


def test_the_deployed_tick_fires_a_schedule_at_its_times(deployed: DeployedCopy):
    # Given an agent with a schedule of every 20 seconds, which nobody else starts
    # When three of its times have come
    wait_for(lambda: len(_completed(deployed)) >= 3, what="three fires", timeout=240)
    fires = _completed(deployed)
    # Then each fired for a time of its own, which lies on the schedule's grid
    planned = [scheduled_for for scheduled_for, *_ in fires]
    assert len(set(planned)) == len(planned)
    assert {moment.timestamp() % 20 for moment in planned} == {0}
    # And none was early, nor, on a machine that may be busy, late by more than a few seconds
    delays = [started_at - scheduled_for for scheduled_for, started_at, _ in fires]
    assert min(delays) >= timedelta(0)
    assert sorted(delays)[len(delays) // 2] < timedelta(seconds=5)
    # And the agent was given what the schedule says
    assert {result["greeting"] for *_, result in fires} == {"hello"}


def _completed(deployed: DeployedCopy) -> list[tuple[Any, ...]]:
    return deployed.query(
        "SELECT scheduled_for, started_at, result FROM agent_job_execution"
        " WHERE agent_id = %s AND source = 'schedule' AND status = 'completed' ORDER BY scheduled_for",
        AGENT,
    )
