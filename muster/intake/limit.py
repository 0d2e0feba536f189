"""The limit of a stage, as its dispatcher is told it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from muster.cost.prices import Prices
from muster.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeLimit:
    """From what metered cost of a calendar month on the stage takes no more jobs."""

    #: US dollars.
    monthly_usd: float
    #: arm64 | x86_64: the stage's, where a manifest names none.
    architecture: str = "arm64"
    prices: Prices = field(default_factory=Prices)

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """As the environment holds it; None when it is empty: there is no limit.

        Raises:
            ConfigurationError: it is none.
        """
        if not text:
            return None
        try:
            told = json.loads(text)
            return cls(
                monthly_usd=float(told["monthly_usd"]),
                architecture=str(told["architecture"]),
                prices=Prices.changed(told["prices"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(
                f"MUSTER_INTAKE_LIMIT is no limit ({error!r}). The stack that deploys the dispatcher sets "
                "it; redeploy it."
            ) from error
