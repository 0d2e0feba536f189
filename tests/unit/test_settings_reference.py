"""docs/reference/configuration.md holds every setting, with what it means."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from local.settings_reference import STAGE, text
from muster.contracts import Environment
from tests.support.source import ROOT

COMMITTED = ROOT / "docs" / "reference" / "configuration.md"


def _rows() -> list[list[str]]:
    lines = [line for line in text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if row[0] != "name"]


def test_the_committed_table_is_what_the_code_says():
    cure = "write it anew: .venv/bin/python -m local.settings_reference > docs/reference/configuration.md"
    assert COMMITTED.read_text("utf-8") == text(), cure


def test_every_setting_says_what_it_means():
    cure = "write a comment `#:` above it, or a line in PLAIN of local/settings_reference.py"
    assert [row[0] for row in _rows() if len(row) != 4 or not row[3]] == [], cure


@pytest.mark.parametrize("kind", STAGE, ids=lambda kind: kind.__name__)
def test_every_property_of_a_stage_is_in_it(kind: type):
    names = {row[0].strip("`") for row in _rows()}
    assert {field.name for field in dataclasses.fields(kind)} <= names  # pyright: ignore[reportArgumentType] - all are dataclasses


def test_every_variable_that_a_stack_sets_is_in_it():
    names = {row[0].strip("`") for row in _rows()}
    for kind in _contracts(Environment):
        told = {kind.variable(field.name) for field in dataclasses.fields(kind)}
        assert told <= names, kind


def _contracts(kind: type[Environment]) -> Iterator[type[Environment]]:
    for child in kind.__subclasses__():
        yield child
        yield from _contracts(child)
