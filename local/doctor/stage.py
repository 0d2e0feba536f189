"""Whether a stage can be deployed from this machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from local.doctor.assembly import Assembly
from local.doctor.finding import Finding, ok, problem, warning
from local.doctor.machine import DOCKER_VARIABLE, Machine
from local.doctor.needs import Needs
from local.doctor.version import format_version

#: Part of the names of stacks, roles, alarms and log groups, of which the shortest limit is 64 characters.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")


def name(stage: str, *, known: Collection[str]) -> Finding:
    """Whether there is such a stage, and AWS takes its name."""
    if stage not in known:
        return problem(
            "stage",
            f"there is no stage {stage!r}",
            f"use one of {', '.join(known)}, or add it to STAGES in stacks/config.py",
        )
    if _NAME.fullmatch(stage) is None:
        return problem(
            "stage",
            f"{stage!r} cannot be part of the names of stacks and roles",
            "use at most 20 small letters, digits and hyphens, a letter first",
        )
    return ok("stage", stage)


def synthesised(assembly: Assembly | None, *, stage: str) -> Finding:
    """Whether the last synth is of this stage, and of what the checkout says now."""
    again = f"run `make synth STAGE={stage}`"
    if assembly is None:
        return warning("synth", f"cdk.out holds no {stage}: what it asks for is not known", again)
    if assembly.outdated_by is not None:
        return warning("synth", f"{assembly.outdated_by} is newer than cdk.out", again)
    return ok("synth", "cdk.out is what the checkout says")


def docker(needs: Needs, machine: Machine) -> Iterator[Finding]:
    """Whether a deploy builds images, and whether this machine can."""
    if not needs.images:
        yield ok("docker", "not needed: the stage builds no container image")
        return
    told = f"needed: a deploy builds the image of {', '.join(needs.images)}"
    if machine.docker_server is None:
        yield problem(
            "docker",
            f"{told}, and `{machine.docker}` does not answer",
            f"start Docker, name another program by {DOCKER_VARIABLE}, or deploy from CI; an agent with "
            'compute = "lambda" needs none',
        )
        return
    yield ok("docker", f"{told}; {machine.docker} {format_version(machine.docker_server)} answers")
