"""The OpenAPI 3.1 document, made from the tables of routes: it cannot say anything else than the code does.

`python -m muster.api.openapi` prints it; `docs/reference/openapi.json` is what it printed last.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from muster.api.problem import MEDIA_TYPE
from muster.api.route import Route
from muster.api.routes import ROUTES
from muster.api.schemas import SCHEMAS
from muster.keys.access import Scope

#: Statuses of problems that every route may answer with; the first three only one that asks for a key.
_GUARDED = (401, 403, 429)
_ALWAYS = (413, 500, 503)

_MEANINGS = {
    200: "Done.",
    201: "It is new, and recorded.",
    202: "Recorded; it happens later.",
    400: "The body is no JSON, or no object where one is needed.",
    401: "There is no valid API key or token, or no valid signature of a webhook's sender.",
    403: "The key or token does not allow this.",
    404: "There is no such thing, or it is another tenant's.",
    409: "It contradicts what is there already.",
    413: "The body is too large.",
    415: "The body is none that this takes.",
    422: "The call says something that cannot be.",
    429: "The key, or the webhook, calls too often; Retry-After says when to come back.",
    500: "Our fault.",
    503: "Something that the answer needs is away, or the stage takes no jobs now; Retry-After says when to "
    "come back.",
}


def openapi() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": "1",
            "description": "Jobs of agents. Every error is a problem document (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: dict(schema) for name, schema in SCHEMAS.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, mstr_…, or a token that POST /v1/tokens gave for it.",
                },
                "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "execution": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The token that came with the execution's claim.",
                },
            },
        },
    }


def text() -> str:
    """The document as it is committed."""
    return json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n"


def _operation(route: Route) -> dict[str, Any]:
    guarded = route.scope is not None
    statuses = {*route.problems, *_ALWAYS, *(_GUARDED if guarded else ())}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "security": _security(route),
        "responses": {
            **{
                str(status): _response(status, route.media_type, schema)
                for status, schema in sorted(route.answers.items())
            },
            **{
                str(status): _response(status, MEDIA_TYPE, "Problem") for status in sorted(statuses)
            },
        },
    }
    if guarded:
        operation["x-muster-scope"] = str(route.scope)
        operation["x-muster-roles"] = [str(role) for role in route.roles]
    if route.signed:
        operation["x-muster-roles"] = []
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(route.body)}},
        }
    if route.raw:
        operation["requestBody"] = {
            "required": True,
            "content": {
                media_type: {"schema": {} if media_type.endswith("json") else {"type": "string"}}
                for media_type in route.raw
            },
        }
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    match route.scope:
        case None:
            return []
        case Scope.EXECUTION_REPORT:
            return [{"execution": []}]
        case _:
            return [{"bearer": []}, {"header": []}]


def _parameters(route: Route) -> list[dict[str, Any]]:
    text_schema = {"type": "string", "minLength": 1}
    return [
        *(
            {"name": name, "in": "path", "required": True, "schema": text_schema}
            for name in route.values
        ),
        *({"name": name, "in": "query", "schema": dict(s)} for name, s in route.query.items()),
        *({"name": name, "in": "header", "schema": dict(s)} for name, s in route.headers.items()),
    ]


def _response(status: int, media_type: str, schema: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {media_type: {"schema": _reference(schema)}},
    }
    if status in (429, 503):
        response["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}
        }
    return response


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


if __name__ == "__main__":
    sys.stdout.write(text())
