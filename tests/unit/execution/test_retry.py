"""What follows a failed attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import Cancelled, JobTimeout, PermanentError, RetryableError, RetryLater
from muster.model import Status
from muster.retry import (
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    LONGEST_IN_QUEUE,
    LONGEST_WAIT,
    RELAY_GRACE,
    Decision,
    backoff,
    decide,
    relay_delay,
)

MINUTE = timedelta(minutes=1)


def _decide(error: BaseException, *, attempt: int = 1, jitter: float = 0.5) -> Decision:
    return decide(error, attempt=attempt, max_attempts=3, jitter=jitter)


@pytest.mark.parametrize(
    ("error", "attempt", "expected"),
    [
        (ValueError(), 1, (Status.PENDING, "retried", False)),
        (RetryableError(), 2, (Status.PENDING, "retried", False)),
        (JobTimeout(), 2, (Status.PENDING, "retried", False)),
        (ValueError(), 3, (Status.FAILED, "failed", False)),
        (JobTimeout(), 3, (Status.FAILED, "failed", False)),
        (PermanentError(), 1, (Status.FAILED, "failed", False)),
        (Cancelled(), 1, (Status.CANCELLED, "cancelled", False)),
        (Cancelled(), 3, (Status.CANCELLED, "cancelled", False)),
        (RetryLater(after=60), 1, (Status.PENDING, "retried", False)),
        (RetryLater(after=60), 3, (Status.FAILED, "failed", False)),
        (RetryLater(after=60, snooze=True), 1, (Status.PENDING, "snoozed", True)),
        (RetryLater(after=60, snooze=True), 3, (Status.PENDING, "snoozed", True)),
        (SystemExit(0), 1, (Status.PENDING, "retried", False)),
    ],
    ids=lambda value: f"{value!r}"[:40],
)
def test_the_errors_type_and_the_budget_decide(
    error: BaseException, attempt: int, expected: tuple[Status, str, bool]
):
    """P6: retry, snooze without a charge, cancel and discard at once, and an end to it."""
    decision = _decide(error, attempt=attempt)
    assert (decision.status, decision.kind, decision.refund) == expected


def test_a_wait_that_was_asked_for_is_the_wait():
    assert _decide(RetryLater(after=MINUTE)).delay == MINUTE
    assert _decide(RetryLater(after=90.5, snooze=True)).delay == timedelta(seconds=90.5)
    assert _decide(RetryLater(after=timedelta(days=99_999))).delay == LONGEST_WAIT
    assert _decide(RetryLater(after=timedelta(days=99_999), snooze=True)).delay == LONGEST_WAIT


@pytest.mark.parametrize("after", [-1, -0.001, timedelta(seconds=-5)])
def test_nobody_waits_into_the_past(after: float | timedelta):
    with pytest.raises(ValueError, match="must be 0 s or more"):
        RetryLater(after=after)


@given(attempt=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_up_to_its_bound_and_is_fully_jittered(attempt: int, jitter: float):
    bound = min(FIRST_BACKOFF * 2 ** min(attempt - 1, 40), LONGEST_BACKOFF)
    wait = backoff(attempt=attempt, jitter=jitter)
    assert timedelta(0) <= wait <= bound
    assert abs(wait - bound * jitter) <= timedelta(milliseconds=1)


def test_the_first_backoffs_are_these():
    bounds = [backoff(attempt=n, jitter=1).total_seconds() for n in range(1, 14)]
    assert bounds == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (timedelta(0), RELAY_GRACE),
        (MINUTE, MINUTE + RELAY_GRACE),
        (LONGEST_IN_QUEUE, LONGEST_IN_QUEUE + RELAY_GRACE),
        (LONGEST_IN_QUEUE + MINUTE, LONGEST_IN_QUEUE + MINUTE),
    ],
)
def test_the_relay_waits_for_a_message_that_may_come_and_for_no_other(
    delay: timedelta, expected: timedelta
):
    assert relay_delay(delay) == expected
