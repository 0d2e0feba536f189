"""Alarms that the local stage cannot hold, since its emulator knows no formulas and it has no RDS.

They are taken from the values that the templates are made of; `tests/infra/test_gameday_alarms.py` holds both
against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muster.manifest import Manifest
from stacks.config import STAGES, InstanceDatabase
from stacks.scaling import Scaling, most_tasks
from stacks.watch import Watch
from stacks.watches.agent import failure_rate
from stacks.watches.database import database
from stacks.watches.listener import too_few, unserved
from tests.support.gameday.alarm import Alarm, Series

#: The stage whose metrics they look at, and the database of a stage that has one on RDS.
_STAGE, INSTANCE = "local", "muster"


def taken_out(manifests: Sequence[Manifest]) -> list[Alarm]:
    """The alarms of these agents over several metrics, and those of a database on RDS."""
    settings = STAGES["prod"].database
    assert isinstance(settings, InstanceDatabase)
    return [
        *(of_watch(w, owner=f"Agent {m.id} ({_STAGE})") for m in manifests for w in of_agent(m)),
        *(
            of_watch(watch, owner=f"The database ({_STAGE})")
            for watch in database(settings, instance=INSTANCE)
        ),
    ]


def of_agent(manifest: Manifest, *, stage: str = _STAGE) -> Iterator[Watch]:
    """What of an agent is watched by formulas, whatever number of lanes it has."""
    yield failure_rate(manifest, stage=stage)
    if manifest.compute == "fargate":
        scaling = Scaling(jobs_per_task=manifest.jobs_per_task, most_tasks=most_tasks(manifest))
        yield unserved(stage=stage, agent=manifest.id)
        yield too_few(scaling, stage=stage, agent=manifest.id)


def of_watch(watch: Watch, *, owner: str) -> Alarm:
    """The alarm that a watch becomes in a template."""
    return Alarm(
        name=watch.name,
        owner=owner,
        page=watch.page.rpartition("/")[2].removesuffix(".md"),
        series={
            id_: Series(
                metric=(one.namespace, one.name, tuple(sorted(one.dimensions.items()))),
                statistic=one.statistic,
                minutes=one.minutes,
            )
            for id_, one in watch.series.items()
        },
        expression=watch.expression,
        comparison="LessThanThreshold"
        if watch.at_least is None
        else "GreaterThanOrEqualToThreshold",
        threshold=watch.threshold,
        periods=watch.periods,
        missing=watch.missing,
    )
