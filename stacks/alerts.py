"""Where alarms go: one topic for pages, one for tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_sns as sns

from stacks.watch import Urgency


@dataclass(frozen=True, kw_only=True, slots=True)
class Alerts:
    """The topics of a stage."""

    topics: Mapping[Urgency, sns.ITopic]


def page_of(stage: str, component: str) -> str:
    """Name of a component's alarm that pages: others refer to it, to keep quiet meanwhile."""
    return f"muster-{stage}-{component}-page"
