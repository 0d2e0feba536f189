"""What a stage may cost a month."""

from __future__ import annotations

import json
from dataclasses import dataclass

from muster.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSettings:
    """The monthly limit of a stage."""

    #: US dollars.
    monthly_usd: int
    #: Count all that the account costs. Otherwise only what carries the stage's tag `Stage`, which the
    #: payer of the bill has to activate once as a cost allocation tag: until then nothing is counted.
    whole_account: bool = False

    def __post_init__(self) -> None:
        if self.monthly_usd < 1:
            raise ConfigurationError(
                f"budget.monthly_usd is {self.monthly_usd}; use 1 or more, or `budget=None`"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeSettings:
    """The limit of what is metered of a stage's jobs in a calendar month (UTC); then it takes no more."""

    #: US dollars, by the prices of `muster cost`.
    monthly_usd: float
    #: US dollars for a million tokens, which agents count; only their model's price is not known here.
    million_input_tokens: float = 0.0
    #: The same of what models write.
    million_output_tokens: float = 0.0

    def __post_init__(self) -> None:
        if not self.monthly_usd > 0:
            raise ConfigurationError(
                f"intake.monthly_usd is {self.monthly_usd}; use more than 0, or `intake=None`"
            )
        if min(self.million_input_tokens, self.million_output_tokens) < 0:
            raise ConfigurationError("intake: a price of tokens is below 0; use 0 or more")

    def to_json(self, architecture: str) -> str:
        """As the dispatcher is told it.

        Args:
            architecture: the stage's.
        """
        prices = {
            "million_input_tokens": self.million_input_tokens,
            "million_output_tokens": self.million_output_tokens,
        }
        told = {"monthly_usd": self.monthly_usd, "architecture": architecture, "prices": prices}
        return json.dumps(told, separators=(",", ":"))
