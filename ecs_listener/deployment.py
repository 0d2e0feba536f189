"""Whether a newer deployment of this task's service has begun: then this task is to drain.

ECS does not stop a protected task. One that always has work would hold up a deployment for ever, unless it
notices and takes no more. A forced deployment has the same task definition as the one before, so what is
compared is the deployment that started this task.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from ecs_listener.telling import Telling
from muster.clock import Clock

#: How often ECS is asked while the task is busy.
EVERY = timedelta(seconds=30)

#: How the names of a service's deployments begin; whatever else started a task is none.
_OF_SERVICE = "ecs-svc/"

#: The metadata endpoint answers from this machine, in seconds.
_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What ECS says about this task."""

    cluster: str
    #: None: it was not started by a service.
    service: str | None
    #: Family and revision, `family:revision`.
    definition: str
    task_id: str


def this_task(metadata_uri: str) -> Task:
    """Read `$ECS_CONTAINER_METADATA_URI_V4/task`.

    Raises:
        OSError: no answer.
        ValueError, KeyError: an answer of another shape.
    """
    with urllib.request.urlopen(f"{metadata_uri}/task", timeout=_PATIENCE) as reply:  # noqa: S310 - given by ECS
        told = json.loads(reply.read())
    return Task(
        cluster=told["Cluster"],
        service=told.get("ServiceName"),
        definition=f"{told['Family']}:{told['Revision']}",
        task_id=told["TaskARN"].rsplit("/", 1)[-1],
    )


class Deployment(Protocol):
    """Says whether this process is of an older deployment."""

    def superseded(self) -> bool:
        """Whether a newer deployment has begun and was not rolled back."""
        ...


class NoDeployment:
    """Where no service deploys this process."""

    def superseded(self) -> bool:
        """Never."""
        return False


class EcsDeployment:
    """Asks ECS which deployment the service is to run.

    Args:
        ecs: a boto3 client of ECS.
    """

    def __init__(self, *, ecs: Any, task: Task, clock: Clock, telling: Telling) -> None:
        self._ecs = ecs
        self._task = task
        self._clock = clock
        self._telling = telling
        self._own: str | None = None
        self._asked_at: float | None = None
        self._superseded = False

    def superseded(self) -> bool:
        """As ECS said within the last half minute; an answer that fails changes nothing."""
        now = self._clock.monotonic()
        if self._asked_at is None or now - self._asked_at >= EVERY.total_seconds():
            self._asked_at = now
            try:
                self._superseded = self._ask()
            except Exception as error:  # noqa: BLE001 - botocore's errors have no common base; asked again later
                self._telling.trouble("the service's deployments cannot be read", error)
        return self._superseded

    def _ask(self) -> bool:
        if self._own is None:
            self._own = self._started_by()
        described = self._ecs.describe_services(
            cluster=self._task.cluster, services=[self._task.service]
        )
        primary = [
            deployment
            for service in described["services"]
            for deployment in service.get("deployments", [])
            if deployment.get("status") == "PRIMARY"
        ]
        if self._own.startswith(_OF_SERVICE):
            names, own = [deployment["id"] for deployment in primary], self._own
        else:
            names = [deployment["taskDefinition"].rsplit("/", 1)[-1] for deployment in primary]
            own = self._task.definition
        return bool(names) and own not in names

    def _started_by(self) -> str:
        described = self._ecs.describe_tasks(cluster=self._task.cluster, tasks=[self._task.task_id])
        return str(described["tasks"][0].get("startedBy", ""))
