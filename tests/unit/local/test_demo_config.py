"""The demo's change of config is taken as text, whatever its run is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.demo.config import change
from muster.cli.assignment import assignments


@pytest.mark.parametrize("run", ["60584243", "1e234567", "0a1b2c3d"])
def test_a_run_of_digits_is_no_number(tmp_path: Path, run: str):
    # Given a program that writes down what it is told
    program, told = tmp_path / "muster", tmp_path / "told"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    program.chmod(0o755)
    # When the demo changes the config
    change(run=run, program=program, environment={})
    # Then the command reads the run's name of it
    words = told.read_text().splitlines()
    assert words[:2] == ["config", "set"]
    assert assignments([word for word in words if "=" in word]) == {"tone": run}
