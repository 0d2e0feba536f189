"""What AWS asks for compute and messages, in US dollars.

List prices of us-east-1 as they were on the date beside them, without free tiers, savings plans and tax:
https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/fargate/pricing/,
https://aws.amazon.com/sqs/pricing/. Another region or a contract of your own: `muster cost --prices FILE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from muster.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """US dollars; those of tokens are the model's, so there is no default but nothing."""

    date: str = "2026-11"
    region: str = "us-east-1"
    lambda_gib_second_arm64: float = 0.0000133334
    lambda_gib_second_x86_64: float = 0.0000166667
    lambda_million_invocations: float = 0.20
    fargate_vcpu_hour_arm64: float = 0.03238
    fargate_vcpu_hour_x86_64: float = 0.04048
    fargate_gib_hour_arm64: float = 0.00356
    fargate_gib_hour_x86_64: float = 0.004445
    sqs_million_requests: float = 0.40
    million_input_tokens: float = 0.0
    million_output_tokens: float = 0.0

    @classmethod
    def changed(cls, changes: Mapping[str, Any]) -> Self:
        """The list prices with some of one's own.

        Raises:
            ConfigurationError: a name is unknown, or a price is no number of zero or more.
        """
        known = {field.name: field.type for field in fields(cls)}
        problems = [f"{name!r} is not known" for name in changes if name not in known]
        problems += [
            f"{name} is {value!r}, which is no price"
            for name, value in changes.items()
            if known.get(name) == "float" and not _is_price(value)
        ]
        if problems:
            raise ConfigurationError(f"prices: {'; '.join(problems)}; known: {', '.join(known)}")
        return replace(cls(), **changes)

    def lambda_gib_second(self, architecture: str) -> float:
        return self._of("lambda_gib_second", architecture)

    def fargate_vcpu_hour(self, architecture: str) -> float:
        return self._of("fargate_vcpu_hour", architecture)

    def fargate_gib_hour(self, architecture: str) -> float:
        return self._of("fargate_gib_hour", architecture)

    def _of(self, price: str, architecture: str) -> float:
        return getattr(self, f"{price}_{architecture}")


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
