"""Whether the API says truly that it can work: it looks at what it depends on."""

from __future__ import annotations

import pytest

from tests.support.api_calls import Api
from tests.support.clerk import database_of

READY = ("/health", "/health/ready")


@pytest.mark.parametrize("path", [*READY, "/health/live"])
def test_all_is_well(api: Api, path: str):
    assert api.call("GET", path, key="").json == {"status": "ok"}


@pytest.mark.parametrize("path", READY)
def test_a_database_that_is_away_is_said_and_the_process_still_lives(api: Api, path: str):
    options = {"call_seconds": 0.5, "retry_seconds": 0.2}
    gone = Api(url=api.url, database=database_of("postgresql://nobody@127.0.0.1:1/none", **options))
    reply = gone.call("GET", path, key="")
    assert (reply.status, reply.json["code"]) == (503, "unavailable")
    assert gone.call("GET", "/health/live", key="").status == 200


@pytest.mark.parametrize("path", READY)
def test_a_database_that_takes_no_writes_is_not_ready(api: Api, path: str):
    """As after a failover to what is a replica still."""
    read_only = database_of(api.url)
    name = api.query("SELECT current_database() AS name")[0]["name"]
    api.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    reply = Api(url=api.url, database=read_only).call("GET", path, key="")
    read_only.close()
    assert (reply.status, reply.json["code"]) == (503, "unavailable")


@pytest.mark.parametrize("path", READY)
def test_a_schema_that_is_older_than_the_code_is_not_ready_and_a_newer_one_is(api: Api, path: str):
    api.query("INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'later', 'x')")
    assert api.call("GET", path, key="").status == 200
    api.query("DELETE FROM schema_migration WHERE version > 1")
    assert api.call("GET", path, key="").status == 503
