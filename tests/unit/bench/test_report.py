from __future__ import annotations

import json
from typing import Any

import pytest

from bench.cold_start import HANDLERS, OTHERS, PEERS, seconds
from bench.report import Bar, Report


def _bar(**changes: Any) -> Bar:
    fields: dict[str, Any] = {
        "name": "n",
        "value": 0.3,
        "unit": "x",
        "bar": 0.35,
        "better": "lower",
    }
    return Bar(**(fields | changes))


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (_bar(), True),
        (_bar(value=0.35), True),
        (_bar(value=0.36), False),
        (_bar(value=4.0, bar=4.0, better="higher"), True),
        (_bar(value=3.9, bar=4.0, better="higher"), False),
        (_bar(value=None), False),
        (_bar(value=None, better="higher"), False),
    ],
)
def test_a_bar_holds_on_its_better_side(bar: Bar, holds: bool):
    assert bar.to_json()["holds"] is holds


def test_a_report_is_one_object(capsys: pytest.CaptureFixture[str]):
    # Given a report of which one bar fails
    report = Report(
        benchmark="b",
        raw={"s": [1.0]},
        figures={},
        bars=[_bar(), _bar(value=1.0)],
        packages=["pytest", "no-such-package"],
        not_run={"peer": "not installed"},
    )
    # When it is printed
    report.print(as_json=True)
    # Then everything is in it
    printed = json.loads(capsys.readouterr().out)
    assert [bar["holds"] for bar in printed["bars"]] == [True, False]
    assert set(printed["bars"][0]) == {"name", "value", "unit", "bar", "better", "holds"}
    assert printed["versions"]["no-such-package"] == "missing"
    assert printed["not_run"] == {"peer": "not installed"}
    assert printed["machine"]["cpus"] >= 1


@pytest.mark.parametrize("code", [*HANDLERS.values(), *PEERS.values(), *OTHERS.values()])
def test_what_the_cold_start_benchmark_measures_runs(code: str):
    assert seconds(code) > 0
