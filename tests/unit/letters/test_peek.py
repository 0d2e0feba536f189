"""Looking into a dead-letter queue shows failures once each and leaves every message there."""

from __future__ import annotations

from muster.contracts import DeadLetterAttribute
from muster.letters.peek import peek
from muster.ports import Outgoing
from tests.support.queues import MemoryQueues


def _letter(mark: str, job_id: str) -> Outgoing:
    return Outgoing(
        body="{}",
        attributes={
            DeadLetterAttribute.DEAD_LETTER: mark,
            DeadLetterAttribute.AGENT: "one",
            DeadLetterAttribute.JOB: job_id,
            DeadLetterAttribute.REASON: "permanent: no",
            DeadLetterAttribute.ERROR_CLASS: "PermanentError",
            DeadLetterAttribute.ATTEMPTS: "3",
        },
    )


def test_copies_are_one_failure_and_everything_stays():
    # Given 25 failures, one of them with three copies, and a message that SQS itself moved here
    queues = MemoryQueues()
    url = queues.create("dlq")
    queues.send_batch(url, [_letter(f"execution-{n}:1", f"job-{n}") for n in range(25)])
    queues.send_batch(url, [_letter("execution-7:1", "job-7")] * 2)
    queues.send_batch(url, [Outgoing(body='{"by": "SQS"}')])
    # When the queue is looked into, twice
    first = peek(queues, url, agent_id="one", limit=100)
    second = peek(queues, url, agent_id="one", limit=100)
    # Then both times every failure is there once, with its copies counted
    assert first == second
    assert len(first) == 26
    assert {letter.job_id: letter.copies for letter in first}["job-7"] == 3
    known = next(letter for letter in first if letter.job_id == "job-3")
    assert (known.execution_id, known.attempts, known.reason) == ("execution-3", 3, "permanent: no")
    unknown = next(letter for letter in first if letter.job_id is None)
    assert "too many receives" in unknown.reason
    # And all 28 messages can be received
    assert queues.depth(url).visible == 28


def test_no_more_are_looked_at_than_asked():
    # Given more dead letters than wanted
    queues = MemoryQueues()
    url = queues.create("dlq")
    queues.send_batch(url, [_letter(f"execution-{n}:1", f"job-{n}") for n in range(25)])
    # When twelve are looked at
    # Then twelve are shown
    assert len(peek(queues, url, agent_id="one", limit=12)) == 12
    assert queues.depth(url).visible == 25
