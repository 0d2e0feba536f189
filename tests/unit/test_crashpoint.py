"""Crash points: every name is used, every use has a name, and unarmed they do nothing."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from muster.crashpoint import CRASHPOINTS, CrashPointReached, crashpoint
from tests.support.arming import armed
from tests.support.source import ROOT, modules


def test_every_crash_point_is_in_the_code_once_and_every_one_there_has_a_name():
    assert sorted(_used("muster", "lambdas", "local")) == sorted(CRASHPOINTS)
    assert len(set(CRASHPOINTS)) == len(CRASHPOINTS)


def test_the_listener_passes_the_points_of_a_worker_under_the_same_names_once_each():
    used = _used("ecs_listener")
    assert {"claim.before", "claim.after", "settle.before", "settle.after"} <= set(used)
    assert set(used) <= set(CRASHPOINTS)
    assert len(set(used)) == len(used)


def _used(*rooms: str) -> list[str]:
    return [
        str(node.args[0].value)
        for module in modules(*rooms)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crashpoint"
        and isinstance(node.args[0], ast.Constant)
    ]


def test_an_unarmed_point_does_nothing():
    for name in CRASHPOINTS:
        crashpoint(name)


def test_an_armed_point_fires_at_its_passage_and_no_other_does():
    with armed("claim.after", passage=2):
        crashpoint("claim.before")
        crashpoint("claim.after")
        with pytest.raises(CrashPointReached, match=r"claim\.after"):
            crashpoint("claim.after")
        crashpoint("claim.after")


def test_no_ordinary_handler_swallows_it():
    assert not issubclass(CrashPointReached, Exception)


def test_exit_ends_the_process_without_any_clean_up():
    script = (
        "import atexit; atexit.register(print, 'cleaned up')\n"
        "from muster.crashpoint import crashpoint\n"
        "try: crashpoint('run.after')\n"
        "finally: print('finally')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"MUSTER_CRASHPOINT": "run.after=exit", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (137, "")
