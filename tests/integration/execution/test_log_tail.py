"""The last of what a job logs is kept with its execution; its trace is in every line of its worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from muster.agent_secrets import AgentSecrets
from muster.cli import main
from muster.execution.tail import LONGEST_TAIL
from muster.job import Job
from tests.support.worker import Workshop

Make = Callable[..., Workshop]
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def _row(shop: Workshop, job: str) -> dict[str, Any]:
    [row] = [r for r in shop.clerk.query("SELECT * FROM agent_job_execution") if r["job_id"] == job]
    return row


def test_the_lines_of_every_attempt_are_kept_in_order(workshop: Make):
    # Given a job that logs, and fails at its first attempt
    def behave(job: Job) -> None:
        job.log.info("reading %s", job.id)
        if job.attempt == 1:
            try:
                int("cannot read")
            except ValueError:
                job.log.exception("no luck")
                raise
        job.log.warning("done at last")

    shop = workshop(behaviour=behave)
    shop.send("a", "b")
    # When it has ended
    shop.settle_down()
    # Then its row has the lines of both attempts, its stack among them, and none of its neighbour
    lines = _row(shop, "a")["log_tail"].splitlines()
    assert lines[0] == "--- attempt 1, claim 1"
    assert lines[1].endswith("INFO reading a")
    assert any("ValueError: invalid literal" in line for line in lines)
    assert [line for line in lines if line.startswith("---")] == [
        "--- attempt 1, claim 1",
        "--- attempt 2, claim 2",
    ]
    assert lines[-1].endswith("WARNING done at last")
    assert not any("reading b" in line for line in lines)


def test_a_job_that_logs_nothing_costs_nothing(workshop: Make):
    shop = workshop()
    shop.send("quiet")
    shop.settle_down()
    assert _row(shop, "quiet")["log_tail"] is None


def test_what_is_kept_is_bounded_and_it_is_the_end(workshop: Make):
    # Given a job that logs without measure
    def behave(job: Job) -> None:
        for number in range(5_000):
            job.log.info("line %d", number)
        job.log.info("x" * 100_000)
        job.log.info("the end")

    shop = workshop(behaviour=behave, timeout=timedelta(minutes=1))
    shop.send("loud")
    shop.settle_down()
    kept = _row(shop, "loud")["log_tail"]
    # Then the row has no more than the bound, and the last line
    assert len(kept) <= LONGEST_TAIL
    assert kept.endswith("the end")
    assert "line 0\n" not in kept


def test_secrets_are_masked_in_it_too(workshop: Make):
    # Given a job that logs its secret
    def behave(job: Job) -> None:
        job.log.info("token is %s", job.secrets["TOKEN"])

    shop = workshop(behaviour=behave)
    shop._options["secrets"] = AgentSecrets(
        {"TOKEN": "name"}, read=lambda _: "very-secret-value", clock=shop.clock
    )
    shop.send("a")
    shop.settle_down()
    kept = _row(shop, "a")["log_tail"]
    assert "token is" in kept
    assert "very-secret-value" not in kept


@pytest.mark.parametrize("sent", [TRACE, None])
def test_a_trace_reaches_the_job_and_every_line_of_its_worker(workshop: Make, sent: str | None):
    # Given a job whose producer sent a trace, or none
    seen: list[str] = []
    shop = workshop(behaviour=lambda job: seen.append(job.traceparent))
    shop.send("a", **({"traceparent": sent} if sent else {}))
    # When it has run
    shop.settle_down()
    # Then the job had the producer's trace, or one of its execution's own, and so has the log
    execution = str(_row(shop, "a")["execution_id"])
    own = execution.replace("-", "")
    assert seen == [sent or f"00-{own}-{own[16:]}-00"]
    told = [record for record in shop.log.records if record.get("execution") == execution]
    assert {record["traceparent"] for record in told} == set(seen)


def test_one_command_leads_from_a_job_to_its_log(
    workshop: Make, database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given a job that has logged
    shop = workshop(behaviour=lambda job: job.log.info("hello from %s", job.id))
    shop.send("a")
    shop.settle_down()
    # When it is asked for its log, and for what happened
    for command in (["jobs", "logs", "a"], ["jobs", "get", "a", "--events"]):
        assert main([*command, "--json"], environ={"DATABASE_URL": database_url}) == 0
    logs, events = _objects(capsys.readouterr().out)
    # Then both say who ran it and with which code
    assert logs["lines"][-1].endswith("hello from a")
    assert logs["worker"] == events["worker"] == "worker-1"
    assert [event["kind"] for event in events["events"]] == ["claimed", "completed"]
    assert {"log_stream", "code_version", "traceparent"} <= events.keys()


def _objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects that stand in a text one after another."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        value, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        found.append(value)
    return found
