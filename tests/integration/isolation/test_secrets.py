"""A canary for a secret: it reaches the job, and nothing that is written down."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from muster.agent_secrets import AgentSecrets
from muster.errors import PermanentError, SecretRejected
from muster.isolation.caller import Caller
from muster.isolation.in_process import InProcess
from muster.isolation.in_thread import InThread
from muster.job import Job
from tests.support.isolated import write_agent
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

CANARY = 'canary-7f"3e/51'

BLAB = """
    token = job.secrets["TOKEN"]
    job.log.info("token %s", token, extra={"token": [token]})
    try: raise LookupError(token)
    except LookupError: job.log.exception("no luck")
    if job.id == "saves": job.checkpoint({"token": token})
    if job.id == "returns": return {"token": token, token: 1, "length": len(token)}
    if job.id == "cancels": raise Cancelled(f"for {token}")
    if job.id == "prints": print(token, repr(token)); print(f"error {token}", file=sys.stderr)
    if job.id == "never": raise PermanentError(f"refused {token!r}")
    raise ValueError(f"bad {token}")
"""


@pytest.fixture(params=["process", "shared"])
def blabbing(request: pytest.FixtureRequest, tmp_path: Path) -> Caller:
    """An agent that tells its secret in every way that goes through its worker."""
    folder = write_agent(tmp_path / f"blab-{request.param}", BLAB)
    if request.param == "process":
        return InProcess(folder, environ=os.environ)
    from muster.agent_loader import load_agent

    return InThread(load_agent(folder))


def _secrets() -> tuple[MemorySecrets, AgentSecrets]:
    store = MemorySecrets()
    store.stored["blab/token"] = CANARY
    return store, AgentSecrets({"TOKEN": "blab/token"}, read=store.text, clock=Timepiece())


def test_a_secret_is_nowhere_in_logs_rows_and_dead_letters(
    workshop: Callable[..., Workshop], blabbing: Caller
):
    # Given an agent that tells its secret
    _, secrets = _secrets()
    shop = workshop(caller=blabbing, secrets=secrets, max_attempts=1)
    # When it runs, and ends in every way
    shop.send("saves", "returns", "cancels", "never", "fails")
    if isinstance(blabbing, InProcess):
        shop.send("prints")
    shop.deliver()
    # Then its jobs had it, and nobody else sees it
    rows = shop.clerk.query(
        "SELECT job_id, status, result, error, state, row_to_json(e)::text AS row FROM agent_job_execution e"
    )
    events = shop.clerk.query("SELECT row_to_json(v)::text AS event FROM execution_event v")
    letters = [[message.body, dict(message.attributes)] for message in shop.memory.stored[shop.dlq]]
    everything = json.dumps([rows, events, letters], default=str) + shop.log.everything()
    assert "canary" not in everything
    results = {row["job_id"]: row["result"] for row in rows}
    assert results["returns"] == {"token": "***", "***": 1, "length": len(CANARY)}
    assert len(letters) >= 3
    assert "token ***" in shop.log.everything()


#: As long as a token of an identity provider.
TOKEN = "canary." + "0123456789abcdef" * 100


@pytest.mark.parametrize(
    "end",
    [
        'raise ValueError("x" * 1000 + token)',
        'raise ValueError("x" * 9000 + token + "y" * 7000)',
        'print("x" * 7000 + token)',
        'print("x" * 7000 + token, end="", flush=True)',
        'print("x" * 200000 + token + "y" * 200000)',
    ],
)
def test_no_half_of_a_secret_is_left_where_a_text_is_cut(
    workshop: Callable[..., Workshop], tmp_path: Path, end: str
):
    # Given an agent whose texts are cut in the midst of its secret
    folder = write_agent(tmp_path / "cuts", f'token = job.secrets["TOKEN"]\n{end}')
    secrets = AgentSecrets({"TOKEN": "cuts/token"}, read=lambda _: TOKEN, clock=Timepiece())
    shop = workshop(caller=InProcess(folder, environ=os.environ), secrets=secrets, max_attempts=1)
    # When it runs
    shop.send("job-1")
    shop.deliver()
    # Then neither its beginning nor its end is left
    row = shop.clerk.query("SELECT row_to_json(e)::text AS row FROM agent_job_execution e")
    everything = json.dumps(row) + shop.log.everything()
    assert "canary" not in everything
    assert "0123456789abcdef" not in everything
    assert "***" in everything


def test_the_secret_is_in_no_environment_and_no_command_line(tmp_path: Path):
    folder = write_agent(
        tmp_path / "looks",
        """
        found = []
        for process in ("self", str(os.getppid())):
            for name in ("environ", "cmdline"):
                found.append(job.secrets["TOKEN"].encode() in open(f"/proc/{process}/{name}", "rb").read())
        return found
        """,
    )
    job = Job(id="1", params={}, secrets={"TOKEN": CANARY})
    ended = InProcess(folder, environ=os.environ).call(job, limit=timedelta(minutes=1))
    assert ended.result == [False] * 4


def test_a_job_whose_secret_is_missing_is_tried_again_once_it_is_there(
    workshop: Callable[..., Workshop],
):
    # Given an agent whose secret nobody created
    store, secrets = _secrets()
    value = store.stored.pop("blab/token")
    shop = workshop(behaviour=lambda job: len(job.secrets["TOKEN"]), secrets=secrets)
    shop.send("job-1")
    # When its job runs
    shop.deliver()
    # Then it waits, and the row says how to mend it
    [row] = shop.clerk.query("SELECT status, error FROM agent_job_execution")
    assert row["status"] == "pending"
    assert row["error"]["code"] == "secret_missing"
    assert "aws secretsmanager create-secret --name blab/token" in row["error"]["message"]
    # And it completes once that was done
    store.stored["blab/token"] = value
    shop.settle_down()
    [row] = shop.clerk.query("SELECT status, result FROM agent_job_execution")
    assert (row["status"], row["result"]) == ("completed", len(CANARY))


def test_a_rejected_secret_is_read_again_for_the_next_attempt(workshop: Callable[..., Workshop]):
    # Given a secret that was rotated after it was read
    store, secrets = _secrets()

    def behaviour(job: Job) -> str:
        if job.params["n"] == 0:
            raise PermanentError("only reads the secrets")
        if job.secrets["TOKEN"] != "rotated":
            raise SecretRejected("401")
        return "accepted"

    shop = workshop(behaviour=behaviour, secrets=secrets)
    shop.send("reads", params={"n": 0})
    shop.deliver()
    store.stored["blab/token"] = "rotated"
    # When a job is told that it is refused
    shop.send("job-1")
    shop.settle_down()
    # Then its next attempt has the new one
    [row] = shop.clerk.query(
        "SELECT result, attempts FROM agent_job_execution WHERE job_id = 'job-1'"
    )
    assert (row["result"], row["attempts"]) == ("accepted", 2)


def test_a_job_does_not_start_when_its_secrets_came_too_late_for_it(
    workshop: Callable[..., Workshop],
):
    """Whoever reads for so long would run on after its lease, its slot, or its function's end."""
    # Given a secret that is slow to come: with it, the time is over in which the job must end
    ran: list[float] = []

    def read(_: str) -> str:
        shop.clock.skip(timedelta(seconds=15))
        return CANARY

    shop = workshop(
        behaviour=lambda job: ran.append(shop.clock.monotonic()),
        secrets=AgentSecrets({"TOKEN": "blab/token"}, read=read, clock=Timepiece()),
    )
    shop.send("job-1")
    # When it is delivered
    shop.deliver(time_left=timedelta(seconds=20))
    # Then it was not started, and is given back uncharged
    assert ran == []
    assert (shop.clerk.row("job-1")["status"], shop.clerk.row("job-1")["attempts"]) == (
        "pending",
        0,
    )
    # And with the secret at hand it runs
    shop.settle_down()
    assert shop.clerk.row("job-1")["status"] == "completed"
