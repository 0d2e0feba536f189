"""Loads the agent and makes what runs its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecs_listener.ground import Ground
from ecs_listener.running import Stoppable, Threads
from muster.agent_loader import load_agent
from muster.agent_secrets import AgentSecrets
from muster.aws.s3 import Objects
from muster.aws.secrets import Secrets
from muster.execution.attempt import Agent, Attempts
from muster.execution.configuration import Configuration
from muster.execution.params import params_checker
from muster.isolation.caller import Caller
from muster.outbound import Outbound
from muster.store.agent_config import current_config
from muster.store.ledger import Ledger
from muster.store.opening import open_tables
from muster.store.shared import SharedDatabase

_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentCode:
    """What runs an agent's jobs."""

    attempts: Attempts
    #: Takes up a change of AgentConfig; raises StoreUnavailable when it was never read.
    refresh: Callable[[], None]


def agent_code(ground: Ground, *, jobs: SharedDatabase, secrets: Secrets) -> AgentCode:
    """Load the agent of this listener.

    Args:
        jobs: the connection that its jobs share.

    Raises:
        ConfigurationError: the folder has no agent.
    """
    manifest = ground.manifest
    configuration = Configuration(
        agent_id=manifest.id,
        defaults=manifest.config,
        schema=manifest.config_schema,
        read=lambda: current_config(jobs, agent_id=manifest.id),
        clock=ground.clock,
        log=ground.log,
    )
    agent = Agent(
        agent_id=manifest.id,
        version=manifest.version,
        caller=Stoppable(_caller(ground)),
        timeout=manifest.timeout,
        max_attempts=manifest.max_attempts,
        check_params=params_checker(manifest.input_schema),
        configuration=configuration,
        secrets=AgentSecrets(manifest.secrets, read=secrets.text, clock=ground.clock),
        database=open_tables(jobs, agent_id=manifest.id, folder=ground.folder),
        outbound=Outbound.of(ground.environment, egress=manifest.egress),
    )
    attempts = Attempts(
        agent=agent,
        ledger=Ledger(jobs, clock=ground.clock),
        objects=Objects(),
        results_bucket=ground.environment.results_bucket,
        clock=ground.clock,
        log=ground.log,
    )
    return AgentCode(attempts=attempts, refresh=configuration.refresh)


def _caller(ground: Ground) -> Caller:
    if ground.manifest.isolation == "process":
        from muster.isolation.in_process import InProcess

        return InProcess(
            ground.folder,
            environ=ground.environ,
            memory_bytes=ground.manifest.memory * _MIB // ground.settings.concurrency,
            sweep=Path(ground.environment.own_tmp) if ground.environment.own_tmp else None,
        )
    return Threads(load_agent(ground.folder))
