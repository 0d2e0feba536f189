"""Workers that die and come again: each transaction is posted once, and counted once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from muster import Cancelled, PermanentError, RetryLater
from tests.support.bookkeeping import (
    Desk,
    balances_of,
    csv_file,
    csv_line,
    numbered,
)
from tests.support.clerk import query

OpenDesk = Callable[..., Desk]

#: Checkpoints at every batch, so that each place between one and the next is passed often.
OFTEN: dict[str, Any] = {"batch_lines": 5, "checkpoint_lines": 5}


@pytest.mark.parametrize("on_error", ["skip", "refuse"])
def test_a_worker_may_die_at_any_place_and_another_goes_on(open_desk: OpenDesk, on_error: str):
    """S5, I2: before and after each statement and each checkpoint of the whole job."""
    # Given, for each place that a job passes, a file of its own
    config = {**OFTEN, "on_error": on_error}
    desk, place, died = open_desk(), 0, True
    while died:
        lines = numbered(12, first=12 * place)
        lines.append(csv_line(12 * place, cents=7) if on_error == "skip" else lines[0])
        params = desk.s3.put("ledger/a.csv", csv_file(lines))
        before = desk.balances()
        # When a worker dies there, and another takes the job over
        result = desk.attempt(params, dies_at=place, config=config)
        died = result is None
        if result is None:
            result = open_desk(s3=desk.s3, states=desk.states).post(params, config=config)
        # Then the books hold the file once, and the result is as if nobody had died
        change = {key: now - before.get(key, 0) for key, now in desk.balances().items()}
        assert {key: moved for key, moved in change.items() if moved} == balances_of(lines)
        again = {"skip": (0, 1), "refuse": (1, 0)}[on_error]
        assert (result["already_posted"], result["conflicts"]) == again
        assert (result["records"], result["posted"]) == (13, 12)
        place += 1
        assert (desk.count("transaction"), desk.count("seen")) == (12 * place, 0)
    assert place > 10


def test_a_refused_file_stays_refused_wherever_its_worker_died(open_desk: OpenDesk):
    desk, place, dead = open_desk(), 0, True
    lines = [*numbered(12), csv_line(1, cents=7)]
    while dead:
        params = desk.s3.put("ledger/a.csv", csv_file(lines))
        config = {**OFTEN, "on_error": "refuse"}
        try:
            dead = desk.attempt(params, dies_at=place, config=config) is None
        except PermanentError:
            dead = False
        with pytest.raises(PermanentError, match="1 of 13 records are wrong"):
            open_desk(s3=desk.s3, states=desk.states).post(params, config=config)
        assert (desk.count("transaction"), desk.count("seen")) == (0, 0)
        place += 1
    assert place > 10


@pytest.mark.slow
def test_twenty_thousand_lines_are_posted_once_by_workers_that_keep_dying(open_desk: OpenDesk):
    # Given a large file with bad lines, and a worker that dies after every third batch or so
    lines = [csv_line(n, cents=100 + n % 991) for n in range(20_000)]
    bad = set(range(0, 20_000, 1000))
    desk = open_desk()
    content = csv_file(
        [line.replace(",EUR,", ",EUX,") if n in bad else line for n, line in enumerate(lines)]
    )
    params = desk.s3.put("ledger/large.csv", content)
    config = {"batch_lines": 500, "checkpoint_lines": 1000}
    done, deaths = None, 0
    while done is None:
        worker = open_desk(s3=desk.s3, states=desk.states)
        done = worker.attempt(params, dies_at=8 + deaths % 3, config=config)
        deaths += done is None
    # Then it took many workers, and the books say what the file does
    assert deaths > 10
    assert desk.balances() == balances_of([line for n, line in enumerate(lines) if n not in bad])
    assert (done["records"], done["posted"], done["rejected"]) == (20_000, 19_980, 20)
    assert [p["line"] for p in done["problems"]] == [n + 2 for n in sorted(bad)]


def test_a_job_near_its_deadline_hands_over_without_an_attempt(desk: Desk):
    # Given a file, and a deadline that leaves time for a batch or so
    lines = numbered(40)
    params = desk.s3.put("ledger/a.csv", csv_file(lines))
    late: dict[str, Any] = {
        "config": {"batch_lines": 10, "checkpoint_seconds": 60},
        "deadline": datetime.now(UTC) - timedelta(seconds=1),
    }
    # When it is tried / Then every attempt does a part, and is given back
    for attempt in range(1, 5):
        with pytest.raises(RetryLater) as caught:
            desk.post(params, **late)
        assert caught.value.snooze
        assert desk.states["ledger/a.csv@1"]["place"]["line"] == 10 * attempt + 1
    # And the last one has nothing left to do
    assert desk.post(params, **late)["posted"] == 40
    assert desk.balances() == balances_of(lines)


def test_a_job_that_is_called_off_stops_at_its_next_checkpoint(desk: Desk):
    # Given a job whose ledger says at its third checkpoint that it is another's, or cancelled
    saved: list[Any] = []

    def save(state: Any) -> None:
        if len(saved) == 2:
            raise Cancelled("stop")
        saved.append(state)

    params = desk.s3.put("ledger/a.csv", csv_file(numbered(40)))
    with pytest.raises(Cancelled):
        desk.post(params, config=OFTEN, save=save)
    # Then it posted no further
    assert desk.count("transaction") == 10


def test_all_attempts_read_the_version_that_the_first_one_found(open_desk: OpenDesk):
    # Given a job without a version id, whose worker dies in the middle
    desk = open_desk()
    desk.s3.put("ledger/a.csv", csv_file(numbered(20)))
    params = {"bucket": "uploads", "key": "ledger/a.csv"}
    assert desk.attempt(params, dies_at=12, config=OFTEN) is None
    # When another version is written before the next attempt
    desk.s3.put("ledger/a.csv", csv_file([csv_line(99)]))
    result = desk.post(params, config=OFTEN)
    # Then that one is left to its own job
    assert (result["object"]["version_id"], result["posted"]) == ("1", 20)
    assert desk.balances() == balances_of(numbered(20))


@pytest.mark.parametrize("gone", [{"key": "ledger/b.csv"}, {"version_id": "7"}])
def test_an_event_whose_object_is_gone_is_cancelled(desk: Desk, gone: dict[str, str]):
    params = {**desk.s3.put("ledger/a.csv", csv_file([])), "sequencer": "1", **gone}
    with pytest.raises(Cancelled, match="object_gone"):
        desk.post(params)


_STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 25))), min_size=1, max_size=12
)


def test_no_order_of_kills_and_redeliveries_changes_the_balances(desk: Desk):
    """I2, F1, F16: overlapping files, attempts that die anywhere, finished jobs that come again."""
    # Given four files: two that share transactions, one of them again, one with conflicts
    shared = numbered(15)
    files = [
        shared,
        [*numbered(8, first=7), *numbered(8, first=15)],
        shared,
        [csv_line(2, cents=100 + 2), *numbered(6, first=30), "broken", csv_line(31, cents=9)],
    ]
    expected = balances_of([*numbered(23), *numbered(6, first=30)])
    tables = ("entry", "transaction", "account", "seen")
    params = [desk.s3.put("ledger/a.csv", csv_file(lines)) for lines in files]

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=_STEPS)
    def check(steps: list[tuple[int, int | None]]) -> None:
        query(desk.url, f"TRUNCATE {', '.join(f'agent_ledger_posting.{name}' for name in tables)}")
        desk.states.clear()
        # When attempts are made in any order and die anywhere, and at last each job has one that lives
        for number, dies_at in [*steps, *((n, None) for n in range(4))]:
            desk.attempt(params[number], dies_at=dies_at, config=OFTEN)
        # Then the books hold each transaction once
        assert desk.balances() == expected

    check()
