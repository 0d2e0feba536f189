"""F29: a redrive that is killed on its way loses no job and runs none twice; the full size is a command."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.source import ROOT


def test_fault_29_a_redrive_killed_twice_loses_nothing_and_runs_nothing_twice():
    # Given 200 dead letters, and a listener that runs what comes back
    command = [sys.executable, "-m", "bench.redrive", "--letters", "200", "--kills", "2", "--json"]
    # When `muster dlq redrive` is ended by SIGKILL twice on its way, and then left to finish
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    # Then every job has run once more, under its old execution, and the dry runs said what was done
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert seen["executions"] == {"rows": 200, "running": 0, "completed": 200, "once": 200}
    assert seen["letters_left"] == 0
    # And the kills were on its way
    assert all(0 < sent < 200 for sent in seen["sent_when_killed"])
    assert seen["dry_run_of_the_rest"]["done"] == seen["last_run"]["done"] > 0
