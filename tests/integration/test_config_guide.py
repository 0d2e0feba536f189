"""Everything that the guide to the configuration of agents shows works, in the order in which it is shown."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.emulator import CREDENTIAL, REGION
from muster.cli import main
from muster.cli.exit import Exit
from tests.support.clerk import query
from tests.support.emulator import EmulatedCloud
from tests.support.source import ROOT

GUIDE = (ROOT / "docs/guides/configuration-of-agents.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def _commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for block in _blocks("sh") for line in block.splitlines()]


@pytest.fixture
def queue(emulator: EmulatedCloud, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """A client of the emulator, to which the command line speaks too, and a queue there."""
    for name, value in {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    sqs = emulator.client("sqs")
    return sqs, sqs.create_queue(QueueName=f"config-guide-{uuid.uuid4().hex}")["QueueUrl"]


def test_every_command_and_statement_of_the_guide_works(
    database_url: str,
    queue: tuple[Any, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    def muster(*argv: str) -> str:
        code = main(argv, environ={"DATABASE_URL": database_url})
        told = capsys.readouterr()
        assert code == Exit.OK, (argv, told.err)
        return told.out

    # Given the guide's agent, registered
    sqs, url = queue
    folder = tmp_path / "feed-reader"
    folder.mkdir()
    (folder / "agent.toml").write_text(_blocks("toml")[0])
    (folder / "agent.py").write_text("")
    muster("register", str(folder), "--queue-url", url, "--dlq-url", url)
    # When the commands are run as they stand there / Then each does its work
    commands = _commands()
    assert [words[0] for words in commands] == ["config"] * 5 + ["send"]
    for words in commands:
        muster(*words)
    # And three versions are written, the job carries its config
    versions = query(database_url, "SELECT version, config FROM agent_config ORDER BY version")
    assert [(row["version"], row["config"]) for row in versions] == [
        (1, {"max_items": 100, "user_agent": "muster/2"}),
        (2, {"max_items": 100}),
        (3, {"max_items": 200}),
    ]
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["config"] == {"max_items": 5}
    # And plain SQL is the way in that the guide says it is
    for statement in _blocks("sql"):
        query(database_url, statement)
    shown = json.loads(muster("config", "get", "feed-reader", "--json"))
    assert (shown["version"], shown["created_by"]) == (4, "ana")
    assert shown["config"]["max_items"] == 100
