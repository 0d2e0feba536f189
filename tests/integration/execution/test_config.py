"""M6: jobs run with request > AgentConfig > defaults; changes reach workers that are warm; checked at run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from muster.errors import RetryLater
from muster.execution.configuration import LOOK_AGAIN_SECONDS
from muster.job import Job
from muster.model import Status
from muster.store.statements import preparable
from tests.support.clerk import AGENT
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
HALF_A_MINUTE = timedelta(seconds=LOOK_AGAIN_SECONDS)
DEFAULTS = {"source": "defaults", "kept": 1}
#: How often the asking connection has run a prepared statement.
_TIMES_RUN = preparable(
    "times_run",
    "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE name = %(name)s::text",
)
SCHEMA = {"properties": {"source": {"type": "string"}}}


def _echo(job: Job) -> dict[str, Any]:
    return {"config": job.config}


def _change(shop: Workshop, config: Mapping[str, Any]) -> None:
    """Write the next version of AgentConfig as plain SQL does."""
    shop.clerk.query(
        "INSERT INTO agent_config (agent_id, version, config)"
        " SELECT %s, coalesce(max(version), 0) + 1, %s FROM agent_config",
        AGENT,
        json.dumps(config),
    )


def _config_of(shop: Workshop, job_id: str) -> dict[str, Any]:
    row = shop.clerk.row(job_id)
    assert row["status"] == Status.COMPLETED, row["error"]
    return row["result"]["config"]


def test_a_request_beats_the_operators_and_they_beat_the_defaults(workshop: MakeWorkshop):
    # Given an agent with defaults
    shop = workshop(behaviour=_echo, config=DEFAULTS)
    shop.send("before")
    shop.deliver()
    # When an operator changes one key, and a request another time too
    _change(shop, {"source": "operator", "added": True})
    shop.send("after")
    shop.send("asked", config={"source": "request"})
    shop.deliver()
    # Then each job ran with the strongest of each key
    assert _config_of(shop, "before") == DEFAULTS
    assert _config_of(shop, "after") == {"source": "operator", "kept": 1, "added": True}
    assert _config_of(shop, "asked") == {"source": "request", "kept": 1, "added": True}
    # And its row says what the request set, and which version held
    before, after, asked = (shop.clerk.row(job) for job in ("before", "after", "asked"))
    assert (before["config"], before["config_version"]) == (None, 0)
    assert (after["config"], after["config_version"]) == (None, 1)
    assert (asked["config"], asked["config_version"]) == ({"source": "request"}, 1)


def test_a_warm_worker_takes_a_change_up_within_half_a_minute(workshop: MakeWorkshop):
    # Given a worker that has run a job, and a change
    shop = workshop(behaviour=_echo, config=DEFAULTS)
    worker = shop.worker()
    shop.send("warm")
    shop.deliver(worker=worker)
    _change(shop, {"source": "operator"})
    # When it runs another half a minute later / Then it runs with it
    shop.skip(HALF_A_MINUTE)
    shop.send("later")
    shop.deliver(worker=worker)
    assert _config_of(shop, "later")["source"] == "operator"


def test_a_change_reaches_the_rest_of_a_batch_that_takes_long(workshop: MakeWorkshop):
    # Given a batch of two, of which the first takes half a minute and sees its operators change something
    def behaviour(job: Job) -> dict[str, Any]:
        if job.id == "slow":
            _change(shop, {"source": "operator"})
            shop.clock.skip(HALF_A_MINUTE)
        return {"config": job.config}

    shop = workshop(behaviour=behaviour, config=DEFAULTS, timeout=timedelta(seconds=40))
    shop.send("slow", "next")
    # When it is processed / Then the first keeps what it started with, the second runs with the change
    shop.deliver(time_left=timedelta(minutes=5))
    assert _config_of(shop, "slow")["source"] == "defaults"
    assert _config_of(shop, "next")["source"] == "operator"
    assert shop.clerk.row("next")["config_version"] == 1


def test_config_is_not_asked_for_by_each_job(workshop: MakeWorkshop):
    # Given a worker and two hundred jobs
    shop = workshop(behaviour=_echo, config=DEFAULTS, clock=Timepiece(stopped=True))
    worker = shop.worker()
    shop.send(*(f"job-{n}" for n in range(200)))
    # When they have run within half a minute
    while shop.memory.stored[shop.lane]:
        shop.deliver(worker=worker)
    # Then its connection has looked once
    counted = shop.database.run(_TIMES_RUN, {"name": "current_config"})
    assert counted == [(1,)]


def test_retries_and_redrives_keep_the_config_of_the_request(workshop: MakeWorkshop):
    # Given a job with a config of its own, which fails at first
    seen: list[str] = []

    def behaviour(job: Job) -> None:
        seen.append(job.config["source"])
        if len(seen) == 1:
            raise RetryLater(after=10)
        if len(seen) == 2:
            raise ValueError("and once more")
        shop.effect(job.id)

    shop = workshop(behaviour=behaviour, config=DEFAULTS, max_attempts=2)
    shop.send("j", config={"source": "request"})
    # When it is tried again by the relay, its message lost, and fails for good
    shop.deliver()
    shop.memory.stored[shop.lane].clear()
    shop.settle_down()
    assert shop.clerk.row("j")["status"] == Status.FAILED
    # Then its dead letter carries it
    [letter] = shop.memory.stored[shop.dlq]
    assert json.loads(letter.body)["config"] == {"source": "request"}
    # And the redrive finds it
    shop.redrive()
    shop.settle_down()
    assert seen == ["request"] * 3
    assert shop.problems(at_rest=True) == []


def test_a_redrive_after_the_row_is_gone_has_the_config_of_the_letter(workshop: MakeWorkshop):
    # Given a failed job with a config of its own, whose row was dropped with the others of its time
    shop = workshop(behaviour=_echo, config=DEFAULTS, config_schema=SCHEMA)
    _change(shop, {"kept": 2, "source": 7})
    shop.send("j", config={"asked": True})
    shop.deliver()
    for table in ("agent_job_execution", "execution_event", "job_key"):
        shop.clerk.query(f"DELETE FROM {table}")
    # When its dead letter is moved back, and its agent is sound again
    _change(shop, {})
    shop.redrive()
    shop.skip(HALF_A_MINUTE)
    shop.deliver()
    # Then it runs with the config that was asked for
    assert _config_of(shop, "j") == {**DEFAULTS, "asked": True}


@pytest.mark.parametrize(
    ("changes", "request_", "cure"),
    [
        ({}, {"source": 7}, "the request's config"),
        ({"source": 7}, None, f"muster config set {AGENT}"),
    ],
)
def test_a_config_that_does_not_fit_fails_the_job_before_its_code(
    workshop: MakeWorkshop, changes: dict[str, Any], request_: dict[str, Any] | None, cure: str
):
    # Given a config that its schema does not allow
    shop = workshop(config=DEFAULTS, config_schema=SCHEMA)
    if changes:
        _change(shop, changes)
    # When a job comes
    shop.send("j", **({"config": request_} if request_ else {}))
    shop.deliver()
    # Then it failed at its first attempt, had no effect, and its dead letter says whose fault it is
    row = shop.clerk.row("j")
    assert (row["status"], row["attempts"]) == (Status.FAILED, 1)
    assert (row["error"]["code"], row["error"]["retryable"]) == ("invalid_config", False)
    [letter] = shop.letters()
    assert cure in letter["muster-reason"]
    assert shop.problems(at_rest=True) == []


def test_what_the_operators_broke_they_mend_and_redrive(workshop: MakeWorkshop):
    # Given jobs that failed by a version that its schema does not allow
    shop = workshop(config=DEFAULTS, config_schema=SCHEMA)
    _change(shop, {"source": 7})
    shop.send("a", "b")
    shop.deliver()
    assert {shop.clerk.row(job)["status"] for job in "ab"} == {Status.FAILED}
    # When it is mended, and their dead letters are moved back
    _change(shop, {"source": "right"})
    shop.redrive()
    shop.settle_down()
    # Then they run, with the version that mends it
    for job in "ab":
        row = shop.clerk.row(job)
        assert (row["status"], row["config_version"]) == (Status.COMPLETED, 2)
    assert shop.problems(at_rest=True) == []


def test_a_job_in_the_form_of_another_system_brings_its_config(workshop: MakeWorkshop):
    shop = workshop(behaviour=_echo, config=DEFAULTS)
    shop.send_body(json.dumps({"jobId": "j", "params": {}, "config": {"source": "request"}}))
    shop.deliver()
    assert _config_of(shop, "j")["source"] == "request"


def test_text_that_postgres_refuses_is_replaced_in_a_config_too(workshop: MakeWorkshop):
    shop = workshop(behaviour=_echo)
    shop.send("j", config={"a\0": "\0\ud800"})
    shop.deliver()
    assert _config_of(shop, "j") == {"a\ufffd": "\ufffd\ufffd"} == shop.clerk.row("j")["config"]
