"""A manifest as frozen values, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from muster.agent_package import package_name
from muster.manifest.limits import (
    ATTEMPTS_MARGIN,
    LISTENER_VISIBILITY,
    MAX_RECEIVE_COUNT,
    MOST_LAUNCHES,
    VISIBILITY_FACTOR,
    function_timeout,
)
from muster.model import JsonObject


def _no_names() -> dict[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """How the agent takes messages from its queues."""

    #: lambda: messages given to one invocation, whose jobs run one by one; fargate: jobs that one task runs
    #: at once. 1-10.
    batch: int
    #: Priorities with a queue of their own, most urgent first; `normal` is always one of them.
    lanes: tuple[str, ...] = ("normal",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """Named resources of the stage that the agent may use, e.g. `bucket:uploads`."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A schedule that starts jobs of the agent: by exactly one of `cron`, `every` and `at`."""

    name: str
    #: Five fields.
    cron: str | None = None
    #: A rate, counted from `start`, or else from 1970-01-01T00:00:00Z.
    every: timedelta | None = None
    #: A single time.
    at: datetime | None = None
    #: IANA name; local times and cron fields are of this zone.
    timezone: str = "UTC"
    params: JsonObject = field(default_factory=dict[str, Any])
    #: One of LANES.
    priority: str = "normal"
    #: False keeps it from firing.
    enabled: bool = True
    #: Nothing fires before.
    start: datetime | None = None
    #: Nothing fires later.
    end: datetime | None = None
    #: Each fire starts up to so much past its planned time, always the same for one planned time.
    jitter: timedelta | None = None
    #: allow | skip | queue: what happens when the job of the last fire still runs.
    overlap: str = "allow"
    #: skip | latest | all: what happens to fires that were missed.
    missed: str = "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Trigger:
    """New objects of a bucket that start jobs of the agent."""

    #: Logical name, mapped to a real bucket by the stage.
    bucket: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """A path of the HTTP API whose verified calls start jobs of the agent."""

    name: str
    #: The scheme by which a call proves its sender.
    verify: str = "standard-webhooks"
    #: Header of the signature, in lower case; `hmac` only, None: `x-signature`.
    signature_header: str | None = None
    #: Headers, in lower case, that jobs are told of besides those of the scheme.
    headers: tuple[str, ...] = ()
    #: One of LANES.
    priority: str = "normal"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where an agent with compute `http` is reached."""

    url: str
    #: http | webhook | n8n | cloud-function
    type: str = "http"
    method: str = "POST"
    #: bearer | api-key | oauth; None: no authentication.
    authentication: str | None = None
    #: Secrets Manager name of its token; None without authentication.
    secret: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One agent as its `agent.toml` describes it."""

    id: str
    version: str
    compute: str
    timeout: timedelta
    queue: Queue
    name: str = ""
    description: str = ""
    #: MiB.
    memory: int = 512
    #: Units of 1/1024 vCPU; fargate only.
    cpu: int | None = None
    #: MiB.
    ephemeral_storage: int | None = None
    #: arm64 | x86_64; None: the stage's.
    architecture: str | None = None
    #: Attempts after the first.
    retries: int = 4
    #: Most jobs at once, over all workers and lanes.
    concurrency: int = 20
    #: shared | process | task
    isolation: str = "shared"
    #: none | internet
    egress: str = "none"
    image: str | None = None
    command: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cost_tags: Mapping[str, str] = field(default_factory=_no_names)
    env: Mapping[str, str] = field(default_factory=_no_names)
    #: Name the agent uses -> Secrets Manager name.
    secrets: Mapping[str, str] = field(default_factory=_no_names)
    permissions: Permissions = field(default_factory=Permissions)
    input_schema: JsonObject | None = None
    output_schema: JsonObject | None = None
    config_schema: JsonObject | None = None
    config: JsonObject = field(default_factory=dict[str, Any])
    metadata: JsonObject = field(default_factory=dict[str, Any])
    endpoint: Endpoint | None = None
    schedules: tuple[Schedule, ...] = ()
    s3: tuple[S3Trigger, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    #: The folder it was read from; None when it came as JSON. Not part of its value.
    folder: Path | None = field(default=None, compare=False)

    @property
    def max_attempts(self) -> int:
        """Attempts in all, the first included."""
        return self.retries + 1

    @property
    def function_timeout(self) -> timedelta:
        """Timeout of the Lambda function that runs a whole batch one after another."""
        return function_timeout(batch=self.queue.batch, timeout=self.timeout)

    @property
    def visibility_timeout(self) -> timedelta:
        """Visibility timeout of the agent's lane queues."""
        if self.compute == "fargate":
            return LISTENER_VISIBILITY
        return VISIBILITY_FACTOR * self.function_timeout

    @property
    def jobs_per_task(self) -> int:
        """Jobs that one task of a listener runs, or launches, at once."""
        if self.isolation == "task":
            return min(MOST_LAUNCHES, self.concurrency)
        return min(self.queue.batch, self.concurrency)

    @property
    def max_receive_count(self) -> int:
        """Receives after which SQS itself moves a message to the DLQ: a backstop, the ledger decides."""
        return min(MAX_RECEIVE_COUNT, ATTEMPTS_MARGIN * self.max_attempts)

    @property
    def package(self) -> str:
        """Name of the folder as an importable package, e.g. `muster_agents.feed_collector`."""
        return package_name(self.id)
