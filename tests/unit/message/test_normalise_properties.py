"""Properties of normalise over whatever bodies and attributes there may be."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from muster.contracts import MAX_HOPS, DeadLetterAttribute
from muster.model import Delivery, Message, Rejection
from muster.normalise import envelope, normalise

AGENT = "a"

#: Text with everything in it: NUL, lone surrogates, what SQS itself would refuse.
any_text = st.text(st.characters())
any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=20,
)
envelope_keys = st.sampled_from(
    [
        "muster",
        "job_id",
        "agent_id",
        "tenant",
        "params",
        "config",
        "priority",
        "source",
        "scheduled_for",
        "traceparent",
        "hops",
        "jobId",
        "task_id",
        "data",
        "agentId",
    ]
)
#: Objects that look like our envelopes, or like the other forms, with anything in their fields.
nearly_envelopes = st.dictionaries(envelope_keys, any_json | st.just(1) | st.just(AGENT))
bodies = any_text | (any_json | nearly_envelopes).map(json.dumps)
attributes = st.dictionaries(
    st.sampled_from(
        [DeadLetterAttribute.DEAD_LETTER, DeadLetterAttribute.JOB, "traceparent", "other"]
    ),
    any_text,
)


def _message(body: str, named: dict[str, str] | None = None) -> Message:
    return Message(message_id="m", receipt_handle="r", body=body, attributes=named or {})


@given(bodies, attributes)
def test_every_message_becomes_a_storable_job_or_a_rejection(body: str, named: dict[str, str]):
    (result,) = normalise(_message(body, named), agent_id=AGENT)
    assert 1 <= len(result.job_id) <= 256
    assert 1 <= len(result.tenant) <= 256
    texts = [result.job_id, result.tenant]
    if isinstance(result, Delivery):
        texts.append(json.dumps(result.params, ensure_ascii=False, allow_nan=False))
        texts.append(json.dumps(result.config, ensure_ascii=False, allow_nan=False))
        assert 0 <= result.hops < MAX_HOPS
        assert result.scheduled_for is None or result.scheduled_for.tzinfo is not None
    else:
        assert isinstance(result, Rejection)
        texts.append(result.error.message)
    # Postgres takes neither NUL nor lone surrogates.
    for text in texts:
        assert "\0" not in text
        text.encode()


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_plain_params_arrive_as_they_are(params: dict[str, Any]):
    # Given params that Postgres can store, and that are no form of their own
    text = json.dumps(params)
    clean = "\\u0000" not in text and not {"muster", "task_id", "jobId"} & params.keys()
    # Then whatever spelling of JSON they come in, they are the same
    if clean:
        for body in (text, json.dumps(params, ensure_ascii=False), "\ufeff" + text):
            (result,) = normalise(_message(body), agent_id=AGENT)
            assert isinstance(result, Delivery)
            assert result.params == params


identifiers = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=256
)


@given(
    st.fixed_dictionaries(
        {
            "job_id": identifiers,
            "tenant": identifiers,
            "params": st.none() | st.dictionaries(identifiers, identifiers),
            "config": st.none() | st.dictionaries(identifiers, identifiers),
            "priority": st.sampled_from(["urgent", "critical", "high", "normal", "low"]),
            "source": st.sampled_from(["queue", "schedule", "s3", "webhook", "api"]),
            "scheduled_for": st.none() | st.datetimes(timezones=st.just(UTC)),
            "hops": st.integers(0, MAX_HOPS - 1),
        }
    )
)
def test_an_envelope_is_read_back_as_it_was_built(fields: dict[str, Any]):
    results = normalise(_message(envelope(agent_id=AGENT, **fields)), agent_id=AGENT)
    assert results == (Delivery(message_id="m", **fields),)
