"""The rate at which `http-fetch` calls a host: held over all workers, by Postgres alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from muster.store.migrate import migrate
from muster.store.migration import agent_migrations
from muster.store.opening import open_tables
from tests.support.clerk import database_of, query
from tests.support.fetchers import FOLDER
from tests.support.web import answer, site

ROOT = Path(__file__).parents[3]

#: Asks for a call of a host: `take("a.test", promised=True)` is the wait in seconds.
Take = Callable[..., float]


@pytest.fixture
def rated_url(database_url: str) -> str:
    """A database with the agent's table."""
    with closing(psycopg2.connect(database_url)) as connection:
        migrate(connection, agents=agent_migrations([FOLDER]))
    return database_url


@pytest.fixture
def take(rated_url: str) -> Iterator[Take]:
    with closing(database_of(rated_url)) as database:
        tables = open_tables(database, agent_id="http-fetch", folder=FOLDER)

        def ask(
            host: str, *, promised: bool = False, interval: float = 10, burst: int = 2
        ) -> float:
            known = {"host": host, "interval": interval, "burst": burst, "promised": promised}
            ((wait,),) = tables.run("take", known)
            return wait

        yield ask


def pass_time(url: str, seconds: float) -> None:
    """Move everything that the table knows into the past."""
    query(
        url,
        "UPDATE agent_http_fetch.rate SET free_at = free_at - make_interval(secs => %s),"
        " promised_at = promised_at - make_interval(secs => %s) RETURNING host",
        seconds,
        seconds,
    )


def test_a_burst_passes_and_the_others_are_told_one_moment_each(take: Take):
    # Given a host that is called every ten seconds, two at once at most
    # When eight ask at once / Then two pass, and the others come one interval after the other
    waits = [take("a.test") for _ in range(8)]
    assert waits[:2] == [0, 0]
    assert [round(wait, 0) for wait in waits[2:]] == [10, 20, 30, 40, 50, 60]


def test_hosts_do_not_wait_for_each_other(take: Take):
    assert [take(f"{n}.test") for n in range(5)] == [0] * 5


def test_whoever_was_told_a_moment_is_not_overtaken(take: Take, rated_url: str):
    # Given a job that was told to come back in ten seconds, and one in twenty
    waits = [take("a.test") for _ in range(4)]
    assert [round(wait) for wait in waits[2:]] == [10, 20]
    # When the first comes in time together with a newcomer
    pass_time(rated_url, 10)
    newcomer = take("a.test")
    # Then the newcomer waits behind both, and the first passes
    assert round(newcomer) == 20
    assert take("a.test", promised=True) == 0


def test_those_who_come_late_together_do_not_pass_together(take: Take, rated_url: str):
    # Given five that were told their moments, and all came back a minute too late
    for _ in range(7):
        take("a.test")
    pass_time(rated_url, 3600)
    # Then no more than the burst passes at once
    waits = [take("a.test", promised=True) for _ in range(5)]
    assert waits[:2] == [0, 0]
    assert all(wait > 0 for wait in waits[2:])


def test_hosts_that_nobody_calls_are_forgotten(take: Take, rated_url: str):
    take("old.test")
    pass_time(rated_url, 2 * 86400)
    take("new.test")
    with closing(database_of(rated_url)) as database:
        open_tables(database, agent_id="http-fetch", folder=FOLDER).run("forget")
    assert query(rated_url, "SELECT host FROM agent_http_fetch.rate") == [{"host": "new.test"}]


@pytest.mark.slow
def test_the_rate_holds_over_several_worker_processes(rated_url: str):
    # Given four processes that are to call one host, ten times each, at 20 a second and 5 at once
    workers, calls, rate, burst = 4, 10, 20, 5
    with site(answer(b"ok")) as served:
        program = [sys.executable, "-m", "tests.support.fetchers", rated_url, str(served.port)]
        processes = [
            subprocess.Popen(
                [*program, str(calls), str(rate), str(burst)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(workers)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        # When they all start at once
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(process.communicate(timeout=240)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * workers
    # Then every call was made, and in no span of time more passed than burst and rate allow
    passed = [(begin, end) for each in told for begin, end in each["passed"]]
    assert len(passed) == len(served.received) == workers * calls
    for start in {begin for begin, _ in passed}:
        ends = sorted(end for begin, end in passed if begin >= start)
        for count, end in enumerate(ends, 1):
            assert count <= burst + rate * (end - start)
    # And nobody came much more often than it was told to
    assert sum(each["waits"] for each in told) <= 2 * workers * calls
