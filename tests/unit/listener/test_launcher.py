"""Launchers: what they start for an errand, once, and how they say that they could not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ecs_listener.errand import VARIABLE, Errand
from ecs_listener.launcher import EcsLauncher, Launcher, LaunchFailed, ProcessLauncher
from muster.contracts import LauncherEnvironment
from muster.errors import ConfigurationError
from muster.store.handovers import ClaimName
from tests.support.waiting import wait_until

ERRAND = Errand(
    claims=(
        ClaimName(
            execution_id="0190a0a0-0000-7000-8000-000000000001",
            created_at="2026-01-02T03:04:05+00:00",
            fence=3,
        ),
    ),
    message_id="m",
    receipt_handle="handle",
    queue_url="queue",
    lane="normal",
    holder="one:1",
    launcher="one",
)
PLACE = LauncherEnvironment(
    launcher="ecs", cluster="muster-test", subnets='["subnet-1"]', security_groups='["sg-1"]'
)
REQUEST = {
    "cluster": "muster-test",
    "taskDefinition": "family:7",
    "group": "agent:tester",
    "launchType": "FARGATE",
    "platformVersion": "1.4.0",
    "count": 1,
    "clientToken": "0190a0a0-0000-7000-8000-000000000001-3",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-1"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "DISABLED",
        }
    },
    "overrides": {
        "containerOverrides": [
            {
                "name": "Listener",
                "command": ["python", "-m", "ecs_listener.one_job"],
                "environment": [{"name": VARIABLE, "value": ERRAND.to_json()}],
            }
        ]
    },
}
MARK = (
    "import os, pathlib, uuid;"
    f"pathlib.Path(os.environ['MARKS'], uuid.uuid4().hex).write_text(os.environ['{VARIABLE}'])"
)

#: A launcher whose starts work or fail, and how many tasks it has started.
Made = tuple[Launcher, Callable[[], int]]


def _client() -> Any:
    return boto3.client(
        "ecs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def _on_ecs(_folder: Path, *, works: bool) -> Made:
    client = _client()
    stubber = Stubber(client)
    tokens: set[str] = set()
    told = {"taskArn": "arn:aws:ecs:us-east-1:111122223333:task/muster-test/one"}
    for _ in range(2):
        if works:
            stubber.add_response("run_task", {"tasks": [told], "failures": []}, REQUEST)
        else:
            failures = [{"reason": "RESOURCE:ENI"}]
            stubber.add_response("run_task", {"tasks": [], "failures": failures}, REQUEST)
    stubber.activate()

    # ECS starts one task for a token, however often it comes
    def seen(params: dict[str, Any], **_: Any) -> None:
        tokens.add(params["clientToken"])

    client.meta.events.register("provide-client-params.ecs.RunTask", seen)
    return EcsLauncher(
        ecs=client, place=PLACE, definition="family:7", agent_id="tester"
    ), lambda: len(tokens)


def _as_processes(folder: Path, *, works: bool) -> Made:
    interpreter = sys.executable if works else str(folder / "missing")
    launcher = ProcessLauncher(
        environ={"MARKS": str(folder)}, root=folder, command=(interpreter, "-c", MARK)
    )

    def started() -> int:
        wait_until(lambda: not launcher.running)
        return len(list(folder.iterdir()))

    return launcher, started


MAKERS = (_on_ecs, _as_processes)


@pytest.mark.parametrize("make", MAKERS)
def test_an_errand_that_is_launched_twice_is_one_task(make: Callable[..., Made], tmp_path: Path):
    # Given a launcher
    launcher, started = make(tmp_path, works=True)

    # When it launches the same errand twice: the answer to the first was lost
    launcher.launch(ERRAND)
    launcher.launch(ERRAND)

    # Then there is one task
    assert started() == 1


@pytest.mark.parametrize("make", MAKERS)
def test_what_cannot_be_launched_is_said(make: Callable[..., Made], tmp_path: Path):
    launcher, _ = make(tmp_path, works=False)

    with pytest.raises(LaunchFailed, match="RESOURCE:ENI|no process"):
        launcher.launch(ERRAND)


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_an_error_of_ecs_is_a_failed_launch(code: str):
    client = _client()
    stubber = Stubber(client)
    stubber.add_client_error("run_task", code, "no")
    stubber.activate()

    with pytest.raises(LaunchFailed, match=code):
        EcsLauncher(ecs=client, place=PLACE, definition="family:7", agent_id="tester").launch(
            ERRAND
        )


def test_a_process_has_the_errand_and_a_port_of_its_own(tmp_path: Path):
    launcher, started = _as_processes(tmp_path, works=True)

    launcher.launch(ERRAND)

    assert started() == 1
    [mark] = tmp_path.iterdir()
    assert Errand.from_json(mark.read_text()) == ERRAND


def test_each_fence_has_a_token_of_its_own_that_ecs_takes():
    later = replace(ERRAND, claims=(replace(ERRAND.claims[0], fence=2**62),))

    assert later.token != ERRAND.token
    assert len(later.token) <= 64


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"claims": [{}]}', '{"claims": []}'])
def test_what_is_no_errand_is_refused(text: str):
    with pytest.raises(ConfigurationError, match=VARIABLE):
        Errand.from_json(text)
