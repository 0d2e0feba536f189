"""Passwords that change while workers are connected."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from muster.errors import StoreUnavailable
from muster.store.connection import Database
from muster.store.settings import DatabaseSettings
from muster.store.statements import statements
from tests.support.clerk import (
    Clerk,
    query,
)
from tests.support.kept_port import kept_port
from tests.support.timepiece import Timepiece

_LOCK_ALL = "SELECT 1 FROM agent_job_execution FOR UPDATE"
#: A statement that needs nothing but a connection.
ONE = replace(
    statements("ledger")["cancel"],
    name="one",
    prepare="PREPARE one AS SELECT 1",
    execute="EXECUTE one",
)


def test_fault_41_a_rotated_password_is_read_again_once(clerk: Clerk, database_url: str):
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
            assert database.run(ONE) == [(1,)]
            query(database_url, "ALTER ROLE rotated PASSWORD 'new'")
            assert database.run(ONE) == [(1,)]
            # When its connection is lost / Then the secret is read anew, once, and it works
            database.close()
            assert database.run(ONE) == [(1,)]
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
        closing(Database(settings, retry_seconds=1.0, clock=Timepiece(stopped=True))) as database,
        pytest.raises(StoreUnavailable, match="password authentication failed") as told,
    ):
        database.run(ONE)
    assert 1 < len(reads) < 10
    assert "wrong" not in str(told.value)


def test_a_database_that_was_restored_elsewhere_is_found_by_its_secret(database_url: str):
    # Given a worker whose secret has named a server that is gone
    here = DatabaseSettings.from_url(database_url)
    reads: list[bool] = []

    def settings(refresh: bool) -> DatabaseSettings:
        reads.append(refresh)
        return here if True in reads else replace(here, port=nobodys)

    # When it asks its database something / Then it finds the one that the secret names now
    with kept_port() as nobodys, closing(Database(settings)) as database:
        assert database.run(ONE) == [(1,)]
    assert reads == [False, True]


def test_while_no_server_is_there_the_secret_is_read_only_now_and_then(database_url: str):
    here = DatabaseSettings.from_url(database_url)
    reads: list[bool] = []

    def settings(refresh: bool) -> DatabaseSettings:
        reads.append(refresh)
        return replace(here, port=nobodys)

    with (
        kept_port() as nobodys,
        closing(Database(settings, retry_seconds=1.0, clock=Timepiece(stopped=True))) as database,
        pytest.raises(StoreUnavailable),
    ):
        database.run(ONE)
    assert len(reads) > 2
    assert reads.count(True) == 1
