"""A redrive sends each failed job back once, and leaves or drops everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pytest

from muster.errors import PermanentError, QueueUnavailable
from muster.job import Job
from muster.letters.selection import Selection
from muster.letters.tally import Tally
from muster.ports import Outgoing, Sent
from tests.integration.letters.conftest import Redriving
from tests.support.queues import MemoryQueues
from tests.support.worker import Workshop

Make = Callable[..., Workshop]


class Cause:
    """What is wrong with the agent until somebody mends it."""

    def __init__(self) -> None:
        self.broken = True


def _shop(workshop: Make, cause: Cause) -> Workshop:
    def behave(job: Job) -> dict[str, str]:
        if cause.broken or job.id.startswith("poison"):
            raise PermanentError(f"{job.id} cannot be", code=job.params.get("code", "broken"))
        shop.effect(job.id)
        return {"job": job.id}

    shop = workshop(behaviour=behave)
    return shop


def _states(shop: Workshop) -> dict[str, str]:
    rows = shop.clerk.query("SELECT job_id, status FROM agent_job_execution")
    return {row["job_id"]: row["status"] for row in rows}


def test_every_failed_job_runs_again_under_its_own_id(workshop: Make, redrive: Redriving):
    # Given jobs that failed for good: an envelope, a plain body whose job id is its message's, no JSON at all
    cause = Cause()
    shop = _shop(workshop, cause)
    shop.send("a", "b")
    shop.accepted += [shop.send_body('{"n": 2}'), shop.send_body("no json")]
    shop.settle_down()
    before = _states(shop)
    # When the cause is mended, and they are redriven
    cause.broken = False
    tally = redrive(shop)
    shop.settle_down()
    # Then the same executions have run: no job is new, none is left out, what is no JSON has failed again
    assert (tally.done, tally.complete) == (4, True)
    after = _states(shop)
    assert after.keys() == before.keys()
    assert sorted(after.values()) == ["completed", "completed", "completed", "failed"]
    assert shop.problems(at_rest=True) == []
    # And its history has both lives
    kinds = [
        row["kind"]
        for row in shop.clerk.query(
            "SELECT v.kind FROM execution_event v JOIN agent_job_execution e USING (execution_id)"
            " WHERE e.job_id = 'a' ORDER BY v.id"
        )
    ]
    assert kinds == ["claimed", "failed", "dead_lettered", "redriven", "claimed", "completed"]


def test_the_dry_run_says_what_the_run_then_does(workshop: Make, redrive: Redriving):
    # Given letters of several kinds: failed, redriven long ago, copies of one, not asked for
    cause = Cause()
    shop = _shop(workshop, cause)
    shop.send("a", "b", "c", params={"code": "asked"})
    shop.send("other", params={"code": "unasked"})
    shop.settle_down()
    letters = {m.attributes["muster-job"]: m for m in shop.memory.stored[shop.dlq]}
    cause.broken = False
    redrive(shop, selection=Selection(job_id="c"))
    shop.settle_down()
    cause.broken = True
    shop.queues.send_batch(
        shop.dlq,
        [Outgoing(body=m.body, attributes=m.attributes) for m in (letters["a"], letters["c"])],
    )
    asked = Selection(error="asked")
    # When it is counted, twice, and then done
    first = redrive(shop, selection=asked, dry_run=True)
    second = redrive(shop, selection=asked, dry_run=True)
    assert len(shop.letters()) == 5
    done = redrive(shop, selection=asked)
    # Then all three say the same, and so do the queues
    assert asdict(first) == asdict(second) == {**asdict(done), "dry_run": True}
    assert (done.done, done.stale, done.others) == (2, 2, 1)
    assert done.errors == {"PermanentError": 2}
    assert [letter["muster-job"] for letter in shop.letters()] == ["other"]
    assert sorted(shop.lane_jobs()) == ["a", "b"]


@pytest.mark.parametrize(
    ("selection", "redriven"),
    [
        (Selection(error="odd"), {"a1"}),
        (Selection(error="PermanentError"), {"a1", "b2", "poison"}),
        (Selection(text="A1 CANNOT"), {"a1"}),
        (Selection(text='"n":7'), {"b2"}),
        (Selection(job_id="poison"), {"poison"}),
        (Selection(tenant="acme"), {"b2"}),
        (Selection(error="nothing of that kind"), set()),
    ],
)
def test_only_what_is_asked_for_is_sent(
    workshop: Make, redrive: Redriving, selection: Selection, redriven: set[str]
):
    # Given three failures of different kinds
    shop = _shop(workshop, Cause())
    shop.send("a1", params={"code": "odd"})
    shop.send("b2", params={"n": 7}, tenant="acme")
    shop.send("poison")
    shop.settle_down()
    # When some are redriven
    tally = redrive(shop, selection=selection)
    # Then those and no others are on the lane, and the others are visible where they were
    assert set(shop.lane_jobs()) == redriven
    assert (tally.done, tally.others) == (len(redriven), 3 - len(redriven))
    assert shop.queues.depth(shop.dlq).visible == 3 - len(redriven)


def test_a_poison_message_does_not_go_round(workshop: Make, redrive: Redriving):
    # Given a job that always fails, and an operator who never gives up
    shop = _shop(workshop, Cause())
    shop.send("poison")
    shop.settle_down()
    tallies: list[Tally] = []
    for _ in range(5):
        tallies.append(redrive(shop))
        shop.settle_down()
    # Then it was tried three times more, and after that it is left where it is
    assert [tally.done for tally in tallies] == [1, 1, 1, 0, 0]
    assert [tally.worn_out for tally in tallies] == [0, 0, 0, 1, 1]
    assert len(shop.letters()) == 1
    # Unless somebody insists
    assert redrive(shop, most_redrives=10).done == 1


class Impatient(MemoryQueues):
    """Fails what it is sent at once: the lane's worker is faster than the redrive."""

    shop: Workshop
    awake = False

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        sent = super().send_batch(queue_url, entries)
        if queue_url == self.shop.lane and self.awake:
            self.shop.deliver()
        return sent


