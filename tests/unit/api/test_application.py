"""The API when it is at fault itself: the caller gets a problem document, and the log no payload."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any, cast

import pytest

from muster.api.about import ABOUT
from muster.api.answer import Answer
from muster.api.application import Application
from muster.api.route import Call
from muster.api.services import Services
from tests.support.api_calls import event

CANARY = "canary-4711"


class _Logs:
    """Services of which only the log is there."""

    log = logging.getLogger("application-test")


def _broken(call: Call, services: Services) -> Answer:
    raise RuntimeError(f"invalid input: {call.request.path} {CANARY}")


class _Nobody:
    """Keys of which none is known."""

    def remembered(self, presented: str) -> None:
        """Nobody."""


class _Strangers(_Logs):
    keys = _Nobody()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(value={"a": "é", "at": None}, headers={"Location": "/x"}),
        Answer(status=202, value="text", media_type="text/plain; charset=utf-8"),
        Answer(status=503, value={}, headers={"Cache-Control": "no-cache"}),
    ],
)
def test_a_route_that_passes_no_router_answers_in_the_routers_form(answer: Answer):
    # Given one route as Powertools finds it, and one that it never sees
    route = replace(ABOUT[0], act=lambda _call, _services: answer)
    direct = replace(route, at_once=lambda _call, _key, _services: None)
    called = event("GET", "/health", None, "", {})
    routed, unrouted = [
        Application(routes=[one], services=cast("Services", _Strangers())).answer(called, None)
        for one in (route, direct)
    ]
    # Then what API Gateway gets is the same
    assert unrouted == routed


def test_a_fault_of_ours_is_told_without_what_caused_it(caplog: pytest.LogCaptureFixture):
    # Given a route that fails with a text that quotes something private
    routes = [replace(ABOUT[0], act=_broken)]
    application = Application(routes=routes, services=cast("Services", _Logs()))
    # When it is called
    answer: dict[str, Any] = application.answer(event("GET", "/health", None, "", {}), None)
    # Then the caller gets a problem document, and the log says where it was
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal")
    (fault,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (fault.__dict__["operation"], fault.__dict__["reason"]) == ("health", "RuntimeError")
    assert "_broken" in fault.__dict__["stack"]
    # And neither has the text
    told = answer["body"] + caplog.text + str([record.__dict__ for record in caplog.records])
    assert CANARY not in told
