"""Composes a listener from the environment of its container."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ecs_listener.clock import LeaseClock
from ecs_listener.composition import compose
from ecs_listener.deployment import Deployment, EcsDeployment, NoDeployment, Task, this_task
from ecs_listener.errand import VARIABLE, Errand
from ecs_listener.ground import Ground
from ecs_listener.launcher import EcsLauncher, Launcher, ProcessLauncher
from ecs_listener.listener import Listener
from ecs_listener.log import ListenerLog
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.protection import EcsProtection, NoProtection, Protection
from ecs_listener.settings import Settings
from ecs_listener.telling import Telling
from muster.contracts import LauncherEnvironment, ListenerEnvironment
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
    return compose(_ground(errand=None))


def open_task() -> Listener:
    """A listener that receives nothing: it runs the one errand that launched it, and ends.

    Raises:
        ConfigurationError: as `open_listener`, or there is no errand.
    """
    return compose(_ground(errand=Errand.from_json(os.environ.get(VARIABLE, ""))))


def _ground(*, errand: Errand | None) -> Ground:
    environment = ListenerEnvironment.from_environ(os.environ)
    settings = Settings.of(environment)
    if errand is not None:
        # One job at a time; and no service scales in what no service has started.
        settings = replace(settings, concurrency=1, scale_in_protection=False)
    folder = ROOT / environment.agent_folder
    manifest = load_manifest(folder / "agent.toml")
    log = ListenerLog(manifest.id, level=os.environ.get(_LOG_LEVEL, "INFO"))
    clock, metrics = LeaseClock(), ListenerMetrics()
    telling = Telling(log=log, metrics=metrics)
    task = _task(telling)
    return Ground(
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
            heartbeat_seconds=round(settings.fleet.heartbeat),
            stale_seconds=round(settings.fleet.stale_after),
        ),
        address="0.0.0.0" if task else "127.0.0.1",  # noqa: S104 - a container's own address
        log_stream=os.environ.get("HOSTNAME"),
        protection=_protection(settings, manifest, clock, telling),
        deployment=_deployment(task, clock, telling),
        clock=clock,
        log=log,
        metrics=metrics,
        telling=telling,
        launcher=_launcher(task, manifest.id)
        if manifest.isolation == "task" and errand is None
        else None,
        errand=errand,
    )


def _launcher(task: Task | None, agent_id: str) -> Launcher:
    place = LauncherEnvironment.from_environ(os.environ)
    if place.launcher == "process":
        return ProcessLauncher(environ=os.environ, root=ROOT)
    if task is None:
        raise ConfigurationError(
            f"ECS does not say which task this is, so it cannot launch others. Run it on ECS, or set "
            f"{LauncherEnvironment.variable('launcher')}=process where there is none."
        )
    from muster.aws.client import make_client

    return EcsLauncher(
        ecs=make_client("ecs", read_timeout=15),
        place=place,
        definition=task.definition,
        agent_id=agent_id,
    )


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
