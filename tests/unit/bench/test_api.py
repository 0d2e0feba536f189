"""The API's benchmark compares round by round, and without its peer no bar holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import api
from bench.api import FASTAPI, MUSTER, RECORD, Sample
from bench.installation import Installation


def _sample(speed: float, cpu: float) -> Sample:
    return Sample(calls_per_second=speed, cpu=cpu, server_cpu=None)


def test_rounds_are_compared_one_by_one_and_the_median_counts():
    # Given three rounds, of which a busy machine slowed the second for both
    samples = {
        MUSTER: [_sample(1200, 0.8), _sample(60, 1.6), _sample(1100, 0.8)],
        FASTAPI: [_sample(1000, 1.0), _sample(50, 2.0), _sample(1000, 1.0)],
        RECORD: [_sample(1500, 0.2), _sample(70, 0.4), _sample(1600, 0.2)],
    }
    report = api.report(samples, {}, {"redis": "8"})
    # Then each ratio is the median of its rounds
    assert [bar.value for bar in report.bars] == [1.2, 0.8]
    assert [bar.holds for bar in report.bars] == [True, True]
    assert report.figures[f"{FASTAPI}, median calls/s"] == 1000
    # And what the record alone would allow is told beside them, and is nobody's bar
    assert report.figures["calls/s of the record alone / of the peer"] == 1.5
    assert report.peers == [FASTAPI]


def test_a_slower_or_dearer_api_fails_its_bar():
    samples = {MUSTER: [_sample(900, 1.1)], FASTAPI: [_sample(1000, 1.0)]}
    assert [bar.holds for bar in api.report(samples, {}, {}).bars] == [False, False]


def test_ours_runs_by_itself_and_a_peer_that_cannot_be_installed_helps_no_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # Given locks that no installer takes
    (tmp_path / "requirements.txt").write_text("no requirement!\n")
    installation = Installation(folder=tmp_path / "installed", locks=tmp_path)
    # When a few calls are measured, on a real Postgres
    report = api.run(rounds=1, calls=5, installation=installation)
    # Then ours has figures, the peer a reason, and no bar holds
    assert report.figures[f"{MUSTER}, median calls/s"] > 0
    assert report.figures[f"{RECORD}, median calls/s"] > 0
    assert "Invalid requirement" in report.not_run[FASTAPI]
    assert f"NOT RUN: {FASTAPI}" in capsys.readouterr().err
    assert [bar.holds for bar in report.bars] == [False, False]
