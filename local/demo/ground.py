"""The deployed cloud as the demo uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.aws import LocalAws
from local.cloud import Cloud
from local.environment import describe, exports
from local.errors import LocalCloudError
from local.state import CloudState


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where messages go, where records are, and how the command line is called."""

    aws: LocalAws
    database_url: str
    #: By agent: `queues`, `dlq_url` and more.
    agents: Mapping[str, Any]
    #: The uploads bucket.
    bucket: str
    program: Path
    #: Environment of the command line.
    environment: Mapping[str, str]

    @classmethod
    def of(cls, cloud: Cloud, state: CloudState) -> Self:
        """Ask what is deployed.

        Raises:
            LocalCloudError: the stage lacks what the demo needs.
        """
        described, aws = describe(state), cloud.aws(state)
        if described["bucket"] is None:
            raise LocalCloudError("The deployed stage has no uploads bucket.")
        return cls(
            aws=aws,
            database_url=state.database_url,
            agents=described["agents"],
            bucket=described["bucket"],
            program=cloud.checkout.program,
            environment=aws.environment() | exports(state),
        )
