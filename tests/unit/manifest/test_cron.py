from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.manifest.cron import check_cron


@pytest.mark.parametrize(
    "expression",
    [
        "0 * * * *",
        "*/5 0-6,22-23 * * MON-FRI",
        "0 0 29 2 *",
        "0 0 31 4,5 *",
        "0 0 31 4 1",  # a Monday in April will do
        "59 23 31 dec 7",
        "0/15 * * * *",
        "  0  0  1  1  0  ",
    ],
)
def test_what_can_fire_is_accepted(expression: str):
    assert check_cron(expression) is None


@pytest.mark.parametrize(
    ("expression", "flaw"),
    [
        ("", "five fields"),
        ("0 0 * * * *", "five fields"),
        ("60 * * * *", "minute '60'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of month '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "day of week '8'"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*/0 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("* * L * *", "day of month"),
        ("* * * foo *", "month"),
        ("@daily", "five fields"),
        ("0 0 30 2 *", "none of these months"),
        ("0 0 31 4,6,9,11 *", "none of these months"),
        ("0 0 30 2 */2", "none of these months"),  # a day of week in * narrows, it does not add
        ("5-5/10 * * * *", "minute '5-5/10'"),
        ("\N{ARABIC-INDIC DIGIT FIVE} * * * *", "minute"),
    ],
)
def test_what_cannot_fire_is_told(expression: str, flaw: str):
    assert flaw in (check_cron(expression) or "accepted")


@given(st.text() | st.text("0123456789*/-,LW#? janmo", max_size=30))
def test_any_text_is_answered(expression: str):
    flaw = check_cron(expression)

    assert flaw is None or flaw
