"""What routes work with; all that is true is in the database, so that any number of processes agree."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from muster.api.jobs.known_agents import KnownAgents
from muster.api.jobs.unheard import Unheard
from muster.clock import Clock
from muster.dispatcher.lane_choice import LaneChoice
from muster.hooks.shared_secrets import SharedSecrets
from muster.keys.remembered import RememberedKeys
from muster.keys.token import Tokens
from muster.ports import Objects, Queues
from muster.store.at_once import AtOnce
from muster.store.call_rate import CallRate
from muster.store.connection import Database
from muster.store.hooks import Hooks
from muster.store.outside_work import OutsideWork
from muster.store.tasks import Tasks
from muster.store.tenant_agents import TenantAgents
from muster.store.tenant_instances import TenantInstances
from muster.store.tenant_jobs import TenantJobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Of one process."""

    #: Names the stage in metrics.
    stage: str
    database: Database
    keys: RememberedKeys
    tokens: Tokens
    rate: CallRate
    at_once: AtOnce
    queues: Queues
    objects: Objects
    #: Where dead letters go before they are deleted.
    archive_bucket: str
    lanes: LaneChoice
    hooks: Hooks
    hook_rate: CallRate
    hook_secrets: SharedSecrets
    clock: Clock
    log: logging.Logger
    unheard: Unheard = field(default_factory=Unheard)
    #: Remembered, and proven at every use.
    remembered: KnownAgents = field(default_factory=KnownAgents)

    def outside_work(self, tenant: str) -> OutsideWork:
        """What a tenant's workers outside take and report."""
        return OutsideWork(self.database, tenant=tenant)

    def jobs(self, tenant: str) -> TenantJobs:
        """The jobs that a tenant can see."""
        return TenantJobs(self.database, tenant=tenant)

    def agents(self, tenant: str) -> TenantAgents:
        """The agents that a tenant can see."""
        return TenantAgents(self.database, tenant=tenant)

    def instances(self, tenant: str) -> TenantInstances:
        """The instances that a tenant can see."""
        return TenantInstances(self.database, tenant=tenant)

    def tasks(self, tenant: str) -> Tasks:
        """The tasks and queues that a tenant can see."""
        return Tasks(self.database, tenant=tenant)
