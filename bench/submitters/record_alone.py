"""Of what Muster's API does for a job the record alone: one prepared statement, and a commit on disk."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from bench.submitters.timed import timed
from muster.api.host import application
from muster.clock import SystemClock
from muster.store.identifier import new_execution_id
from muster.store.tenant_jobs import TenantJobs, Wanted


def _wanted(number: int, *, agent: str, run: str) -> Wanted:
    return Wanted(
        execution_id=new_execution_id(now=SystemClock().now()),
        job_id=f"alone-{run}-{number}",
        agent_id=agent,
        params={"url": "https://example.com/"},
        config=None,
        priority="normal",
        traceparent=None,
    )


def main() -> None:
    """Warm up, then record as many jobs as asked for, one after another."""
    parser = argparse.ArgumentParser()
    for name in ("--agent", "--run"):
        parser.add_argument(name, required=True)
    parser.add_argument("--calls", type=int, required=True)
    given = parser.parse_args()
    jobs: TenantJobs = application().services.jobs("default")

    def record(numbers: range) -> None:
        for job in [_wanted(n, agent=given.agent, run=given.run) for n in numbers]:
            if jobs.submit(job) is None:
                sys.exit("the agent takes no jobs")

    record(range(-50, 0))
    print(timed(given.calls, partial(record, range(given.calls))))


if __name__ == "__main__":
    main()
