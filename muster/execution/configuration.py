"""The config of an agent's jobs: taken up from the store while the worker lives, put together for each job.

AgentConfig is read when the last look at it is 30 seconds old, by one statement, whatever the number of jobs:
every job that starts 30 seconds after a change runs with it. Where the store cannot be asked, what was read
last holds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from muster.agent_config import AgentConfig, effective
from muster.clock import Clock
from muster.errors import PermanentError, StoreUnavailable
from muster.execution.fit import Check, checker
from muster.model import JsonObject

#: A look at AgentConfig serves for so long.
LOOK_AGAIN_SECONDS = 30.0


class ConfigInvalid(PermanentError):
    """The config does not fit the agent's config_schema."""

    code = "invalid_config"


class ConfigSchema:
    """An agent's `config_schema`, compiled when the first config is checked: most agents' never is."""

    def __init__(self, schema: JsonObject | None) -> None:
        self._schema = schema

    def problem(self, config: Mapping[str, Any]) -> str | None:
        """What is wrong with a config, or None; values are never quoted."""
        return self._check(config)

    @cached_property
    def _check(self) -> Check:
        return checker(self._schema, noun="config", key="config_schema")


@dataclass(frozen=True, kw_only=True, slots=True)
class Precedence:
    """What holds at one moment, whatever a request adds."""

    agent_id: str
    defaults: JsonObject
    schema: ConfigSchema
    agent_config: AgentConfig

    @property
    def version(self) -> int:
        """Of AgentConfig; 0 while nobody has changed anything."""
        return self.agent_config.version

    def config(self, request: JsonObject | None) -> dict[str, Any]:
        """The config of one job, its own copy: what the job does to it, no other job sees.

        Raises:
            ConfigInvalid: the parts together do not fit the schema.
        """
        changes = self.agent_config.changes
        values = effective(self.defaults, changes, request)
        # The defaults alone were checked when the manifest was read.
        problem = self.schema.problem(values) if changes or request else None
        if problem is not None:
            raise ConfigInvalid(f"{problem}. {self._cure(request)}")
        return deepcopy(dict(values)) if values else {}

    def _cure(self, request: JsonObject | None) -> str:
        without = effective(self.defaults, self.agent_config.changes, None)
        if request and self.schema.problem(without) is None:
            return "It is the request's config that does not: mend it and send a new job."
        return (
            f"It is version {self.version} of AgentConfig that does not: mend it with "
            f"`muster config set {self.agent_id}`, then redrive the job."
        )


class Configuration:
    """The config of one agent in one worker, whose threads share it.

    Args:
        agent_id: whose.
        defaults: the manifest's `[config]`.
        schema: its `[config_schema]`.
        read: asks the store for AgentConfig.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        defaults: JsonObject,
        schema: JsonObject | None = None,
        read: Callable[[], AgentConfig],
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._now = Precedence(
            agent_id=agent_id,
            defaults=defaults,
            schema=ConfigSchema(schema),
            agent_config=AgentConfig(),
        )
        self._read = read
        self._clock = clock
        self._log = log
        self._looked: float | None = None
        # One thread looks, and the others wait for what it sees: an older answer never replaces a newer one.
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Look at AgentConfig again if it is time to.

        Raises:
            StoreUnavailable: at the first look; later ones leave what was read last as it is.
        """
        # Every attempt comes by here, and hardly ever is it time to.
        if not self._fresh(self._clock.monotonic()):
            with self._lock:
                self._look()

    def _fresh(self, now: float) -> bool:
        looked = self._looked
        return looked is not None and now - looked < LOOK_AGAIN_SECONDS

    def _look(self) -> None:
        now, looked = self._clock.monotonic(), self._looked
        if self._fresh(now):
            return
        try:
            read = self._read()
        except StoreUnavailable as away:
            if looked is None:
                raise  # jobs would run as if nobody had ever changed anything
            self._looked = now
            self._log.warning("AgentConfig cannot be read, what was read last holds: %s", away)
            return
        if read.version != self._now.version:
            self._log.info("AgentConfig taken up", extra={"config_version": read.version})
            self._now = replace(self._now, agent_config=read)
        # Last: who sees that it was looked does not wait, and must see what was found.
        self._looked = now

    def now(self) -> Precedence:
        """What holds now: an attempt takes it once, at its start.

        Raises:
            StoreUnavailable: it was never read, and cannot be.
        """
        self.refresh()
        return self._now
