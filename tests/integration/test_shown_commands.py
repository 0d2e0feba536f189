"""Every command that a document shows works as it stands, on agents and jobs such as its page speaks of.

Documents with a test of their own are in `ELSEWHERE`; tests/unit/test_documents.py forgets none.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.endpoint.client import Endpoint, running_endpoint
from muster.cli import main
from muster.cli.exit import Exit
from tests.support.clerk import query
from tests.support.shown import ELSEWHERE, commands_of, documents_with_commands
from tests.support.source import ROOT

#: Agents that documents speak of; their manifests' parts that matter here are in the table's defaults.
_AGENTS = ("document-profile", "feed-collector", "http-fetch", "ledger-posting", "word-count")
#: Commands of the local cloud, which tests of it run, and one that ends with Ctrl-C only.
_LEFT_OUT = {"up", "down", "demo", "new", "env"}
_ENDLESS = ["jobs", "watch"]
#: An execution that failed, of a job that pages name; with what a page calls an agent, it or an API key.
_EXECUTION = "0198c5f0-0000-7000-8000-000000000001"
_JOB = """
WITH made AS (
    INSERT INTO agent_job_execution (
        execution_id, agent_id, job_id, status, fence, attempts, error, completed_at, log_tail)
    VALUES (%s, 'feed-collector', 'order-4711', 'failed', 1, 3, '{"code": "agent_error", "class": "Timeout"}',
            now(), 'said')
    RETURNING *)
INSERT INTO job_key (agent_id, job_id, execution_id, created_at)
SELECT agent_id, job_id, execution_id, created_at FROM made
"""
_SCHEDULE = """
INSERT INTO agent_schedule (agent_id, name, expression, timezone)
VALUES ('feed-collector', 'weekday-mornings', '0 7 * * 1-5', 'Europe/Berlin')
"""

PAGES = [page for page in documents_with_commands() if page not in ELSEWHERE]
FOLDERS = sorted({page.rpartition("/")[0] for page in PAGES})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as running:
        yield running


@pytest.fixture
def muster(
    database_url: str,
    endpoint: Endpoint,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[list[str]], None]:
    """Types a command where those agents are registered, and that job failed."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    folder = Path(request.node.callspec.id).name
    for agent in _AGENTS:
        lane, dlq = (endpoint.create(f"{folder}-{agent}-{end}") for end in ("lane", "dlq"))
        told = {"type": "sqs", "queues": {"normal": lane}, "dlq": dlq}
        query(
            database_url,
            "INSERT INTO agent_registry (agent_id, endpoint) VALUES (%s, %s)",
            agent,
            json.dumps(told),
        )
    query(database_url, _JOB, _EXECUTION)
    query(database_url, _SCHEDULE)
    environ = {"DATABASE_URL": database_url}
    assert main(["keys", "create", "known", "--role", "viewer", "--json"], environ=environ) == 0
    key = json.loads(capsys.readouterr().out)["key_id"]
    meant = {
        "<agent>": "feed-collector",
        "<execution>": _EXECUTION,
        "<id>": "order-4711",
        "<name>": "weekday-mornings",
        "0123456789abcdef": key,
    }

    def run(words: list[str]) -> None:
        code = main([meant.get(word, word) for word in words], environ=environ)
        told = capsys.readouterr()
        assert code == Exit.OK, (words, told.out, told.err)
        assert told.out or told.err

    return run


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_commands_of_every_page_work_in_their_order(folder: str, muster: Callable[..., None]):
    pages = [page for page in PAGES if page.rpartition("/")[0] == folder]
    # Pages repeat commands that only look; once is enough for each.
    for command in dict.fromkeys(c for page in pages for c in commands_of(ROOT / page)):
        words = shlex.split(command, comments=True)
        if words[:2] == [".venv/bin/python", "-m"]:
            done = subprocess.run(
                [sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        elif words[1] not in _LEFT_OUT and words[1:3] != _ENDLESS:
            muster(words[1:])
