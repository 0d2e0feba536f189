"""What the API says of itself: whether it can work, and what it offers. Open to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.route import Route
from muster.store.statements import statements

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services


def health(call: Call, services: Services) -> Answer:
    """Whether the database answers; without it nothing here works."""
    del call
    services.database.run(statements("health")["alive"])
    return Answer(value={"status": "ok"})


def document(call: Call, services: Services) -> Answer:
    """The OpenAPI document of the code that answers."""
    from muster.api.openapi import openapi

    del call, services
    return Answer(value=openapi())


ABOUT = (
    Route(
        method="GET",
        path="/health",
        name="health",
        summary="Whether the API can do its work.",
        scope=None,
        act=health,
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
)
