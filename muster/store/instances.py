"""Running processes in the table `agent_instance`, each with a heartbeat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from muster.fleet import HEARTBEAT_SECONDS, STALE_SECONDS
from muster.store.connection import Database
from muster.store.statements import statements

#: One that has not said so for this long is marked as stale, unless its row says otherwise (`stale_seconds`).
STALE = timedelta(seconds=STALE_SECONDS)

#: Rows of ended listeners are kept this long; each task of ECS has a name of its own.
KEEP = timedelta(days=7)

#: Most rows that are removed at once.
_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One running process."""

    instance_id: str
    agent_id: str
    #: listener | http
    kind: str = "listener"
    hostname: str
    pid: int
    version: str
    code_version: str
    #: What it was started from; None outside ECS.
    deployment: str | None = None
    #: Where it answers; None where nobody can ask it.
    url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: How often it beats, and after how long a silence it is stale.
    heartbeat_seconds: int = HEARTBEAT_SECONDS
    stale_seconds: int = STALE_SECONDS


class Instances:
    """The table on one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("instances")

    def beat(self, instance: Instance, *, status: str, running_jobs: int) -> None:
        """Register the instance or renew its heartbeat, whether or not its row is still there.

        Args:
            status: running | draining
            running_jobs: how many it runs now.

        Raises:
            StoreUnavailable: no answer.
        """
        self._database.run(
            self._sql["instance_beat"],
            {
                "instance_id": instance.instance_id,
                "kind": instance.kind,
                "status": status,
                "hostname": instance.hostname,
                "pid": instance.pid,
                "version": instance.version,
                "code_version": instance.code_version,
                "deployment": instance.deployment,
                "url": instance.url,
                "running_jobs": running_jobs,
                "metadata": json.dumps(dict(instance.metadata)),
                "heartbeat_seconds": instance.heartbeat_seconds,
                "stale_seconds": instance.stale_seconds,
                "agent_ids": json.dumps([instance.agent_id]),
            },
        )

    def stop(self, instance: Instance) -> None:
        """The instance ends.

        Raises:
            StoreUnavailable: no answer.
        """
        self._database.run(self._sql["instance_stop"], {"instance_id": instance.instance_id})

    def here(self, hostname: str) -> list[int]:
        """Pids of listeners on this machine, and of tasks that they launched that did not say goodbye.

        A pid may be another process's by now.

        Raises:
            StoreUnavailable: no answer.
        """
        return [
            pid
            for (pid,) in self._database.run(self._sql["instances_here"], {"hostname": hostname})
        ]

    def sweep(self) -> list[str]:
        """Mark instances that no longer beat and forget old ones; the ids of those that were marked.

        Raises:
            StoreUnavailable: no answer.
        """
        marked = self._database.run(self._sql["instances_stale"])
        self._database.run(
            self._sql["instances_forget"], {"keep_seconds": KEEP.total_seconds(), "page": _PAGE}
        )
        return [instance_id for (instance_id,) in marked]


def leadership_of(agent_id: str) -> str:
    """The lease for which the instances of an agent compete."""
    return f"leader:{agent_id}"
