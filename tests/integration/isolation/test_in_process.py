"""A job in a child process gets what every job gets, and does by its worker what every job does."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from muster.database import StatementFailed
from muster.errors import Cancelled, PermanentError, RetryLater
from muster.outbound import Outbound
from tests.integration.isolation.conftest import Isolate

ENVIRONMENT = {
    "PATH": "/usr/bin",
    "MUSTER_DATABASE_SECRET": "secret/of/the/ledger",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_REGION": "eu-west-1",
    "USER_AGENT": "of the manifest",
}


class Tables:
    """Keeps what it is asked; refuses what is called `refused`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self.asked.append((name, params))
        if name == "refused":
            raise StatementFailed("a key is there already", sqlstate="23505")
        return [(1, "one", None), (2, "two", {"x": [1.5]})]


def test_a_job_gets_what_its_worker_holds_for_it(isolate: Isolate):
    # Given an agent that returns all that it is handed
    agent = isolate(
        """
        return [job.id, dict(job.params), dict(job.config), dict(job.secrets), job.attempt, job.tenant,
                job.state, job.deadline, job.outbound.egress, list(job.outbound.ports)]
        """
    )
    # When it is called with all of it, more than a pipe holds
    large = "x" * 1_000_000
    ended = agent.call(
        params={"n": 1, "large": large},
        config={"c": [1]},
        secrets={"TOKEN": "t-1"},
        attempt=3,
        tenant="ajax",
        state={"page": 7},
        outbound=Outbound(egress="internet", ports=(8081,)),
    )
    # Then nothing is lost on the way, in either direction
    assert ended.error is None
    assert ended.result == [
        "job-1", {"n": 1, "large": large}, {"c": [1]}, {"TOKEN": "t-1"}, 3, "ajax",
        {"page": 7}, None, "internet", [8081],
    ]  # fmt: skip
    assert ended.cpu_seconds > 0
    assert ended.memory_bytes > 1_000_000


def test_the_environment_is_the_manifests_and_not_the_workers(isolate: Isolate):
    agent = isolate("return dict(os.environ)", environ=ENVIRONMENT)
    told = agent.call(secrets={"TOKEN": "t-1"}).result
    assert told["AWS_REGION"] == "eu-west-1"
    assert told["USER_AGENT"] == "of the manifest"
    assert not [name for name in told if name.startswith("MUSTER_") or "RUNTIME_API" in name]
    assert "t-1" not in told.values()


def test_log_lines_are_written_by_the_worker(isolate: Isolate):
    # Given a job that logs in every way
    agent = isolate(
        """
        job.log.info("read %d rows", 3, extra={"page": 2, "msg_id": object})
        try: 1 / 0
        except ZeroDivisionError: job.log.exception("odd")
        logging.getLogger("library").warning("from a library")
        print("printed"); print("error", file=sys.stderr)
        """
    )
    # When it runs
    agent.call()
    # Then its worker's log has each as what it was
    [line] = [r for r in agent.log.records if r["text"] == "read 3 rows"]
    assert (line["levelname"], line["page"]) == ("INFO", 2)
    [odd] = [r for r in agent.log.records if r["text"] == "odd"]
    assert "ZeroDivisionError" in odd["exception"]
    assert sorted(agent.printed()) == ["error", "from a library", "printed"]


def test_progress_counts_and_statements_go_through_the_worker(isolate: Isolate):
    # Given a job that saves, counts and runs statements, and is then killed
    agent = isolate(
        """
        job.checkpoint({"page": 1}); job.count(items_processed=2); job.count(items_processed=3)
        rows = job.database.run("all", {"since": None})
        job.checkpoint({"rows": rows, "kinds": sorted({type(row).__name__ for row in rows})})
        try: job.database.run("refused")
        except StatementFailed as failed: job.checkpoint([str(failed), failed.sqlstate])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    tables = Tables()
    # When it runs
    agent.call(database=tables)
    # Then its worker did all of it
    rows = [[1, "one", None], [2, "two", {"x": [1.5]}]]
    assert agent.saved == [
        {"page": 1},
        {"rows": rows, "kinds": ["tuple"]},
        ["a key is there already", "23505"],
    ]
    assert agent.counters == {"itemsProcessed": 5}
    assert tables.asked == [("all", {"since": None}), ("refused", {})]


def test_a_job_that_lost_its_claim_is_told(isolate: Isolate):
    def lost(_: Any) -> None:
        raise Cancelled("another worker holds it", code="claim_lost")

    ended = isolate("job.checkpoint(1)\ntime.sleep(60)").call(save=lost)
    assert isinstance(ended.error, Cancelled)
    assert ended.error.code == "claim_lost"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("raise PermanentError('never')", PermanentError, "permanent"),
        ("raise PermanentError('never', code='own_code')", PermanentError, "own_code"),
        ("raise Cancelled('no more')", Cancelled, "cancelled"),
        ("return {1, 2}", PermanentError, "result_not_json"),
        ("return float('nan')", PermanentError, "result_not_json"),
        ("job.http()", PermanentError, "egress_none"),
    ],
)
def test_errors_mean_what_they_mean_everywhere(
    isolate: Isolate, body: str, kind: type[Exception], code: str
):
    ended = isolate(body).call(outbound=Outbound(egress="none"))
    assert isinstance(ended.error, kind)
    assert ended.record is not None
    assert ended.record.code == code


def test_a_wait_is_kept(isolate: Isolate):
    ended = isolate("raise RetryLater('busy', after=90, snooze=True)").call()
    assert isinstance(ended.error, RetryLater)
    assert (ended.error.after.total_seconds(), ended.error.snooze) == (90, True)


def test_any_other_error_keeps_its_class_text_and_stack(isolate: Isolate):
    record = isolate("raise LookupError('gone')").call().record
    assert record is not None
    assert (record.error_class, record.message, record.code) == (
        "LookupError",
        "gone",
        "agent_error",
    )
    assert record.stack is not None
    assert "agent.py" in record.stack


def test_a_folder_without_an_agent_is_told(isolate: Isolate):
    agent = isolate("return 1", head="raise ImportError('needs more')\n")
    record = agent.call().record
    assert record is not None
    assert record.error_class == "ImportError"


def test_threads_may_call_at_once(isolate: Isolate):
    """What the listener does: calls of one agent side by side, each with its own end."""
    # Given an agent of which some jobs are killed, some hang, some print
    agent = isolate(
        """
        number = job.params["n"]
        print(f"job {number}")
        if number % 4 == 1: os._exit(9)
        if number % 4 == 2: time.sleep(600)
        return number
        """
    )
    # When eight of them run at once
    with ThreadPoolExecutor(4) as threads:
        ended = list(
            threads.map(
                lambda n: agent.call(params={"n": n}, limit=15 if n % 4 == 2 else 60), range(8)
            )
        )
    # Then each ends as it would alone
    codes = [getattr(each.error, "code", each.result) for each in ended]
    assert codes == [0, "exited", "timeout", 3, 4, "exited", "timeout", 7]
    assert sorted(agent.printed()) == [f"job {n}" for n in range(8)]


def test_a_worker_that_cannot_answer_ends_the_job(isolate: Isolate):
    # Given a worker whose ledger breaks in a way that nobody foresaw
    def broken(_: Any) -> None:
        raise AssertionError("a mistake of the worker's own")

    agent = isolate("job.checkpoint(1)\ntime.sleep(60)")
    # When a job asks it for something, the mistake shows, and no process is left
    with pytest.raises(AssertionError):
        agent.call(save=broken)
