"""What a stage asks of an account, by its manifests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from muster.manifest import FARGATE_CPU, Manifest
from stacks.config import Stage
from stacks.containers import OVERLAP
from stacks.lane_shares import lane_shares
from stacks.scaling import most_tasks

#: Functions beside those of agents and API that may run: dispatcher, migration, registration.
_OWN_FUNCTIONS = 3
_CPU_UNITS = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """At its busiest."""

    #: Functions at once, those reserved included.
    functions: int
    #: Of them, kept for one function; Lambda takes them from all others.
    reserved: int
    #: vCPUs of all tasks, while a deployment replaces them too.
    vcpus: int
    #: vCPUs of the largest task.
    largest_task: float
    #: Agents whose image a deploy builds.
    images: tuple[str, ...]

    @classmethod
    def of(cls, stage: Stage, manifests: Sequence[Manifest]) -> Self:
        """Add up what the agents of the stage may use."""
        functions = [m for m in manifests if m.compute == "lambda"]
        services = (
            [m for m in manifests if m.compute == "fargate"] if stage.containers.tasks else []
        )
        vcpus = {m.id: (m.cpu or FARGATE_CPU) / _CPU_UNITS for m in services}
        built = stage.containers.image is None
        return cls(
            functions=sum(lane_shares(m, stage).total for m in functions)
            + stage.api.concurrency
            + _OWN_FUNCTIONS,
            reserved=stage.api.concurrency,
            vcpus=math.ceil(sum(_tasks(m) * vcpus[m.id] for m in services)),
            largest_task=max(vcpus.values(), default=0),
            images=tuple(m.id for m in manifests if m.compute == "fargate" and built),
        )


def _tasks(manifest: Manifest) -> int:
    launched = manifest.concurrency if manifest.isolation == "task" else 0
    return OVERLAP * most_tasks(manifest) + launched
