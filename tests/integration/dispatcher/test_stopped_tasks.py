"""ECS says that a task stopped: what it still ran is rescued by the same tick, not after its lease."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from muster.dispatcher.stopped_tasks import StoppedTask, stopped_task
from muster.ports import Outgoing
from muster.store.instances import Instance, Instances
from tests.support.clerk import AGENT
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
TASK, OTHER = "0" * 31 + "a", "0" * 31 + "b"


def told(task_id: str, **detail: Any) -> str:
    """EventBridge's message about a task."""
    values: dict[str, Any] = {
        "taskArn": f"arn:aws:ecs:eu-central-1:123456789012:task/muster-dev/{task_id}",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "Listener", "exitCode": 137, "reason": "OutOfMemoryError"}],
        **detail,
    }
    return json.dumps({"detail-type": "ECS Task State Change", "detail": values})


def running(shop: Workshop, job_id: str, task_id: str) -> str:
    """A job that a listener of that task holds; the listener's instance."""
    instance = f"{AGENT}-{task_id}"
    Instances(shop.clerk.database).beat(
        Instance(
            instance_id=instance, agent_id=AGENT, hostname="h", pid=1, version="1", code_version="c"
        ),
        status="running",
        running_jobs=1,
    )
    shop.clerk.take(job_id, worker=instance)
    return instance


def hear(shop: Workshop, *bodies: str) -> None:
    shop.queues.send_batch(shop.task_events, [Outgoing(body=body) for body in bodies])


def test_the_jobs_of_a_stopped_task_are_pending_again_within_the_tick(workshop: MakeWorkshop):
    # Given two tasks with a job each, whose leases have long to go
    shop = workshop()
    gone, stays = running(shop, "held", TASK), running(shop, "kept", OTHER)
    # When ECS says that one of them has stopped, and a tick comes
    hear(shop, told(TASK))
    report = shop.tick()
    # Then its job is free, and the other's is not touched
    rows = shop.clerk.query("SELECT job_id, status FROM agent_job_execution ORDER BY job_id")
    assert [(r["job_id"], r["status"]) for r in rows] == [("held", "pending"), ("kept", "running")]
    assert report.done["stopped_tasks"] == 1
    # And why is in the job's history and at the instance
    [event] = shop.clerk.query("SELECT reason FROM execution_event WHERE kind = 'task_stopped'")
    assert event["reason"].startswith("EssentialContainerExited; Essential container in task")
    assert event["reason"].endswith("OutOfMemoryError; exit code 137")
    states = shop.clerk.query("SELECT instance_id, status FROM agent_instance ORDER BY 1")
    assert {s["instance_id"]: s["status"] for s in states} == {gone: "stopped", stays: "running"}
    # And nothing is left to be told
    assert shop.memory.stored[shop.task_events] == []


def test_word_that_comes_twice_or_late_changes_nothing_more(workshop: MakeWorkshop):
    # Given a job that has ended, and one that another worker has taken up since
    shop = workshop()
    running(shop, "done", TASK)
    shop.clerk.query("UPDATE agent_job_execution SET worker = %s", f"{AGENT}-{OTHER}")
    # When the word of its first task comes, twice
    hear(shop, told(TASK), told(TASK))
    shop.tick()
    # Then who runs it now keeps it
    [row] = shop.clerk.query("SELECT status FROM agent_job_execution")
    assert row["status"] == "running"


def test_what_is_no_word_of_a_stopped_task_is_dropped(workshop: MakeWorkshop):
    # Given events that tell of nothing that ended, and what is no event at all
    shop = workshop()
    running(shop, "held", TASK)
    hear(shop, told(TASK, lastStatus="RUNNING"), "no json", "[]", told("not-an-id"))
    # When a tick comes
    report = shop.tick()
    # Then nothing happens, and they are gone
    assert report.failed == ()
    [row] = shop.clerk.query("SELECT status FROM agent_job_execution")
    assert row["status"] == "running"
    assert shop.memory.stored[shop.task_events] == []


@pytest.mark.parametrize("group", ["service:its-service", f"agent:{AGENT}"])
def test_a_task_that_ecs_could_not_start_is_counted_and_kept_with_the_reason(
    workshop: MakeWorkshop, group: str
):
    # Given an agent with a service
    shop = workshop()
    shop.clerk.query(
        'UPDATE agent_registry SET endpoint = endpoint || \'{"service": "its-service"}\''
    )
    # When ECS says, twice, that a task of it could not be started
    word = told(
        TASK,
        group=group,
        stopCode="TaskFailedToStart",
        stoppedReason="CannotPullContainerError: not found",
        containers=[],
    )
    hear(shop, word, word)
    shop.tick()
    # Then it counts once, for its agent
    assert shop.metrics.counts["TaskStartFailures"] == 1
    # And the ledger has it, with ECS's reason
    [row] = shop.clerk.query(
        "SELECT i.status, i.metadata->>'stopped' AS reason, l.agent_id"
        " FROM agent_instance i JOIN agent_instance_agent l USING (instance_id)"
    )
    assert (row["status"], row["agent_id"]) == ("stopped", AGENT)
    assert row["reason"] == "TaskFailedToStart; CannotPullContainerError: not found"


def test_a_task_of_somebody_else_that_does_not_start_is_not_counted(workshop: MakeWorkshop):
    shop = workshop()
    hear(shop, told(TASK, group="service:another", stopCode="TaskFailedToStart"))
    shop.tick()
    assert shop.metrics.counts["TaskStartFailures"] == 0


def test_a_queue_of_events_that_is_gone_harms_no_other_duty(workshop: MakeWorkshop):
    # Given that the queue was deleted
    shop = workshop()
    shop.task_events = "memory://gone"
    # When a tick comes
    report = shop.tick()
    # Then this duty fails, and the others are done
    assert report.failed == ("stopped_tasks",)
    assert "measure" in report.done


@pytest.mark.parametrize("body", ["{}", '{"detail": 1}', '{"detail": {"taskArn": "x"}}'])
def test_a_message_of_another_shape_is_no_task(body: str):
    assert stopped_task(body) is None


def test_a_task_is_known_by_the_end_of_its_arn_and_its_reason_is_bounded():
    found = stopped_task(told(TASK, stoppedReason="x" * 9000, containers=None))
    assert isinstance(found, StoppedTask)
    assert (found.task_id, len(found.reason)) == (TASK, 500)
