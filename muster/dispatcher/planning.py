"""Decides once for all schedules that ask the same: most of a storm share a rule and a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from muster.schedule.rule import BadRule, Rule
from muster.schedule.step import Step, step

if TYPE_CHECKING:
    from muster.dispatcher.due import Due


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A step, with its times as the database reads them."""

    step: Step
    planned: str | None
    next_at: str | None
    #: Why the schedule can never fire.
    problem: str | None = None


class Planning:
    """The decisions of some pages, made at one moment.

    Args:
        now: the database's time.
        horizon: what is planned until then fires now, with a delay.
    """

    def __init__(self, *, now: datetime, horizon: datetime) -> None:
        self.now = now
        self.horizon = horizon
        self._made: dict[tuple[object, ...], Decision] = {}

    def decide(self, due: Due) -> Decision:
        """What happens to a schedule."""
        asked = (
            *(due.kind, due.expression, due.timezone, due.start, due.end, due.missed),
            # Without a planned time the step counts from when the schedule took effect.
            due.next_at or (due.effective,),
            due.ready,
        )
        made = self._made.get(asked)
        if made is None:
            made = self._made[asked] = self._decide(due)
        return made

    def _decide(self, due: Due) -> Decision:
        problem = None
        try:
            decided = step(
                Rule(
                    kind=due.kind,
                    expression=due.expression,
                    timezone=due.timezone,
                    start=due.start,
                    end=due.end,
                ),
                next_at=due.next_at,
                # Not looked at where there is a next time.
                effective=due.effective or self.now,
                ready=due.ready,
                missed=due.missed,
                now=self.now,
                horizon=self.horizon,
            )
        except (BadRule, ValueError, TypeError, ArithmeticError) as bad:
            # It was written by hand; a schedule that cannot be planned must not keep others from firing.
            decided, problem = Step(), str(bad)
        return Decision(
            step=decided,
            planned=_text(decided.planned),
            next_at=_text(decided.next_at),
            problem=problem,
        )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
