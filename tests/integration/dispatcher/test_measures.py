"""What the dispatcher measures for the alarms: what is late, what is old, and who is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from muster.errors import RetryLater
from muster.job import Job
from muster.store.instances import Instance, Instances
from tests.support.clerk import AGENT, held
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]


def age(shop: Workshop, column: str, time: str) -> None:
    """Make every execution older."""
    shop.clerk.query(f"UPDATE agent_job_execution SET {column} = {column} - interval '{time}'")


def test_an_idle_stage_is_not_late_and_has_nothing_unfinished(workshop: MakeWorkshop):
    shop = workshop()
    shop.tick()
    assert (shop.metrics.gauges["RelayLag"], shop.metrics.gauges["BurialLag"]) == (0, 0)
    assert "OldestUnfinished" not in shop.metrics.gauges
    assert shop.metrics.counts["Rescues"] == 0


def test_the_age_of_the_oldest_unfinished_execution_counts_from_when_it_was_asked_for(
    workshop: MakeWorkshop,
):
    # Given a job that runs since yesterday, one that is pending since an hour, and one that has ended
    shop = workshop()
    shop.send("ended")
    shop.deliver()
    age(shop, "queued_at", "9 days")
    shop.clerk.take("runs")
    age(shop, "queued_at", "1 day")
    # When the dispatcher measures
    shop.tick()
    # Then the oldest is the one that runs; what has ended does not count
    assert shop.metrics.gauges["OldestUnfinished"] == pytest.approx(86_400, abs=60)


def test_what_waits_on_purpose_is_not_unfinished(workshop: MakeWorkshop):
    # Given a job that asked to be tried again in six hours
    def later(job: Job) -> None:
        raise RetryLater("closed until the evening", after=6 * 3600)

    shop = workshop(behaviour=later)
    shop.send("later")
    shop.deliver()
    age(shop, "queued_at", "5 hours")
    # When the dispatcher measures / Then it is not counted
    shop.tick()
    assert "OldestUnfinished" not in shop.metrics.gauges


def test_a_redriven_execution_is_as_old_as_its_redrive(workshop: MakeWorkshop):
    # Given an execution that failed, was redriven nine days later, and waits for its next turn
    def fails_first(job: Job) -> None:
        if shop.letters() or not shop.clerk.row("old")["redrives"]:
            raise ValueError("no")
        raise RetryLater("soon", after=60, snooze=True)

    shop = workshop(behaviour=fails_first, max_attempts=1)
    shop.send("old")
    shop.deliver()
    age(shop, "queued_at", "9 days")
    shop.redrive()
    shop.deliver()
    assert shop.clerk.row("old")["status"] == "pending"
    # When the dispatcher measures / Then its age is that of the redrive
    shop.tick()
    assert 0 <= shop.metrics.gauges["OldestUnfinished"] < 60


def test_fault_30_dead_letters_that_cannot_be_sent_are_told_by_their_lateness(
    workshop: MakeWorkshop,
):
    # Given a failed job whose dead letter could not be sent: the queue does not take it
    def breaks(job: Job) -> None:
        raise ValueError("no")

    shop = workshop(behaviour=breaks, max_attempts=1)
    shop.send("fails")
    shop.memory.stored.pop(shop.dlq)
    shop.deliver()
    [row] = shop.clerk.query("SELECT status, dlq_pending FROM agent_job_execution")
    assert row == {"status": "failed", "dlq_pending": True}
    age(shop, "updated_at", "20 minutes")
    # When the dispatcher cannot send it either
    shop.tick()
    # Then the lag says for how long, and nothing is lost
    assert shop.metrics.gauges["BurialLag"] == pytest.approx(1200, abs=60)
    [row] = shop.clerk.query("SELECT dlq_pending FROM agent_job_execution")
    assert row["dlq_pending"] is True
    shop.memory.stored[shop.dlq] = []


def test_a_relay_that_does_not_send_is_late_by_the_most_overdue_job(
    workshop: MakeWorkshop, database_url: str
):
    # Given a pending job that nothing has carried for an hour, held by another transaction all the while
    shop = workshop()
    shop.clerk.query(
        "INSERT INTO agent_job_execution (agent_id, job_id, relay_after)"
        " VALUES (%s, 'lost', now() - interval '1 hour')",
        AGENT,
    )
    with held(database_url, "SELECT 1 FROM agent_job_execution FOR UPDATE"):
        # When the relay passes it over, and the dispatcher measures
        shop.tick()
    # Then the lag is an hour
    assert shop.metrics.gauges["RelayLag"] == pytest.approx(3600, abs=60)


def test_rescues_are_counted_over_all_agents(workshop: MakeWorkshop):
    shop = workshop()
    shop.clerk.take("lost")
    shop.skip(timedelta(hours=1))
    shop.tick()
    assert (shop.metrics.counts["Rescues"], shop.metrics.counts["Rescued"]) == (1, 1)


@pytest.mark.parametrize("jobs", [0, 1])
def test_listeners_that_beat_are_counted_while_there_is_demand(workshop: MakeWorkshop, jobs: int):
    # Given an agent with a service, and two of its listeners, of which one drains
    shop = workshop()
    endpoint = {"queues": {"normal": shop.lane}, "dlq": shop.dlq, "service": "its-service"}
    shop.clerk.query("UPDATE agent_registry SET endpoint = %s", json.dumps(endpoint))
    for number, status in enumerate(("running", "draining")):
        instance = Instance(
            instance_id=f"{AGENT}-{number}", agent_id=AGENT, hostname="h", pid=1, version="1",
            code_version="c",
        )  # fmt: skip
        Instances(shop.clerk.database).beat(instance, status=status, running_jobs=0)
    # When there is demand, or none
    shop.send(*["job"][:jobs])
    shop.tick()
    # Then the one that works is counted, or nothing is said
    assert shop.metrics.gauges.get("Listeners") == (1 if jobs else None)
