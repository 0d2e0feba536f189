"""What was metered of some jobs of one agent, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from muster.cost.prices import Prices
from muster.manifest.limits import FARGATE_CPU

#: SQS requests of one attempt: sent, received, deleted. Batches need fewer, so this is a ceiling.
REQUESTS_PER_ATTEMPT = 3

_UNITS_PER_VCPU = 1024
_MIB_PER_GIB = 1024
_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What an agent's compute is made of."""

    #: lambda | fargate | http
    compute: str
    #: MiB of the function or the task.
    memory: int
    #: Units of 1/1024 vCPU of the task.
    cpu: int
    #: arm64 | x86_64
    architecture: str
    #: Jobs that share one task or invocation at a time.
    jobs_at_once: int

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any] | None, *, architecture: str) -> Self:
        """As a registered manifest says it; agents without one are run by somebody else.

        Args:
            architecture: the stage's, where the manifest names none.
        """
        said = manifest or {"compute": "http"}
        compute = said["compute"]
        queue: Mapping[str, Any] = said.get("queue", {})
        # A function runs the jobs of a batch one after another, a task side by side.
        together = min(queue.get("batch", 1), said.get("concurrency", 1))
        alone = compute != "fargate" or said.get("isolation") == "task"
        return cls(
            compute=compute,
            memory=said.get("memory", 512),
            cpu=said.get("cpu") or FARGATE_CPU,
            architecture=said.get("architecture") or architecture,
            jobs_at_once=1 if alone else max(1, together),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Metered over any number of jobs."""

    attempts: int
    #: Seconds in the agent's own code, over all attempts.
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """US dollars."""

    compute: float
    requests: float
    tokens: float

    @property
    def total(self) -> float:
        return self.compute + self.requests + self.tokens


def cost(usage: Usage, size: Size, prices: Prices) -> Cost:
    """What a usage costs.

    A task is paid while it stands, so its jobs bear the share that they used; an empty slot beside them
    is not a job's. An agent behind HTTP computes at somebody else's expense.
    """
    sent = REQUESTS_PER_ATTEMPT * usage.attempts * prices.sqs_million_requests
    requests = sent / _MILLION
    if size.compute == "lambda":
        requests += usage.attempts * prices.lambda_million_invocations / _MILLION
    return Cost(
        compute=usage.seconds * per_second(size, prices),
        requests=requests,
        tokens=(
            usage.input_tokens * prices.million_input_tokens
            + usage.output_tokens * prices.million_output_tokens
        )
        / _MILLION,
    )


def per_second(size: Size, prices: Prices) -> float:
    """US dollars for a second of one job."""
    gib = size.memory / _MIB_PER_GIB
    if size.compute == "lambda":
        return gib * prices.lambda_gib_second(size.architecture)
    if size.compute == "fargate":
        hour = size.cpu / _UNITS_PER_VCPU * prices.fargate_vcpu_hour(size.architecture)
        hour += gib * prices.fargate_gib_hour(size.architecture)
        return hour / 3600 / size.jobs_at_once
    return 0.0
