"""Exceptions as error records: bounded, storable, whatever they do when they are looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from muster.errors import Cancelled, MusterError, PermanentError, RetryableError
from muster.execution.report import LONGEST_MESSAGE, LONGEST_STACK, error_record, stored_record
from muster.mask import Mask
from muster.model import ErrorRecord
from muster.store.document import document

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Hostile(Exception):
    """Raises from every method that shows it."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class NotText(Exception):
    """Its text is no text."""

    def __str__(self) -> Any:
        return _seven()


def _seven() -> Any:
    return 7


def _raise(error: BaseException) -> None:
    raise error


def _raised(error: BaseException) -> ErrorRecord:
    try:
        _raise(error)
    except BaseException as caught:  # noqa: BLE001 - that is the subject
        return error_record(caught)
    raise AssertionError("nothing was raised")


def test_an_ordinary_error_is_told_with_its_stack():
    record = _raised(ValueError("went wrong"))
    assert (record.message, record.code, record.error_class) == (
        *("went wrong", "agent_error", "ValueError"),
    )
    assert record.retryable
    assert "test_report.py" in str(record.stack)


def test_errors_of_the_family_carry_their_own_code():
    assert _raised(PermanentError("x")).code == "permanent"
    assert _raised(PermanentError("x", code="no_such_feed")).code == "no_such_feed"
    assert (
        _raised(RetryableError()).message
        == "The job failed in a way that another attempt may mend."
    )
    assert [_raised(e).retryable for e in (PermanentError(), RetryableError(), Cancelled())] == [
        *(False, True, True)
    ]


def test_a_code_that_is_no_text_is_not_taken_over():
    class Odd(MusterError):
        """Its author meant well."""

        code = 404  # type: ignore[assignment] - what an agent's author may get wrong

    assert _raised(Odd()).code == "agent_error"


def test_errors_that_cannot_be_shown_are_told_all_the_same():
    hostile, not_text = _raised(Hostile()), _raised(NotText())
    assert hostile.message == "(its text cannot be shown: KeyboardInterrupt)"
    assert hostile.error_class == "Hostile"
    assert not_text.message == "(its text cannot be shown: TypeError)"


def test_message_and_stack_are_bounded():
    record = stored_record(_raised(ValueError("x" * 1_000_000)), Mask())
    assert len(record.message) == LONGEST_MESSAGE
    assert len(str(record.stack)) <= LONGEST_STACK


def test_secrets_are_masked_before_texts_are_cut():
    # Given an error whose text and stack are cut in the midst of a secret
    secret = "0123456789abcdef" * 16
    text = "x" * (LONGEST_MESSAGE - 100) + secret + "y" * (LONGEST_STACK - 150)
    record = stored_record(_raised(ValueError(text)), Mask([secret]))
    # Then no half of it is left
    assert "0123" not in record.message
    assert "cdef" not in str(record.stack)


def test_a_recursion_is_told_by_its_last_frames():
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        record = stored_record(error_record(error), Mask())
    assert str(record.stack).count("deeper") <= 40
    assert record.error_class == "RecursionError"


def test_any_record_can_be_stored():
    record = _raised(ValueError("\ud800\x00\r\n\x1b[31m\u2028"))
    text = document(record.to_json(at=NOW))
    assert "\\u0000" not in text
    text.encode()
    assert '"timestamp":"2026-01-02T03:04:05+00:00"' in text
