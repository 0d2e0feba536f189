"""Whatever is shaped like an event of S3: it never raises, and what comes out can be stored."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from hypothesis import given
from hypothesis import strategies as st

from muster.model import Delivery, Message
from muster.normalise import normalise

any_text = st.text(st.characters())
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
any_json: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=5
)


def table(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A table with any of these fields, some of them junk, or junk altogether."""
    return any_json | st.fixed_dictionaries(
        {}, optional={name.replace("_", "-"): any_json | value for name, value in fields.items()}
    )


names = st.sampled_from(["ObjectCreated:Put", "s3:ObjectCreated:Copy", "ObjectRemoved:Delete"])
texts = any_text.filter(bool)
s3 = table(
    bucket=table(name=texts),
    object=table(key=texts, versionId=texts, eTag=texts, sequencer=texts, size=st.integers()),
)
records = table(eventSource=st.just("aws:s3"), eventName=names, s3=s3)
notifications = table(Records=st.lists(records, max_size=4))
details = table(
    bucket=table(name=texts),
    object=table(key=texts, version_id=texts, etag=texts, sequencer=texts, size=st.integers()),
)
events = table(source=st.just("aws.s3"), detail_type=st.just("Object Created"), detail=details)
inner = notifications | events
wrapped = table(Type=st.just("Notification"), Message=inner.map(json.dumps))


@given(inner | wrapped)
def test_whatever_resembles_an_event_becomes_storable_jobs_and_rejections(body: Any):
    message = Message(message_id="m", receipt_handle="r", body=json.dumps(body))
    results = normalise(message, agent_id="a")
    assert len({result.job_id for result in results}) == len(results)
    for result in results:
        assert 1 <= len(result.job_id) <= 256
        texts = [result.job_id]
        if isinstance(result, Delivery):
            texts.append(json.dumps(result.params, ensure_ascii=False, allow_nan=False))
        else:
            texts += [result.error.message, result.body]
        for text in texts:
            assert "\0" not in text
            text.encode()


keys = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300
)


@given(keys, keys, keys)
def test_both_routes_tell_of_the_same_object_whatever_its_key(key: str, version: str, etag: str):
    etag = etag.strip('"') or "e"
    body = {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": "uploads"},
                    "object": {"key": quote_plus(key), "versionId": version, "eTag": etag},
                },
            }
        ]
    }
    bridged = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": "uploads"},
            "object": {"key": key, "version-id": version, "etag": etag},
        },
    }
    jobs = [
        normalise(Message(message_id="m", receipt_handle="r", body=json.dumps(b)), agent_id="a")
        for b in (body, bridged)
    ]
    assert jobs[0] == jobs[1]
    (job,) = jobs[0]
    assert isinstance(job, Delivery)
    assert job.params is not None
    assert job.params["key"] == key
