"""I7: every turn of a job is told once, by name, and never with its payload."""

from __future__ import annotations

from collections.abc import Callable

from muster.job import Job
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
CANARY = "canary-5b2f"


def test_every_outcome_is_one_line_with_the_execution_and_one_metric(workshop: MakeWorkshop):
    # Given jobs that end in every way, with a secret in their params
    def behaviour(job: Job) -> str:
        if job.id == "fails":
            raise ValueError("told")
        return CANARY

    shop = workshop(behaviour=behaviour, max_attempts=2)
    shop.send("completes", "fails", "completes", params={"secret": CANARY})
    shop.send_body(f"not json {CANARY}")
    # When they are delivered until all is at rest
    shop.settle_down()
    # Then the counts say what happened
    counts = shop.metrics.counts
    assert (counts["ExecutionsCompleted"], counts["ExecutionsRetried"]) == (1, 1)
    assert (counts["ExecutionsFailed"], counts["DeadLetters"], counts["Duplicates"]) == (2, 2, 1)
    assert len(shop.metrics.durations["Latency"]) == 3
    # And one line each says it of its execution
    row = shop.clerk.query(
        "SELECT execution_id::text AS id FROM agent_job_execution WHERE job_id = 'fails'"
    )
    assert shop.log.of(row[0]["id"]) == [
        *("execution retried", "execution failed", "dead letter sent")
    ]
    # And no line holds anything of the payload
    assert CANARY not in shop.log.everything()


def test_what_the_agent_logs_carries_its_job(workshop: MakeWorkshop):
    def behaviour(job: Job) -> None:
        job.log.info("halfway")

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.deliver()
    assert "halfway" in shop.log.everything()


def test_a_failed_dead_letter_is_an_error_line(workshop: MakeWorkshop):
    shop = workshop(max_attempts=1)
    del shop.memory.stored[shop.dlq]
    shop.send_body("not json")
    shop.deliver()
    [line] = [r for r in shop.log.records if "dead letter not sent" in r["text"]]
    assert line["levelname"] == "ERROR"
    assert line["execution"]
