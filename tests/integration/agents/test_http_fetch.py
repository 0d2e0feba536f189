"""`http-fetch` through worker and ledger: what the rows say of calls, refusals and waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from muster import Job, PermanentError, RetryLater
from muster.agent_loader import load_agent
from muster.execution.params import params_checker
from muster.execution.report import error_record
from muster.isolation.in_process import InProcess
from muster.isolation.in_thread import InThread
from muster.manifest import load_manifest
from muster.outbound import Outbound
from muster.store.migrate import migrate
from muster.store.migration import agent_migrations
from muster.store.opening import open_tables
from tests.support.clerk import database_of
from tests.support.fetchers import FOLDER
from tests.support.invariants import history_holds
from tests.support.web import HERE, Site, answer, site
from tests.support.worker import Workshop

fetch = load_agent(FOLDER)
MANIFEST = load_manifest(FOLDER)


@pytest.fixture
def served() -> Iterator[Site]:
    with site(answer(b"hello", headers=("Content-Type: text/plain",))) as served:
        yield served


@pytest.fixture
def shop(database_url: str, served: Site) -> Iterator[Workshop]:
    """A worker of the agent on a stage that lets it call the site."""
    with closing(psycopg2.connect(database_url)) as connection:
        migrate(connection, agents=agent_migrations([FOLDER]))
    with closing(database_of(database_url)) as own:

        def behaviour(job: Job) -> Any:
            return fetch(
                replace(
                    job,
                    config={"requests_per_second": 0.01, "burst": 1},
                    database=open_tables(own, agent_id="http-fetch", folder=FOLDER),
                    outbound=Outbound(addresses=(HERE,), ports=(served.port,)),
                )
            )

        shop = Workshop(
            database_url, behaviour=behaviour, check_params=params_checker(MANIFEST.input_schema)
        )
        yield shop
        shop.close()
    assert history_holds(database_url) == []


def row(shop: Workshop, job_id: str) -> dict[str, Any]:
    [found] = shop.clerk.query("SELECT * FROM agent_job_execution WHERE job_id = %s", job_id)
    return found


def test_an_answer_is_the_result_of_the_job(shop: Workshop, served: Site):
    shop.send("job", params={"url": f"http://{HERE}:{served.port}/"})
    shop.deliver()
    found = row(shop, "job")
    assert (found["status"], found["result"]["status"]) == ("completed", 200)
    assert found["result"]["body"] == "hello"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"url": "http://169.254.169.254/"}, "metadata_address"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "special_address"),
        ({"url": "http://example.com/"}, "external_requests_off"),
        ({"url": 5}, "invalid_params"),
        ({"url": "http://example.com/", "timeout": 31}, "invalid_params"),
    ],
)
def test_a_refusal_is_a_failed_job_with_its_code(shop: Workshop, params: dict[str, Any], code: str):
    shop.send("job", params=params)
    shop.deliver()
    found = row(shop, "job")
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("failed", 1, code)
    assert len(shop.letters()) == 1


def test_waiting_for_the_rate_costs_no_attempt_and_nobody_is_lost(shop: Workshop, served: Site):
    # Given three jobs for a host that is called every hundred seconds
    names = ["one", "two", "three"]
    shop.send(*names, params={"url": f"http://{HERE}:{served.port}/"})
    # When they are delivered at once
    shop.deliver()
    # Then one has called, and the others wait for a moment of their own
    assert sorted(row(shop, name)["status"] for name in names) == [
        "completed",
        "pending",
        "pending",
    ]
    assert len(served.received) == 1
    waits = sorted(
        (found["available_at"] - found["updated_at"]).total_seconds()
        for found in (row(shop, name) for name in names)
        if found["status"] == "pending"
    )
    assert [round(wait, -1) for wait in waits] == [100, 200]
    # And after that time all have called, each in its first attempt
    for _ in range(2):
        shop.skip(timedelta(seconds=100))
        shop.clerk.query(
            "UPDATE agent_http_fetch.rate SET free_at = free_at - interval '100 seconds',"
            " promised_at = promised_at - interval '100 seconds'"
        )
        shop.deliver()
    assert [(row(shop, name)["status"], row(shop, name)["attempts"]) for name in names] == [
        ("completed", 1)
    ] * 3


@pytest.mark.parametrize("isolated", [False, True], ids=["shared", "process"])
def test_the_agent_calls_and_is_refused_alike_in_a_process_of_its_own(
    database_url: str, served: Site, isolated: bool
):
    # Given a caller of each kind, and the agent's tables in the worker's hands alone
    with closing(psycopg2.connect(database_url)) as connection:
        migrate(connection, agents=agent_migrations([FOLDER]))
    caller = InProcess(FOLDER, environ=os.environ) if isolated else InThread(fetch)
    with closing(database_of(database_url)) as own:
        job = Job(
            id="job",
            params={"url": f"http://{HERE}:{served.port}/"},
            config={"requests_per_second": 0.01, "burst": 1},
            database=open_tables(own, agent_id="http-fetch", folder=FOLDER),
            outbound=Outbound(addresses=(HERE,), ports=(served.port,)),
        )
        limit = timedelta(seconds=60)
        # When it calls, calls again too soon, and calls what nobody may
        answered, early = caller.call(job, limit=limit), caller.call(job, limit=limit)
        refused = caller.call(replace(job, params={"url": "http://169.254.169.254/"}), limit=limit)
    # Then it ends the same way
    assert answered.error is None
    assert answered.result["body"] == "hello"
    assert isinstance(early.error, RetryLater)
    assert early.error.snooze
    assert timedelta(seconds=100) - limit < early.error.after <= timedelta(seconds=100)
    assert isinstance(refused.error, PermanentError)
    assert (refused.record or error_record(refused.error)).code == "metadata_address"
