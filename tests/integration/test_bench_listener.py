"""The listener's benchmark runs as one command and reports what it must."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.contestants import ALL, BOUND, TRANSPORT
from tests.support.source import ROOT


def test_it_prints_one_object_with_raw_figures_and_its_bars():
    # Given the benchmark, cut short and to what needs no installation
    command = [sys.executable, "-m", "bench.listener", "--rounds", "1", "--seconds", "0.3"]
    # When it runs
    done = subprocess.run(
        [*command, "--only", "bare;listener, transport only (fast)", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    # Then it exits 0, whether or not its bars hold, and prints one object
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [bar["bar"] for bar in report["bars"]] == [2.0, 1.0, 1.6, 1.0, 0.01, 1]
    # And what ran has figures
    assert report["bars"][2]["value"] > 0
    for name in (TRANSPORT, BOUND):
        assert report["raw"][f"{name}, messages/s"][0] > 0
        assert report["raw"][f"{name}, CPU-s per 1,000"][0] > 0
        assert 0 < report["raw"][f"{name}, endpoint's part of a core"][0] < 1.2
    assert report["peers"] == [BOUND]
    # And what did not run is named, and no bar that needs it holds
    assert set(report["not_run"]) == set(ALL) - {TRANSPORT, BOUND}
    assert [bar["holds"] for bar in report["bars"][:2]] == [False, False]
    assert {"python", "boto3", "urllib3", "round trip, s"} <= report["versions"].keys()
