"""Who may call what, by the committed table `access.csv`: a route without a row there fails."""

from __future__ import annotations

import csv

import pytest

from muster.api.routes import ROUTES
from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api, Reply
from tests.support.source import ROOT

TABLE = ROOT / "tests" / "events" / "api" / "access.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))
BODY = {"agent_id": AGENT, "job_id": "theirs", "params": {"n": 1}}


def _call(api: Api, row: dict[str, str], key: str) -> Reply:
    path = row["path"].replace("{id}", "theirs")
    body = BODY if row["operation"].startswith("submit") else None
    return api.call(row["method"], path, body=body, key=key)


def test_every_route_has_a_row_and_every_row_a_route():
    assert sorted((row["operation"], row["method"], row["path"]) for row in ROWS) == sorted(
        (route.name, route.method, route.path) for route in ROUTES
    )


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
    # When another tenant's admin makes the call for it
    reply = _call(api, row, api.new_key(Role.ADMIN, tenant="other"))
    # Then it gets what the table says, nothing of the job is in it, and the job is as it was
    if row["other tenant"] == "empty":
        assert reply.json["jobs"] == []
    elif row["other tenant"] != "same":
        assert reply.status == int(row["other tenant"])
    assert made["execution_id"] not in reply.text
    assert api.query("SELECT * FROM agent_job_execution") == before
