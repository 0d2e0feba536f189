"""Watches of the dispatcher, and of what only it can see."""

from __future__ import annotations

from datetime import timedelta

from muster.contracts import DISPATCHER, MetricName
from stacks.watch import Series, Urgency, Watch, muster_series

#: Minutes without a tick. A lost one is no matter: the next does its work.
SILENT_MINUTES = 5

#: What a tick should have sent, and several did not.
LATE = timedelta(minutes=10)


def dispatcher(*, stage: str) -> tuple[Watch, ...]:
    """Its own silence, and what it could not mend."""

    def own(name: str, *, statistic: str = "Maximum", minutes: int = 1) -> dict[str, Series]:
        series = muster_series(
            name, stage=stage, agent=DISPATCHER, statistic=statistic, minutes=minutes
        )
        return {"watched": series}

    return (
        Watch(
            name="dispatcher-silent",
            says=f"has not ticked for {SILENT_MINUTES} minutes: nothing fires, is rescued or relayed.",
            urgency=Urgency.PAGE,
            below=1,
            periods=SILENT_MINUTES,
            missing="breaching",
            series=own(MetricName.TICK, statistic="Sum"),
        ),
        Watch(
            name="relay-lag",
            says="does not get jobs onto their queues.",
            urgency=Urgency.PAGE,
            at_least=LATE.total_seconds(),
            periods=3,
            series=own(MetricName.RELAY_LAG),
        ),
        Watch(
            name="dead-letters-not-sent",
            says="does not get dead letters onto their queues.",
            urgency=Urgency.TICKET,
            at_least=LATE.total_seconds(),
            periods=3,
            series=own(MetricName.BURIAL_LAG),
        ),
        Watch(
            name="rescues",
            says="had to take jobs back from workers that vanished.",
            urgency=Urgency.TICKET,
            at_least=1,
            series=own(MetricName.RESCUES, statistic="Sum", minutes=15),
        ),
        Watch(
            name="missed-fires",
            says="found times of schedules that had passed without a tick and are not made up.",
            urgency=Urgency.TICKET,
            at_least=1,
            series=own(MetricName.MISSED_FIRES, statistic="Sum", minutes=15),
        ),
    )
