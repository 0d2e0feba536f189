"""docs/traceability.md: every requirement and fault of what is built names a test that exists."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.source import ROOT

TABLE = ROOT / "docs" / "traceability.md"


def _faults(*ranges: tuple[int, int]) -> set[str]:
    return {f"F{number}" for first, last in ranges for number in range(first, last + 1)}


#: What is built so far; a later part adds its own.
REQUIRED = {
    "A1",
    "A2",
    "A4",
    "A5",
    "A7",
    "A8",
    "A9",
    "B1",
    "B3",
    "M1",
    "M2",
    "M3",
    "M5",
    "M6",
    "M8",
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P7",
    "P9",
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "S10",
    "S11",
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "SSRF",
} | _faults((1, 27), (29, 33), (35, 37), (39, 40), (42, 43), (46, 46), (50, 59))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table."""

    names: tuple[str, ...]
    shows: str
    tests: tuple[str, ...]


def rows(text: str) -> list[Row]:
    """The table's lines: names, what shows it, and tests as `path::name` in backticks."""
    found: list[Row] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not re.match(r"[A-Z]\d+|SSRF", cells[0]):
            continue
        names = tuple(name.strip() for name in cells[0].split(","))
        found.append(
            Row(names=names, shows=cells[1], tests=tuple(re.findall(r"`([^`]+)`", cells[2])))
        )
    return found


def problems(text: str, required: set[str]) -> list[str]:
    """Why the table does not hold, one sentence a problem."""
    table = rows(text)
    named = {name for row in table for name in row.names}
    missing = [f"{name} has no row" for name in sorted(required - named)]
    silent = [
        f"{row.names}: says nothing, or names no test"
        for row in table
        if not row.shows or not row.tests
    ]
    absent = [
        f"{row.names}: no test {test}" for row in table for test in row.tests if not _exists(test)
    ]
    return missing + silent + absent


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return name in _tests_of(ROOT / path)


@cache
def _tests_of(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_bytes(), str(path))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    # A Hypothesis state machine is a test by assignment: TestLedger = Machine.TestCase.
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in defined | assigned if name.lower().startswith("test")}


def test_every_row_and_fault_names_a_test_that_exists():
    assert problems(TABLE.read_text("utf-8"), REQUIRED) == []


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("| S1 | x | `tests/unit/test_traceability.py::test_gone` |", "no test"),
        ("| S1 | x | `tests/unit/test_gone.py::test_gone` |", "no test"),
        ("| S1 | x | `tests/unit/test_traceability.py::rows` |", "no test"),
        ("| S1 | x | none yet |", "names no test"),
        ("| S2 | x | `tests/unit/test_traceability.py::test_a_broken_table_is_told` |", "no row"),
    ],
)
def test_a_broken_table_is_told(table: str, problem: str):
    assert [found for found in problems(table, {"S1"}) if problem in found]


def test_one_line_may_stand_for_several_faults():
    line = "| F20, F23 | x | `tests/unit/test_traceability.py::test_a_broken_table_is_told` |"
    assert problems(line, {"F20", "F23"}) == []
