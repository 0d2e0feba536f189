"""What schemathesis makes of the OpenAPI document: whatever is sent, every answer is documented, none a 5xx.

Each operation gets calls that fit the document and calls that do not, with a key (or token) that lets them
in, as many as the time for a test allows. `MUSTER_API_EXAMPLES` makes it more.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, negative_data_rejection, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from muster.api.route import Route
from muster.api.routes import ROUTES
from muster.keys.access import Role, Scope
from tests.support.api_calls import AGENT, Api
from tests.support.wsgi import wsgi

#: Calls of each kind for each operation.
EXAMPLES = int(os.environ.get("MUSTER_API_EXAMPLES", "5"))

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def credentials(api: Api) -> dict[str, str]:
    """An id that is there, and what lets each operation in."""
    body = {"agent_id": AGENT, "params": {"n": 1}}
    made = api.call("POST", "/v1/jobs", body=body).json
    admin = api.new_key(Role.ADMIN)
    held = api.call("POST", "/v1/executions/claim", body={"agent_id": AGENT}, key=admin).json
    return {
        "id": made["execution_id"],
        "admin": admin,
        "execution": held["executions"][0]["token"],
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_every_answer_is_documented(
    api: Api, credentials: dict[str, str], mode: GenerationMode, subtests: pytest.Subtests
):
    # Given the document that the API serves
    schema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi(api.application))
    called = 0
    for route in ROUTES:
        if mode is GenerationMode.NEGATIVE and not (route.body or route.query):
            continue  # there is nothing that would not fit it
        # When each operation is called as it may be, or may not be
        with subtests.test(operation=route.name):
            called += _call(schema[route.path][route.method], mode, route, credentials)
    # Then each answer was one of those that are documented for it, and none was a 5xx
    assert called > EXAMPLES * 10


def _call(operation: Any, mode: GenerationMode, route: Route, credentials: dict[str, str]) -> int:
    holds = "execution" if route.scope is Scope.EXECUTION_REPORT else "admin"
    headers = {"Authorization": f"Bearer {credentials[holds]}"}
    checks = [*CHECKS, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]
    called = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        nonlocal called
        called += 1
        if "id" in case.path_parameters and called % 2:
            case.path_parameters["id"] = credentials["id"]
        case.validate_response(case.call(headers=headers), checks=checks)

    call()
    return called
