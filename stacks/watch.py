"""What is watched: a metric, when it hurts, whom it wakes, and the page that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from muster.contracts import METRICS_NAMESPACE, metric_dimensions

#: Where runbooks are, from the root of the repository.
RUNBOOKS = "docs/runbooks"

Missing = Literal["notBreaching", "breaching"]


class Urgency(StrEnum):
    """Who is told."""

    #: Somebody is woken: work does not get done.
    PAGE = "page"
    #: Somebody looks in the morning.
    TICKET = "ticket"


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One metric, as CloudWatch keeps it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    #: `Maximum`, `Sum`, … or a percentile such as `p99`.
    statistic: str = "Maximum"
    #: Length of a period, in minutes.
    minutes: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """A condition that somebody is told of."""

    #: Names the alarm, and where `runbook` is empty the page, too.
    name: str
    #: What is said after the owner's name: a sentence.
    says: str
    urgency: Urgency
    #: By the names that `expression` uses; a single one needs no expression.
    series: Mapping[str, Series]
    expression: str = ""
    #: The condition holds from this value on; or, with `below`, under it.
    at_least: float | None = None
    below: float | None = None
    #: For so many periods on end.
    periods: int = 1
    missing: Missing = "notBreaching"
    runbook: str = ""

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.below is None):
            raise ValueError(f"{self.name}: give one of at_least and below")
        if len(self.series) != 1 and not self.expression:
            raise ValueError(f"{self.name}: {len(self.series)} series need an expression")

    @property
    def page(self) -> str:
        """Path of its runbook."""
        return f"{RUNBOOKS}/{self.runbook or self.name}.md"

    @property
    def threshold(self) -> float:
        """What its values are compared with."""
        return float(self.below if self.at_least is None else self.at_least)  # pyright: ignore[reportArgumentType] - one of both is given


def muster_series(
    name: str, *, stage: str, agent: str, statistic: str = "Maximum", minutes: int = 1
) -> Series:
    """A metric that Muster itself emits, by the contract that its runtime emits it by."""
    return Series(
        namespace=METRICS_NAMESPACE,
        name=name,
        dimensions=metric_dimensions(stage=stage, agent=agent),
        statistic=statistic,
        minutes=minutes,
    )
