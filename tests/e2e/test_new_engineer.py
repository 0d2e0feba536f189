"""A new engineer with a fresh clone: every command of the README and of the runbook, typed in their order.

One cloud serves all of it, in a clone's files. The environments that `make setup` makes are linked instead
of made anew, and `PYTHONPATH` stands for the editable installation that the clone would have. No account
and no network is there, so what needs them is left out, by name.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.demo.report import TOO_BUSY
from tests.support.deployed import DeployedCopy, link_environments
from tests.support.shown import Shell, commands_of
from tests.support.source import ROOT, tracked_files

pytestmark = pytest.mark.slow

README = ROOT / "README.md"
RUNBOOK = ROOT / "docs" / "runbooks" / "one-machine.md"
DOWN = ".venv/bin/muster down"
#: What the README shows and this test does not type, and why.
LEFT_OUT = {
    "make test": "it would run this test",
    "npx cdk bootstrap": "it changes an AWS account; `muster up` has bootstrapped the emulator's",
    "npx cdk deploy --all -c stage=dev": "it changes an AWS account; the line before synthesised the same",
}
#: What fails here, as it must without an account.
_DOCTOR = "muster doctor --stage dev"
_DEMO = "make demo"


@pytest.fixture(scope="module")
def clone() -> Iterator[DeployedCopy]:
    """What a clone holds, never deployed, and left as it is found."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-clone-"))
    for source in tracked_files():
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
        # Older than what set-up made of it: the linked environments are this clone's.
        os.utime(target, (0, 0))
    link_environments(folder)
    copy = DeployedCopy(path=folder)
    try:
        yield copy
        copy.cloud.down()
        copy.wait_until_empty()
    finally:
        copy.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shell(clone: DeployedCopy) -> Shell:
    """A terminal in the clone, of somebody without an AWS account."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))
    }
    off = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    return Shell(
        folder=clone.path,
        environment={
            **kept,
            **off,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "PYTHONPATH": str(clone.path),
        },
    )


#: What a command must have said before the next one is typed.
SAYS: dict[str, Callable[[str], bool]] = {
    ".venv/bin/muster jobs get first": lambda said: "completed" in said and '"words": 2' in said,
    ".venv/bin/muster jobs logs first": lambda said: "counted" in said,
    ".venv/bin/muster dlq peek word-count": lambda said: "invalid_params" in said,
    # It fails again, since nothing was mended, and leaves its second letter.
    ".venv/bin/muster jobs get second --events": lambda said: (
        "redriven" in said and said.count("dead_lettered") == 2
    ),
    ".venv/bin/muster jobs get runbook-1": lambda said: "completed" in said,
}


def _demonstrated(shell: Shell) -> str:
    """What the demo says when it is content; typed again only where it blames the machine itself."""
    for _ in range(2):
        done = shell.type(_DEMO)
        if done.returncode == 0 or TOO_BUSY not in done.stdout:
            break
    else:
        return shell.succeed(_DEMO)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_engineer_gets_from_a_clone_to_an_agent_by_the_readme(
    clone: DeployedCopy, shell: Shell
):
    # Given a fresh clone, and the commands of its README
    commands = commands_of(clone.path / "README.md")
    assert set(LEFT_OUT) <= set(commands)
    assert commands[-1] == DOWN
    said: dict[str, str] = {}
    # When each is typed
    for command in commands[:-1]:
        if command == _DOCTOR:
            said[command] = shell.type(command).stdout
        elif command == _DEMO:
            said[command] = _demonstrated(shell)
        elif command not in LEFT_OUT:
            said[command] = shell.succeed(command, SAYS.get(command))
    # Then the demo found everything as it must be: 176 messages and 2 objects, of either one copy
    shown = re.sub(r" +", " ", said[_DEMO])
    assert "178 messages, 2 recognised as duplicate." in shown
    assert "Every execution is as it must be." in shown
    counts = re.findall(r"^([a-z-]+) (completed|failed) (\d+)$", shown, re.MULTILINE)
    assert counts == [
        ("always-fails", "failed", "1"),
        ("dies-mid-batch", "completed", "5"),
        ("document-profile", "completed", "103"),
        ("document-profile", "failed", "1"),
        ("fails-twice", "completed", "1"),
        ("feed-collector", "completed", "1"),
        ("http-fetch", "completed", "1"),
        ("http-fetch", "failed", "1"),
        ("outlives", "completed", "1"),
        ("overtakes", "completed", "61"),
    ]
    assert "A signed webhook that came twice started one job" in shown
    assert re.search(r"^always-fails \S+ 2 retry_later: ", shown, re.MULTILINE)
    # And the stage for AWS was synthesised, which the doctor sees; all that it lacks is an account and Docker
    doctor = said[_DOCTOR]
    assert re.search(r"^ok +synth: cdk.out is what the checkout says$", doctor, re.MULTILINE)
    ill = set(re.findall(r"^problem +([\w ]+):", doctor, re.MULTILINE))
    assert "credentials" in ill
    assert ill <= {"credentials", "docker"}
    # And the new agent was made, tested, deployed and run; its failure was sent back once, and failed again
    assert "2 passed" in said[".venv/bin/pytest -q lambdas/agents/word-count"]
    assert "word-count" in said[".venv/bin/muster up"]


def test_every_command_of_the_runbook_works(clone: DeployedCopy, shell: Shell):
    # Given a clone, whose cloud may run already, and the commands of its runbook
    commands = commands_of(clone.path / "docs" / "runbooks" / "one-machine.md")
    said: dict[str, str] = {}
    # When each is typed
    for command in commands:
        said[command] = shell.succeed(command, SAYS.get(command))
    # Then the cloud ran the job and said so, and after the last command nothing of it is left
    assert commands[0].endswith("muster up")
    assert commands[-1] == DOWN
    assert "document-profile" in said[".venv/bin/muster agents list"]
    assert "runbook-1" in said[".venv/bin/muster jobs get runbook-1"]
    clone.wait_until_empty()
