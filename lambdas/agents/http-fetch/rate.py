"""How often a host is called, over all workers: one statement decides, in Postgres.

Who may not call yet is told its own moment to come back, one interval after whoever was told before. So a
thousand jobs for one host come back one after another, and not all at once.
"""

from __future__ import annotations

import secrets
from typing import Any, cast

from muster import Job, RetryLater

#: One call in so many also forgets the hosts that were not called for a day.
_TIDY_EVERY = 200


class Rate:
    """The rate of one job's calls."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._interval = 1 / float(job.config["requests_per_second"])
        self._burst = int(job.config["burst"])

    def admit(self, host: str) -> None:
        """Let a call of the host pass.

        Raises:
            RetryLater: at the job's own moment, without using up an attempt.
        """
        turns = self._turns()
        [(wait,)] = self._job.database.run(
            "take",
            {
                "host": host,
                "interval": self._interval,
                "burst": self._burst,
                "promised": host in turns,
            },
        )
        if secrets.randbelow(_TIDY_EVERY) == 0:
            self._job.database.run("forget")
        if wait > 0:
            self._job.checkpoint({"turns": sorted({*turns, host})})
            raise RetryLater(
                f"{host} is called {1 / self._interval:g} times a second at most.",
                after=wait,
                snooze=True,
            )

    def _turns(self) -> list[str]:
        """Hosts whose moment this job was told before."""
        state = cast("dict[str, Any] | None", self._job.state)
        return list(state["turns"]) if state else []
