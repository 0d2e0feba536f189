"""An error means the same on both sides of a pipe, and no error that a job makes up breaks its worker."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.database import StatementFailed
from muster.errors import (
    Cancelled,
    MusterError,
    PermanentError,
    RetryLater,
    SecretRejected,
    StoreUnavailable,
)
from muster.isolation.fault import described, revived
from muster.retry import decide

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class OwnFailure(PermanentError):
    """An agent's own."""

    code = "own_failure"


@pytest.mark.parametrize(
    "error",
    [
        Cancelled("no more"),
        OwnFailure("never"),
        PermanentError("never", code="special"),
        RetryLater("wait", after=30),
        RetryLater("wait", after=0.5, snooze=True),
        SecretRejected("401"),
        StatementFailed("taken", sqlstate="23505"),
        StoreUnavailable("away"),
        ValueError("odd"),
        MemoryError(),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_leads_to_the_same_decision_and_record(error: BaseException):
    # Given an error that travelled as JSON
    again, record = revived(json.loads(json.dumps(described(error))))
    # When it is decided what follows
    decisions = [decide(each, attempt=1, max_attempts=3, jitter=0.5) for each in (error, again)]
    # Then it is the same, and so is what the row says
    assert decisions[0] == decisions[1]
    assert record.message == (str(error) or "(it did not say why)")
    assert record.error_class == type(error).__name__
    assert record.retryable is not isinstance(error, PermanentError)
    if isinstance(error, MusterError):
        assert again.code == record.code == error.code
    if isinstance(error, StatementFailed):
        assert isinstance(again, StatementFailed)
        assert again.sqlstate == error.sqlstate


def test_memory_that_ran_out_is_told_as_that():
    _, record = revived(described(MemoryError()))
    assert record.code == "out_of_memory"


@given(
    fault=st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["RetryLater", "StatementFailed", "Cancelled"]) | _ANY,
            "record": st.dictionaries(
                st.sampled_from(["message", "code", "error_class", "stack", "x"]), _ANY
            )
            | _ANY,
            "after": _ANY,
            "snooze": _ANY,
            "sqlstate": _ANY,
        },
    )
)
def test_whatever_a_job_says_is_some_error(fault: dict[str, Any]):
    error, record = revived(fault)
    assert decide(error, attempt=1, max_attempts=3, jitter=0.5).status
    assert isinstance(record.message, str)
    assert len(record.code) <= 128
