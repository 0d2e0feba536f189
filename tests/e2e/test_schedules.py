"""Schedules on the deployed cloud: its own one-minute tick fires them, to the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

AGENT, OTHER = "keeps-time", "document-profile"


def test_the_deployed_tick_fires_a_schedule_at_its_times(deployed: DeployedCopy):
    # Given an agent with a schedule of every 20 seconds, which nobody else starts, and the time that this
    # machine takes from a message to the start of its job, where a worker is awake
    usual = min(_start_of_a_job(deployed) for _ in range(3))
    # When its times come, and the first has woken a worker up
    wait_for(lambda: _on_time(deployed, usual), what="a fire that starts at its time", timeout=600)
    # Then each fired for a time of its own, which lies on the schedule's grid
    fires = _completed(deployed)
    planned = [scheduled_for for scheduled_for, *_ in fires]
    assert len(set(planned)) == len(planned)
    assert {moment.timestamp() % 20 for moment in planned} == {0}
    # And none was early
    assert all(started_at >= scheduled_for for scheduled_for, started_at, _ in fires)
    # And the agent was given what the schedule says
    assert {result["greeting"] for *_, result in fires} == {"hello"}


def _start_of_a_job(deployed: DeployedCopy) -> timedelta:
    """Send a job, and wait for its end: from its message to its start."""
    job_id = f"start-{uuid4()}"
    deployed.muster("send", OTHER, "--job-id", job_id, "--params", '{"text": "a"}')
    sql = (
        "SELECT started_at - queued_at FROM agent_job_execution"
        " WHERE job_id = %s AND status = 'completed'"
    )
    ((taken,),) = wait_for(lambda: deployed.query(sql, job_id), what="the end of a job")
    return taken


def _on_time(deployed: DeployedCopy, usual: timedelta) -> bool:
    """Whether one started within two seconds, and what the machine takes besides."""
    return any(
        started_at - scheduled_for < timedelta(seconds=2) + 2 * usual
        for scheduled_for, started_at, _ in _completed(deployed)
    )


def _completed(deployed: DeployedCopy) -> list[tuple[Any, ...]]:
    return deployed.query(
        "SELECT scheduled_for, started_at, result FROM agent_job_execution"
        " WHERE agent_id = %s AND source = 'schedule' AND status = 'completed' ORDER BY scheduled_for",
        AGENT,
    )
