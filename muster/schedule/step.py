"""What the dispatcher does with one schedule that is due: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.schedule.rule import Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Fire for one planned time, or for none, and look at the schedule again at another."""

    #: None: nothing fires now.
    planned: datetime | None = None
    #: None: nothing fires ever again.
    next_at: datetime | None = None


def step(
    rule: Rule,
    *,
    next_at: datetime | None,
    effective: datetime,
    ready: bool,
    now: datetime,
    horizon: datetime,
) -> Step:
    """Decide about a schedule.

    Of the times that are past only the last one fires: `missed = "latest"`.

    Args:
        next_at: its next planned time; None when nobody has planned it since it took effect.
        effective: when it took effect as it is now; nothing planned before fires.
        ready: whether its agent takes jobs; while it does not, what falls due is dropped.
        horizon: what is planned until then fires now, with a delay.
    """
    first = next_at or rule.next(after=effective)
    if first is None or first > horizon:
        return Step(next_at=first)
    if not ready:
        return Step(next_at=rule.next(after=now) if first <= now else first)
    planned = rule.last(first=first, now=now) if first <= now else first
    return Step(planned=planned, next_at=rule.next(after=planned))
