"""Whether this machine's tools will do."""

from __future__ import annotations

from collections.abc import Iterator

from local.doctor.finding import Finding, ok, problem, warning
from local.doctor.machine import Machine
from local.doctor.version import Version, format_version

LEAST_PYTHON = (3, 11, 0)
#: What aws-cdk-lib asks for.
LEAST_NODE = (20, 0, 0)
#: The line of the CDK CLI that there is.
CDK_LINE = 2
_SETUP = "run `make setup`"
_PATH = 'run `export PATH="$PWD/.venv/bin:$PATH"`, as the README says'
_ACCIDENT = "there is no CDK CLI 3: aws-cdk 3.0.0 was published by accident, and is older than 2"


def tools(machine: Machine, *, least_cdk: Version | None) -> Iterator[Finding]:
    """Findings about every tool.

    Args:
        machine: what is there.
        least_cdk: what the synthesised assembly asks for; None: nothing is synthesised.
    """
    yield _python(machine)
    yield _git(machine)
    yield _node(machine)
    yield _cdk(machine, least_cdk)
    if machine.cdk_on_path is not None and machine.cdk_on_path != machine.cdk:
        yield _other_cdk(machine.cdk_on_path)
    yield _setup(machine)


def _python(machine: Machine) -> Finding:
    told = format_version(machine.python)
    if machine.python < LEAST_PYTHON:
        least = format_version(LEAST_PYTHON)
        return problem("python", told, f"use {least} or newer: make setup PYTHON=/path/to/python")
    return ok("python", told)


def _git(machine: Machine) -> Finding:
    if machine.git is None:
        return warning("git", "there is none", "install git: workflows and tests read the commit")
    return ok("git", format_version(machine.git))


def _node(machine: Machine) -> Finding:
    least = format_version(LEAST_NODE)
    if machine.node is None:
        return problem("node", "the environment has no Node.js", _SETUP)
    if machine.node < LEAST_NODE:
        return problem("node", f"{format_version(machine.node)}, and the CDK needs {least}", _SETUP)
    if machine.node_on_path is None:
        return warning("node", "`npx` is not on the search path", _PATH)
    if machine.node_on_path < LEAST_NODE:
        told = f"`npx` would run on Node.js {format_version(machine.node_on_path)}, not {least}"
        return warning("node", told, _PATH)
    return ok("node", format_version(machine.node))


def _cdk(machine: Machine, least: Version | None) -> Finding:
    pinned = format_version(machine.cdk_pinned)
    if machine.cdk is None:
        return problem("cdk", "the CDK CLI is not installed", _SETUP)
    told = format_version(machine.cdk)
    if machine.cdk[0] != CDK_LINE:
        return problem("cdk", f"{told}: {_ACCIDENT}", f'write "{pinned}" in package.json, {_SETUP}')
    if least is not None and machine.cdk < least:
        needed = format_version(least)
        return problem(
            "cdk",
            f"{told}, and what was synthesised needs {needed}",
            f"raise aws-cdk in package.json to {needed} or newer, run `make lock`, then `make setup`",
        )
    if machine.cdk != machine.cdk_pinned:
        return problem("cdk", f"{told}, and package.json names {pinned}", _SETUP)
    return ok("cdk", told)


def _other_cdk(version: Version) -> Finding:
    """`cdk` alone is another program than `npx cdk`."""
    told = f"`cdk` on the search path is {format_version(version)}"
    why = f"{told}: {_ACCIDENT}" if version[0] != CDK_LINE else told
    return warning("cdk on the path", why, "write `npx cdk`, which is the checkout's")


def _setup(machine: Machine) -> Finding:
    if machine.unmade:
        return problem("set-up", f"missing: {', '.join(machine.unmade)}", _SETUP)
    return ok("set-up", "complete")
