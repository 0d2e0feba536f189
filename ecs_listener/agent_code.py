"""Loads the agent and makes what runs its jobs."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
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
from muster.isolation.in_process import InProcess
from muster.model import Claim
from muster.outbound import Outbound
from muster.store.agent_config import current_config
from muster.store.ledger import Ledger
from muster.store.opening import open_tables
from muster.store.shared import SharedDatabase

_MIB = 1 << 20


class AgentCode:
    """What runs an agent's jobs.

    Raises:
        ConfigurationError: the folder has no agent.
    """

    def __init__(self, ground: Ground, *, jobs: SharedDatabase, secrets: Secrets) -> None:
        manifest = ground.manifest
        self._ground = ground
        self._jobs = jobs
        configuration = Configuration(
            agent_id=manifest.id,
            defaults=manifest.config,
            schema=manifest.config_schema,
            read=lambda: current_config(jobs, agent_id=manifest.id),
            clock=ground.clock,
            log=ground.log,
        )
        # In a launched task, too: what ends the job must leave somebody who records it.
        self._isolated = manifest.isolation in ("process", "task")
        caller = self._processes() if self._isolated else Threads(load_agent(ground.folder))
        self.agent = Agent(
            agent_id=manifest.id,
            version=manifest.version,
            caller=Stoppable(caller),
            timeout=manifest.timeout,
            max_attempts=manifest.max_attempts,
            check_params=params_checker(manifest.input_schema),
            configuration=configuration,
            secrets=AgentSecrets(manifest.secrets, read=secrets.text, clock=ground.clock),
            database=open_tables(jobs, agent_id=manifest.id, folder=ground.folder),
            outbound=Outbound.of(ground.environment, egress=manifest.egress),
        )
        self._attempts = self._attempts_of(self.agent)
        self.refresh = configuration.refresh

    def attempts(self, claim: Claim) -> Attempts:
        """What runs this job: one whose last attempt vanished gets a process of its own."""
        if claim.suspect and not self._isolated:
            return self._careful
        return self._attempts

    @cached_property
    def _careful(self) -> Attempts:
        caller = Stoppable(self._processes())
        return self._attempts_of(replace(self.agent, caller=caller))

    def _attempts_of(self, agent: Agent) -> Attempts:
        ground = self._ground
        return Attempts(
            agent=agent,
            ledger=Ledger(self._jobs, clock=ground.clock),
            objects=Objects(),
            results_bucket=ground.environment.results_bucket,
            clock=ground.clock,
            log=ground.log,
        )

    def _processes(self) -> Caller:
        ground = self._ground
        own_tmp = ground.environment.own_tmp
        return InProcess(
            ground.folder,
            environ=ground.environ,
            memory_bytes=ground.manifest.memory * _MIB // max(2, ground.settings.concurrency),
            sweep=Path(own_tmp) if own_tmp and self._isolated else None,
        )
