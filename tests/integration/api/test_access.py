"""Who may call what, by the committed table `access.csv`: a route without a row there fails.

A row says of each role whether it is let in, which holds in every tenant, and what somebody of another tenant
who is let in gets: a status, `empty` for an empty list, `nothing done` for a count of 0, `same`
where nothing of another's is told.
"""

from __future__ import annotations

import csv
import json

import pytest

from muster.api.openapi import openapi
from muster.api.routes import ROUTES
from muster.keys.access import Role
from muster.ports import Outgoing
from tests.support.api_bodies import BODIES, JOB, OF_AGENT, OF_INSTANCE
from tests.support.api_calls import AGENT, DEAD, Api, Reply
from tests.support.source import ROOT

TABLE = ROOT / "tests" / "events" / "api" / "access.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))
#: What a tenant has, and another one must not see or change.
TABLES = ("agent_job_execution", "agent_registry", "agent_instance", "agent_instance_agent")


def _call(api: Api, row: dict[str, str], key: str) -> Reply:
    values = {"{id}": "theirs", "{priority}": "none", "{agent_id}": AGENT}
    path = row["path"]
    for name, value in values.items():
        path = path.replace(name, value)
    return api.call(row["method"], path, body=BODIES.get(row["operation"]), key=key)


def _given_what_a_tenant_has(api: Api) -> str:
    """A job, a dead letter, an agent and an instance, all named `theirs`; the execution's id."""
    key = api.new_key(Role.ADMIN, tenant="first")
    made = [
        api.call("POST", path, body=body, key=key)
        for path, body in (
            ("/v1/jobs", JOB),
            ("/v1/agents", OF_AGENT),
            ("/v1/instances", OF_INSTANCE),
        )
    ]
    assert {reply.status for reply in made} <= {201, 202}
    letter = {"muster": 1, "job_id": "theirs", "tenant": "first", "params": {"n": 1}}
    api.queues.send_batch(DEAD, [Outgoing(body=json.dumps(letter))])
    return str(made[0].json["execution_id"])


def _state(api: Api) -> list[object]:
    return [api.query(f"SELECT * FROM {table}") for table in TABLES]


def test_every_route_has_a_row_and_every_row_a_route():
    assert sorted((row["operation"], row["method"], row["path"]) for row in ROWS) == sorted(
        (route.name, route.method, route.path) for route in ROUTES
    )
    assert {route.name for route in ROUTES if route.body is not None or route.raw} == set(BODIES)


def test_the_table_and_the_document_say_the_same_of_roles():
    document = openapi()["paths"]
    for row in ROWS:
        operation = document[row["path"]][row["method"].lower()]
        roles = operation.get("x-muster-roles", [str(role) for role in Role])
        assert [role for role in Role if row[role] == "yes"] == [r for r in Role if r in roles], row


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_table_says(api: Api, role: Role):
    # Given what a tenant has, and a key of it
    _given_what_a_tenant_has(api)
    key = api.new_key(role, tenant="first")
    # When it makes every call there is
    let_in = {row["operation"]: _call(api, row, key).status not in {401, 403} for row in ROWS}
    # Then it is let in or refused as the table says
    assert let_in == {row["operation"]: row[role] == "yes" for row in ROWS}


def test_somebody_without_a_key_may_what_the_table_says(api: Api):
    let_in = {row["operation"]: _call(api, row, "").status != 401 for row in ROWS}
    assert let_in == {row["operation"]: row["nobody"] == "yes" for row in ROWS}


@pytest.mark.parametrize("role", Role)
def test_another_tenant_gets_what_the_table_says(api: Api, role: Role):
    # Given what one tenant has, and a key of another one
    execution_id = _given_what_a_tenant_has(api)
    before = _state(api)
    key = api.new_key(role, tenant="other")
    for row in ROWS:
        # When it makes every call for what is theirs
        reply = _call(api, row, key)
        told = (row["operation"], reply)
        # Then who is not let in is refused, as at home
        if row[role] == "no":
            assert reply.status in {401, 403}, told
        # And who is gets what the table says
        elif row["other tenant"] == "empty":
            (listed,) = (value for value in reply.json.values() if isinstance(value, list))
            assert listed == [], told
        elif row["other tenant"] == "nothing done":
            assert reply.status == 200, told
            assert reply.json.get("done", reply.json.get("jobs")) == 0, told
        elif row["other tenant"] != "same":
            assert reply.status == int(row["other tenant"]), told
        # And nothing of theirs is in it
        assert "theirs" not in reply.text, told
        assert execution_id not in reply.text, told
    # And all is as it was
    assert _state(api) == before
    assert api.queues.depth(DEAD).visible == 1
