"""Which job a message asks for, form by form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from muster.contracts import MAX_HOPS
from muster.model import Delivery, Message, Rejection
from muster.normalise import envelope, normalise

AGENT = "document-profile"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DEAD = "0b6f1d0e-8c1f-4b53-9a4e-0d7f7a8a9b10:7"


def message(body: object, **attributes: str) -> Message:
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return Message(message_id="m-1", receipt_handle="r", body=text, attributes=named)


def delivered(body: object, **attributes: str) -> Delivery:
    (result,) = normalise(message(body, **attributes), agent_id=AGENT)
    assert isinstance(result, Delivery), result
    return result


def refused(body: object, **attributes: str) -> Rejection:
    (result,) = normalise(message(body, **attributes), agent_id=AGENT)
    assert isinstance(result, Rejection), result
    return result


def test_any_object_is_params_and_the_message_id_is_the_job_id():
    sent_at = datetime(2026, 1, 1, tzinfo=UTC)
    plain = Message(message_id="m-1", receipt_handle="r", body='{"a": 1}', sent_at=sent_at)
    job = Delivery(message_id="m-1", job_id="m-1", params={"a": 1}, sent_at=sent_at)
    assert normalise(plain, agent_id=AGENT) == (job,)


def test_an_envelope_says_everything():
    # Given an envelope with every field
    body = envelope(
        job_id="order-7",
        agent_id=AGENT,
        tenant="acme",
        params={"text": "Grüße\0"},
        config={"depth": [1, "\0"]},
        priority="urgent",
        source="schedule",
        scheduled_for=datetime(2026, 1, 31, 9, tzinfo=UTC),
        traceparent=TRACE,
        hops=3,
    )
    # Then it is ASCII, and all of it arrives; NUL, which Postgres refuses, replaced
    assert body.isascii()
    assert delivered(body) == Delivery(
        message_id="m-1",
        job_id="order-7",
        tenant="acme",
        params={"text": "Grüße\ufffd"},
        config={"depth": [1, "\ufffd"]},
        priority="urgent",
        source="schedule",
        scheduled_for=datetime(2026, 1, 31, 9, tzinfo=UTC),
        traceparent=TRACE,
        hops=3,
    )


def test_an_envelope_without_params_only_names_the_job():
    assert delivered(envelope(job_id="j", agent_id=AGENT)).params is None
    assert delivered({"muster": 1, "job_id": "j", "params": None}).params is None


def test_an_envelope_without_a_config_says_nothing_of_it():
    assert delivered(envelope(job_id="j", agent_id=AGENT)).config is None
    assert delivered({"muster": 1, "job_id": "j", "config": None}).config is None
    assert delivered({"muster": 1, "job_id": "j", "config": {}}).config == {}


def test_what_a_newer_sender_may_know_is_tolerated():
    # Given words and fields of the future, and a trace that is none
    body = {
        "muster": 1,
        "job_id": "j",
        "params": {},
        "priority": "galactic",
        "source": "telepathy",
        "traceparent": "nonsense",
        "colour": "green",
    }
    # Then the job runs, with the defaults
    job = delivered(body)
    assert (job.priority, job.source, job.traceparent) == ("normal", "queue", None)


def test_every_problem_of_an_envelope_is_told_and_nothing_of_its_content():
    body = {
        "muster": 1,
        "job_id": "",
        "agent_id": 5,
        "tenant": "t" * 257,
        "params": ["secret-value"],
        "config": "secret-value",
        "priority": 1,
        "scheduled_for": "2026-01-31T09:00:00",
        "hops": -1,
    }
    rejection = refused(body)
    assert rejection.error.code == "bad_envelope"
    assert rejection.job_id == "m-1"
    for name in body.keys() - {"muster"}:
        assert name in rejection.error.message
    assert "secret-value" not in rejection.error.message


@pytest.mark.parametrize("job_id", [None, "", "j" * 257, 5, True, "a\0b", "\ud800", ["j"]])
def test_a_job_id_must_be_short_storable_text(job_id: object):
    assert refused({"muster": 1, "job_id": job_id, "params": {}}).error.code == "bad_envelope"


@pytest.mark.parametrize("version", [0, 2, True, 1.0, "1", None, {}])
def test_an_unknown_envelope_is_refused(version: object):
    assert refused({"muster": version, "job_id": "j"}).error.code == "unknown_envelope"


def test_an_envelope_for_another_agent_is_refused():
    assert refused(envelope(job_id="j", agent_id="other")).error.code == "wrong_agent"


def test_hops_end_a_loop_under_the_job_s_own_id():
    assert delivered(envelope(job_id="j", agent_id=AGENT, hops=MAX_HOPS - 1)).hops == MAX_HOPS - 1
    rejection = refused(envelope(job_id="j", agent_id=AGENT, tenant="acme", hops=MAX_HOPS))
    assert (rejection.error.code, rejection.job_id, rejection.tenant) == (
        "too_many_hops",
        "j",
        "acme",
    )


@pytest.mark.parametrize(
    ("body", "job_id", "params"),
    [
        ({"jobId": "j", "executionId": "e", "params": {"a": 1}}, "j", {"a": 1}),
        ({"jobId": "j", "params": {}, "agentId": AGENT, "metadata": {"priority": 0}}, "j", {}),
        ({"task_id": "t", "data": {"a": 1}}, "t", {"a": 1}),
        ({"task_id": 17, "data": "text"}, "17", {"data": "text"}),
        ({"jobId": "j", "params": {}, "config": {"depth": 2}}, "j", {}),
        ({"jobId": "j", "params": {}, "config": None}, "j", {}),
        # Not quite these forms, hence plain params.
        ({"jobId": "j", "params": {}, "config": [2]}, "m-1", None),
        ({"jobId": "j"}, "m-1", None),
        ({"jobId": "j", "params": [1]}, "m-1", None),
        ({"jobId": "j", "params": {}, "text": "x"}, "m-1", None),
        ({"task_id": "t", "data": {}, "more": 1}, "m-1", None),
    ],
)
def test_forms_of_older_systems(body: dict[str, Any], job_id: str, params: dict[str, Any] | None):
    job = delivered(body)
    assert (job.job_id, job.params) == (job_id, body if params is None else params)
    assert job.config == (None if params is None else body.get("config"))


def test_the_older_forms_are_checked_too():
    assert refused({"jobId": "", "params": {}}).error.code == "bad_envelope"
    assert refused({"task_id": None, "data": {}}).error.code == "bad_envelope"
    assert refused({"jobId": "j", "params": {}, "agentId": "x"}).error.code == "wrong_agent"


def test_a_trace_may_come_as_an_attribute_and_the_envelope_s_own_wins():
    other = TRACE.replace("4bf9", "aaaa")
    assert delivered({}, traceparent=TRACE).traceparent == TRACE
    assert delivered({}, traceparent="00-" + "0" * 32 + TRACE[35:]).traceparent is None
    body = envelope(job_id="j", agent_id=AGENT, traceparent=other)
    assert delivered(body, traceparent=TRACE).traceparent == other


def test_a_dead_letter_keeps_its_job_and_its_fence():
    # Given bodies that name no job, and attributes of their dead letters
    attributes = {"muster_dead_letter": DEAD, "muster_job": "original"}
    for result in (delivered({"a": 1}, **attributes), refused("no JSON", **attributes)):
        # Then they are that job's again
        assert (result.job_id, result.dead_letter_fence) == ("original", 7)
    # And a body that names its job keeps it
    named = delivered(envelope(job_id="j", agent_id=AGENT), **attributes)
    assert (named.job_id, named.dead_letter_fence) == ("j", 7)


@pytest.mark.parametrize(
    "value", ["", "7", "x:7", DEAD + "x", DEAD.split(":", maxsplit=1)[0] + ":" + "9" * 19]
)
def test_what_is_no_dead_letter_cannot_name_a_job(value: str):
    result = delivered({}, muster_dead_letter=value, muster_job="original")
    assert (result.job_id, result.dead_letter_fence) == ("m-1", None)


@pytest.mark.parametrize(
    "body", ["not json {secret-value}", '["secret-value"]', '{"a":NaN, "secret-value":1}', ""]
)
def test_a_malformed_body_is_named_but_not_quoted(body: str):
    rejection = refused(body)
    assert rejection.error.code == "malformed_body"
    assert "secret-value" not in rejection.error.message
    assert "Send the params as one JSON object" in rejection.error.message


def test_of_duplicate_keys_the_last_one_counts():
    assert delivered('{"a":1,"a":2}').params == {"a": 2}


@pytest.mark.parametrize("depth", [127, 128, 129, 900])
def test_nesting_is_bounded_at_the_same_depth_everywhere(depth: int):
    body = '{"a":' * depth + "[" + "]" + "}" * depth
    (result,) = normalise(message(body), agent_id=AGENT)
    assert isinstance(result, Delivery) is (depth < 128)


def test_numbers_that_no_one_could_store_are_refused():
    assert refused('{"a":' + "9" * 4301 + "}").error.code == "malformed_body"
    assert refused('{"a":1e400}').error.code == "malformed_body"
    assert delivered('{"a":' + "9" * 4300 + "}").params is not None
