"""Rows as people see them."""

from __future__ import annotations

from datetime import UTC, datetime

from muster.cli.table import cell, render


def test_columns_are_aligned_and_what_is_missing_is_blank():
    # Given rows, one of them without a value
    rows = [{"agent_id": "a-long-name", "n": 1}, {"agent_id": "b", "n": None}]
    # When they are rendered
    # Then every column is as wide as its widest cell, and no line ends in blanks
    assert render(rows, columns=("agent_id", "n")) == "AGENT ID     N\na-long-name  1\nb"


def test_a_cell_is_one_line_that_cannot_steer_the_terminal():
    # Given values of every kind
    # When they are shown
    # Then each is one line of printable text
    assert cell("red \x1b[31malert\nnext\u2028line") == "red  [31malert next line"
    assert cell(True) == "yes"
    assert cell(12.345) == "12.3"
    assert cell({"ä": [1]}) == '{"ä": [1]}'
    assert cell(datetime(2026, 1, 31, 12, tzinfo=UTC)).startswith("2026-01-31 ")
