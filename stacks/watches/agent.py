"""Watches of an agent, whatever computes it."""

from __future__ import annotations

from datetime import timedelta

from muster.contracts import MetricName
from muster.manifest import Manifest
from stacks.watch import Urgency, Watch, muster_series

#: Beyond two attempts that take as long as they may.
STUCK_AFTER = timedelta(hours=1)

#: Percent of the executions of a quarter of an hour, and how many it takes at least.
FAILURE_PERCENT = 20
FEWEST_FAILURES = 3

#: Minutes of a period in which a dead-letter queue refused; one refusal is made good by the next tick.
REFUSED_MINUTES = 5


def stuck_jobs(manifest: Manifest, *, stage: str) -> Watch:
    """The age of the oldest execution, from the ledger: SQS does not count what came several times."""
    return Watch(
        name="stuck-jobs",
        says="has a job that should have ended long ago.",
        urgency=Urgency.PAGE,
        series={
            "oldest": muster_series(MetricName.OLDEST_UNFINISHED, stage=stage, agent=manifest.id)
        },
        at_least=(STUCK_AFTER + 2 * manifest.timeout).total_seconds(),
        periods=3,
    )


def failure_rate(manifest: Manifest, *, stage: str) -> Watch:
    """Many of the executions that end fail."""
    failed, completed = (
        muster_series(name, stage=stage, agent=manifest.id, statistic="Sum", minutes=15)
        for name in (MetricName.FAILED, MetricName.COMPLETED)
    )
    return Watch(
        name="failure-rate",
        says=f"fails: {FAILURE_PERCENT} % of its jobs or more.",
        urgency=Urgency.TICKET,
        series={"failed": failed, "completed": completed},
        expression=f"IF(failed >= {FEWEST_FAILURES}, "
        "100 * failed / (failed + FILL(completed, 0)), 0)",
        at_least=FAILURE_PERCENT,
    )


def letters_refused(manifest: Manifest, *, stage: str) -> Watch:
    """Its dead-letter queue takes no letter: it is gone, or whoever sends may not."""
    refused = muster_series(
        MetricName.LETTERS_REFUSED,
        stage=stage,
        agent=manifest.id,
        statistic="Sum",
        minutes=REFUSED_MINUTES,
    )
    return Watch(
        name="dead-letters-refused",
        says="has dead letters that their queue refuses.",
        urgency=Urgency.TICKET,
        series={"refused": refused},
        at_least=1,
        periods=2,
    )
