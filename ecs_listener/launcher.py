"""Starts a task of its own for an errand: on ECS, or as a process where there is no ECS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ecs_listener.errand import VARIABLE, Errand
from muster.contracts import LISTENER_CONTAINER, LauncherEnvironment, ListenerEnvironment

#: What a launched task runs.
MODULE = "ecs_listener.one_job"

#: Newest platform of Fargate; the service runs on the same.
_PLATFORM = "1.4.0"


class LaunchFailed(Exception):
    """Nothing was launched, or it is not known; the claim is to be given back."""


class Launcher(Protocol):
    """Starts tasks."""

    def launch(self, errand: Errand) -> None:
        """Start a task for this errand; repeated with the same errand, it starts one task.

        Raises:
            LaunchFailed: there was no room, no answer, or no right.
        """
        ...


class ProcessLauncher:
    """Starts processes that outlive this one.

    Args:
        environ: of this process.
        root: the folder that holds this package.
        command: what to run, `python -m ecs_listener.one_job`.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        root: Path,
        command: Sequence[str] = (sys.executable, "-m", MODULE),
    ) -> None:
        # Its own port belongs to the listener.
        self._environ = {**environ, ListenerEnvironment.variable("http_port"): "0"}
        self._root = root
        self._command = command
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def running(self) -> int:
        """Processes that have not ended."""
        return sum(process.poll() is None for process in list(self._started.values()))

    def launch(self, errand: Errand) -> None:
        """See `Launcher.launch`."""
        if errand.token in self._started:
            return
        # What has ended is asked for by nobody any more, unless it never took its claim over.
        for token, process in list(self._started.items()):
            if process.poll() is not None:
                self._started.pop(token, None)
        try:
            self._started[errand.token] = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                cwd=self._root,
                env={**self._environ, VARIABLE: errand.to_json()},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise LaunchFailed(f"no process could be started: {error}") from error


class EcsLauncher:
    """Starts tasks of the listener's own task definition.

    Args:
        ecs: a boto3 client of ECS.
        definition: `family:revision` of this task.
        agent_id: whose tasks they are; ECS repeats it when one does not start.
    """

    def __init__(
        self, *, ecs: Any, place: LauncherEnvironment, definition: str, agent_id: str
    ) -> None:
        self._ecs = ecs
        self._place = place
        self._group = f"agent:{agent_id}"
        self._definition = definition

    def launch(self, errand: Errand) -> None:
        """See `Launcher.launch`; the client token makes a repetition harmless."""
        try:
            answer = self._ecs.run_task(**self._request(errand))
        except Exception as error:
            raise LaunchFailed(f"ECS: {error}") from error
        if not answer.get("tasks"):
            reasons = [failure.get("reason", "?") for failure in answer.get("failures", [])]
            raise LaunchFailed(f"ECS started no task: {', '.join(reasons) or 'no reason given'}")

    def _request(self, errand: Errand) -> dict[str, Any]:
        return {
            "cluster": self._place.cluster,
            "taskDefinition": self._definition,
            "group": self._group,
            "launchType": "FARGATE",
            "platformVersion": _PLATFORM,
            "count": 1,
            "clientToken": errand.token,
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": json.loads(self._place.subnets),
                    "securityGroups": json.loads(self._place.security_groups),
                    "assignPublicIp": "DISABLED",
                }
            },
            "overrides": overrides_of(errand),
        }


def overrides_of(errand: Errand) -> dict[str, Any]:
    """What a launched task has besides its definition; ECS takes 8,192 characters of JSON."""
    return {
        "containerOverrides": [
            {
                "name": LISTENER_CONTAINER,
                "command": ["python", "-m", MODULE],
                "environment": [{"name": VARIABLE, "value": errand.to_json()}],
            }
        ]
    }
