"""How processes that share the tests read them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.reading import names_of, own_part, read_own_part
from tests.support.source import ROOT


@pytest.mark.parametrize("of", [1, 2, 6, 400])
def test_the_parts_are_all_there_is_and_nothing_twice(of: int):
    names = names_of(ROOT, ["tests", "lambdas"])
    parts = [own_part(names, number=number, of=of) for number in range(of)]
    assert len(names) > 300
    assert [name for part in parts for name in part] == names
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_part_is_imported_under_the_names_that_pytest_gives_it():
    assert __name__ in names_of(ROOT, ["tests/unit"])
    assert names_of(ROOT, ["tests/unit/test_reading.py"]) == []


def test_what_cannot_be_imported_is_left_to_be_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Given a test that cannot be imported, before one that can
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "test_part_broken.py").write_text("raise RuntimeError\n")
    (tmp_path / "test_part_sound.py").write_text("")
    # When they are read
    read_own_part(tmp_path, ["."], number=0, of=1)
    # Then the second was
    assert "test_part_broken" not in sys.modules
    assert sys.modules.pop("test_part_sound")
