"""F30: a dead-letter queue that is gone or forbidden loses no failure, and is told until it is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from muster.contracts import MetricName
from muster.errors import PermanentError
from muster.job import Job
from tests.support.worker import Workshop


def _fail(job: Job) -> None:
    raise PermanentError(f"{job.id} cannot be")


def test_fault_30_a_dead_letter_queue_that_is_gone_is_told_and_gets_its_letters_when_it_is_back(
    workshop: Callable[..., Workshop],
):
    # Given an agent whose dead-letter queue does not exist
    shop = workshop(behaviour=_fail)
    lost = shop.memory.stored.pop(shop.dlq)
    shop.send("a", "b")
    # When its jobs fail, and the dispatcher tries for some minutes
    shop.deliver()
    for _ in range(3):
        shop.skip(timedelta(minutes=1))
        shop.tick()
    # Then both are failed, their letters are owed, and each try was counted and said
    rows = shop.clerk.query("SELECT status, dlq_pending FROM agent_job_execution")
    assert rows == [{"status": "failed", "dlq_pending": True}] * 2
    assert shop.metrics.counts[MetricName.LETTERS_REFUSED] >= 8
    assert any("dead letter not sent" in record["text"] for record in shop.log.records)
    # And when the queue is back, one tick sends them
    shop.memory.stored[shop.dlq] = lost
    shop.skip(timedelta(minutes=1))
    shop.tick()
    assert sorted(letter["muster-job"] for letter in shop.letters()) == ["a", "b"]
    shop.settle_down()
    assert shop.problems(at_rest=True) == []
