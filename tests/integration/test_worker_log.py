"""S7: `muster jobs logs` brings the lines themselves, from CloudWatch Logs or from the file of a listener."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from muster.aws.logs import Logs, Wanted
from muster.cli import main
from tests.support.clerk import AGENT, Clerk
from tests.support.emulator import EmulatedCloud

STREAM = "2026/11/28/[$LATEST]one"


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    clerk = Clerk(database_url)
    yield clerk
    clerk.close()


class Scripted:
    """A client of CloudWatch Logs that answers page after page and keeps what it was asked."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(dict(asked))
        return self.pages.pop(0)


def _event(text: str, second: int) -> dict[str, Any]:
    return {"message": text, "timestamp": 1_795_840_000_000 + 1000 * second, "logStreamName": "s"}


def _wanted(**changes: Any) -> Wanted:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    values: dict[str, Any] = {
        "group": "/group", "stream": "", "phrase": "e-1", "since": now, "until": now,
    }  # fmt: skip
    return Wanted(**{**values, **changes})


def test_pages_are_followed_until_there_are_enough_lines():
    # Given a log of which a page is empty, as CloudWatch's are at times
    client = Scripted(
        {"events": [], "nextToken": "1"},
        {"events": [_event("e-1 late", 2), _event("another's", 1)], "nextToken": "2"},
        {"events": [_event("e-1 early", 1)]},
    )
    # When lines are looked for
    found = Logs(client=client).find(_wanted(), limit=10, patience=timedelta(minutes=1))
    # Then all with the phrase are there, in order, and no more is said to be
    assert [line.text for line in found.lines] == ["e-1 early", "e-1 late"]
    assert found.complete
    assert client.asked[0]["filterPattern"] == '"e-1"'
    assert [asked.get("nextToken") for asked in client.asked] == [None, "1", "2"]


@pytest.mark.parametrize(
    ("limit", "patience"), [(1, timedelta(minutes=1)), (10, timedelta(0))], ids=["limit", "time"]
)
def test_what_is_not_looked_at_is_said(limit: int, patience: timedelta):
    client = Scripted({"events": [_event("e-1", 1), _event("e-1", 2)], "nextToken": "1"})
    found = Logs(client=client).find(_wanted(stream="s"), limit=limit, patience=patience)
    assert len(found.lines) == min(limit, 2)
    assert not found.complete
    assert client.asked[0]["logStreamNames"] == ["s"]


@pytest.fixture
def logged(clerk: Clerk, emulator: EmulatedCloud) -> tuple[str, str]:
    """A finished job whose worker wrote into a log group beside nine thousand lines of others."""
    group = f"/muster/{uuid4()}"
    client = emulator.client("logs")
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName=STREAM)
    clerk.register(
        endpoint=json.dumps({"type": "sqs", "queues": {}, "dlq": "", "log_group": group})
    )
    clerk.settle(clerk.take("mine"), "completed")
    clerk.change("mine", f"log_stream = '{STREAM}', log_tail = 'kept'")
    execution = str(clerk.row("mine")["execution_id"])
    now = int(time.time() * 1000)
    others = [json.dumps({"message": "another's", "execution": str(uuid4())}) for _ in range(9000)]
    line = {
        "timestamp": "2026-11-28 04:00:00,000+0000", "level": "INFO", "message": "step by step",
        "execution": execution, "attempt": 1,
    }  # fmt: skip
    lines = [*others[:4500], json.dumps(line), *others[4500:]]
    client.put_log_events(
        logGroupName=group,
        logStreamName=STREAM,
        logEvents=[{"timestamp": now, "message": text} for text in lines],
    )
    return group, execution


def _environ(emulator: EmulatedCloud, url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "AWS_ENDPOINT_URL": emulator.endpoint_url}


