"""What the listener needs to run with its ledger: a migrated database, its secret, its environment."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2

from bench.endpoint.client import Endpoint
from local.postgres import Postgres
from muster.contracts import ListenerEnvironment
from muster.fleet_settings import FleetSettings
from muster.store.migrate import migrate

#: Name of the secret that the endpoint answers with.
_CONNECTION_NAME = "bench/database"
_AGENT = "nothing"


@contextmanager
def migrated_database() -> Iterator[Postgres]:
    """An embedded PostgreSQL of its own, with its normal durability."""
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    server = Postgres(folder)
    try:
        server.start()
        with closing(psycopg2.connect(server.url())) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE bench")
        with closing(psycopg2.connect(server.url("bench"))) as connection:
            migrate(connection)
        yield server
    finally:
        server.stop(immediate=True)
        shutil.rmtree(folder, ignore_errors=True)


def listener_environment(
    server: Postgres, endpoint: Endpoint, *, concurrency: int, transport: str
) -> Mapping[str, str]:
    """The listener's environment; `{queue_url}` is where the URL of its queue belongs."""
    endpoint.call("PutSecret", Name=_CONNECTION_NAME, Value=json.dumps(connection_secret(server)))
    return ListenerEnvironment(
        stage="bench",
        database_secret=_CONNECTION_NAME,
        database_tls="disable",
        code_version="bench",
        agent_id=_AGENT,
        agent_folder=f"bench/agents/{_AGENT}",
        queue_urls='{"normal": "{queue_url}"}',
        dead_letter_queue_url=endpoint.create("dead-letters"),
        results_bucket="none",
        own_tmp="",
        allow_external_requests="no",
        outbound='{"addresses": [], "ports": []}',
        slots="0",
        visibility_seconds="120",
        concurrency=str(concurrency),
        agent_concurrency=str(concurrency),
        drain_seconds="5",
        http_port="0",
        scale_in_protection="no",
        transport=transport,
        fleet=FleetSettings().to_json(),
    ).to_environment()


def connection_secret(server: Postgres) -> dict[str, str]:
    """What the secret of that database reads."""
    parameters = psycopg2.extensions.parse_dsn(server.url("bench"))
    return {
        "host": parameters["host"],
        "port": parameters["port"],
        "dbname": parameters["dbname"],
        "username": parameters["user"],
        "password": parameters.get("password", ""),
    }
