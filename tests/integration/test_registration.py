"""Registration on a real server: what ends in the registry, and what leaves it alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from muster.manifest import Endpoint, Queue
from muster.registration import RegistrationFailed, register_manifests
from muster.store.migrate import migrate
from tests.support.registration import (
    Stack,
    active_agents,
    agent,
    endpoint,
    execute,
    rows,
    service,
    whole_tables,
)

#: Columns that say when and by whom, not what.
CIRCUMSTANCES = ("owner", "created_at", "updated_at", "manifest", "manifest_digest")

PLAIN_SQL = """
    INSERT INTO agent_registry (agent_id, agent_version, description, compute, endpoint, input_schema,
                                default_config, capabilities, tags, retries, timeout_seconds, concurrency)
    VALUES ('feeds', '1.0.0', 'Reads feeds.', 'lambda',
            '{"type": "sqs", "queues": {"normal": "https://q"}, "dlq": "https://d", "function": "f"}',
            '{"type": "object"}', '{"max_items": 50}', '{feeds}', '{news}', 2, 60, 3)
"""

FEEDS = agent(
    "feeds",
    description="Reads feeds.",
    timeout=timedelta(minutes=1),
    queue=Queue(batch=10),
    retries=2,
    concurrency=3,
    capabilities=("feeds",),
    tags=("news",),
    config={"max_items": 50},
    input_schema={"type": "object"},
)
ENDPOINT = {"queues": {"normal": "https://q"}, "dlq": "https://d", "function": "f"}


def what(row: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if column not in CIRCUMSTANCES}


def test_every_way_ends_in_the_same_row(database_url: str, second_database_url: str):
    # Given the same agent registered by a deployment,
    stack = Stack("muster-dev-agents-0", service(database_url))
    event = stack._event("Create", (FEEDS,))
    event["ResourceProperties"]["Agents"] = {"feeds": ENDPOINT}
    stack.deliver(event)
    (deployed,) = rows(database_url, "SELECT * FROM agent_registry")

    # by plain SQL,
    with closing(psycopg2.connect(second_database_url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(PLAIN_SQL)
        (plain,) = rows(second_database_url, "SELECT * FROM agent_registry")
        with connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM agent_registry")

        # and by the function behind `muster register`
        register_manifests(connection, [FEEDS], endpoints={"feeds": {"type": "sqs", **ENDPOINT}})
    (by_hand,) = rows(second_database_url, "SELECT * FROM agent_registry")

    # Then the rows agree column by column
    assert what(plain) == what(deployed)
    assert what(by_hand) == what(deployed)
    assert by_hand["manifest"] == deployed["manifest"]
    assert by_hand["manifest_digest"] == deployed["manifest_digest"]


def test_plain_sql_needs_no_more_than_an_id_and_a_version(database_url: str):
    execute(
        database_url, "INSERT INTO agent_registry (agent_id, agent_version) VALUES ('a-b', '1')"
    )

    (row,) = rows(database_url, "SELECT * FROM agent_registry")

    assert row["name"] == "a-b"
    assert row["enabled"]
    assert row["active"]
    optional = {"input_schema", "output_schema", "config_schema", "health_check", "manifest"}
    optional |= {"manifest_digest", "owner", "last_heartbeat", "retired_at"}
    assert {column for column, value in row.items() if value is None} == optional


def test_the_same_deployment_again_changes_no_row(database_url: str):
    # Given a deployed stack, one of whose agents has an older version too
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"), agent("two"), FEEDS)
    stack.update(agent("one", version="1.1.0"), agent("two"), FEEDS)
    before = whole_tables(database_url)

    # When it is deployed again
    reply = stack.update(agent("one", version="1.1.0"), agent("two"), FEEDS)

    # Then not even a row version differs
    assert whole_tables(database_url) == before
    assert reply["Data"] == {"Changed": "0", "Retired": "0"}


def test_a_changed_agent_changes_its_row_only(database_url: str):
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"), agent("two"))
    before = whole_tables(database_url)["agent_registry"]

    stack.update(agent("one", retries=9), agent("two"))

    after = whole_tables(database_url)["agent_registry"]
    assert len(set(before) & set(after)) == 1
    assert rows(database_url, "SELECT retries FROM agent_registry WHERE agent_id = 'one'") == [
        {"retries": 9}
    ]


def test_a_new_version_becomes_the_active_one_and_the_old_stays_as_history(database_url: str):
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))

    stack.update(agent("one", version="1.1.0"))

    found = rows(database_url, "SELECT agent_version, active FROM agent_registry ORDER BY 1")
    assert found == [
        {"agent_version": "1.0.0", "active": False},
        {"agent_version": "1.1.0", "active": True},
    ]


def test_an_operators_switch_survives_every_deployment(database_url: str):
    # Given an agent that an operator switched off
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))
    execute(database_url, "UPDATE agent_registry SET enabled = false")

    # When it is deployed changed, in a new version, and rolled back
    for manifest in (agent("one", retries=1), agent("one", version="2.0.0"), agent("one")):
        stack.update(manifest)

        # Then it stays off
        found = rows(database_url, "SELECT enabled FROM agent_registry WHERE active")
        assert found == [{"enabled": False}]


def test_a_removed_agent_is_retired_and_its_history_kept(database_url: str):
    # Given two agents, one of which ran a job
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"), agent("two"))
    execute(database_url, "INSERT INTO agent_job_execution (job_id, agent_id) VALUES ('j', 'two')")

    # When it is taken out
    reply = stack.update(agent("one"))

    # Then its row says so, with where its undrained queue is
    assert reply["Data"]["Retired"] == "1"
    assert active_agents(database_url) == {"one": stack.name}
    (row,) = rows(database_url, "SELECT * FROM agent_registry WHERE agent_id = 'two'")
    assert row["retired_at"] is not None
    assert row["endpoint"]["queues"] == endpoint(stack.name, "two")["queues"]
    assert rows(database_url, "SELECT job_id FROM agent_job_execution") == [{"job_id": "j"}]

    # And when it comes back, it is as if it had never gone
    stack.update(agent("one"), agent("two"))
    assert active_agents(database_url) == {"one": stack.name, "two": stack.name}
    assert rows(database_url, "SELECT 1 FROM agent_registry WHERE retired_at IS NOT NULL") == []


def test_an_http_agent_brings_its_endpoint_with_its_manifest(database_url: str):
    manifest = agent(
        "elsewhere",
        compute="http",
        endpoint=Endpoint(url="https://e.example", authentication="bearer", secret="e/token"),
    )

    with closing(psycopg2.connect(database_url)) as connection:
        register_manifests(connection, [manifest])

    (row,) = rows(database_url, "SELECT endpoint FROM agent_registry")
    assert row["endpoint"] == {
        "type": "http",
        "url": "https://e.example",
        "method": "POST",
        "authentication": {"type": "bearer", "secret": "e/token"},
    }


def test_the_migrate_resource_migrates_and_says_what_it_did(empty_database_url: str):
    # Given an empty database and CloudFormation's request
    answering = service(empty_database_url)
    event = {
        "RequestType": "Create",
        "RequestId": "r",
        "ResourceType": "Custom::MusterMigration",
        "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "360", "Digest": "d"},
    }

    # When it comes twice
    first, again = (answering.answer(event, seconds=120) for _ in range(2))

    # Then the schema stands, and the id is the same
    assert int(first["Data"]["Applied"]) > 0
    assert again["Data"] == {"Version": first["Data"]["Version"], "Applied": "0"}
    assert first["PhysicalResourceId"] == again["PhysicalResourceId"]


def test_the_migrate_resource_brings_up_the_tables_of_agents(
    empty_database_url: str, tmp_path: Path
):
    # Given a function whose code holds an agent with a migration
    folder = tmp_path / "lambdas" / "agents" / "keeper" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_items.sql").write_text("CREATE TABLE item (id text);")
    answering = replace(service(empty_database_url), root=tmp_path)
    event = {
        "RequestType": "Create",
        "RequestId": "r",
        "ResourceType": "Custom::MusterMigration",
        "ResourceProperties": {"Digest": "d", "Folders": ["lambdas/agents/keeper"]},
    }

    # When it is told of that folder
    answering.answer(event, seconds=120)

    # Then the agent's table is there
    with closing(psycopg2.connect(empty_database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('agent_keeper.item') IS NOT NULL")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("folders", ["lambdas", ["../elsewhere"], ["/lib"], ["a//b"], [""]])
def test_folders_outside_the_code_are_refused(empty_database_url: str, folders: object):
    event = {
        "RequestType": "Create",
        "ResourceType": "Custom::MusterMigration",
        "ResourceProperties": {"Digest": "d", "Folders": folders},
    }
    with pytest.raises(RegistrationFailed, match="property Folders"):
        service(empty_database_url).answer(event, seconds=120)


def test_registering_before_migrating_says_what_to_do(empty_database_url: str):
    stack = Stack("muster-dev-agents-0", service(empty_database_url))

    with pytest.raises(
        RegistrationFailed, match="schema is empty.*deploy the registry stack first"
    ):
        stack.create(agent("one"))


def test_registration_works_on_every_postgres_at_hand(each_empty_database_url: str):
    with closing(psycopg2.connect(each_empty_database_url)) as connection:
        migrate(connection)
    stack = Stack("muster-dev-agents-0", service(each_empty_database_url))

    stack.create(agent("one"), agent("two"))
    stack.update(agent("one"))

    assert active_agents(each_empty_database_url) == {"one": stack.name}
