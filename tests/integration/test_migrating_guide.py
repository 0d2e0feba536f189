"""The guide to migrating a worker, old and new: both do the same, and what it promises of the move is so."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from local.commands import COMMANDS as LOCAL_COMMANDS
from local.new_agent import HOME, NewAgent
from muster import Job
from muster.agent_loader import load_agent
from muster.cli import main
from muster.cli.commands import COMMANDS
from muster.cli.exit import Exit
from muster.cli.main import _parser
from muster.execution.params import params_checker
from muster.manifest import load_manifest
from muster.model import Status
from tests.support.invariants import history_holds
from tests.support.source import ROOT
from tests.support.worker import Workshop

GUIDE = (ROOT / "docs/guides/migrating-a-worker.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def _commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for block in _blocks("sh") for line in block.splitlines()]


@pytest.fixture
def worker() -> Callable[..., dict[str, Any]]:
    """The function that RQ runs."""
    shown: dict[str, Any] = {}
    exec(compile(_blocks("python")[0], "worker/statements.py", "exec"), shown)
    return shown["statement"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's folder: made by the guide's command, with the guide's files; imported once a process."""
    [new] = (words for words in _commands() if words[0] == "new")
    root = tmp_path_factory.mktemp("checkout")
    NewAgent(root=root, name=new[1]).make()
    made = root / HOME / new[1]
    (made / "agent.py").write_text(_blocks("python")[1])
    (made / "agent.toml").write_text(_blocks("toml")[0])
    return made


@pytest.fixture
def shop(database_url: str, folder: Path) -> Iterator[Workshop]:
    """A worker of the agent on a real ledger, by its manifest."""
    manifest = load_manifest(folder)
    made = Workshop(
        database_url,
        behaviour=load_agent(folder),
        max_attempts=manifest.max_attempts,
        check_params=params_checker(manifest.input_schema),
    )
    yield made
    made.close()
    assert history_holds(database_url) == []


def _sent() -> tuple[str, dict[str, Any]]:
    """The job that the guide sends, as the command line understands it."""
    [words] = (words for words in _commands() if words[0] == "send")
    given = _parser((*LOCAL_COMMANDS, *COMMANDS)).parse_args(words)
    return given.job_id, json.loads(given.params)


def test_the_six_steps_are_those_of_the_requirement():
    steps = re.findall(r"^## (\d)\. (.+)$", GUIDE, re.MULTILINE)
    assert [int(number) for number, _ in steps] == [1, 2, 3, 4, 5, 6]


def test_the_agent_says_what_the_worker_said_and_its_record_is_found(
    worker: Callable[..., dict[str, Any]],
    shop: Workshop,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
):
    # Given the job of the guide, done by the old worker
    job_id, params = _sent()
    before = worker(params["account"], params["amounts"])
    # When it is sent to the agent, by a caller that was moved and by one that drains Redis, too
    shop.send(job_id, params=params)
    shop.send(job_id, params=params)
    shop.settle_down()
    # Then it ran once, with the same result
    row = shop.clerk.row(job_id)
    assert (row["status"], row["result"], row["attempts"]) == (Status.COMPLETED, before, 1)
    # And the guide's last command finds it
    [get] = (words for words in _commands() if words[0] == "jobs")
    assert main([*get, "--json"], environ={"DATABASE_URL": database_url}) == Exit.OK
    assert json.loads(capsys.readouterr().out)["result"] == before


def test_what_no_retry_can_mend_fails_at_once_where_rq_tried_again(
    worker: Callable[..., dict[str, Any]], shop: Workshop
):
    # Given a list with a line that is no amount, at which the old worker raises each time
    with pytest.raises(InvalidOperation):
        worker("a-1", ["1", "two"])
    # When the agent gets it, and another one that does not fit the schema
    shop.send("bad", params={"account": "a-1", "amounts": ["1", "two"]})
    shop.send("misfit", params={"account": "a-1", "amounts": [1]})
    shop.settle_down()
    # Then each fails at its first attempt, for a reason that is kept with the row and the dead letter
    rows = [shop.clerk.row(job_id) for job_id in ("bad", "misfit")]
    assert [(row["status"], row["attempts"]) for row in rows] == [(Status.FAILED, 1)] * 2
    assert [row["error"]["code"] for row in rows] == ["bad_amount", "invalid_params"]
    assert len(shop.letters()) == 2


def test_a_worker_that_dies_is_followed_by_one_that_goes_on_from_the_checkpoint(folder: Path):
    # Given a job whose last attempt saved its progress after a thousand lines
    saved: list[Any] = []
    amounts = ["1"] * 1500
    statement = load_agent(folder)
    params = {"account": "a-1", "amounts": amounts}
    first = statement(Job(id="long", params=params, save=saved.append))
    assert saved == [{"lines": 1000, "balance": "1000"}]
    # When another worker takes it up
    resumed = statement(Job(id="long", params=params, state=saved[-1], save=saved.append))
    # Then it says the same, and did the rest only
    assert resumed == first == {"account": "a-1", "balance": "1500", "lines": 1500}
    assert len(saved) == 1


def test_an_exception_is_tried_again_as_often_as_the_manifest_says(database_url: str, folder: Path):
    # Given the manifest that took over Retry(max=3), and code that raises whatever it raised in RQ
    attempts: list[int] = []

    def unreachable(job: Job) -> None:
        attempts.append(job.attempt)
        raise ConnectionError

    shop = Workshop(
        database_url, behaviour=unreachable, max_attempts=load_manifest(folder).max_attempts
    )
    # When it is run until nothing is left to do
    shop.send("unreachable")
    shop.settle_down()
    # Then it was tried four times, and then failed with a dead letter
    assert attempts == [1, 2, 3, 4]
    assert shop.clerk.row("unreachable")["status"] == Status.FAILED
    assert len(shop.letters()) == 1
    shop.close()


def test_what_the_command_made_is_replaced_by_what_the_guide_shows(folder: Path):
    # Given the folder that `muster new` made, with the guide's manifest and function
    manifest = load_manifest(folder)
    # When it is looked at
    # Then it is RQ's worker in other words, and nothing of what the command made is in the way
    assert (manifest.id, manifest.retries, manifest.isolation) == ("statement", 3, "process")
    assert manifest.timeout.total_seconds() == 180
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "agent.py",
        "agent.toml",
        "test_statement.py",
    ]
