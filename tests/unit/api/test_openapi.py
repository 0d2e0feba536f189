"""The API's document: the committed one is the code's, and it says all that the routes do."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from muster.api.openapi import openapi, text
from muster.api.route import Route
from muster.api.routes import ROUTES
from muster.keys.access import GRANTS
from tests.support.source import ROOT

COMMITTED = ROOT / "docs" / "reference" / "openapi.json"


def _operation(route: Route) -> dict[str, Any]:
    return openapi()["paths"][route.path][route.method.lower()]


def test_the_committed_document_is_what_the_code_says():
    cure = "write it anew: .venv/bin/python -m muster.api.openapi > docs/reference/openapi.json"
    assert COMMITTED.read_text("utf-8") == text(), cure


def test_every_route_is_in_it_once():
    documented = {(m.upper(), p) for p, methods in openapi()["paths"].items() for m in methods}
    assert documented == {(route.method, route.path) for route in ROUTES}
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_operation_says_who_may_call_it(route: Route):
    operation = _operation(route)
    if route.scope is None:
        assert operation["security"] == []
        return
    assert operation["security"]
    roles = [role for role, scopes in GRANTS.items() if route.scope in scopes]
    assert operation["x-muster-roles"] == sorted(
        map(str, roles), key=operation["x-muster-roles"].index
    )
    assert {"401", "403", "429", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_what_takes_something_says_how_it_is_refused(route: Route):
    answers = _operation(route)["responses"]
    if route.body is not None:
        assert {"400", "413", "415", "422"} <= answers.keys()
    if route.query:
        assert "422" in answers
    if route.values:
        assert "404" in answers


def test_every_reference_leads_to_a_schema_that_is_one():
    document = openapi()
    schemas = document["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert named == set(schemas)
    for schema in schemas.values():
        assert jsonschema_rs.meta.is_valid(schema)
