"""Proof that the functions together cannot exhaust the database's connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.contracts import LISTENER_CONNECTIONS
from muster.errors import ConfigurationError
from muster.manifest import Manifest
from stacks.config import Stage
from stacks.containers import OVERLAP
from stacks.database_settings import InstanceDatabase
from stacks.lane_shares import lane_shares
from stacks.scaling import most_tasks

#: The dispatcher's tick; a late one may still run beside the next.
DISPATCHER_CONNECTIONS = 2


def connections_at_most(manifest: Manifest, stage: Stage) -> int:
    """Most connections that the workers of an agent hold at the same time.

    One a function; of a listener's tasks there are up to twice as many while a deployment replaces them,
    and with `isolation = "task"` there is one more for each job.
    """
    if manifest.compute == "fargate":
        tasks = most_tasks(manifest) if stage.containers.tasks else 1
        launched = manifest.concurrency if manifest.isolation == "task" else 0
        return (OVERLAP * tasks + launched) * LISTENER_CONNECTIONS
    return lane_shares(manifest, stage).total


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionBudget:
    """Who may hold a connection at the same time, and how many there are."""

    stage: Stage
    #: What `connections_at_most` says of every agent.
    agents: Mapping[str, int]

    @property
    def agent_connections(self) -> int:
        return sum(self.agents.values())

    @property
    def register_connections(self) -> int:
        """One per agents stack deployed at the same time, and the migration."""
        return self.stage.agent_shards + 1

    @property
    def needed(self) -> int:
        return (
            self.agent_connections
            + DISPATCHER_CONNECTIONS
            + self.stage.api.concurrency
            + self.register_connections
            + self.stage.reserved_connections
        )

    def verify(self) -> None:
        """Raises ConfigurationError when the sum exceeds the database's `max_connections`."""
        limit = self.stage.database.max_connections
        if self.needed <= limit:
            return
        largest = sorted(self.agents.items(), key=lambda item: (-item[1], item[0]))[:3]
        cure = (
            f"database.instance_class (now {self.stage.database.instance_class})"
            if isinstance(self.stage.database, InstanceDatabase)
            else "database.max_connections"
        )
        raise ConfigurationError(
            f"stage {self.stage.name!r} could open {self.needed} database connections, "
            f"but max_connections is {limit}: agents {self.agent_connections} "
            f"(largest: {', '.join(f'{name} {count}' for name, count in largest)}), "
            f"dispatcher {DISPATCHER_CONNECTIONS}, api {self.stage.api.concurrency}, "
            f"register {self.register_connections}, "
            f"reserved_connections {self.stage.reserved_connections}. "
            f"Lower `concurrency`, or have fewer lanes, in agent.toml, or raise {cure} in stacks/config.py."
        )
