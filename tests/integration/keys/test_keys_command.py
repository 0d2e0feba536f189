"""`muster keys` on a real database: what is stored of a key, and for how long it holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from muster.cli import main
from muster.cli.exit import Exit
from muster.keys.access import Role
from muster.keys.api_key import ApiKey
from muster.keys.recognition import NotRecognised, recognise
from muster.store.call_rate import Rate
from muster.store.connection import administer
from muster.store.key_changes import KeyChanges
from muster.store.keys import Keys
from muster.store.settings import DatabaseSettings
from tests.support.clerk import database_of, query

#: Runs `muster keys … --json`; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def keys(database_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on a database without a key."""

    def run(*argv: str) -> tuple[int, Any, str]:
        code = main(["keys", *argv, "--json"], environ={"DATABASE_URL": database_url})
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return run


@pytest.fixture
def holder(database_url: str):
    """Who holds a key, as the API finds out; None when nobody does."""
    database = database_of(database_url)

    def of(text: str):
        try:
            return recognise(text, keys=Keys(database, rate=Rate(per_second=1000, burst=1000)))
        except NotRecognised:
            return None

    yield of
    database.close()


def _everything(url: str) -> str:
    """All rows of all tables as text: what a dump of the database holds."""
    tables = query(
        url, "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace",
    )  # fmt: skip
    rows = [query(url, f"SELECT t::text FROM {table['name']} t") for table in tables]
    assert {"api_key", "agent_registry"} <= {table["name"] for table in tables}
    return json.dumps(rows)


def test_a_key_is_shown_once_and_then_recognised(keys: Run, holder: Callable[[str], Any]):
    # When a key is made
    code, made, said = keys("create", "ci", "--role", "operator", "--tenant", "acme")
    assert code == Exit.OK
    assert "only time" in said
    # Then its holder is recognised with role and tenant
    found = holder(made["key"])
    assert (found.key_id, found.role, found.tenant, found.scopes) == (
        made["key_id"],
        Role.OPERATOR,
        "acme",
        None,
    )
    # And no other command shows it again
    _, listed, _ = keys("list")
    assert [row["name"] for row in listed] == ["ci"]
    assert made["key"][-43:] not in json.dumps(listed)


def test_a_dump_of_the_database_holds_no_usable_key(
    keys: Run, database_url: str, holder: Callable[[str], Any]
):
    # Given keys that were made, rotated and used
    _, first, _ = keys("create", "ci", "--role", "admin")
    _, second, _ = keys("rotate", first["key_id"])
    assert holder(first["key"])
    # When everything that is stored is read
    dump = _everything(database_url)
    # Then no secret is in it, in whatever spelling, and what is in it opens nothing
    for made in (first, second):
        secret = ApiKey.read(made["key"]).secret  # type: ignore[union-attr]  # it was just made
        assert made["key_id"] in dump
        assert secret not in dump
        assert secret.encode().hex() not in dump
    [stored] = query(
        database_url,
        "SELECT encode(digest, 'hex') AS hex FROM api_key WHERE key_id = %s",
        first["key_id"],
    )
    for guess in (stored["hex"], stored["hex"][:43]):
        assert holder(f"mstr_{first['key_id']}_{guess}") is None


