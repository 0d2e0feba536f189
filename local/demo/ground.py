"""The deployed cloud as the demo uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.aws import LocalAws
from local.cloud import Cloud
from local.environment import describe, exports
from local.errors import LocalCloudError
from local.listener.health import health
from local.state import CloudState
from muster.store.reader import reading
from muster.store.settings import DatabaseSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where messages go, where records are, and how the command line is called."""

    aws: LocalAws
    database_url: str
    #: By agent: `queues`, `dlq_url` and more.
    agents: Mapping[str, Any]
    #: The uploads bucket.
    bucket: str
    #: Address of the HTTP API.
    api_url: str
    program: Path
    #: Environment of the command line.
    environment: Mapping[str, str]
    #: Ports of an agent's listeners as they are now.
    listener_ports: Callable[[str], list[int]]

    @classmethod
    def of(cls, cloud: Cloud, state: CloudState) -> Self:
        """Ask what is deployed.

        Raises:
            LocalCloudError: the stage lacks what the demo needs.
        """
        described, aws = describe(state), cloud.aws(state)
        if described["bucket"] is None:
            raise LocalCloudError("The deployed stage has no uploads bucket.")
        if "api_url" not in described:
            raise LocalCloudError("The deployed stage has no HTTP API.")
        return cls(
            aws=aws,
            database_url=state.database_url,
            agents=described["agents"],
            bucket=described["bucket"],
            api_url=described["api_url"],
            program=cloud.checkout.program,
            environment=aws.environment() | exports(state),
            listener_ports=lambda agent: [
                listener.port for listener in cloud.state().listeners if listener.agent_id == agent
            ],
        )

    def listeners(self, agent: str) -> list[int]:
        """Process ids of an agent's listeners that answer."""
        answers = [health(port) for port in self.listener_ports(agent)]
        ids = {answer["instance_id"] for answer in answers if answer is not None}
        with reading(DatabaseSettings.from_url(self.database_url), topic="instances") as reader:
            rows = reader.rows(
                "instances",
                {"agent_id": agent, "limit": 100},
            )
        return [row["pid"] for row in rows if row["instance_id"] in ids]
