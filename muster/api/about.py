"""What the API says of itself: whether it can work, and what it offers. Open to everybody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.problem import unavailable
from muster.api.route import Route
from muster.store.migration import SchemaError, shipped_migrations
from muster.store.statements import statements

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services


def ready(call: Call, services: Services) -> Answer:
    """Whether calls can be served: the database takes writes, and its schema is not older than this code."""
    del call
    ((writable, schema),) = services.database.run(statements("health")["ready"])
    if not writable:
        raise unavailable("the database takes no writes now; try again soon")
    if (schema or 0) < shipped_migrations()[-1].version:
        raise SchemaError("the database's schema is older than this code; run `muster migrate`")
    return Answer(value={"status": "ok"})


def live(call: Call, services: Services) -> Answer:
    """That this process answers at all, whatever it depends on."""
    del call, services
    return Answer(value={"status": "ok"})


def document(call: Call, services: Services) -> Answer:
    """The OpenAPI document of the code that answers."""
    from muster.api.openapi import openapi

    del call, services
    return Answer(value=openapi())


def page(call: Call, services: Services) -> Answer:
    """The same document, for people."""
    from muster.api.page import MEDIA_TYPE, headers, page

    del call, services
    return Answer(value=page(), media_type=MEDIA_TYPE, headers=headers())


_READY = Route(
    method="GET",
    path="/health",
    name="health",
    summary="Whether the API can do its work: its database is there, takes writes and has its schema.",
    scope=None,
    act=ready,
    answers={200: "Health"},
)

ABOUT = (
    _READY,
    replace(_READY, path="/health/ready", name="ready"),
    Route(
        method="GET",
        path="/health/live",
        name="live",
        summary="That a process answers, whatever has become of what it depends on.",
        scope=None,
        act=live,
        answers={200: "Health"},
    ),
    Route(
        method="GET",
        path="/openapi.json",
        name="openapi",
        summary="This document.",
        scope=None,
        act=document,
        answers={200: "Document"},
    ),
    Route(
        method="GET",
        path="/docs",
        name="docs",
        summary="This document as a page for people.",
        scope=None,
        act=page,
        answers={200: "Page"},
        media_type="text/html",
    ),
)
