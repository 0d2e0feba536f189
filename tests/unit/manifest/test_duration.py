from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.manifest import format_duration, parse_duration

UNITS = {"h": 3600, "m": 60, "s": 1}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2m", 120), ("1h30m", 5400), ("11h30m", 41400), ("90s", 90), ("1h1s", 3601)],
)
def test_durations_read_as_people_write_them(text: str, seconds: int):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5 m",
        "m",
        "1.5h",
        "30m1h",
        "1m1m",
        "-1s",
        "1d",
        "\N{ARABIC-INDIC DIGIT THREE}s",
        "1s\n",
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match="90s, 2m or 1h30m"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_formatting_is_read_back(seconds: int):
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


@given(st.text() | st.text("0123456789hms ", max_size=12))
def test_what_is_read_is_what_was_written(text: str):
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert (
        sum(int(n) * UNITS[u] for n, u in re.findall("([0-9]+)([hms])", text))
        == duration.total_seconds()
    )
