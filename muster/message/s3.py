"""Events of S3 as jobs: native notifications and EventBridge's, either of them in an SNS envelope too.

One job per created object. Its id is made of bucket, key and version, so that a second copy of the
event, in whichever form, is a duplicate of the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote_plus

from muster.message.body import UNSTORABLE, BodyProblem, parse_object
from muster.message.envelope import MAX_ID_LENGTH

#: What starts jobs, by either route. Events of any other name ask for nothing.
_CREATED = "ObjectCreated:"
_CREATED_DETAIL = "Object Created"

_SOURCE = "aws:s3"
#: What S3 itself writes of an object without a version, in a bucket whose versioning is suspended.
_NO_VERSION = ("", "null")


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedObject:
    """A new version of an object."""

    job_id: str
    #: bucket and key, and what the event tells of version_id, size, etag and sequencer.
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenEvent:
    """A part of the message that ought to be an event."""

    #: What is wrong with it, without quoting it.
    problem: str
    #: Place in the list of a native notification.
    position: int = 0
    #: A message with this part alone; None when the whole message is broken.
    body: str | None = None


Event = CreatedObject | BrokenEvent


def read_s3(body: Mapping[str, Any]) -> tuple[Event, ...] | None:
    """The objects that the message tells of; None when it is no message of S3.

    Empty for `s3:TestEvent`, for removed objects and whatever else happens to objects.
    """
    events = _read(body)
    if events is None and body.get("Type") == "Notification":
        events = _in_notification(body.get("Message"))
    return events if events is None else tuple(events)


def _in_notification(message: object) -> list[Event] | None:
    try:
        return _read(parse_object(message)) if isinstance(message, str) else None
    except BodyProblem:
        return None


def _read(body: Mapping[str, Any]) -> list[Event] | None:
    if body.get("Event") == "s3:TestEvent" and body.get("Service") == "Amazon S3":
        return []
    if body.get("source") == "aws.s3" and isinstance(body.get("detail-type"), str):
        return list(_from_eventbridge(body))
    records = body.get("Records")
    if isinstance(records, list) and (_is_s3(body) or any(map(_is_s3, cast("list[Any]", records)))):
        return list(_from_records(cast("list[Any]", records)))
    return None


def _is_s3(record: Any) -> bool:
    """Whether it says that it comes from S3, or from a system that speaks as S3 does."""
    source = _get(record, "eventSource")
    return isinstance(source, str) and source.endswith(":s3")


def _from_eventbridge(event: Mapping[str, Any]) -> Iterator[Event]:
    if event["detail-type"] != _CREATED_DETAIL:
        return
    detail = event.get("detail")
    try:
        yield _created(
            bucket=_get(detail, "bucket", "name"),
            # Never encoded here: a `+` or `%2B` is what it is.
            key=_get(detail, "object", "key"),
            version_id=_get(detail, "object", "version-id"),
            size=_get(detail, "object", "size"),
            etag=_get(detail, "object", "etag"),
            sequencer=_get(detail, "object", "sequencer"),
        )
    except BodyProblem as problem:
        yield BrokenEvent(problem=str(problem))


def _from_records(records: list[Any]) -> Iterator[Event]:
    for position, record in enumerate(records):
        try:
            if not _name(record).removeprefix("s3:").startswith(_CREATED):
                continue
            yield _created(
                bucket=_get(record, "s3", "bucket", "name"),
                key=_decoded(_get(record, "s3", "object", "key")),
                version_id=_get(record, "s3", "object", "versionId"),
                size=_get(record, "s3", "object", "size"),
                etag=_get(record, "s3", "object", "eTag"),
                sequencer=_get(record, "s3", "object", "sequencer"),
            )
        except BodyProblem as problem:
            # Alone it may no longer look like an event of S3, so the rest says that it is one.
            alone = json.dumps({"Records": [record], "eventSource": _SOURCE})
            body = alone if len(records) > 1 else None
            yield BrokenEvent(problem=str(problem), position=position, body=body)


def _name(record: Any) -> str:
    name = _get(record, "eventName")
    if not _is_s3(record) or not isinstance(name, str):
        raise BodyProblem("a record has no eventSource or eventName of S3")
    return name


def _decoded(key: object) -> object:
    """A key of a native notification: URL-encoded, blanks as `+`."""
    if not isinstance(key, str):
        return key
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise BodyProblem("the object's key is not URL-encoded UTF-8") from None


def _created(
    *,
    bucket: object,
    key: object,
    version_id: object,
    size: object,
    etag: object,
    sequencer: object,
) -> CreatedObject:
    params: dict[str, Any] = {
        "bucket": _text("the bucket's name", bucket),
        "key": _text("the object's key", key),
    }
    if version_id is not None and version_id not in _NO_VERSION:
        params["version_id"] = _text("the object's version", version_id)
    if type(size) is int and size >= 0:
        params["size"] = size
    if etag:
        # Some systems that speak as S3 does keep the quotes of the HTTP header.
        params["etag"] = _text("the object's ETag", etag).strip('"') or "-"
    if sequencer:
        params["sequencer"] = _text("the event's sequencer", sequencer)
    return CreatedObject(job_id=_job_id(params), params=params)


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BodyProblem(f"{what} is missing or no text")
    if UNSTORABLE.search(value):
        raise BodyProblem(f"{what} holds NUL or lone surrogates")
    return value


def _job_id(params: Mapping[str, Any]) -> str:
    """Readable where that is unambiguous and short enough, else a hash of the same parts.

    Without a version the sequencer tells two writes of the same content apart; its leading zeros and
    its case say nothing.
    """
    bucket, key = params["bucket"], params["key"]
    version = params.get("version_id")
    if version is None:
        written = str(params.get("sequencer", "")).upper().lstrip("0")
        version = f"{params.get('etag', '')}.{written}"
    if version == ".":
        raise BodyProblem("it has neither version nor ETag nor sequencer to know its copies by")
    readable = f"s3:{bucket}/{version}/{key}"
    if "/" not in bucket + version and readable.isprintable() and len(readable) <= MAX_ID_LENGTH:
        return readable
    digest = hashlib.sha256(json.dumps([bucket, version, key]).encode()).hexdigest()
    return f"s3:sha256:{digest}"


def _get(value: Any, *path: str) -> Any:
    """What lies at the path; None where there is nothing."""
    for step in path:
        value = cast("dict[str, Any]", value).get(step) if isinstance(value, dict) else None
    return value
