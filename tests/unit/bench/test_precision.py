"""What the benchmark of precision makes of what it has seen."""

from __future__ import annotations

import pytest

from bench.precision import _report
from bench.report import Bar


def _bars(fires: int, rows: list[tuple[float, str]]) -> dict[str, Bar]:
    return {bar.name: bar for bar in _report(fires, rows, [], [1.0]).bars}


def test_fires_in_time_hold_every_bar():
    bars = _bars(100, [(float(number), f"fire-{number}") for number in range(100)])
    assert {bar.holds for bar in bars.values()} == {True}
    assert bars["p50"].value == pytest.approx(50, abs=1)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([(1.0, "fire-0"), (2.0, "fire-1")], "missed"),
        ([(1.0, "fire-0"), (2.0, "fire-1"), (3.0, "fire-2"), (4.0, "fire-2")], "started twice"),
        ([(-0.5, "fire-0"), (2.0, "fire-1"), (3.0, "fire-2")], "earliest"),
        ([(900.0, "fire-0"), (901.0, "fire-1"), (902.0, "fire-2")], "p50"),
        ([(1.0, "fire-0"), (2.0, "fire-1"), (3000.0, "fire-2")], "p99"),
    ],
)
def test_each_way_to_be_wrong_breaks_its_bar(rows: list[tuple[float, str]], name: str):
    bars = _bars(3, rows)
    assert [bar.name for bar in bars.values() if not bar.holds] == [name]


def test_nothing_measured_holds_nothing():
    bars = _bars(3, [])
    assert not any(bars[name].holds for name in ("missed", "earliest", "p50", "p99"))
