"""F24: an agent is switched off while its messages are queued: no job runs, none is lost, and it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from muster.execution.disposition import ACKNOWLEDGE
from muster.job import Job
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
OBJECTS = [
    {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "uploads"}, "object": {"key": key, "versionId": "1"}},
    }
    for key in ("a.csv", "b.csv")
]


def _switch(shop: Workshop, *, enabled: bool) -> None:
    shop.clerk.query("UPDATE agent_registry SET enabled = %s", enabled)


def test_fault_24_messages_of_every_kind_that_wait_are_recorded_and_do_not_run(
    workshop: MakeWorkshop,
):
    # Given everything that may lie in a queue when its agent is switched off
    shop = workshop()
    plain = shop.send_body('{"text": "hello"}')
    shop.send("enveloped", config={"depth": 1})
    shop.send_body(json.dumps({"jobId": "foreign", "params": {}}))
    shop.send_body(json.dumps({"Records": OBJECTS}))
    malformed = shop.send_body("not json")
    _switch(shop, enabled=False)
    # When the messages are delivered / Then each is let go
    assert shop.deliver() == [ACKNOWLEDGE] * 5
    # And each of its jobs has a row that says why it did not run, with what was asked for
    rows = shop.clerk.query("SELECT * FROM agent_job_execution")
    assert {(r["status"], r["reason"], r["attempts"]) for r in rows} == {
        ("cancelled", "agent_disabled", 0)
    }
    assert len(rows) == 6
    assert {plain, "enveloped", "foreign", malformed} < {row["job_id"] for row in rows}
    assert shop.clerk.row("enveloped")["config"] == {"depth": 1}
    assert shop.clerk.row(malformed)["body"] == "not json"
    # And nothing had an effect, there is no dead letter, and the log has a line for each
    assert shop.clerk.query("SELECT 1 FROM effect") == []
    assert shop.letters() == []
    told = [r["job"] for r in shop.log.records if r["text"] == "delivery cancelled"]
    assert sorted(told) == sorted(row["job_id"] for row in rows)
    assert shop.problems(at_rest=True) == []


def test_fault_24_what_waits_for_another_attempt_ends_too_though_its_message_is_lost(
    workshop: MakeWorkshop,
):
    # Given a job that waits for its second attempt, and whose message is gone
    def fails(_: Job) -> None:
        raise ValueError("once")

    shop = workshop(behaviour=fails)
    shop.send("j")
    shop.deliver()
    shop.memory.stored[shop.lane].clear()
    # When the agent is switched off, and the relay sends it again
    _switch(shop, enabled=False)
    shop.settle_down()
    # Then it ends, with the attempt that it had
    row = shop.clerk.row("j")
    assert (row["status"], row["reason"], row["attempts"]) == ("cancelled", "agent_disabled", 1)
    assert shop.problems(at_rest=True) == []


def test_fault_24_what_runs_when_its_agent_is_switched_off_may_end_and_so_may_its_batch(
    workshop: MakeWorkshop,
):
    # Given a batch of two, in the first of which the agent is switched off
    def behaviour(job: Job) -> None:
        _switch(shop, enabled=False)
        shop.effect(job.id)

    shop = workshop(behaviour=behaviour)
    shop.send("first", "second")
    # When it is delivered / Then both end as they would have: they were started together
    assert shop.deliver() == [ACKNOWLEDGE] * 2
    assert {shop.clerk.row(job)["status"] for job in ("first", "second")} == {"completed"}
    # And the next one does not run
    shop.send("third")
    shop.deliver()
    assert shop.clerk.row("third")["reason"] == "agent_disabled"
    assert shop.problems(at_rest=True) == []


def test_fault_24_switched_on_again_it_runs_what_comes_and_makes_nothing_up(workshop: MakeWorkshop):
    # Given a job that came while its agent was off
    shop = workshop()
    shop.send("missed")
    _switch(shop, enabled=False)
    shop.deliver()
    # When it is on again, and copies of that job and a new one come
    _switch(shop, enabled=True)
    shop.send("missed", "new")
    shop.accepted.remove("missed")
    shop.deliver()
    shop.skip(timedelta(hours=1))
    shop.settle_down()
    # Then the new one runs, and what was cancelled stays so
    assert shop.clerk.row("new")["status"] == "completed"
    assert shop.clerk.row("missed")["status"] == "cancelled"
    assert shop.clerk.story("missed") == ["cancelled", "duplicate"]
    assert shop.problems(at_rest=True) == []
