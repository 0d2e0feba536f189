"""A service that registers itself when it starts, or on a cold start: its agent, and its own process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from muster.clock import Clock
from muster.errors import ConfigurationError, StoreUnavailable
from muster.registration.announced import announced
from muster.registration.failure import RegistrationFailed
from muster.store.connection import Database
from muster.store.tenant_agents import Standing, TenantAgents
from muster.store.tenant_instances import TenantInstances

#: Pauses between tries, in seconds: the first, and the longest.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What a service says of itself, as its environment has it."""

    agent_id: str
    url: str
    version: str | None = None
    #: None: it registers its agent alone, as a function does that has no process to speak of.
    instance_id: str | None = None
    hostname: str | None = None
    metadata: Mapping[str, Any] | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, hostname: str) -> Self:
        """From `AGENT_ID`, `AGENT_URL`, `AGENT_VERSION`, `INSTANCE_ID`, `POD_NAMESPACE` and `NODE_NAME`.

        Raises:
            ConfigurationError: one of the first two is missing.
        """
        missing = [name for name in ("AGENT_ID", "AGENT_URL") if not environ.get(name)]
        if missing:
            raise ConfigurationError(
                f"{' and '.join(missing)} not set: a service says by AGENT_ID and AGENT_URL what it is "
                "and where it answers"
            )
        place = {"namespace": environ.get("POD_NAMESPACE"), "node": environ.get("NODE_NAME")}
        return cls(
            agent_id=environ["AGENT_ID"],
            url=environ["AGENT_URL"],
            version=environ.get("AGENT_VERSION"),
            instance_id=environ.get("INSTANCE_ID") or f"{environ['AGENT_ID']}-{hostname}",
            hostname=hostname,
            metadata={name: value for name, value in place.items() if value},
        )


def register_service(
    service: Service, *, database: Database, tenant: str, clock: Clock, give_up_seconds: float
) -> Standing:
    """Register a service, again and again with growing pauses while the database is away.

    The agent's endpoint is written only where its version is new, so that replicas do not move it.

    Raises:
        RegistrationFailed: a stack or another tenant has its agent or its id.
        StoreUnavailable: the database was away for too long.
    """
    give_up = clock.monotonic() + give_up_seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return _register(service, database, tenant)
        except StoreUnavailable:
            wait = pause * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
            if clock.monotonic() + wait >= give_up:
                raise
            clock.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _register(service: Service, database: Database, tenant: str) -> Standing:
    agents = TenantAgents(database, tenant=tenant)
    row = announced(service.agent_id, service.version, {"url": service.url})
    known = agents.find(service.agent_id)
    if known is not None and known["agent_version"] == row["agent_version"]:
        standing = Standing.UNCHANGED
    else:
        standing = agents.register(row)
    if standing in (Standing.TAKEN, Standing.DEPLOYED):
        holder = "a stack" if standing is Standing.DEPLOYED else "another tenant"
        raise RegistrationFailed(f"{holder} has an agent {service.agent_id}; take another AGENT_ID")
    if service.instance_id is not None:
        made = TenantInstances(database, tenant=tenant).register(
            service.instance_id,
            facts={
                "url": service.url,
                "endpoint": {"url": service.url},
                "version": service.version,
                "hostname": service.hostname,
                "metadata": service.metadata,
            },
            agents=[service.agent_id],
        )
        if made is None:
            raise RegistrationFailed(
                f"another tenant has an instance {service.instance_id}; take another INSTANCE_ID"
            )
    return standing
