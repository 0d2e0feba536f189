"""What routes work with; all that is true is in the database, so that any number of processes agree."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from muster.clock import Clock
from muster.dispatcher.lane_choice import LaneChoice
from muster.keys.recognition import KeyStore
from muster.ports import Queues
from muster.store.call_rate import CallRate
from muster.store.connection import Database
from muster.store.tenant_jobs import TenantJobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Of one process."""

    database: Database
    keys: KeyStore
    rate: CallRate
    queues: Queues
    lanes: LaneChoice
    clock: Clock
    log: logging.Logger

    def jobs(self, tenant: str) -> TenantJobs:
        """The jobs that a tenant can see."""
        return TenantJobs(self.database, tenant=tenant)
