"""The ledger's benchmark runs as one command and reports what it must."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.source import ROOT


def test_it_prints_one_object_with_raw_figures_and_its_bar():
    # Given the benchmark, cut short
    command = [sys.executable, "-m", "bench.ledger", "--rounds", "1", "--seconds", "0.2"]
    # When it runs with four clients
    done = subprocess.run(
        [*command, "--clients", "4", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    # Then it exits 0, whether or not its bar holds, and prints one object
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    [bar] = report["bars"]
    assert {"name", "value", "unit", "bar", "better", "holds"} <= bar.keys()
    assert (bar["bar"], bar["better"]) == (4.0, "higher")
    assert bar["holds"] is (bar["value"] >= 4.0)
    assert len(report["raw"]) == 2
    assert {"python", "postgresql", "psycopg2-binary"} <= report["versions"].keys()
    assert report["machine"]["cpus"] >= 1
