"""How the containers of a stage's listeners are made and run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from muster.manifest.limits import LISTENER_VISIBILITY

#: Port of `/health` and `/metrics` in a task; every task has an address of its own.
HTTP_PORT = 8080

#: Seconds between ECS's SIGTERM and its SIGKILL: the most that Fargate grants.
STOP_TIMEOUT = 120

#: Seconds that a listener waits for its jobs after SIGTERM; the rest is for handing back what still runs.
DRAIN = 100


#: While a deployment replaces tasks there are up to so many times as many: the old ones end their jobs.
OVERLAP = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSettings:
    """What differs between stages."""

    #: None: the image is built from `ecs_listener/Dockerfile` when it is deployed. A name: nobody builds or
    #: pulls it; whoever runs the stage starts the command of the task definition as a process.
    image: str | None = None
    #: Whether ECS runs tasks, and scales them. Where it does not, services stand without a task.
    tasks: bool = True
    #: Seconds for which a listener hides what it received, and holds what it claimed, between renewals: how
    #: long a job waits when its listener is gone.
    visibility: int = int(LISTENER_VISIBILITY.total_seconds())
    #: How listeners speak to SQS.
    transport: Literal["boto3", "fast"] = "boto3"