def test_what_fails_again_meanwhile_is_not_sent_again_by_the_same_run(
    workshop: Make, redrive: Redriving
):
    # Given a worker that fails a redriven job before the redrive has looked at the next letter
    shop = _shop(workshop, Cause())
    queues = Impatient(clock=shop.clock)
    queues.stored = shop.memory.stored
    queues.shop = shop
    shop.queues = queues
    shop.send(*[f"poison-{n}" for n in range(25)])
    shop.settle_down()
    queues.awake = True
    # When everything is redriven
    tally = redrive(shop)
    # Then each went once, and the new letters are there
    assert (tally.done, tally.again, tally.complete) == (25, 25, True)
    assert len(shop.letters()) == 25
    assert shop.clerk.query("SELECT DISTINCT redrives FROM agent_job_execution") == [
        {"redrives": 1}
    ]


def test_a_limit_and_a_rate_are_kept(workshop: Make, redrive: Redriving):
    # Given 25 letters
    shop = _shop(workshop, Cause())
    shop.send(*[f"job-{n}" for n in range(25)])
    shop.settle_down()
    # When twelve are redriven at two a second
    start = shop.clock.monotonic()
    tally = redrive(shop, limit=12, rate=2)
    # Then twelve are, in no less than the time that the first ten take, and the rest can be received
    assert (tally.done, tally.complete) == (12, False)
    assert shop.clock.monotonic() - start >= 5
    assert len(shop.lane_jobs()) == 12
    assert shop.queues.depth(shop.dlq).visible == 13


class Deaf(MemoryQueues):
    """Takes nothing for some jobs."""

    def send_batch(self, queue_url: str, entries: Sequence[Outgoing]) -> list[Sent]:
        if queue_url.endswith("lane"):
            return [
                Sent(error=QueueUnavailable("throttled"))
                if '"b"' in entry.body
                else super(Deaf, self).send_batch(queue_url, [entry])[0]
                for entry in entries
            ]
        return super().send_batch(queue_url, entries)


def test_what_sqs_does_not_take_stays_a_letter(workshop: Make, redrive: Redriving):
    # Given a lane that does not take one of three letters
    shop = _shop(workshop, Cause())
    shop.send("a", "b", "c")
    shop.settle_down()
    deaf = Deaf(clock=shop.clock)
    deaf.stored = shop.memory.stored
    shop.queues = deaf
    # When they are redriven
    tally = redrive(shop)
    # Then that one is still there, and told
    assert (tally.done, tally.refused) == (2, 1)
    assert [letter["muster-job"] for letter in shop.letters()] == ["b"]
    assert shop.queues.depth(shop.dlq).visible == 1


def test_what_sqs_itself_moved_here_is_sent_with_the_job_id_it_had(
    workshop: Make, redrive: Redriving
):
    # Given a plain message that no worker could ever take: SQS moved it, under its own message id
    cause = Cause()
    cause.broken = False
    shop = _shop(workshop, cause)
    message_id = shop.send_body(
        '{"n": 5}', {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    )
    shop.memory.stored[shop.dlq] = shop.memory.stored[shop.lane][:]
    shop.memory.stored[shop.lane].clear()
    # When it is redriven, and by a run that died before its delete once more
    letter = shop.memory.stored[shop.dlq][0]
    redrive(shop)
    shop.memory.stored[shop.dlq].append(letter)
    letter.visible_from = 0
    redrive(shop)
    shop.settle_down()
    # Then it is one job under that id, with its trace, run once
    rows = shop.clerk.query("SELECT job_id, status, params, traceparent FROM agent_job_execution")
    assert [(r["job_id"], r["status"], r["params"]) for r in rows] == [
        (message_id, "completed", {"n": 5})
    ]
    assert rows[0]["traceparent"].startswith("00-aaaa")
    assert shop.clerk.query("SELECT times FROM effect") == [{"times": 1}]
    # And it says itself how often it went
    assert json.loads(letter.body) == {"n": 5}


def test_the_same_redrive_at_once_in_two_processes_runs_each_job_once(
    workshop: Make, redrive: Redriving
):
    # Given letters that a first run has sent but not yet deleted, and a second run that sees them too
    cause = Cause()
    shop = _shop(workshop, cause)
    shop.send(*[f"job-{n}" for n in range(15)])
    shop.settle_down()
    letters = [*shop.memory.stored[shop.dlq]]
    cause.broken = False
    redrive(shop)
    shop.memory.stored[shop.dlq].extend(letters)
    for letter in letters:
        letter.visible_from = 0
    # When both have sent everything
    assert redrive(shop).done == 15
    assert len(shop.lane_jobs()) == 30
    shop.settle_down()
    # Then each job has run once, and the log says what the second copies were
    assert shop.problems(at_rest=True) == []
    assert shop.clerk.query("SELECT max(times) AS times FROM effect") == [{"times": 1}]
    assert shop.clerk.query("SELECT max(redrives) AS redrives FROM agent_job_execution") == [
        {"redrives": 1}
    ]
    # And a third run finds nothing to do with what a crash would have left
    shop.memory.stored[shop.dlq].extend(letters)
    for letter in letters:
        letter.visible_from = 0
    third = redrive(shop)
    assert (third.done, third.stale) == (0, 15)
    assert shop.letters() == []
