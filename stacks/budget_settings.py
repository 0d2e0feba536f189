"""What a stage may cost a month."""

from __future__ import annotations

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
