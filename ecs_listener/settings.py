"""What a listener is told, with units, checked before it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from muster.contracts import ListenerEnvironment
from muster.errors import ConfigurationError
from muster.fleet_settings import FleetSettings

#: A lease shorter than this leaves no time for the second renewal.
SHORTEST_VISIBILITY = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one listener consumes its lanes."""

    #: Lane -> queue URL.
    lanes: Mapping[str, str]
    dead_letter_queue_url: str
    #: Jobs at once in this process.
    concurrency: int
    #: Jobs at once over all processes of the agent.
    agent_concurrency: int
    #: Slots over all processes of the agent that a message needs before it runs; 0: none are counted.
    slots: int
    #: What is received is hidden and what is claimed is held for this long, and renewed.
    visibility: timedelta
    #: After SIGTERM, what still runs then is handed back.
    drain: timedelta
    #: 0: any free port.
    http_port: int
    scale_in_protection: bool
    #: boto3 | fast
    transport: str
    fleet: FleetSettings

    @classmethod
    def of(cls, environment: ListenerEnvironment) -> Self:
        """Read the environment's texts as values.

        Raises:
            ConfigurationError: names the variable, its value and what it may be.
        """
        number = _Numbers(environment)
        lanes = json.loads(environment.queue_urls)
        if not lanes:
            raise _refused(environment, "queue_urls", "name at least the lane `normal`")
        if environment.scale_in_protection not in ("yes", "no"):
            raise _refused(environment, "scale_in_protection", "write yes or no")
        return cls(
            lanes=lanes,
            dead_letter_queue_url=environment.dead_letter_queue_url,
            concurrency=number.whole("concurrency", least=1),
            agent_concurrency=number.whole("agent_concurrency", least=1),
            slots=number.whole("slots", least=0),
            visibility=timedelta(
                seconds=number.whole(
                    "visibility_seconds", least=int(SHORTEST_VISIBILITY.total_seconds())
                )
            ),
            drain=timedelta(seconds=number.whole("drain_seconds", least=0)),
            http_port=number.whole("http_port", least=0),
            scale_in_protection=environment.scale_in_protection == "yes",
            transport=environment.transport,
            fleet=FleetSettings.from_json(environment.fleet),
        )


@dataclass(frozen=True, slots=True)
class _Numbers:
    environment: ListenerEnvironment

    def whole(self, field: str, *, least: int) -> int:
        text: str = getattr(self.environment, field)
        if not text.isdecimal() or int(text) < least:
            raise _refused(self.environment, field, f"write a whole number from {least} on")
        return int(text)


def _refused(environment: ListenerEnvironment, field: str, cure: str) -> ConfigurationError:
    value = getattr(environment, field)
    return ConfigurationError(f"{environment.variable(field)} is {value!r}: {cure}")
