"""The duty `retention`: what is older than its stage keeps it leaves the ledger.

    job ids older than 32 days, some blocks of the table at a time
    -> then whole months of executions and events; what is not at rest is moved out first
    -> then, by the page, what was moved out and has come to rest

Each step is one transaction: a crash leaves it done or not done. None waits long for a lock, nor keeps claims
waiting.
"""

from __future__ import annotations

import logging

from muster.contracts import JOB_KEY_DAYS
from muster.store.connection import Database
from muster.store.statements import statements

#: Blocks of 8 KiB of each part of the job ids that one step looks through: some thousand ids.
BLOCKS = 256

#: Most executions that are moved out of a month while claims wait.
MOST_MOVED = 1000

#: Rows removed in one step.
PAGE = 1000


class Retention:
    """What it does with one database."""

    def __init__(self, *, database: Database, keep_days: int, log: logging.Logger) -> None:
        self._database = database
        self._days = {"keep_days": keep_days, "key_days": JOB_KEY_DAYS}
        self._log = log
        self._sql = statements("retention")

    def page(self) -> int:
        """One step of each kind; how many rows and partitions left."""
        cleared = sum(self._page(name) for name in ("clear_defaults", "forget_fleet_events"))
        return self._prune() + self._drop() + cleared

    def _prune(self) -> int:
        parameters = {"key_days": self._days["key_days"], "blocks": BLOCKS}
        return int(self._database.run(self._sql["prune_job_keys"], parameters)[0][0])

    def _drop(self) -> int:
        parameters = {**self._days, "most_moved": MOST_MOVED}
        rows = self._database.run(self._sql["drop_partition"], parameters)
        for partition, verdict in rows:
            log = self._log.info if verdict == "dropped" else self._log.warning
            log("partition %s: %s", partition, verdict)
        return sum(verdict == "dropped" for _, verdict in rows)

    def _page(self, name: str) -> int:
        parameters = {"keep_days": self._days["keep_days"], "page": PAGE}
        return int(self._database.run(self._sql[name], parameters)[0][0])
