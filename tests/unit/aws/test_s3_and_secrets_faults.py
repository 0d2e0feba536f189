"""S3 and Secrets Manager that throttle, forbid, or stop in the middle of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from muster.aws.s3 import Objects
from muster.aws.secrets import Secrets
from muster.errors import ConfigurationError, MusterError
from muster.ports import (
    ObjectMissing,
    ObjectsUnavailable,
    ObjectTooLarge,
    SecretMissing,
    SecretsUnavailable,
)
from tests.support.scripted_aws import failure, raw_reply, reply, scripted_client


def _s3_error(code: str, status: int) -> Any:
    return raw_reply(f"<Error><Code>{code}</Code></Error>".encode(), status=status)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("SlowDown", 503, ObjectsUnavailable),
        ("InternalError", 500, ObjectsUnavailable),
        ("AccessDenied", 403, ConfigurationError),
        ("InvalidAccessKeyId", 403, ConfigurationError),
        ("NoSuchVersion", 404, ObjectMissing),
        ("InvalidArgument", 400, ObjectMissing),
    ],
)
def test_errors_of_reading_an_object(code: str, status: int, error: type[MusterError]):
    objects = Objects(client=scripted_client("s3", lambda _: _s3_error(code, status)))
    with pytest.raises(error, match="s3:") as caught:
        objects.get("bucket", "key", max_bytes=10, version_id="v")
    assert type(caught.value) is error


def test_a_name_that_can_be_no_bucket_is_a_missing_object():
    objects = Objects(client=scripted_client("s3", lambda _: reply({})))
    with pytest.raises(ObjectMissing):
        objects.get("no bucket\n", "key", max_bytes=10)


def test_an_answer_that_stops_in_the_middle_is_unavailable():
    # Given an object of ten bytes of which four arrive
    def answer(_: dict[str, Any]) -> Any:
        return raw_reply(b"1234", **{"content-length": "10"})

    objects = Objects(client=scripted_client("s3", answer))
    # Then it is no short object
    with pytest.raises(ObjectsUnavailable):
        objects.get("bucket", "key", max_bytes=10)


def test_an_object_over_the_limit_is_not_read_at_all():
    class Unread(AssertionError):
        """The body was read."""

    answered = raw_reply(b"", **{"content-length": "1000000"})
    answered.raw.read = lambda *_: (_ for _ in ()).throw(Unread())
    objects = Objects(client=scripted_client("s3", lambda _: answered))
    with pytest.raises(ObjectTooLarge):
        objects.get("bucket", "key", max_bytes=10)


def test_a_lost_reply_of_a_put_is_unknown():
    def answer(_: dict[str, Any]) -> Any:
        raise ReadTimeoutError(endpoint_url="http://scripted.invalid")

    objects = Objects(client=scripted_client("s3", lambda _: answer({})))
    with pytest.raises(ObjectsUnavailable, match="PutObject"):
        objects.put_json("bucket", "key", {})


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 400, SecretsUnavailable),
        ("InternalServiceError", 500, SecretsUnavailable),
        ("AccessDeniedException", 400, ConfigurationError),
        ("DecryptionFailure", 400, ConfigurationError),
        ("ResourceNotFoundException", 400, SecretMissing),
    ],
)
def test_errors_of_reading_a_secret(code: str, status: int, error: type[MusterError]):
    client = scripted_client("secretsmanager", lambda _: failure(code, status=status))
    with pytest.raises(error, match="muster/database") as caught:
        Secrets(client=client).get("muster/database")
    assert type(caught.value) is error
