"""What a worker's connection to Postgres survives, and how long it may take to say that it cannot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from local.postgres import Postgres
from muster.errors import StoreUnavailable
from muster.execution.deadline import DeadlineReached, deadline
from muster.model import Status, Verdict
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.settings import DatabaseSettings
from muster.store.statements import Statement, statements
from tests.support.clerk import (
    MINUTE,
    Clerk,
    claimant,
    database_of,
    delivery,
    held,
    outcome,
    query,
)
from tests.support.invariants import Held, history_holds
from tests.support.migrations import migrate_database
from tests.support.postgres import make_database
from tests.support.proxy import FaultProxy
from tests.support.waiting import wait_until

_LOCK_ALL = "SELECT 1 FROM agent_job_execution FOR UPDATE"


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    """A worker with a good connection, for what comes before and after the fault."""
    clerk = Clerk(database_url)
    yield clerk
    clerk.close()
    assert history_holds(database_url) == []


@contextmanager
def _ledger(url: str, **options: float) -> Iterator[Ledger]:
    with closing(database_of(url, **options)) as database:
        yield Ledger(database)


def _claim(ledger: Ledger, job: str = "j", message: str = "m"):
    [judgement] = ledger.claim([delivery(job, message)], claimant=claimant(), lease=MINUTE)
    return judgement


def _one() -> Statement:
    return replace(
        statements("ledger")["cancel"],
        name="one",
        prepare="PREPARE one AS SELECT 1",
        execute="EXECUTE one",
    )


def test_a_restart_in_the_middle_of_a_statement_leaves_no_half_rows(own_postgres: Postgres):
    """F31: one clean retry of the whole statement, on a new connection."""
    # Given a waiting job, and a claim of it and of a new one that waits for a lock
    url = own_postgres.url("muster")
    with closing(database_of(url)) as database, ThreadPoolExecutor(1) as pool:
        ledger = Ledger(database)
        first = _claim(ledger, "old", "m-old")
        assert first.claim is not None
        ledger.settle([outcome(first.claim, "retried")])
        blocker = psycopg2.connect(url)
        blocker.cursor().execute(_LOCK_ALL)
        batch = [delivery("new", "m-new"), delivery("old", "m-old")]
        call = pool.submit(ledger.claim, batch, claimant=claimant(), lease=MINUTE)
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: query(url, waits))
        # When the server crashes and comes back
        own_postgres.restart(immediate=True)
        blocker.close()
        # Then the claim succeeds, and each job was taken once
        judgements = call.result(30)
        assert [j.claim and (j.claim.fence, j.claim.attempt) for j in judgements] == [
            (1, 1),
            (2, 2),
        ]
    assert len(query(url, "SELECT 1 FROM job_key")) == 2
    assert history_holds(url) == []


@pytest.mark.parametrize("statement", ["claim_new", "claim_known"])
def test_a_lost_reply_of_a_claim_is_found_out_by_its_token(clerk: Clerk, statement: str):
    """F32: the claim was committed; the repeat returns the same rows, and nothing is written twice."""
    # Given a waiting job, and a network that loses the reply to one statement
    clerk.settle(clerk.take("old", "m-old"), "retried")
    with FaultProxy(clerk.url) as proxy, _ledger(proxy.url) as ledger:
        proxy.cut_reply_to(f"EXECUTE {statement}")
        # When this job and a new one are claimed
        batch = [delivery("new", "m-new"), delivery("old", "m-old")]
        judgements = ledger.claim(batch, claimant=claimant(), lease=MINUTE)
        # Then both are held as if nothing had happened
        assert proxy.cuts == 1
    assert [j.claim and (j.claim.fence, j.claim.attempt) for j in judgements] == [(1, 1), (2, 2)]
    assert (clerk.story("new"), clerk.story("old")) == (
        ["claimed"],
        ["claimed", "retried", "claimed"],
    )
    for judgement in judgements:
        assert judgement.claim is not None
        assert clerk.settle(judgement.claim, "completed") is Status.COMPLETED


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled", "retried"])
def test_a_lost_reply_of_a_settlement_is_found_in_the_row(clerk: Clerk, kind: str):
    """F32: the outcome was committed; the repeat is answered as the first would have been."""
    # Given a running job / When the reply to its settlement is lost
    claim = clerk.take("j", "m")
    with FaultProxy(clerk.url) as proxy, _ledger(proxy.url) as ledger:
        proxy.cut_reply_to("EXECUTE settle ")
        states = ledger.settle([outcome(claim, kind)])
        assert proxy.cuts == 1
    # Then the worker knows that it holds, and it was written once
    assert states == {claim.execution_id: outcome(claim, kind).status}
    assert clerk.story("j") == ["claimed", kind]


def test_a_lost_reply_of_a_dead_letters_note_is_harmless(clerk: Clerk):
    """F32: noted once, told once."""
    clerk.settle(clerk.take("j", "m"), "failed")
    [judgement] = clerk.claim(delivery("j", "m"))
    assert judgement.failure is not None
    with FaultProxy(clerk.url) as proxy, _ledger(proxy.url) as ledger:
        proxy.cut_reply_to("EXECUTE dead_letters_sent")
        ledger.dead_letters_sent([judgement.failure])
        assert proxy.cuts == 1
    assert clerk.row("j")["dlq_pending"] is False


def test_a_refused_connection_is_told_in_time_and_mends_without_a_restart(clerk: Clerk):
    """F33: the same worker goes on as soon as the server is back."""
    with FaultProxy(clerk.url) as proxy, _ledger(proxy.url, retry_seconds=0.5) as ledger:
        # Given a worker that has worked before
        assert _claim(ledger, "before").verdict is Verdict.TAKEN
        # When the server goes away
        proxy.refuse()
        # Then each call says so within its bound
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="Postgres: "):
                _claim(ledger, "during")
            assert time.monotonic() - began < 3
        # And when it is back, the next call works
        proxy.open()
        assert _claim(ledger, "during").verdict is Verdict.TAKEN


def test_a_call_that_waits_out_a_short_outage_succeeds(clerk: Clerk):
    """F33: inside its bound a call is repeated until the server is back."""
    with (
        FaultProxy(clerk.url) as proxy,
        _ledger(proxy.url) as ledger,
        ThreadPoolExecutor(1) as pool,
    ):
        _claim(ledger, "before")
        proxy.refuse()
        call = pool.submit(_claim, ledger, "during")
        with pytest.raises(TimeoutError):
            call.result(0.3)
        proxy.open()
        assert call.result(10).verdict is Verdict.TAKEN


def test_a_black_hole_ends_by_the_clients_own_deadline(clerk: Clerk):
    """F35: packets vanish and nothing is reset; no setting of the server would help."""
    with (
        FaultProxy(clerk.url) as proxy,
        _ledger(proxy.url, call_seconds=0.4, retry_seconds=1.0) as ledger,
    ):
        _claim(ledger, "before")
        proxy.swallow()
        began = time.monotonic()
        # When a job is claimed / Then it is given up in time, connecting included
        with pytest.raises(StoreUnavailable, match="no answer within 0.4 s"):
            _claim(ledger, "during")
        assert time.monotonic() - began < 3
        # And when packets flow again, the next call works on a new connection
        proxy.open()
        assert _claim(ledger, "after").verdict is Verdict.TAKEN


def test_what_the_client_has_given_up_does_not_go_on_in_the_server(clerk: Clerk):
    """F35: a statement that nobody waits for any more must not take a job later."""
    # Given a job whose row is locked, and a worker that loses patience
    clerk.settle(clerk.take("j", "m"), "retried")
    with (
        held(clerk.url, _LOCK_ALL),
        _ledger(clerk.url, call_seconds=0.3, retry_seconds=0.4) as ledger,
    ):
        with pytest.raises(StoreUnavailable):
            _claim(ledger)
        # Then its sessions end though the lock is still held
        wait_until(lambda: clerk.waiting_sessions() == 0, within=5)
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
                database.run(_one())
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
        return database.run(_one())
    except StoreUnavailable:
        return None


def test_a_deadlock_is_retried(clerk: Clerk):
    """F37 (40P01): the victim tries again and wins."""
    # Given two running jobs, and another session that holds one and will want the other
    claims = [clerk.take(job) for job in ("a", "b")]
    lock = "SELECT 1 FROM agent_job_execution WHERE job_id = %s FOR UPDATE"
    with closing(psycopg2.connect(clerk.url)) as other, ThreadPoolExecutor(1) as pool:
        cursor = other.cursor()
        cursor.execute("SET deadlock_timeout = '60s'")  # the worker is to be the victim
        cursor.execute(lock, ("b",))
        # When both are settled at once
        call = pool.submit(clerk.ledger.settle, [outcome(claim, "completed") for claim in claims])
        wait_until(lambda: _waits(clerk.url))
        cursor.execute(lock, ("a",))
        other.rollback()
        # Then both are settled in the end
        assert set(call.result(20).values()) == {Status.COMPLETED}
    deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()"
    assert wait_until(lambda: query(clerk.url, deadlocks)[0]["n"]) >= 1


def _waits(url: str) -> bool:
    """Whether a session of this database waits for a lock."""
    return bool(
        query(
            url,
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    )


@pytest.mark.parametrize(
    ("setting", "release"),
    [
        ("lock_timeout = '100ms'", "ROLLBACK"),  # 55P03
        ("default_transaction_isolation = 'repeatable read'", "COMMIT"),  # 40001
    ],
    ids=["lock_not_available", "serialization_failure"],
)
def test_what_a_moment_later_may_succeed_is_tried_again(clerk: Clerk, setting: str, release: str):
    """F37: lock time-out and serialization failure are repeated with a pause."""
    # Given a job whose row another session changes, and sessions that fail instead of waiting
    claim = clerk.take("j")
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET {setting}")
    with closing(psycopg2.connect(clerk.url)) as other, ThreadPoolExecutor(1) as pool:
        cursor = other.cursor()
        cursor.execute("UPDATE agent_job_execution SET relays = relays + 1")
        # When the job is settled meanwhile
        with _ledger(clerk.url) as ledger:
            call = pool.submit(ledger.settle, [outcome(claim, "completed")])
            with pytest.raises(TimeoutError):
                call.result(0.3)
            cursor.execute(release)
            # Then it is settled as soon as that is possible
            assert call.result(10) == {claim.execution_id: Status.COMPLETED}
    assert clerk.story("j") == ["claimed", "completed"]


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_statement_that_an_operator_ends_is_tried_again(clerk: Clerk, end: str):
    """F31, F37 (57014, 57P01): whoever ends a session or its statement does not lose the settlement."""
    claim = clerk.take("j")
    with ThreadPoolExecutor(1) as pool:
        with held(clerk.url, _LOCK_ALL):
            call = pool.submit(clerk.ledger.settle, [outcome(claim, "completed")])
            ended = f"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: clerk.query(ended))
        assert call.result(10) == {claim.execution_id: Status.COMPLETED}
    assert clerk.story("j") == ["claimed", "completed"]


def test_what_does_not_go_away_is_told_with_its_class(clerk: Clerk):
    """F37: after the bound the failure surfaces, by name."""
    claim = clerk.take("j")
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET lock_timeout = '50ms'")
    with (
        held(clerk.url, _LOCK_ALL),
        _ledger(clerk.url, retry_seconds=0.5) as ledger,
        pytest.raises(StoreUnavailable, match="LockNotAvailable"),
    ):
        ledger.settle([outcome(claim, "completed")])


def test_a_read_only_primary_is_waited_out_on_new_connections(clerk: Clerk):
    """F34: after a failover the old primary answers, but writes nothing."""
    name = query(clerk.url, "SELECT current_database() AS name")[0]["name"]
    query(clerk.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with _ledger(clerk.url, retry_seconds=0.5) as ledger:
        with pytest.raises(StoreUnavailable, match="ReadOnly"):
            _claim(ledger)
        clerk.query("SET default_transaction_read_only = off")
        clerk.query(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        assert _claim(ledger).verdict is Verdict.TAKEN


def test_a_rotated_password_is_read_again_once(clerk: Clerk, database_url: str):
    """F41: open connections go on; the next connect re-reads the secret."""
    # Given an account whose password is rotated while a worker is connected
    query(database_url, "CREATE ROLE rotated LOGIN PASSWORD 'old'")
    old = replace(DatabaseSettings.from_url(database_url), username="rotated", password="old")
    reads: list[bool] = []

    def settings(refresh: bool) -> DatabaseSettings:
        reads.append(refresh)
        return replace(old, password="new") if True in reads else old

    try:
        with closing(Database(settings)) as database:
            assert database.run(_one()) == [(1,)]
            query(database_url, "ALTER ROLE rotated PASSWORD 'new'")
            assert database.run(_one()) == [(1,)]
            # When its connection is lost / Then the secret is read anew, once, and it works
            database.close()
            assert database.run(_one()) == [(1,)]
        assert reads == [False, False, True]
    finally:
        query(database_url, "DROP ROLE rotated")


def test_a_password_that_stays_wrong_is_told_within_the_bound(database_url: str):
    """F41: no storm of connects or of reads."""
    wrong = replace(DatabaseSettings.from_url(database_url), password="wrong")
    reads: list[bool] = []

    def settings(refresh: bool) -> DatabaseSettings:
        reads.append(refresh)
        return wrong

    with (
        closing(Database(settings, retry_seconds=1.0)) as database,
        pytest.raises(StoreUnavailable, match="password authentication failed") as told,
    ):
        database.run(_one())
    assert 1 < len(reads) < 10
    assert "wrong" not in str(told.value)


def test_a_wrong_statement_is_told_at_once_and_harms_no_other(clerk: Clerk):
    # Given a statement that can never work
    bad = replace(_one(), name="bad", prepare="PREPARE bad AS SELECT none", execute="EXECUTE bad")
    with closing(database_of(clerk.url)) as database:
        # When it runs / Then its own error comes, not "unavailable", and the connection stays good
        for _ in range(2):
            with pytest.raises(psycopg2.errors.UndefinedColumn):
                database.run(bad)
        assert database.run(_one()) == [(1,)]


def test_a_call_that_is_interrupted_by_the_deadline_of_its_job_leaves_a_usable_connection(
    clerk: Clerk,
):
    # Given a checkpoint that waits for a lock, inside an attempt that runs out of time
    claim = clerk.take("j")
    with _ledger(clerk.url) as ledger:
        with (
            held(clerk.url, _LOCK_ALL),
            pytest.raises(DeadlineReached),
            deadline(timedelta(seconds=0.2)),
        ):
            ledger.checkpoint(claim, {"page": 1})
        # When the attempt is settled / Then it works
        assert ledger.settle([outcome(claim, "retried")]) == {claim.execution_id: Status.PENDING}


def test_no_fault_leaves_connections_behind(clerk: Clerk, postgres: Postgres):
    """I8: after refusals, cuts and black holes everything is as it was."""
    before = Held.now(clerk.url)
    with (
        FaultProxy(clerk.url) as proxy,
        _ledger(proxy.url, call_seconds=0.2, retry_seconds=0.3) as ledger,
    ):
        faults: list[Callable[[], None]] = [proxy.refuse, proxy.swallow]
        for fault in faults:
            proxy.open()
            _claim(ledger, fault.__name__)
            fault()
            with pytest.raises(StoreUnavailable):
                _claim(ledger, "during")
    wait_until(lambda: Held.now(clerk.url) == before, within=10)
