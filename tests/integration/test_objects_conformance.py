"""What every implementation of `muster.ports.Objects` does: in memory, on moto, on the emulator."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from muster.aws.s3 import Objects as S3Objects
from muster.errors import ConfigurationError
from muster.ports import ObjectMissing, Objects, ObjectTooLarge
from tests.support.emulator import session
from tests.support.objects import MemoryObjects


@dataclass
class Subject:
    objects: Objects
    #: Makes a bucket of that name.
    create: Callable[[str], object]
    #: Puts content under a bucket and a key.
    put: Callable[[str, str, bytes], object]

    def bucket(self) -> str:
        name = f"conformance-{uuid.uuid4().hex}"
        self.create(name)
        return name


@pytest.fixture(params=["memory", "moto", "emulator"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    match request.param:
        case "memory":
            memory = MemoryObjects()
            yield Subject(
                memory,
                memory.create,
                lambda bucket, key, content: memory.stored[bucket].update({key: content}),
            )
        case "moto":
            with mock_aws():
                yield _over(session().client("s3"))
        case _:
            yield _over(request.getfixturevalue("emulator").client("s3"))


def _over(client: Any) -> Subject:
    return Subject(
        S3Objects(client=client),
        lambda name: client.create_bucket(Bucket=name),
        lambda bucket, key, content: client.put_object(Bucket=bucket, Key=key, Body=content),
    )


@pytest.mark.parametrize("key", ["plain.txt", "a b/ü+%20&.txt", "deep/er/世界"])
@pytest.mark.parametrize("content", [b"", b"\0\xff\n" * 5000])
def test_an_object_is_read_as_it_was_stored(subject: Subject, key: str, content: bytes):
    bucket = subject.bucket()
    subject.put(bucket, key, content)
    assert subject.objects.get(bucket, key, max_bytes=len(content)) == content


def test_an_object_over_the_limit_is_refused_for_good(subject: Subject):
    bucket = subject.bucket()
    subject.put(bucket, "k", b"12345")
    assert subject.objects.get(bucket, "k", max_bytes=5) == b"12345"
    with pytest.raises(ObjectTooLarge, match="4"):
        subject.objects.get(bucket, "k", max_bytes=4)


def test_a_missing_object_is_a_permanent_error_that_names_it(subject: Subject):
    bucket = subject.bucket()
    for place in (bucket, "no-such-bucket-here"):
        with pytest.raises(ObjectMissing, match=f"s3://{place}/nowhere") as caught:
            subject.objects.get(place, "nowhere", max_bytes=10)
        assert caught.value.code == "object_missing"


def test_json_is_stored_whole_and_replaced(subject: Subject):
    # Given a result with text beyond ASCII
    bucket = subject.bucket()
    value = {"text": "Grüße 🌍", "items": [1, 2.5, None, True]}
    # When it is stored over an older one
    subject.objects.put_json(bucket, "results/1.json", {"old": "x" * 1000})
    place = subject.objects.put_json(bucket, "results/1.json", value)
    # Then its place says where, and it reads back the same
    assert place == f"s3://{bucket}/results/1.json"
    content = subject.objects.get(bucket, "results/1.json", max_bytes=10_000)
    assert json.loads(content) == value


def test_what_is_no_json_is_never_stored(subject: Subject):
    bucket = subject.bucket()
    with pytest.raises(ValueError, match="(?i)nan|json"):
        subject.objects.put_json(bucket, "k", {"value": float("nan")})
    with pytest.raises(ObjectMissing):
        subject.objects.get(bucket, "k", max_bytes=10)


def test_storing_in_a_missing_bucket_is_a_configuration_error(subject: Subject):
    with pytest.raises(ConfigurationError, match="no-such-bucket-here"):
        subject.objects.put_json("no-such-bucket-here", "k", {})
