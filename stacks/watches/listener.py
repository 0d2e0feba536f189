"""Watches of agents on Fargate."""

from __future__ import annotations

from muster.contracts import MetricName
from stacks.scaling import Scaling
from stacks.watch import Urgency, Watch, muster_series

#: Minutes in which there was demand and nothing ran, or too few listeners, until somebody is told.
PATIENCE = 15


def unserved(*, stage: str, agent: str) -> Watch:
    """Messages wait, and nothing runs."""
    backlog, running = (
        muster_series(name, stage=stage, agent=agent)
        for name in (MetricName.BACKLOG, MetricName.RUNNING)
    )
    return Watch(
        name="unserved",
        says="has work and runs nothing.",
        urgency=Urgency.PAGE,
        series={"backlog": backlog, "running": running},
        expression="IF(backlog > 0 AND running < 1, 1, 0)",
        at_least=1,
        periods=PATIENCE,
        runbook="listener",
    )


def too_few(scaling: Scaling, *, stage: str, agent: str) -> Watch:
    """Fewer listeners beat than the demand wants, up to what the manifest allows."""
    demand, listeners = (
        muster_series(name, stage=stage, agent=agent)
        for name in (MetricName.DEMAND, MetricName.LISTENERS)
    )
    wanted = f"MIN([CEIL(demand / {scaling.jobs_per_task}), {scaling.most_tasks}])"
    return Watch(
        name="too-few-listeners",
        says="has fewer listeners than its work wants.",
        urgency=Urgency.TICKET,
        series={"demand": demand, "listeners": listeners},
        expression=f"IF(FILL(listeners, 0) < {wanted}, 1, 0)",
        at_least=1,
        periods=PATIENCE,
        runbook="listener",
    )


def not_started(*, stage: str, agent: str) -> Watch:
    """ECS could not start tasks of it."""
    failures = muster_series(
        MetricName.TASK_START_FAILURES, stage=stage, agent=agent, statistic="Sum", minutes=5
    )
    return Watch(
        name="tasks-do-not-start",
        says="has tasks that ECS cannot start.",
        urgency=Urgency.PAGE,
        series={"failures": failures},
        at_least=1,
        periods=2,
    )
