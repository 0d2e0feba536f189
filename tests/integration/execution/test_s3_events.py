"""Events of S3 through a worker: copies, disorder, several objects in a message, and none."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from muster.execution.disposition import ACKNOWLEDGE, return_after
from muster.job import Job
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]

EVENTS, VERSIONS, KEYS = 10_000, 7_000, 1_500


def record(key: str, version: str, **changes: Any) -> dict[str, Any]:
    """One record of a native notification."""
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": "uploads"},
            "object": {"key": quote_plus(key), "versionId": version, "sequencer": version},
        },
        **changes,
    }


def bridged(key: str, version: str) -> dict[str, Any]:
    """The same object as EventBridge tells of it."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": "uploads"},
            "object": {"key": key, "version-id": version, "sequencer": version},
        },
    }


def in_sns(body: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "Message": json.dumps(body)}


def forms(key: str, version: str) -> list[str]:
    """Every form in which the event may come."""
    native, event = {"Records": [record(key, version)]}, bridged(key, version)
    return [json.dumps(body) for body in (event, native, in_sns(event), in_sns(native))]


@pytest.mark.slow
def test_ten_thousand_events_run_each_object_version_once(workshop: MakeWorkshop):
    """F59: copies and disorder: one execution per object version."""

    def behaviour(job: Job) -> None:
        runs[job.params["key"], job.params["version_id"]] += 1

    runs: Counter[tuple[str, str]] = Counter()
    shop = workshop(behaviour=behaviour)
    # Given the events of thousands of versions, more than a third of them again, in any form and order
    chance = random.Random(59)
    versions = [(f"in/Größe {n % KEYS}+.csv", f"{n:08X}") for n in range(VERSIONS)]
    copies = chance.choices(versions, k=EVENTS - VERSIONS)
    bodies = [chance.choice(forms(*version)) for version in [*versions, *copies]]
    chance.shuffle(bodies)
    for body in bodies:
        shop.send_body(body)
    # When they are delivered, and now and then all deletes of a batch get lost
    worker = shop.worker()
    while shop.memory.stored[shop.lane]:
        while fates := shop.deliver(worker=worker, lose_deletes=chance.random() < 0.02):
            assert set(fates) == {ACKNOWLEDGE}
        shop.skip(timedelta(minutes=5))
    # Then every version ran once and left one record
    assert runs == Counter(versions)
    counted = shop.clerk.query(
        "SELECT status, source, count(*) AS number FROM agent_job_execution GROUP BY 1, 2"
    )
    assert counted == [{"status": "completed", "source": "s3", "number": VERSIONS}]
    assert shop.letters() == []
    claims = "SELECT count(*) AS number FROM execution_event WHERE kind = 'claimed'"
    assert shop.clerk.query(claims) == [{"number": VERSIONS}]


def test_a_message_stays_until_all_of_its_objects_are_done(workshop: MakeWorkshop):
    # Given a message of three objects, of which one fails at first, and a broken record
    def behaviour(job: Job) -> None:
        runs[job.params["key"]] += 1
        if job.params["key"] == "b" and runs["b"] == 1:
            raise ValueError("once")
        shop.effect(job.id)

    runs: Counter[str] = Counter()
    shop = workshop(behaviour=behaviour)
    records = [
        record("a", "1"),
        record("b", "1"),
        record("c", "1", eventName=None),
        record("d", "1"),
    ]
    message = shop.send_body(json.dumps({"Records": records}))
    # When it is delivered, it comes back for the one that failed, and then goes
    assert shop.deliver() == [return_after(timedelta(0))]
    assert shop.deliver() == [ACKNOWLEDGE]
    # Then the others ran once, and the broken one alone has a dead letter
    assert runs == {"a": 1, "b": 2, "d": 1}
    assert [letter["muster-job"] for letter in shop.letters()] == [f"{message}:2"]
    assert shop.problems(at_rest=True) == []


def test_a_redriven_record_that_is_still_broken_harms_no_neighbour(workshop: MakeWorkshop):
    shop = workshop(behaviour=lambda job: runs.append(job.params["key"]))
    runs: list[str] = []
    message = shop.send_body(json.dumps({"Records": [record("a", "1"), 5]}))
    shop.deliver()
    # When its dead letter is moved back as it is
    assert shop.redrive() == 1
    assert shop.deliver() == [ACKNOWLEDGE]
    # Then it fails again as itself, and the good one does not run again
    assert runs == ["a"]
    assert [letter["muster-job"] for letter in shop.letters()] == [f"{message}:1"]
    assert shop.clerk.row(f"{message}:1")["error"]["code"] == "bad_s3_event"


def test_what_asks_for_nothing_is_acknowledged_and_said(workshop: MakeWorkshop):
    shop = workshop()
    test = shop.send_body(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    removed = json.dumps({"Records": [record("a", "1", eventName="ObjectRemoved:Delete")]})
    shop.send_body(removed)
    assert shop.deliver() == [ACKNOWLEDGE, ACKNOWLEDGE]
    assert shop.clerk.query("SELECT 1 FROM agent_job_execution") == []
    said = [r["message_id"] for r in shop.log.records if r["text"] == "message asks for no job"]
    assert said[0] == test
    assert len(said) == 2
