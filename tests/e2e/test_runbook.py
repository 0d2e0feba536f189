"""The runbook of the one-machine cloud: every command that it shows is run, in its order."""

from __future__ import annotations

import re
import subprocess

from tests.support.cloud import CloudFolder, wait_for
from tests.support.source import ROOT

RUNBOOK = ROOT / "docs" / "runbooks" / "one-machine.md"


def test_every_command_of_the_runbook_works(cloud_folder: CloudFolder):
    # Given a checkout whose cloud was never started
    text = RUNBOOK.read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line]
    said: dict[str, str] = {}

    def succeeds(command: str) -> bool:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env=cloud_folder.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        said[command] = done.stdout
        return done.returncode == 0

    # When each command is typed, again if need be: a job takes a moment to arrive
    for command in commands:
        wait_for(lambda command=command: succeeds(command), what=command, timeout=300)
    # Then the cloud came up, ran the job and said so, and nothing of it is left
    assert commands[0].endswith("muster up")
    assert commands[-1].endswith("muster down")
    answers = {command.partition("muster ")[2]: answer for command, answer in said.items()}
    assert "document-profile" in answers["agents list"]
    assert "runbook-1" in answers["jobs get runbook-1"]
    cloud_folder.wait_until_empty()
