"""The message that a failure leaves in its DLQ."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from muster.contracts import INLINE_PARAMS_BYTES
from muster.dead_letter import LONGEST_REASON, dead_letter
from muster.model import Delivery, Failure, Message
from muster.normalise import normalise

FAILURE = Failure(
    execution_id="01a1fc7e-b74f-7b9d-82d1-898bf2fffdb5",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    fence=7,
    agent_id="tester",
    job_id="j",
    tenant="acme",
    attempts=3,
    params={"url": "ü\u2028"},
    config={"depth": 2},
    body=None,
    error={"code": "agent_error", "message": "it broke", "class": "ValueError"},
    priority="high",
    source="api",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    hops=2,
)


def _understood(failure: Failure) -> list[Any]:
    letter = dead_letter(failure)
    message = Message(
        message_id="new", receipt_handle="r", body=letter.body, attributes=letter.attributes
    )
    understood: Any = normalise(message, agent_id="tester")
    return list(understood) if isinstance(understood, tuple) else [understood]


def test_moved_back_to_its_lane_it_is_the_redrive():
    [delivery] = _understood(FAILURE)
    assert isinstance(delivery, Delivery)
    assert (delivery.job_id, delivery.dead_letter_fence) == ("j", 7)
    assert (delivery.params, delivery.config) == (FAILURE.params, {"depth": 2})
    assert (delivery.tenant, delivery.priority) == ("acme", "high")
    assert (delivery.source, delivery.hops, delivery.traceparent) == (
        *("api", 2, FAILURE.traceparent),
    )


def test_it_tells_people_why():
    attributes = dead_letter(FAILURE).attributes
    assert attributes == {
        "muster-dead-letter": f"{FAILURE.execution_id}:7",
        "muster-agent": "tester",
        "muster-job": "j",
        "muster-reason": "agent_error: it broke",
        "muster-error-class": "ValueError",
        "muster-attempts": "3",
    }


def test_what_was_not_understood_goes_as_it_came_and_keeps_its_job():
    rejected = replace(FAILURE, body="not json", params={}, job_id="message-1")
    assert dead_letter(rejected).body == "not json"
    [understood] = _understood(rejected)
    assert not isinstance(understood, Delivery)
    assert (understood.job_id, understood.dead_letter_fence) == ("message-1", 7)


def test_params_too_large_for_a_message_stay_in_the_row():
    large = replace(FAILURE, params={"text": "x" * INLINE_PARAMS_BYTES})
    body = json.loads(dead_letter(large).body)
    assert "params" not in body
    assert body["job_id"] == "j"
    [delivery] = _understood(large)
    assert delivery.params is None


def test_a_long_reason_is_cut():
    long = replace(FAILURE, error={"code": "c", "message": "x" * 5000, "class": None})
    attributes = dead_letter(long).attributes
    assert len(attributes["muster-reason"]) == LONGEST_REASON
    assert attributes["muster-error-class"] == ""
