"""Who may call what, by the committed table `access.csv`: a route without a row there fails.

A row says of each role whether it is let in, which holds in every tenant, and what somebody of another tenant
who is let in gets: a status, `empty` for an empty list, `same` where nothing is any tenant's own.
"""

from __future__ import annotations

import csv
from typing import Any

import pytest

from muster.api.openapi import openapi
from muster.api.routes import ROUTES
from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api, Reply
from tests.support.source import ROOT

TABLE = ROOT / "tests" / "events" / "api" / "access.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))
BODY = {"agent_id": AGENT, "job_id": "theirs", "params": {"n": 1}}

#: What each operation that takes a body is sent; it must be one that is understood.
BODIES: dict[str, dict[str, Any]] = {
    "submitJob": BODY,
    "submitJobAlias": BODY,
    "claimExecutions": {"agent_id": AGENT},
    "reportExecution": {},
    "issueToken": {},
}


def _call(api: Api, row: dict[str, str], key: str) -> Reply:
    path = row["path"].replace("{id}", "theirs")
    return api.call(row["method"], path, body=BODIES.get(row["operation"]), key=key)


def test_every_route_has_a_row_and_every_row_a_route():
    assert sorted((row["operation"], row["method"], row["path"]) for row in ROWS) == sorted(
        (route.name, route.method, route.path) for route in ROUTES
    )
    assert {route.name for route in ROUTES if route.body is not None} == set(BODIES)


def test_the_table_and_the_document_say_the_same_of_roles():
    document = openapi()["paths"]
    for row in ROWS:
        operation = document[row["path"]][row["method"].lower()]
        roles = operation.get("x-muster-roles", [str(role) for role in Role])
        assert [role for role in Role if row[role] == "yes"] == [r for r in Role if r in roles], row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["operation"])
def test_each_role_may_what_the_table_says(api: Api, row: dict[str, str]):
    # Given a job of the tenant / When each role calls with a key of its own, and somebody without one
    api.call("POST", "/v1/jobs", body=BODY)
    for role in Role:
        status = _call(api, row, api.new_key(role)).status
        # Then it is let in or refused as the table says
        assert (status not in {401, 403}) == (row[role] == "yes"), (role, status)
    assert (_call(api, row, "").status != 401) == (row["nobody"] == "yes")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["operation"])
def test_another_tenant_gets_what_the_table_says(api: Api, row: dict[str, str]):
    # Given a job of one tenant
    made = api.call("POST", "/v1/jobs", body=BODY).json
    before = api.query("SELECT * FROM agent_job_execution")
    for role in Role:
        # When each role of another tenant makes the call for it
        reply = _call(api, row, api.new_key(role, tenant="other"))
        # Then who is not let in is refused, as at home
        if row[role] == "no":
            assert reply.status == 403, role
        # And who is gets what the table says
        elif row["other tenant"] == "empty":
            (listed,) = (value for value in reply.json.values() if isinstance(value, list))
            assert listed == [], role
        elif row["other tenant"] != "same":
            assert reply.status == int(row["other tenant"]), role
        # And nothing of the job is in it, and the job is as it was
        assert made["execution_id"] not in reply.text
        assert api.query("SELECT * FROM agent_job_execution") == before
