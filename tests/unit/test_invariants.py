"""The checker of histories that other tests rely on: it passes what is legal and tells every fault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.invariants import history_holds

Events = list[dict[str, Any]]


def _event(kind: str, before: str | None, after: str, fence: int) -> dict[str, Any]:
    return {
        "execution_id": "x",
        "kind": kind,
        "from_status": before,
        "to_status": after,
        "fence": fence,
    }


#: Claimed, tried again, claimed, failed, redriven, claimed, completed.
LEGAL = [
    _event("claimed", None, "running", 1),
    _event("retried", "running", "pending", 1),
    _event("claimed", "pending", "running", 2),
    _event("failed", "running", "failed", 2),
    _event("dead_lettered", "failed", "failed", 2),
    _event("redriven", "failed", "pending", 2),
    _event("claimed", "pending", "running", 3),
    _event("completed", "running", "completed", 3),
]


def _joined(rows: Events, events: Events) -> Events:
    """Each event beside its row; a row without any is there too."""
    beside = {row["execution_id"]: row for row in rows}
    logged = {event["execution_id"] for event in events}
    nothing = {"kind": None, "from_status": None, "to_status": None, "fence": None}
    return [
        *({**beside[event["execution_id"]], **event} for event in events),
        *({**row, **nothing} for key, row in beside.items() if key not in logged),
    ]


def _problems(events: Events, *, status: str = "completed", fence: int = 3) -> list[str]:
    """What is wrong with this history of a row; two rows beside it are sound."""
    rows = [
        {"execution_id": "x", "job_id": "job", "status": status, "row_fence": fence},
        {"execution_id": "y", "job_id": "sound", "status": "running", "row_fence": 1},
        {"execution_id": "z", "job_id": "unlogged", "status": "running", "row_fence": 1},
    ]
    sound = {**_event("claimed", None, "running", 1), "execution_id": "y"}
    return history_holds(lambda _sql: _joined(rows, [sound, *events]))


def test_a_legal_history_has_no_problem():
    assert _problems(LEGAL) == []


@pytest.mark.parametrize(
    ("events", "row", "told"),
    [
        (LEGAL[:-1], {}, "the log ends in running, the row is completed"),
        (LEGAL, {"fence": 4}, "the row's fence is 4, the last claim's 3"),
        ([*LEGAL, _event("retried", "completed", "pending", 3)], {"status": "pending"}, "illegal"),
        ([LEGAL[0], *LEGAL[2:]], {}, "claimed from pending after running"),
        (
            [*LEGAL[:5], _event("retried", "failed", "pending", 2), *LEGAL[6:]],
            {},
            "illegal retried",
        ),
        ([*LEGAL[:6], _event("claimed", "pending", "running", 2), LEGAL[7]], {}, "claims under"),
        ([*LEGAL[:-1], _event("completed", "running", "completed", 2)], {}, "the fence fell"),
        ([*LEGAL[:-1], _event("completed", "running", "completed", 4)], {}, "while 3 held it"),
    ],
)
def test_every_fault_of_a_history_is_told_of_its_job_alone(
    events: Events, row: dict[str, Any], told: str
):
    problems = _problems(events, **row)
    assert any(told in problem for problem in problems), problems
    assert all(problem.startswith("job: ") for problem in problems)


def test_a_long_log_is_read_once():
    """Thousands of jobs are looked at after each fault: the rows must not each read all events."""
    # Given many rows with an event each, counting how often an event is looked at
    looks = 0

    class Counted(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            nonlocal looks
            looks += 1
            return super().__getitem__(key)

    count = 2000
    rows = [
        {"execution_id": str(n), "job_id": str(n), "status": "running", "row_fence": 1}
        for n in range(count)
    ]
    events = [
        {**_event("claimed", None, "running", 1), "execution_id": str(n)} for n in range(count)
    ]
    looked = [Counted(one) for one in _joined(rows, events)]
    # When the history is checked
    assert history_holds(lambda _sql: looked) == []
    # Then the work is in proportion
    assert looks < 30 * count
