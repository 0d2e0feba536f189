"""The fast transport against a stubbed server, with a clock, credentials and pauses of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.credentials import Credentials

from muster.aws.fast.client import FastSqs
from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.credentials import Keyring
from muster.aws.fast.opening import fast_sqs
from tests.support.stubbed_sqs import StubbedSqs

#: 2026-11-21 12:00:00 UTC
NOON = 1_795_262_400.0


@dataclass
class Transport:
    """The client under test, with what it is told and what it does besides calling."""

    server: StubbedSqs
    url: str = ""
    patience: float = 5
    local: float = NOON
    found: list[Any] = field(default_factory=lambda: [Credentials("AKID", "secret")])
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.client: FastSqs = fast_sqs(
            endpoint_url=self.url or self.server.url,
            region="eu-central-1",
            keyring=Keyring(self._search, monotonic=lambda: self.seconds),
            patience=self.patience,
            clock=ServiceClock(local=lambda: self.local),
            sleep=self.pauses.append,
            chance=lambda: 1.0,
        )

    def _search(self) -> Any:
        return self.found.pop(0) if self.found else None

    def depth(self) -> dict[str, Any]:
        """A call that is like any other."""
        return self.client.get_queue_attributes(QueueUrl="q", AttributeNames=["All"])
