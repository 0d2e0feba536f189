"""Which jobs the events of S3 ask for, in every form in which they come."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from muster.model import Delivery, Message, Rejection
from muster.normalise import normalise

EVENTS = Path(__file__).parents[2] / "events" / "s3"
KEY = "incoming/Größen + Preise/1+1%2B2.csv"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def in_sns(body: Any) -> Any:
    return {**event("sns"), "Message": json.dumps(body)}


def results(body: Any, **attributes: str) -> tuple[Delivery | Rejection, ...]:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    message = Message(message_id="m-1", receipt_handle="r", body=json.dumps(body), attributes=named)
    return normalise(message, agent_id="document-profile")


def job(body: Any) -> Delivery:
    (result,) = results(body)
    assert isinstance(result, Delivery), result
    return result


def native(*objects: dict[str, Any], **record: Any) -> Any:
    """A native notification of these objects; each may replace fields of the sample's."""
    (sample,) = event("native")["Records"]
    records: list[Any] = []
    for changes in objects:
        records.append({**copy.deepcopy(sample), **record})
        records[-1]["s3"]["object"] |= changes
    return {"Records": records}


def bridged(**changes: Any) -> Any:
    """The EventBridge event of an object with these fields; None takes one away."""
    body = event("eventbridge")
    changed = {**body["detail"]["object"], **changes}
    body["detail"]["object"] = {name: v for name, v in changed.items() if v is not None}
    return body


