"""A server that is away, silent, full or read-only, and how long it may take to say so."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from local.postgres import Postgres
from muster.errors import StoreUnavailable
from muster.model import Verdict
from muster.store.connection import Database
from muster.store.statements import statements
from tests.support.clerk import (
    Clerk,
    claim_one,
    database_of,
    held,
    ledger_at,
    query,
)
from tests.support.migrations import migrate_database
from tests.support.postgres import make_database
from tests.support.proxy import FaultProxy
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until

_LOCK_ALL = "SELECT 1 FROM agent_job_execution FOR UPDATE"
#: A statement that needs nothing but a connection.
ONE = replace(
    statements("ledger")["cancel"],
    name="one",
    prepare="PREPARE one AS SELECT 1",
    execute="EXECUTE one",
)


def test_a_refused_connection_is_told_in_time_and_mends_without_a_restart(clerk: Clerk):
    """F33: the same worker goes on as soon as the server is back."""
    clock = Timepiece(stopped=True)
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, retry_seconds=0.5, clock=clock) as ledger,
    ):
        # Given a worker that has worked before
        assert claim_one(ledger, "before").verdict is Verdict.TAKEN
        # When the server goes away
        proxy.refuse()
        # Then each call says so within its bound
        for _ in range(2):
            began = clock.monotonic()
            with pytest.raises(StoreUnavailable, match="Postgres: "):
                claim_one(ledger, "during")
            assert 0 < clock.monotonic() - began < 0.5
        # And when it is back, the next call works
        proxy.open()
        assert claim_one(ledger, "during").verdict is Verdict.TAKEN


def test_a_call_that_waits_out_a_short_outage_succeeds(clerk: Clerk):
    """F33: inside its bound a call is repeated until the server is back."""
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, retry_seconds=120) as ledger,
        ThreadPoolExecutor(1) as pool,
    ):
        claim_one(ledger, "before")
        proxy.refuse()
        call = pool.submit(claim_one, ledger, "during")
        with pytest.raises(TimeoutError):
            call.result(0.3)
        proxy.open()
        assert call.result(120).verdict is Verdict.TAKEN


def test_a_black_hole_ends_by_the_clients_own_deadline(clerk: Clerk):
    """F35: packets vanish and nothing is reset; no setting of the server would help."""
    with (
        FaultProxy(clerk.url) as proxy,
        ledger_at(proxy.url, call_seconds=4, retry_seconds=6) as ledger,
    ):
        claim_one(ledger, "before")
        proxy.swallow()
        began = time.monotonic()
        # When a job is claimed / Then it is given up in time, connecting included
        with pytest.raises(StoreUnavailable, match="no answer within 4 s"):
            claim_one(ledger, "during")
        assert time.monotonic() - began < 60
        # And when packets flow again, the next call works on a new connection
        proxy.open()
        assert claim_one(ledger, "after").verdict is Verdict.TAKEN


def test_what_the_client_has_given_up_does_not_go_on_in_the_server(clerk: Clerk):
    """F35: a statement that nobody waits for any more must not take a job later."""
    # Given a job whose row is locked, and a worker that loses patience
    clerk.settle(clerk.take("j", "m"), "retried")
    with (
        held(clerk.url, _LOCK_ALL),
        ledger_at(clerk.url, call_seconds=2, retry_seconds=0.4) as ledger,
    ):
        with pytest.raises(StoreUnavailable):
            claim_one(ledger)
        # Then its sessions end though the lock is still held
        wait_until(lambda: clerk.waiting_sessions() == 0)
    # And the job is still there to be taken
    assert clerk.take("j", "m").fence == 2


def test_too_many_clients_are_waited_out_within_a_bound(tmp_path: Path):
    """F36: a full server is a retryable failure; a place that becomes free is used."""
    # Given a server with few connections, all taken
    server = Postgres(tmp_path, durable=False, max_connections=8)
    server.start()
    try:
        make_database(server, "muster")
        migrate_database(server.url("muster"))
        taken = _take_all_connections(server.url("muster"))
        with closing(database_of(server.url("muster"), retry_seconds=0.5)) as database:
            # When a worker needs one / Then it is told within its bound
            with pytest.raises(StoreUnavailable, match="too many clients"):
                database.run(ONE)
            # And as soon as one is given back, it works
            taken.pop().close()
            assert wait_until(lambda: _attempt(database)) == [(1,)]
        for connection in taken:
            connection.close()
    finally:
        server.stop(immediate=True)


def _take_all_connections(url: str) -> list[psycopg2.extensions.connection]:
    taken: list[psycopg2.extensions.connection] = []
    while len(taken) < 50:
        try:
            taken.append(psycopg2.connect(url))
        except psycopg2.OperationalError:
            return taken
    raise AssertionError("the server never filled up")


def _attempt(database: Database) -> list[tuple[int]] | None:
    try:
        return database.run(ONE)
    except StoreUnavailable:
        return None


def test_a_read_only_primary_is_waited_out_on_new_connections(clerk: Clerk):
    """F34: after a failover the old primary answers, but writes nothing."""
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with ledger_at(clerk.url, retry_seconds=0.5) as ledger:
        with pytest.raises(StoreUnavailable, match="ReadOnly"):
            claim_one(ledger)
        clerk.query("SET default_transaction_read_only = off")
        clerk.query(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        assert claim_one(ledger).verdict is Verdict.TAKEN
