"""What an agent returns, whatever it is, is stored or refused; never lost, never another job's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from muster.contracts import INLINE_RESULT_BYTES
from muster.job import Job
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]


def _nested(levels: int) -> list[Any]:
    result: list[Any] = []
    for _ in range(levels):
        result = [result]
    return result


def _cycle() -> list[Any]:
    result: list[Any] = []
    result.append(result)
    return result


NOT_JSON: dict[str, Callable[[], Any]] = {
    "nan": lambda: {"x": math.nan},
    "infinity": lambda: [math.inf],
    "bytes": lambda: b"raw",
    "set": lambda: {1, 2},
    "object": object,
    "datetime": lambda: datetime.now(UTC),
    "tuple-key": lambda: {(1, 2): 3},
    "cycle": _cycle,
    "too-deep": lambda: _nested(100_000),
    "deep-for-postgres": lambda: _nested(900),
    "digits": lambda: 10**5000,
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_fails_the_job_for_good_and_no_other(workshop: MakeWorkshop, name: str):
    """F13: its effect is made, so it is not repeated; the error says what to return."""

    def behaviour(job: Job) -> Any:
        shop.effect(job.id)
        return NOT_JSON[name]() if job.id == "bad" else {"fine": True}

    shop = workshop(behaviour=behaviour)
    shop.send("bad", "good")
    shop.deliver()
    row = shop.clerk.row("bad")
    assert (row["status"], row["error"]["code"]) == ("failed", "result_not_json")
    assert "return dicts, lists, strings" in row["error"]["message"]
    assert shop.clerk.row("good")["result"] == {"fine": True}
    assert shop.problems(at_rest=True) == []


def test_text_that_postgres_refuses_is_replaced(workshop: MakeWorkshop):
    """F13: NUL and lone surrogates become U+FFFD, in keys too."""
    shop = workshop(behaviour=lambda _: {"a\x00": "\ud800\u2028\x1b", "n": 0.5})
    shop.send("j")
    shop.deliver()
    assert shop.clerk.row("j")["result"] == {"a\ufffd": "\ufffd\u2028\x1b", "n": 0.5}


@pytest.mark.parametrize(("size", "inline"), [(-2, True), (-1, False)])
def test_a_large_result_goes_to_the_bucket(workshop: MakeWorkshop, size: int, inline: bool):
    """F13: the row keeps up to 256 KiB, and a pointer beyond."""
    text = "x" * (INLINE_RESULT_BYTES + size)
    shop = workshop(behaviour=lambda _: text)
    shop.send("j")
    shop.deliver()
    row = shop.clerk.row("j")
    assert row["status"] == "completed"
    if inline:
        assert (row["result"], row["result_ref"]) == (text, None)
    else:
        key = row["result_ref"].removeprefix("s3://results/")
        assert row["result"] is None
        assert json.loads(shop.objects.get("results", key, max_bytes=10**7)) == text
        assert row["execution_id"] in key


def test_a_bucket_that_is_away_is_a_failed_attempt(workshop: MakeWorkshop):
    shop = workshop(behaviour=lambda _: "x" * 300_000)
    shop.objects.stored.clear()
    shop.send("j")
    shop.deliver()
    assert shop.clerk.row("j")["status"] == "pending"
    shop.objects.create("results")
    shop.settle_down()
    assert shop.clerk.row("j")["result_ref"]


def test_jobs_of_one_batch_do_not_share_a_result(workshop: MakeWorkshop):
    # Given an agent that returns the same object every time, changed
    shared: dict[str, Any] = {"seen": []}

    def behaviour(job: Job) -> Any:
        shared["seen"].append(job.id)
        shared["last"] = job.id
        return shared

    shop = workshop(behaviour=behaviour)
    shop.send("a", "b", "c")
    # When a batch is settled in one statement / Then each row has what was returned for it
    shop.deliver()
    assert [shop.clerk.row(job)["result"]["last"] for job in "abc"] == ["a", "b", "c"]
    assert [len(shop.clerk.row(job)["result"]["seen"]) for job in "abc"] == [1, 2, 3]


def test_metrics_of_an_attempt_are_stored(workshop: MakeWorkshop):
    """M5: time, memory and CPU are measured, items and tokens are what the agent counted."""

    def behaviour(job: Job) -> None:
        job.count(items_processed=2, input_tokens=10)
        job.count(items_processed=3, output_tokens=7)
        job.counters["odd"] = object()  # pyright: ignore[reportArgumentType] - what agents may do
        job.counters["nan"] = math.nan  # pyright: ignore[reportArgumentType] - what agents may do

    shop = workshop(behaviour=behaviour)
    shop.send("j")
    shop.deliver()
    metrics = shop.clerk.row("j")["metrics"]
    assert (metrics["itemsProcessed"], metrics["inputTokens"], metrics["outputTokens"]) == (
        5,
        10,
        7,
    )
    assert metrics["executionTime"] > 0
    assert metrics["memoryUsage"] > 1_000_000
    assert "cpuUsage" in metrics
    assert {"odd", "nan"}.isdisjoint(metrics)
