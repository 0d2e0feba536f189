"""FAULTS 50, 51 and 52: the registration resource under everything that CloudFormation may do to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg2 import extensions

from local.postgres import Postgres
from muster.registration import RegistrationFailed
from muster.store.connection import administer
from muster.store.settings import DatabaseSettings
from tests.support.registration import (
    Stack,
    active_agents,
    agent,
    rows,
    service,
    whole_tables,
)


def bounded(url: str) -> Callable[[float], extensions.connection]:
    """Connects as the function does, and says StoreUnavailable as it does."""
    settings = DatabaseSettings.from_url(url)
    return lambda seconds: administer(settings, call_seconds=seconds)


def untouchable(_: float) -> extensions.connection:
    raise AssertionError("the database was touched")


def test_fault_50_each_request_delivered_twice_is_applied_once(database_url: str):
    stack = Stack("muster-dev-agents-0", service(database_url))
    steps: list[Callable[[], Any]] = [
        lambda: stack.create(agent("one"), agent("two")),
        lambda: stack.update(agent("one", retries=1)),
        stack.delete,
    ]
    for step in steps:
        # When a request is answered, and delivered once more
        first = step()
        before = whole_tables(database_url)
        again = stack.deliver(stack.sent[-1])

        # Then the answer names the same resource, and no row moved
        assert again["PhysicalResourceId"] == first["PhysicalResourceId"]
        assert whole_tables(database_url) == before


def test_fault_50_a_late_retry_of_an_old_update_does_not_overwrite_a_newer(database_url: str):
    # Given three requests, applied in order
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))
    stack.update(agent("one", retries=1), agent("old"))
    stack.update(agent("one", retries=2), agent("new"))
    before = whole_tables(database_url)
    created, updated, _ = stack.sent[:3]

    # When the older ones are delivered again, then they succeed and change nothing
    for late in (updated, created):
        assert stack.deliver(late)["PhysicalResourceId"] == stack.resource
        assert whole_tables(database_url) == before


def test_fault_51_a_create_that_fails_half_way_leaves_nothing_and_its_delete_succeeds(
    database_url: str,
):
    # Given a create whose second agent the database refuses
    stack = Stack("muster-dev-agents-0", service(database_url))
    before = whole_tables(database_url)
    with pytest.raises(RegistrationFailed, match=r"CheckViolation 23514: .*concurrency"):
        stack.create(agent("fine"), agent("refused", concurrency=-1))

    # Then nothing of it is there
    assert whole_tables(database_url) == before
    # And the delete that follows, with the id that the framework made up, succeeds
    marker = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
    assert stack.delete(marker)["PhysicalResourceId"] == marker


def test_fault_51_a_delete_of_an_id_never_created_does_not_touch_the_database():
    stack = Stack("muster-dev-agents-0", service(untouchable))

    assert stack.delete("2024/01/01/[$LATEST]abcdef")["Data"] == {}


def test_fault_51_a_delete_of_an_unknown_registration_succeeds(database_url: str):
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))
    before = whole_tables(database_url)

    stack.delete("muster-registration:muster-dev-agents-0:0123456789ab")

    assert whole_tables(database_url) == before


def test_fault_51_a_delete_succeeds_when_the_tables_were_dropped(empty_database_url: str):
    stack = Stack("muster-dev-agents-0", service(empty_database_url))

    reply = stack.delete("muster-registration:muster-dev-agents-0:0123456789ab")

    assert reply["Data"] == {"Changed": "0", "Retired": "0"}


def test_fault_51_a_delete_waits_for_an_absent_database_and_succeeds(own_postgres: Postgres):
    # Given a stack whose database restarts while it is deleted
    url = own_postgres.url("muster")
    stack = Stack("muster-dev-agents-0", service(bounded(url)))
    stack.create(agent("one"))
    own_postgres.stop(immediate=True)

    # When it is deleted meanwhile, then it waits and retires its agents
    with ThreadPoolExecutor(max_workers=1) as pool:
        reply = pool.submit(stack.delete)
        own_postgres.start()
        assert reply.result(timeout=120)["Data"]["Retired"] == "1"
    assert active_agents(url) == {}


def test_fault_51_a_delete_fails_in_time_and_says_why_when_the_database_stays_away(
    own_postgres: Postgres,
):
    # Given a registered stack whose database is gone, and little time
    stack = Stack("muster-dev-agents-0", service(bounded(own_postgres.url("muster"))))
    stack.create(agent("one"))
    own_postgres.stop(immediate=True)
    stack.seconds = 4

    with pytest.raises(RegistrationFailed, match="Connection refused.*gave up in time") as raised:
        stack.delete()

    assert len(str(raised.value).encode()) < 1024
    assert "password" not in str(raised.value).lower()


def test_fault_52_deleting_the_replaced_resource_spares_the_new_registration(database_url: str):
    # Given a resource that is replaced: CloudFormation creates the new one first
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("same-name"), agent("dropped"))
    old = stack.resource
    stack.create(agent("same-name", retries=1))
    assert stack.resource != old

    # When it then deletes the old one
    before = whole_tables(database_url)
    stack.delete(old)

    # Then the agent of the same name stays registered
    assert whole_tables(database_url) == before
    assert active_agents(database_url) == {"same-name": stack.name}


def test_fault_52_a_stack_deleted_and_created_again_is_registered(database_url: str):
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))
    stack.delete()
    deleted = stack.sent[-1]
    stack.create(agent("one"))

    # When the old delete comes once more, then it finds nothing of its own
    stack.deliver(deleted)

    assert active_agents(database_url) == {"one": stack.name}


def test_fault_52_a_failed_update_rolled_back_restores_the_old_registration(database_url: str):
    # Given an update that was applied, after which another resource of the stack failed
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"), agent("two"))
    columns = "agent_id, agent_version, retries, endpoint, enabled, active, owner, manifest_digest"
    before = rows(database_url, f"SELECT {columns} FROM agent_registry WHERE active ORDER BY 1")
    stack.update(agent("one", version="2.0.0", retries=1), agent("three"))

    # When CloudFormation sends the old properties
    stack.update(agent("one"), agent("two"))

    # Then what is active is as it was
    after = rows(database_url, f"SELECT {columns} FROM agent_registry WHERE active ORDER BY 1")
    assert after == before


def test_fault_52_a_roll_back_does_not_founder_on_rules_newer_than_its_manifests(database_url: str):
    # Given manifests of an earlier release: a key that is gone, and a value that is refused today
    stack = Stack("muster-dev-agents-0", service(database_url))
    event = stack._event("Create", (agent("one"),))
    key = event["ResourceProperties"]["Manifests"]["Key"]
    (document,) = json.loads(stack.service.objects.get("assets", key, max_bytes=10_000))
    stack.service.objects.put_json("assets", key, [{**document, "fifo": True, "retries": 500}])

    stack.deliver(event)

    assert rows(database_url, "SELECT retries FROM agent_registry") == [{"retries": 500}]


def test_fault_52_two_hundred_agents_in_one_stack(database_url: str):
    manifests = [agent(f"agent-{number}") for number in range(200)]
    stack = Stack("muster-dev-agents-0", service(database_url))

    assert stack.create(*manifests)["Data"]["Changed"] == "200"
    assert len(active_agents(database_url)) == 200
    assert stack.update()["Data"]["Retired"] == "200"


def test_fault_52_a_long_reason_is_cut_to_fit_the_reply(
    database_url: str, caplog: pytest.LogCaptureFixture
):
    # Given as many conflicts as a stack can have
    names = [f"{'long-name-' * 5}{number}" for number in range(200)]
    Stack("other-agents-0", service(database_url)).create(*map(agent, names))
    stack = Stack("muster-dev-agents-0", service(database_url))

    with pytest.raises(RegistrationFailed) as raised:
        stack.create(*map(agent, names))

    assert len(str(raised.value).encode()) < 1024
    assert "the function's log" in str(raised.value)
    assert all(name in caplog.text for name in names)


def test_fault_52_scalars_that_came_as_strings_do_not_end_as_strings(database_url: str):
    # Given an agent whose numbers and booleans matter, sent as CloudFormation sends everything: as text
    schema = {"type": "object", "additionalProperties": False, "maxProperties": 5}
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one", retries=5, input_schema=schema, config={"on": True, "n": 5}))

    (row,) = rows(database_url, "SELECT * FROM agent_registry")

    assert stack.sent[-1]["ResourceProperties"]["ServiceTimeout"] == "360"
    assert (row["retries"], row["timeout_seconds"], row["input_schema"]) == (5, 120, schema)
    assert row["default_config"] == {"on": True, "n": 5}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("DatabasePassword",), "hunter2"),
        (("Agents", "one", "token"), "hunter2"),
        (("Agents", "one", "dlq"), "https://user:hunter2@queue.example"),
        (("Manifests", "Secret"), "hunter2"),
    ],
)
def test_fault_52_secrets_in_properties_are_refused_and_not_repeated(
    path: tuple[str, ...], value: str
):
    # Given a registration with a secret among its properties
    stack = Stack("muster-dev-agents-0", service(untouchable))
    event = stack._event("Create", (agent("one"),))
    *above, last = path
    target = event["ResourceProperties"]
    for key in above:
        target = target[key]
    target[last] = value

    # When it is delivered, then it is refused without quoting the secret
    with pytest.raises(RegistrationFailed, match="Secrets Manager") as raised:
        stack.deliver(event)
    assert "hunter2" not in str(raised.value)