@pytest.fixture
def account(emulator: EmulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own variables, which the command line passes on."""
    for name, value in {
        "AWS_ENDPOINT_URL": emulator.endpoint_url, "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("account")
def test_the_lines_of_a_job_come_from_its_agent_s_log_group_in_time(
    logged: tuple[str, str],
    database_url: str,
    emulator: EmulatedCloud,
    capsys: pytest.CaptureFixture[str],
):
    group, execution = logged
    environ = _environ(emulator, database_url)
    taken: list[float] = []
    # When its lines are asked for
    for _ in range(3):
        began = time.perf_counter()
        assert main(["jobs", "logs", "mine", "--json"], environ=dict(environ)) == 0
        taken.append(time.perf_counter() - began)
        shown = json.loads(capsys.readouterr().out)
    # Then there is its line, and none of the others', within two seconds on a machine of its own, or on
    # a slow one sooner than all of them could be read
    assert [json.loads(line)["execution"] for line in shown["log"]["lines"]] == [execution]
    assert shown["log"]["source"] == f"{group} {STREAM}"
    assert shown["log"]["complete"] is True
    assert shown["lines"] == ["kept"]
    assert min(taken) < max(2.0, _reads_all(emulator, group))
    # And people read it as a sentence
    assert main(["jobs", "logs", "mine"], environ=dict(environ)) == 0
    assert "INFO step by step attempt=1" in capsys.readouterr().out
    # And what is kept is there without asking any log
    assert main(["jobs", "logs", "mine", "--kept"], environ=dict(environ)) == 0
    assert capsys.readouterr().out == "kept\n"


def _reads_all(emulator: EmulatedCloud, group: str) -> float:
    """Seconds that it takes to get every line of a log group."""
    began = time.perf_counter()
    pages = emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    assert sum(len(page["events"]) for page in pages) == 9001
    return time.perf_counter() - began


@pytest.mark.usefixtures("account")
def test_a_log_that_cannot_be_read_is_said_and_what_is_kept_is_shown(
    clerk: Clerk,
    database_url: str,
    emulator: EmulatedCloud,
    capsys: pytest.CaptureFixture[str],
):
    # Given a job whose agent's log group is gone
    gone = {"type": "sqs", "queues": {}, "dlq": "", "log_group": "/gone"}
    clerk.register(endpoint=json.dumps(gone))
    clerk.settle(clerk.take("mine"), "completed")
    clerk.change("mine", "log_tail = 'kept'")
    # When its lines are asked for
    assert main(["jobs", "logs", "mine"], environ=_environ(emulator, database_url)) == 0
    # Then the kept ones come, and why no others
    shown = capsys.readouterr()
    assert shown.out == "kept\n"
    assert "log group /gone does not exist" in shown.err


def test_on_one_machine_the_lines_of_a_listener_come_from_its_file(
    clerk: Clerk, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # Given a listener of this machine that wrote of two jobs
    service = {"type": "sqs", "queues": {}, "dlq": "", "service": "s", "log_group": "/unused"}
    clerk.register(endpoint=json.dumps(service))
    for job in ("mine", "other"):
        clerk.settle(clerk.take(job), "completed")
    executions = [str(clerk.row(job)["execution_id"]) for job in ("mine", "other")]
    file = tmp_path / "listener.log"
    file.write_text("".join(f'{{"execution":"{id_}"}}\n' for id_ in executions), "utf-8")
    asked: list[str] = []

    def locate(agent: str) -> Path:
        asked.append(agent)
        return file

    # When one's lines are asked for, of the local cloud
    code = main(
        ["jobs", "logs", "mine", "--json"],
        environ={},
        fallback=lambda: {"DATABASE_URL": database_url},
        locate_log=locate,
    )
    # Then only its own come
    assert code == 0
    assert json.loads(capsys.readouterr().out)["log"] == {
        "source": str(file),
        "complete": True,
        "problem": None,
        "lines": [f'{{"execution":"{executions[0]}"}}'],
    }
    assert asked == [AGENT]
