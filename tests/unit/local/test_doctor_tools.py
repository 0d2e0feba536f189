"""What the doctor says of a machine's tools: decisions over what they say of themselves."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.checkout import Checkout
from local.doctor.finding import Finding, Level, healthy
from local.doctor.machine import Machine
from local.doctor.tools import tools
from local.doctor.version import parse_version
from tests.support.examined import MACHINE


def _found(machine: Machine, least: tuple[int, int, int] | None = None) -> dict[str, Finding]:
    return {finding.check: finding for finding in tools(machine, least_cdk=least)}


def test_a_machine_that_is_well_has_nothing_to_cure():
    found = _found(MACHINE, least=(2, 1147, 0))
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert healthy(found.values())


@pytest.mark.parametrize(
    ("changes", "check", "level", "told", "cure"),
    [
        ({"python": (3, 10, 9)}, "python", "problem", "3.10.9", "make setup PYTHON="),
        ({"git": None}, "git", "warning", "none", "install git"),
        ({"node": None}, "node", "problem", "no Node.js", "make setup"),
        ({"node": (18, 20, 0)}, "node", "problem", "needs 20.0.0", "make setup"),
        ({"node_on_path": None}, "node", "warning", "not on the search path", "export PATH"),
        ({"node_on_path": (12, 0, 0)}, "node", "warning", "12.0.0, not 20", "export PATH"),
        ({"cdk": None}, "cdk", "problem", "not installed", "make setup"),
        ({"cdk": (3, 0, 0)}, "cdk", "problem", "published by accident", '"2.1148.1"'),
        ({"cdk": (2, 1146, 9)}, "cdk", "problem", "needs 2.1147.0", "make lock"),
        ({"cdk": (2, 1150, 0)}, "cdk", "problem", "package.json names 2.1148.1", "make setup"),
        ({"cdk_on_path": (3, 0, 0)}, "cdk on the path", "warning", "by accident", "npx cdk"),
        ({"cdk_on_path": (2, 90, 0)}, "cdk on the path", "warning", "2.90.0", "npx cdk"),
        ({"unmade": ("x/.installed",)}, "set-up", "problem", "x/.installed", "make setup"),
    ],
)
def test_what_is_wrong_is_told_with_its_cure(
    changes: dict[str, Any], check: str, level: str, told: str, cure: str
):
    # Given a machine with one thing wrong
    found = _found(replace(MACHINE, **changes), least=(2, 1147, 0))
    # When the doctor looks
    # Then that one thing is found, and how it is mended
    ill = {name: finding for name, finding in found.items() if finding.level is not Level.OK}
    assert list(ill) == [check]
    assert ill[check].level == level
    assert told in ill[check].told
    assert cure in ill[check].cure
    assert healthy(found.values()) == (level == "warning")


def test_a_cdk_that_is_too_old_for_nothing_yet_is_well():
    # Given a checkout in which nothing was synthesised
    old = replace(MACHINE, cdk=(2, 1000, 0), cdk_pinned=(2, 1000, 0))
    # When the doctor looks / Then what is pinned will do
    assert healthy(_found(old).values())


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("git version 2.39.5 (Apple Git-154)", (2, 39, 5)),
        ("v24.19.0", (24, 19, 0)),
        ("3.0.0 (build 4f3efd4)", (3, 0, 0)),
        ("20.10", (20, 10, 0)),
        ("command not found", None),
    ],
)
def test_versions_are_read_from_what_programs_print(
    text: str, version: tuple[int, int, int] | None
):
    assert parse_version(text) == version


def _program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_programs_are_asked_and_what_does_not_answer_is_not_there(tmp_path: Path):
    # Given a search path with programs that answer, fail and talk nonsense
    _program(tmp_path, "git", "echo git version 9.8.7")
    _program(tmp_path, "cdk", "echo 3.0.0 build 4f3efd4")
    _program(tmp_path, "node", "exit 3")
    _program(tmp_path, "podman", 'test "$1" = version && echo 5.6.0')
    checkout = Checkout.locate({})
    # When the machine is looked at
    machine = Machine.look(checkout, {"PATH": str(tmp_path), "CDK_DOCKER": "podman"})
    # Then each has the version that it says, and this checkout its own
    assert (machine.git, machine.cdk_on_path) == ((9, 8, 7), (3, 0, 0))
    assert machine.node_on_path is None
    assert (machine.docker, machine.docker_server) == ("podman", (5, 6, 0))
    assert machine.cdk == machine.cdk_pinned
    assert machine.node is not None
    assert machine.unmade == ()


def test_an_empty_checkout_lacks_what_set_up_makes(tmp_path: Path):
    # Given a checkout that nobody has set up
    (tmp_path / "package.json").write_text('{"devDependencies": {"aws-cdk": "2.1148.1"}}')
    # When the machine is looked at
    checkout = Checkout(root=tmp_path, state=tmp_path)
    machine = Machine.look(checkout, {"PATH": os.environ["PATH"]})
    # Then it says so, and the cure is set-up
    found = _found(machine)
    assert found["cdk"].level is Level.PROBLEM
    assert ".venv/.installed, node_modules/.installed" in found["set-up"].told