FORMS = {
    "native": event("native"),
    "eventbridge": event("eventbridge"),
    "native in SNS": in_sns(event("native")),
    "eventbridge in SNS": in_sns(event("eventbridge")),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_every_form_of_one_event_is_the_same_job(body: Any):
    assert job(body) == Delivery(
        message_id="m-1",
        job_id=f"s3:example-uploads/IYV3p45BT0ac8hjHg1houSdS1a.Mro8e/{KEY}",
        source="s3",
        params={
            "bucket": "example-uploads",
            "key": KEY,
            "version_id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "size": 1305107,
            "etag": "b1946ac92492d2347c6235b4d2611184",
            "sequencer": "00617F08299329D189",
        },
    )


@pytest.mark.parametrize("name", ["test_event", "removed", "deleted"])
def test_what_tells_of_no_new_object_asks_for_nothing(name: str):
    assert results(event(name)) == ()
    assert results(in_sns(event(name))) == ()


@pytest.mark.parametrize(
    "name", ["ObjectRestore:Completed", "ObjectTagging:Put", "ReducedRedundancyLostObject", "New"]
)
def test_other_events_ask_for_nothing(name: str):
    assert results(native({}, eventName=name)) == ()


def test_a_system_that_speaks_as_s3_does_is_understood():
    body = native({}, eventSource="minio:s3", eventName="s3:ObjectCreated:Put")
    assert job({"EventName": "s3:ObjectCreated:Put", **body}).params == job(native({})).params


ODD_KEYS = {
    "1,024 bytes": "ü" * 512,
    "traversal": "../../etc/passwd",
    "newline": "a\nb\r\tc",
    "unicode": "報告/✓ e\u0301/\u202egnp.exe",
    "plus": "1+1=2",
    "encoded": "100%25%2B%20/%C3%BC",
    "percent": "100%",
    "blank": " ",
    "slashes": "//a//",
    "quotes": "\"'`$(x)\\",
}


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_odd_keys_are_data_and_are_decoded_once_where_they_are_encoded(key: str):
    # Given the same key as S3 writes it natively, and as EventBridge has it
    forms = [job(native({"key": quote_plus(key, safe="/")})), job(bridged(key=key))]
    # Then the agent gets it letter by letter, and both are one job with a bounded id
    for delivery in forms:
        assert (delivery.params or {})["key"] == key
    assert forms[0].job_id == forms[1].job_id
    assert len(forms[0].job_id) <= 256
    assert forms[0].job_id.isprintable()


def test_another_version_is_another_job_and_a_copy_is_not():
    first = bridged()
    same = [bridged(), bridged(size=1), bridged(sequencer="FF"), bridged(etag=None)]
    other = [bridged(key="other"), bridged(**{"version-id": "other"})]
    assert {job(body).job_id for body in same} == {job(first).job_id}
    assert len({job(body).job_id for body in [first, *other]}) == 3


@pytest.mark.parametrize("version", [None, "", "null"])
def test_without_a_version_content_and_sequence_tell_writes_apart(version: str | None):
    # Given a bucket without versions, or one whose versioning is suspended
    def of(**changes: Any) -> Delivery:
        return job(bridged(**{"version-id": version, **changes}))

    # Then the version is not in the params, and the same write is one job, however it is spelled
    assert "version_id" not in (of().params or {})
    assert of(sequencer="617f08299329d189").job_id == of().job_id
    # And the next write is another, even of the same content
    assert of(sequencer="00617F08299329D18A").job_id != of().job_id
    assert of(etag="other").job_id != of().job_id


def test_parts_of_an_id_cannot_be_shifted_between_each_other():
    ids = [
        job(bridged(key="b/c", **{"version-id": "a"})).job_id,
        job(bridged(key="c", **{"version-id": "a/b"})).job_id,
    ]
    assert len(set(ids)) == 2


def test_several_objects_of_a_message_are_several_jobs_each_once():
    jobs = results(native({"key": "a"}, {"key": "b"}, {"key": "a"}, {"key": "c"}))
    assert [(j.params or {})["key"] for j in jobs if isinstance(j, Delivery)] == ["a", "b", "c"]
    assert len({j.job_id for j in jobs}) == 3


BROKEN: dict[str, Any] = {
    "no record": 5,
    "nothing": {},
    "another source": {"eventSource": "aws:ses", "eventName": "ObjectCreated:Put"},
    "no name": native({}, eventName=None)["Records"][0],
    "no s3": {**native({})["Records"][0], "s3": None},
    "no key": native({"key": None})["Records"][0],
    "empty key": native({"key": ""})["Records"][0],
    "number as key": native({"key": 7})["Records"][0],
    "no UTF-8": native({"key": "%FF%FE"})["Records"][0],
    "NUL": native({"key": "a%00b"})["Records"][0],
    "surrogate": native({"key": "a\ud800b"})["Records"][0],
    "list as version": native({"versionId": ["v"]})["Records"][0],
    "list as etag": native({"eTag": ["v"]})["Records"][0],
    "nothing to know copies by": native({"versionId": "", "eTag": "", "sequencer": ""})["Records"][
        0
    ],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_record_is_rejected_alone_and_stays_so_when_it_is_redriven(broken: Any):
    # Given a broken record between good ones
    body = native({"key": "a"}, {"key": "b"})
    body["Records"].insert(1, broken)
    first, rejection, last = results(body)
    # Then the neighbours run, and the broken one has its own id and says why
    assert isinstance(first, Delivery)
    assert isinstance(last, Delivery)
    assert isinstance(rejection, Rejection)
    assert (rejection.job_id, rejection.error.code) == ("m-1:1", "bad_s3_event")
    # And what becomes its dead letter holds this record alone; moved back, it is the same rejection
    dead = "0b6f1d0e-8c1f-4b53-9a4e-0d7f7a8a9b10:7"
    (again,) = results(
        json.loads(rejection.body), muster_dead_letter=dead, muster_job=rejection.job_id
    )
    assert isinstance(again, Rejection)
    assert (again.job_id, again.dead_letter_fence) == ("m-1:1", 7)
    assert again.error == rejection.error


@pytest.mark.parametrize("detail", [None, [], {}, {"bucket": "b"}, {"bucket": {"name": "b"}}])
def test_a_broken_event_of_eventbridge_is_rejected(detail: Any):
    (rejection,) = results({**event("eventbridge"), "detail": detail})
    assert isinstance(rejection, Rejection)
    assert (rejection.job_id, rejection.error.code) == ("m-1", "bad_s3_event")


@pytest.mark.parametrize(
    "body",
    [
        {"Records": []},
        {"Records": [{"eventSource": "aws:kinesis"}]},
        {"Records": {"eventSource": "aws:s3"}},
        {"source": "aws.s3"},
        {"source": "aws.ec2", "detail-type": "Object Created"},
        {"Event": "s3:TestEvent"},
        {"Type": "Notification", "Message": "hello"},
        {"Type": "Notification", "Message": '{"text": "hello"}'},
        {"Type": "Notification", "Message": {"Records": [{"eventSource": "aws:s3"}]}},
        {"Type": "SubscriptionConfirmation", "Message": json.dumps(event("native"))},
        in_sns(in_sns(event("native"))),
    ],
)
def test_what_only_resembles_an_event_is_plain_params(body: Any):
    assert job(body) == Delivery(message_id="m-1", job_id="m-1", params=body)


def test_an_envelope_stays_an_envelope():
    body = {"muster": 1, "job_id": "j", "params": event("native"), **event("native")}
    assert job(body).params == event("native")