def test_keys_are_in_no_log(
    keys: Run, holder: Callable[[str], Any], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    _, made, said = keys("create", "ci", "--role", "viewer")
    holder(made["key"])
    holder(made["key"][:-1] + "!")
    secret = made["key"][-43:]
    assert secret not in caplog.text + said


def test_scopes_leave_less_of_the_role(keys: Run, holder: Callable[[str], Any]):
    _, made, _ = keys("create", "ci", "--role", "operator", "--scope", "jobs:read")
    assert holder(made["key"]).scopes == {"jobs:read"}
    # A scope that the role has not is refused with a sentence, and nothing is written
    code, _, said = keys("create", "x", "--role", "viewer", "--scope", "jobs:submit")
    assert code == Exit.USAGE
    assert "viewer has no jobs:submit" in said
    assert len(keys("list", "--all")[1]) == 1


def test_both_keys_hold_during_the_overlap_and_the_old_one_does_not_afterwards(
    keys: Run, holder: Callable[[str], Any], database_url: str
):
    _, old, _ = keys("create", "ci", "--role", "operator", "--expires-in", "90d")
    # When it is rotated
    _, new, _ = keys("rotate", old["key_id"], "--overlap", "1h")
    # Then both hold, the new one with the same rights and the same length of life
    assert (new["replaces"], new["role"], new["tenant"]) == (old["key_id"], "operator", "default")
    assert holder(old["key"])
    assert holder(new["key"])
    [life] = query(
        database_url,
        "SELECT expires_at - created_at AS span FROM api_key WHERE key_id = %s",
        new["key_id"],
    )
    assert life["span"] == timedelta(days=90)
    # When the overlap is over
    query(
        database_url,
        "UPDATE api_key SET expires_at = expires_at - interval '61 minutes' WHERE key_id = %s",
        old["key_id"],
    )
    # Then only the new one does
    assert holder(old["key"]) is None
    assert holder(new["key"])


def test_a_key_is_rotated_once(keys: Run):
    _, old, _ = keys("create", "ci", "--role", "operator")
    assert keys("rotate", old["key_id"])[0] == Exit.OK
    code, shown, said = keys("rotate", old["key_id"])
    assert (code, shown) == (Exit.USAGE, None)
    assert "rotated already" in said
    assert len(keys("list")[1]) == 2


def test_of_two_rotations_at_once_one_makes_a_successor(keys: Run, database_url: str):
    _, old, _ = keys("create", "ci", "--role", "operator")

    def rotate(_: int) -> bool:
        with closing(administer(DatabaseSettings.from_url(database_url))) as connection:
            connection.autocommit = True
            changes = KeyChanges(connection)
            return changes.rotate(old["key_id"], overlap=timedelta(hours=1), by=None) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(rotate, range(8))) == 1


def test_a_deactivated_key_holds_no_longer_until_it_is_reactivated(
    keys: Run, holder: Callable[[str], Any]
):
    _, made, _ = keys("create", "ci", "--role", "operator")
    assert keys("deactivate", made["key_id"])[0] == Exit.OK
    assert holder(made["key"]) is None
    assert keys("list")[1] == []
    assert len(keys("list", "--all")[1]) == 1
    assert keys("reactivate", made["key_id"])[1]["active"] is True
    assert holder(made["key"])


def test_reactivation_does_not_raise_an_expired_key(
    keys: Run, holder: Callable[[str], Any], database_url: str
):
    _, made, _ = keys("create", "ci", "--role", "operator", "--expires-in", "1h")
    query(database_url, "UPDATE api_key SET expires_at = now()")
    keys("reactivate", made["key_id"])
    assert holder(made["key"]) is None
    assert keys("rotate", made["key_id"])[0] == Exit.USAGE


def test_a_use_is_written_down_once_in_a_while_not_at_every_call(
    keys: Run, holder: Callable[[str], Any], database_url: str
):
    _, made, _ = keys("create", "ci", "--role", "operator")
    row = "SELECT last_used_at, xmin::text FROM api_key"
    # When it is used for the first time / Then that is noted
    holder(made["key"])
    [first] = query(database_url, row)
    assert first["last_used_at"] is not None
    # When it is used often / Then the row is not written again
    for _ in range(20):
        holder(made["key"])
    assert query(database_url, row) == [first]
    # When it rested for a while / Then the next use is noted
    query(database_url, "UPDATE api_key SET last_used_at = now() - interval '6 minutes'")
    holder(made["key"])
    assert query(database_url, row)[0]["last_used_at"] > first["last_used_at"]


@pytest.mark.parametrize("action", ["rotate", "deactivate", "reactivate"])
def test_an_unknown_key_is_said_so(keys: Run, action: str):
    code, _, said = keys(action, "0" * 16)
    assert code == Exit.NOT_FOUND
    assert "muster keys list" in said


@pytest.mark.parametrize(
    "options", [["", "--role", "viewer"], ["x", "--role", "viewer", "--tenant", "a\nb"]]
)
def test_a_name_or_tenant_that_is_none_is_refused(keys: Run, options: list[str]):
    assert keys("create", *options)[0] == Exit.USAGE
