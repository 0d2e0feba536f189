"""Composes a listener from the environment of its container."""

from __future__ import annotations

import os
import socket
import uuid
from datetime import timedelta
from pathlib import Path

from ecs_listener.clock import LeaseClock
from ecs_listener.composition import compose
from ecs_listener.deployment import Deployment, EcsDeployment, NoDeployment, Task, this_task
from ecs_listener.ground import Ground
from ecs_listener.listener import Listener
from ecs_listener.log import ListenerLog
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.protection import EcsProtection, NoProtection, Protection
from ecs_listener.settings import Settings
from ecs_listener.telling import Telling
from muster.contracts import ListenerEnvironment
from muster.errors import ConfigurationError
from muster.manifest import Manifest, load_manifest
from muster.store.instances import Instance

#: The folder that holds this package, the runtime and the agents.
ROOT = Path(__file__).resolve().parents[1]

#: The least level of a line that is written; the name is that of the functions' logger.
_LOG_LEVEL = "POWERTOOLS_LOG_LEVEL"

#: Variables that the ECS agent sets in a container.
_METADATA, _AGENT = "ECS_CONTAINER_METADATA_URI_V4", "ECS_AGENT_URI"


def open_listener() -> Listener:
    """The listener of this process.

    Raises:
        ConfigurationError: names the variable or the part of the manifest, and the cure.
    """
    environment = ListenerEnvironment.from_environ(os.environ)
    settings = Settings.of(environment)
    folder = ROOT / environment.agent_folder
    manifest = load_manifest(folder / "agent.toml")
    log = ListenerLog(manifest.id, level=os.environ.get(_LOG_LEVEL, "INFO"))
    clock, metrics = LeaseClock(), ListenerMetrics()
    telling = Telling(log=log, metrics=metrics)
    task = _task(telling)
    ground = Ground(
        environment=environment,
        settings=settings,
        environ=os.environ,
        folder=folder,
        manifest=manifest,
        instance=Instance(
            instance_id=f"{manifest.id}-{task.task_id if task else uuid.uuid4().hex[:12]}",
            agent_id=manifest.id,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            version=manifest.version,
            code_version=environment.code_version,
            deployment=task.definition if task else None,
            metadata={"concurrency": settings.concurrency, "lanes": list(settings.lanes)},
        ),
        address="0.0.0.0" if task else "127.0.0.1",  # noqa: S104 - a container's own address
        log_stream=os.environ.get("HOSTNAME"),
        protection=_protection(settings, manifest, clock, telling),
        deployment=_deployment(task, clock, telling),
        clock=clock,
        log=log,
        metrics=metrics,
        telling=telling,
    )
    return compose(ground)


def _task(telling: Telling) -> Task | None:
    uri = os.environ.get(_METADATA)
    if not uri:
        return None
    try:
        return this_task(uri)
    except (OSError, ValueError, KeyError) as error:
        telling.trouble("ECS does not say which task this is", error)
        return None


def _protection(
    settings: Settings, manifest: Manifest, clock: LeaseClock, telling: Telling
) -> Protection:
    if not settings.scale_in_protection:
        return NoProtection()
    uri = os.environ.get(_AGENT)
    if not uri:
        raise ConfigurationError(
            f"{_AGENT} is not set, so this task cannot protect itself from scale-in. Run it on ECS, or set "
            f"{ListenerEnvironment.variable('scale_in_protection')}=no where nothing scales it in."
        )
    longest = manifest.timeout + settings.drain + timedelta(minutes=2)
    return EcsProtection(agent_uri=uri, longest=longest, clock=clock, telling=telling)


def _deployment(task: Task | None, clock: LeaseClock, telling: Telling) -> Deployment:
    if task is None or task.service is None:
        return NoDeployment()
    from muster.aws.client import make_client

    ecs = make_client("ecs", read_timeout=5)
    return EcsDeployment(ecs=ecs, task=task, clock=clock, telling=telling)
