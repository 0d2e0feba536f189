"""What a listener stands on: its environment, its agent, and what is special about where it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecs_listener.deployment import Deployment
from ecs_listener.errand import Errand
from ecs_listener.launcher import Launcher
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.protection import Protection
from ecs_listener.settings import Settings
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.contracts import ListenerEnvironment
from muster.manifest import Manifest
from muster.store.instances import Instance


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What a listener stands on."""

    environment: ListenerEnvironment
    settings: Settings
    #: The variables of this process, for the agent's own processes.
    environ: Mapping[str, str]
    folder: Path
    manifest: Manifest
    instance: Instance
    #: Where `/health` and `/metrics` are served.
    address: str
    log_stream: str | None
    protection: Protection
    deployment: Deployment
    clock: Clock
    log: logging.Logger
    metrics: ListenerMetrics
    telling: Telling
    #: What launches a task for each claim; None: jobs run in this process.
    launcher: Launcher | None = None
    #: The errand of a launched task; None: it receives.
    errand: Errand | None = None
