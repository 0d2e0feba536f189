"""schemathesis lets every operation of the OpenAPI document be called, as it may be and as it may not be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from muster.api.route import Route
from muster.api.routes import ROUTES
from muster.keys.access import Scope

if TYPE_CHECKING:
    from schemathesis import GenerationMode
    from schemathesis.checks import CheckFunction

#: Calls of each kind for each operation.
EXAMPLES = int(os.environ.get("MUSTER_API_EXAMPLES", "3"))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls: an id that is there, and what lets each operation in."""

    id: str
    #: An admin's key, and the token of a running execution.
    admin: str
    execution: str
    examples: int = EXAMPLES
    #: How a call is made: handed to schemathesis' `Case.call`.
    options: Mapping[str, Any] | None = None

    def call_all(self, schema: Any, mode: GenerationMode, subtests: pytest.Subtests) -> int:
        """Call every operation of the document that may be called that way; how many calls that were."""
        from schemathesis import GenerationMode

        called = 0
        for route in ROUTES:
            if mode is GenerationMode.NEGATIVE and not (route.body or route.query):
                continue  # there is nothing that would not fit it
            with subtests.test(operation=route.name):
                called += self._call(schema[route.path][route.method], mode, route)
        return called

    def _call(self, operation: Any, mode: GenerationMode, route: Route) -> int:
        token = self.execution if route.scope is Scope.EXECUTION_REPORT else self.admin
        options = {**(self.options or {}), "headers": {"Authorization": f"Bearer {token}"}}
        checks = _checks(mode)
        called = 0

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
                HealthCheck.large_base_example,
            ],
        )
        def call(case: Any) -> None:
            nonlocal called
            called += 1
            if "id" in case.path_parameters and called % 2:
                case.path_parameters["id"] = self.id
            case.validate_response(case.call(**options), checks=checks)

        call()
        return called


def _checks(mode: GenerationMode) -> list[CheckFunction]:
    from schemathesis import GenerationMode
    from schemathesis.checks import negative_data_rejection, not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    return [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else []),
    ]
