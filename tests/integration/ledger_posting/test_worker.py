"""The agent under the worker of Lambda, whose ledger keeps its checkpoints: unchanged for that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muster.crashpoint import CrashPointReached
from muster.execution.disposition import ACKNOWLEDGE
from muster.job import Job
from tests.support.arming import armed
from tests.support.bookkeeping import (
    CONFIG,
    Desk,
    Mortal,
    balances_of,
    csv_file,
    csv_line,
    numbered,
    part,
)
from tests.support.invariants import history_holds
from tests.support.worker import Workshop

OFTEN = {**CONFIG, "batch_lines": 5, "checkpoint_lines": 5}


@pytest.fixture
def shop(desk: Desk) -> Iterator[Workshop]:
    """A worker whose agent is this one; it dies where `shop.mortal` says."""

    def behaviour(job: Job) -> dict[str, Any]:
        mortal = made.mortal
        own = replace(job, database=mortal.database(desk.database), save=mortal.save(job.save))
        return part("posting").post_file(own, client=desk.s3)

    made = _Shop(desk.url, behaviour=behaviour, config=OFTEN, timeout=timedelta(seconds=60))
    yield made
    made.close()
    assert history_holds(desk.url) == []


class _Shop(Workshop):
    mortal = Mortal(None)


def event(params: dict[str, str]) -> str:
    """What EventBridge tells of a new object."""
    told = {"key": params["key"], "version-id": params["version_id"], "sequencer": "0A"}
    return json.dumps(
        {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": params["bucket"]}, "object": told},
        }
    )


def results(shop: Workshop) -> list[dict[str, Any]]:
    rows = shop.clerk.query("SELECT status, result FROM agent_job_execution ORDER BY created_at")
    assert {row["status"] for row in rows} == {"completed"}
    return [row["result"] for row in rows]


def test_a_dropped_file_is_posted_however_often_its_event_comes(shop: Workshop, desk: Desk):
    # Given a file that is dropped twice, and copies of its events
    lines = numbered(23)
    for _ in range(2):
        body = event(desk.s3.put("ledger/a.csv", csv_file(lines)))
        for _ in range(3):
            shop.send_body(body)
    while shop.memory.stored[shop.lane]:
        assert set(shop.deliver()) == {ACKNOWLEDGE}
    # Then each version was one job, and the second found everything posted
    first, second = results(shop)
    assert (first["posted"], second["posted"], second["already_posted"]) == (23, 0, 23)
    assert desk.balances() == balances_of(lines)


@pytest.mark.parametrize("place", [4, 6, 7, 8, 9, 10])
def test_a_worker_that_dies_is_followed_by_one_that_resumes(shop: Workshop, desk: Desk, place: int):
    """S5: through the ledger's own checkpoints; between a statement and its checkpoint too."""
    lines = [*numbered(20), csv_line(3, cents=1), "broken"]
    shop.send("job-1", params=desk.s3.put("ledger/a.csv", csv_file(lines)))
    # When two workers die on the way
    for _ in range(2):
        shop.mortal = Mortal(place)
        with pytest.raises(CrashPointReached):
            shop.deliver()
        shop.skip(timedelta(minutes=10))
    shop.mortal = Mortal(None)
    # Then the third one ends it, and tells the whole file
    assert shop.deliver() == [ACKNOWLEDGE]
    [result] = results(shop)
    assert (result["posted"], result["conflicts"], result["rejected"]) == (20, 1, 1)
    assert [(p["line"], p["code"]) for p in result["problems"]] == [
        (22, "conflict"),
        (23, "bad_csv"),
    ]
    assert desk.balances() == balances_of(numbered(20))


@pytest.mark.parametrize("point", ["run.before", "run.after", "settle.before", "settle.after"])
def test_a_worker_may_die_around_the_run(shop: Workshop, desk: Desk, point: str):
    lines = numbered(12)
    shop.send("job-1", params=desk.s3.put("ledger/a.csv", csv_file(lines)))
    with armed(point), pytest.raises(CrashPointReached):
        shop.deliver()
    shop.skip(timedelta(minutes=10))
    assert shop.deliver() == [ACKNOWLEDGE]
    assert [result["posted"] for result in results(shop)] == [12]
    assert desk.balances() == balances_of(lines)


def test_a_refused_file_is_a_dead_letter_with_its_reason(shop: Workshop, desk: Desk):
    shop.send(
        "job-1",
        params=desk.s3.put("ledger/a.csv", csv_file([csv_line(1), "broken"])),
        config={"on_error": "refuse"},
    )
    shop.deliver()
    assert shop.clerk.row("job-1")["error"]["code"] == "file_refused"
    assert len(shop.letters()) == 1
    assert desk.count("transaction") == 0
