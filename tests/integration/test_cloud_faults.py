"""Whatever dies, and whenever, nothing of the local cloud is left running, and the next `up` works."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import zipfile
from dataclasses import replace

import pytest

from local.state import Phase
from tests.support.cloud import PATIENCE, CloudFolder, wait_for

#: Starts the cloud as `muster up` does, and stays where the deploy would be.
_HELD = """
import sys
from local.checkout import Checkout
from local.starter import Starter
with Starter(Checkout.locate()) as starter:
    print("started", flush=True)
    starter.wait()
    print("held", flush=True)
    sys.stdin.read()
"""

_SLEEPER = """
import pathlib, time
def handler(event, context):
    pathlib.Path(event["at_work"]).touch()
    time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["started", "held"])
def test_an_up_that_ends_early_leaves_nothing(
    cloud_folder: CloudFolder, moment: str, number: signal.Signals
):
    # Given an `up` that has come to this moment
    up = cloud_folder.start("-c", _HELD)
    assert up.stdout is not None
    assert any(line.strip() == moment for line in up.stdout)
    # When it is killed, or interrupted from the terminal
    up.send_signal(number)
    up.wait(timeout=PATIENCE)
    # Then everything it had started ends
    cloud_folder.wait_until_empty()


@pytest.mark.usefixtures("data_at_hand")
def test_a_killed_supervisor_takes_everything_with_it(cloud_folder: CloudFolder):
    # Given a cloud with a Lambda function at work
    state = cloud_folder.cloud.up(deploy=False)
    _start_sleeping_function(cloud_folder)
    # When the supervisor is killed outright
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    # Then Postgres, the emulator and the function's worker end
    cloud_folder.wait_until_empty()
    # And the next `up` starts anew
    assert cloud_folder.cloud.up(deploy=False).supervisor != state.supervisor


@pytest.mark.usefixtures("data_at_hand")
@pytest.mark.parametrize("killed", ["emulator", "lifeline", "both"])
def test_a_killed_emulator_ends_the_cloud_and_is_told(cloud_folder: CloudFolder, killed: str):
    # Given a cloud with a Lambda function at work
    cloud_folder.cloud.up(deploy=False)
    _start_sleeping_function(cloud_folder)
    names = {"emulator", "lifeline"} if killed == "both" else {killed}
    pids = [
        pid
        for pid, command in cloud_folder.processes().items()
        if "guarded_emulator" in command
        and ("lifeline" if "lifeline.py" in command else "emulator") in names
    ]
    assert len(pids) == len(names)
    # When the emulator is killed, or what would kill it, or both as by `pkill`
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    # Then the rest ends too, and the state says why
    cloud_folder.wait_until_empty()
    wait_for(lambda: cloud_folder.state.phase is Phase.FAILED, what="the reason on file")
    assert "emulator ended by itself" in cloud_folder.state.reason


@pytest.mark.usefixtures("data_at_hand")
def test_a_stopped_supervisor_is_replaced(cloud_folder: CloudFolder):
    # Given a supervisor that hangs
    state = cloud_folder.cloud.up(deploy=False)
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGSTOP)
    # When the cloud is stopped, with little patience
    assert replace(cloud_folder.cloud, patience=1).down() is True
    # Then it is gone all the same
    cloud_folder.wait_until_empty()


@pytest.mark.usefixtures("data_at_hand")
def test_a_removed_state_folder_ends_the_cloud(cloud_folder: CloudFolder):
    # Given a cloud
    cloud_folder.cloud.up(deploy=False)
    # When somebody removes its folder, so that no command could find it any more
    gone = cloud_folder.path.rename(cloud_folder.path.with_name(f"{cloud_folder.path.name}-gone"))
    # Then it ends by itself
    cloud_folder.wait_until_empty()
    shutil.rmtree(gone)


def _start_sleeping_function(folder: CloudFolder) -> None:
    """Put a function to work, and wait until it works."""
    at_work = folder.path / "at-work"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("sleeper.py", _SLEEPER)
    aws = folder.cloud.aws(folder.state)
    functions = aws.client("lambda")
    role = aws.client("iam").create_role(
        RoleName="sleeper",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]
    functions.create_function(
        FunctionName="sleeper",
        Runtime="python3.12",
        Handler="sleeper.handler",
        Role=role["Arn"],
        Timeout=600,
        Code={"ZipFile": archive.getvalue()},
    )
    event = json.dumps({"at_work": str(at_work)})
    functions.invoke(FunctionName="sleeper", InvocationType="Event", Payload=event)
    wait_for(at_work.exists, what="the function's work")
