"""The demo's worker outside: content with what must be, and with nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from local.demo.outsider import Outsider, Worked
from local.demo.records import Record
from muster.model import Status

DONE = Record(
    agent_id="works-outside",
    job_id="j",
    execution_id="e",
    status=Status.COMPLETED,
    attempts=1,
    result={"words": 5},
    error=None,
    latency_ms=None,
    started_at=None,
    duplicates=0,
)

WORKED = Worked(
    instance_id="outside-r",
    discovered=("another", "outside-r"),
    seen={"percent": 50},
    reported=("running", "completed"),
    left="inactive",
)


def test_a_worker_outside_is_shown_when_api_and_ledger_agree():
    # Given a worker that was discovered, reported twice and left, and its job in the ledger
    scene = Outsider(read=lambda: [DONE], worked=WORKED)
    # When it is judged
    # Then nothing is wrong, and what came of it is told
    assert scene.over()
    assert scene.problems() == []
    assert scene.told == {
        "instance": "outside-r",
        "reported": ["running", "completed"],
        "left": "inactive",
    }


@pytest.mark.parametrize(
    ("worked", "ledger", "problem"),
    [
        ({"discovered": ("another",)}, {}, "nobody could discover it"),
        ({"seen": None}, {}, "was shown the progress None"),
        ({"reported": ()}, {}, "its reports were answered []"),
        ({"left": "active"}, {}, "it left, and is active"),
        ({}, {"status": Status.PENDING}, "its executions are ['pending']"),
        ({}, {"result": {"words": 4}}, "its result is {'words': 4}"),
    ],
)
def test_a_worker_outside_that_is_not_as_it_must_be_is_told(
    worked: Mapping[str, Any], ledger: Mapping[str, Any], problem: str
):
    # Given one thing that the API or the ledger says otherwise
    scene = Outsider(read=lambda: [replace(DONE, **ledger)], worked=replace(WORKED, **worked))
    # When it is judged
    (told,) = scene.problems()
    # Then that is the one problem
    assert told.startswith("works-outside (a worker outside): ")
    assert problem in told
