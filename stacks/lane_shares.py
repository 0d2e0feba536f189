"""How an agent's `concurrency` is shared among the event sources of its lanes: pure arithmetic.

The shares are fixed, so that a lane that is flooded cannot take what another one needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muster.manifest import Manifest
from stacks.config import MIN_EVENT_SOURCE_CONCURRENCY, Stage

#: How much of the whole each lane gets, relative to the others.
WEIGHTS: Mapping[str, int] = {"urgent": 16, "critical": 8, "high": 4, "normal": 2, "low": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneShares:
    """What the event sources of an agent are limited to."""

    #: Most invocations at once, by lane.
    functions: Mapping[str, int]
    #: Slots that the claim counts, where the event sources could run more than `concurrency`; else 0.
    slots: int

    @property
    def total(self) -> int:
        """Most invocations at once, over all lanes."""
        return sum(self.functions.values())


def lane_shares(manifest: Manifest, stage: Stage) -> LaneShares:
    """The shares of an agent on Lambda in a stage."""
    wanted = by_weight(manifest.queue.lanes, manifest.concurrency)
    functions = {lane: stage.functions_at_once(share) for lane, share in wanted.items()}
    over = sum(functions.values()) > manifest.concurrency
    return LaneShares(functions=functions, slots=manifest.concurrency if over else 0)


def by_weight(lanes: Sequence[str], concurrency: int) -> dict[str, int]:
    """Shares by weight, none below what an event source takes; together `concurrency`, if that is enough."""
    shares = dict.fromkeys(lanes, MIN_EVENT_SOURCE_CONCURRENCY)
    for _ in range(concurrency - sum(shares.values())):
        # The next one to the lane that would still be the furthest below its part of the whole.
        shares[max(shares, key=lambda lane: WEIGHTS[lane] / (shares[lane] + 1))] += 1
    return shares
